"""Binance from end to end: every wallet, every market found by itself, and nothing asked in vain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from support.truth import untrue
from tallyglass.app import reconciling, syncing
from tallyglass.app.session import Session

WALLETS = {"spot", "funding", "earn", "earn-locked", "margin", "margin-isolated", "futures-usd-m", "futures-coin-m"}
#: Markets that are asked when all adds up.
ASIDE = 10
#: Of those with fills, whose turn it is.
TURN = 10


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=4) as running:
        yield running


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, "binance") as opened:
        yield opened


def sync(session: Session) -> dict[str, int]:
    """Requests by stream."""
    parts = syncing.sync(session)
    assert [part for part in parts if part["fault"] or part["unparsed"]] == []
    return {part["stream"]: part["requests"] for part in parts}


def adds_up(session: Session, sandbox: Sandbox) -> None:
    assert untrue(session.store, sandbox, "binance") == []
    assert reconciling.reconcile(session) == []


def test_every_wallet_adds_up(session: Session, sandbox: Sandbox) -> None:
    sandbox.happen("binance", "venture")
    sync(session)
    adds_up(session, sandbox)
    rows = reconciling.reconcile(session, everything=True)
    assert {part["account"] for row in rows for part in row["accounts"]} >= WALLETS


def test_where_all_adds_up_no_market_is_asked_but_some_by_turns(session: Session) -> None:
    asked = sync(session)
    assert asked["trades.others"] == ASIDE
    assert 0 < len([name for name in asked if name.startswith("trades:")]) <= TURN
    assert not [name for name in asked if name.startswith("trades.of:")]


def test_a_trade_leads_to_the_markets_of_its_assets_alone(session: Session, sandbox: Sandbox) -> None:
    sandbox.happen("binance", "trade")
    asked = sync(session)
    adds_up(session, sandbox)
    assert [name for name in asked if name.startswith("trades:")]
    assert not [name for name in asked if name.startswith("trades.of:")]


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_trades_on_seventy_of_two_thousand_markets_are_found(tmp_path: Path, seed: int) -> None:
    with (
        running_sandbox(tmp_path, seed=seed, markets=2000) as sandbox,
        open_home(tmp_path / "home", sandbox, "binance") as session,
    ):
        first = sync(session)
        adds_up(session, sandbox)
        markets = {name: count for name, count in first.items() if name.startswith("trades")}
        assert sum(markets.values()) < 1200
        again = sum(count for name, count in sync(session).items() if name.startswith(("trades:", "trades.o")))
        assert again <= ASIDE + TURN
