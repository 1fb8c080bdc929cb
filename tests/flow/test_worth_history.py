"""Net worth through time over the real keeper, the real sandbox and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import syncing, worth, worth_history
from tallyglass.app.session import Session
from tallyglass.app.worth_history import Asked
from tallyglass.money import amount, total

EXCHANGES = ("kraken", "binance", "coinbase")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=5) as running:
        yield running


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, *EXCHANGES) as opened:
        assert [part for part in syncing.sync(opened) if part["fault"]] == []
        yield opened


def test_the_last_point_is_what_worth_tells_and_flows_add_up(session: Session) -> None:
    every, months = (worth_history.history(session, Asked(every=each)) for each in ("day", "month"))
    now = worth.worth_view(session)
    for found in (every, months):
        last = found["points"][-1]
        assert (last["total"], last["day"]) == (now["total"], session.now().date().isoformat())
        assert last["at"] is not None
        assert total(amount(point["flow"]) for point in found["points"]) == amount(last["net_deposits"])
    by_day = {point["day"]: point["total"] for point in every["points"]}
    assert all(by_day[point["day"]] == point["total"] for point in months["points"])
    days = [date.fromisoformat(point["day"]) for point in every["points"]]
    assert days == [days[0] + timedelta(offset) for offset in range(len(days))]


@pytest.mark.parametrize("by", ["asset", "connection", "kind"])
def test_the_parts_of_every_point_are_the_whole(session: Session, by: str) -> None:
    for point in worth_history.history(session, Asked(every="week", by=by))["points"]:  # type: ignore[arg-type]  # a word
        assert point["by"] is not None
        assert total(map(amount, point["by"].values())) == amount(point["total"])
