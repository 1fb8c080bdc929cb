"""Coinbase, every kind of row that its sandbox knows: booked as it is, followed while it changes, asked for once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import history, syncing
from tallyglass.app.session import Session

ROWS = (
    *("earn_payout", "incentives_rewards_payout", "incentives_shared_clawback", "clawback", "inflation_reward"),
    *("interest", "cardspend", "cardbuyback", "subscription", "subscription_rebate", "exchange_deposit"),
    *("exchange_withdrawal", "pro_deposit", "pro_withdrawal", "intx_deposit", "intx_withdrawal", "transfer"),
    *("derivatives_settlement", "unsupported_asset_recovery", "request", "receive", "tx", "delegation_reward"),
    *("retail_simple_dust", "wrap_asset", "unwrap_asset", "asset_migration", "fcm_futures_usdc_sell"),
    *("fcm_futures_usdc_sell_additional_encumberment_rollup", "staking_transfer", "unstaking_transfer"),
    *("vault_withdrawal", "lesson_send", "one_sided_trade", "late_trade", "sideless_fill", "old_row", "failed_send"),
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=11) as running:
        running.unlimited()
        yield running


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, "coinbase") as opened:
        yield opened


def booked(session: Session) -> dict[str, tuple[str, list[Any]]]:
    found: list[Any] = []
    after: str | None = ""
    while after is not None:
        page = history.history(session, history.Question(limit=100, after=after))
        found += page["items"]
        after = page["next"]
    assert len(found) == len({each["id"] for each in found})
    return {each["id"].removeprefix("coinbase/"): told(each) for each in found}


def told(entry: Any) -> tuple[str, list[Any]]:
    legs = sorted((leg["account"], leg["asset"], leg["amount"], leg["role"]) for leg in entry["legs"])
    return entry["kind"], legs


def true(sandbox: Sandbox) -> dict[str, tuple[str, list[Any]]]:
    return {each["id"]: told(each) for each in sandbox.truth("coinbase")["entries"]}


def synced(session: Session) -> list[Any]:
    parts = syncing.sync(session)
    assert [(part["stream"], part["text"]) for part in parts if part["fault"]] == []
    return parts


def test_every_kind_of_row_is_booked_as_it_is(session: Session, sandbox: Sandbox) -> None:
    for name in ROWS:
        sandbox.happen("coinbase", name)
    parts = synced(session)

    assert sum(part["unparsed"] for part in parts) == 0
    assert booked(session) == true(sandbox)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("pending_send", "confirm_sends"),
        ("pending_send", "cancel_sends"),
        ("pending_send", "fail_sends"),
        ("pending_deposit", "clear_deposits"),
        ("pending_deposit", "cancel_deposits"),
        ("pending_deposit", "expire_deposits"),
    ],
)
def test_what_is_on_its_way_is_followed_to_its_end(session: Session, sandbox: Sandbox, begins: str, ends: str) -> None:
    sandbox.happen("coinbase", begins)
    synced(session)
    waiting = booked(session)
    assert waiting == true(sandbox)
    sandbox.happen("coinbase", ends)
    synced(session)
    assert booked(session) == true(sandbox)
    assert (booked(session) == waiting) is (ends not in ("confirm_sends", "clear_deposits"))


def test_nothing_new_is_one_request_for_each_wallet(session: Session, sandbox: Sandbox) -> None:
    before = len(sandbox.requests("coinbase"))
    synced(session)
    asked = [each["path"] for each in sandbox.requests("coinbase")[before:]]
    walked = [path for path in asked if path.endswith("/transactions")]
    assert len(walked) == len(set(walked)) > 3
    assert len([path for path in asked if path.endswith("/fills")]) == 1


def test_withheld_fills_are_told_and_spoil_no_history(session: Session, sandbox: Sandbox) -> None:
    sandbox.happen("coinbase", "proof_required")
    sandbox.happen("coinbase", "trade")
    parts = {part["stream"]: part for part in syncing.sync(session)}
    assert [name for name, part in parts.items() if part["fault"]] == ["orders"]
    assert "fresh login" in parts["fills"]["text"]
    assert booked(session) == true(sandbox)
