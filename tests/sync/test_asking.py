"""How a sync asks: patient with an exchange that wants time, and never for ever."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallyglass.exchanges.grants import FaultCode
from tallyglass.exchanges.streams import Ask
from tallyglass.keeper.client import Answer, ExchangeRefused
from tallyglass.store import lease
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store
from tallyglass.sync.job import LONGEST, Job, Stopped
from tallyglass.sync.report import PartReport, remaining
from tallyglass.sync.writer import Writer

ANSWER = Answer(b"{}", datetime(2026, 11, 1, tzinfo=UTC), 20)


def refusal(code: FaultCode, *, after: int | None = None, retry: bool = True) -> ExchangeRefused:
    return ExchangeRefused(code, "No.", "", {"fault_code": code, "retry": retry, "retry_after": after})


class Line:
    """A door behind which an exchange says these things, one after the other, the last of them for ever."""

    def __init__(self, *says: Answer | ExchangeRefused) -> None:
        self.says: Sequence[Answer | ExchangeRefused] = says
        self.asked = 0

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        said = self.says[min(self.asked, len(self.says) - 1)]
        self.asked += 1
        if isinstance(said, ExchangeRefused):
            raise said
        return said


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "portfolio.db", bytes(32))


def job(store: Store, line: Line) -> Job:
    held = lease.claim(store, "kraken", "me", datetime.now(UTC))
    assert held is not None
    return Job("kraken", "kraken", line, store, held, pace=10_000)


def ask(job: Job) -> Answer:
    return job.ask(PartReport("kraken", "ledger"), Ask("ledger"))


@pytest.mark.parametrize(
    "refused",
    [
        refusal("rate_limited", after=30),
        refusal("rate_limited"),
        refusal("banned", after=120),
        refusal("down"),
        refusal("not_json"),
        refusal("nonce"),
    ],
)
def test_what_passes_by_itself_is_waited_for(store: Store, refused: ExchangeRefused) -> None:
    line = Line(refused, refused, ANSWER)

    assert ask(job(store, line)) is ANSWER
    assert line.asked == 3


def test_what_does_not_pass_is_not_asked_again(store: Store) -> None:
    line = Line(refusal("bad_key", retry=False), ANSWER)
    with pytest.raises(ExchangeRefused) as refused:
        ask(job(store, line))

    assert (refused.value.fault_code, line.asked) == ("bad_key", 1)


def test_an_exchange_that_never_has_time_is_left_to_the_next_sync_and_asked_ever_more_rarely(store: Store) -> None:
    line = Line(refusal("rate_limited", after=1))
    with pytest.raises(ExchangeRefused):
        ask(job(store, line))

    assert 5 <= line.asked <= 12


def test_an_exchange_that_is_down_for_one_stream_is_down_for_all(store: Store) -> None:
    line = Line(refusal("down"))
    one = job(store, line)
    for _ in range(20):
        with pytest.raises(ExchangeRefused):
            ask(one)

    assert line.asked < 20 * 1.5


def test_a_long_ban_is_not_waited_for_but_kept(store: Store) -> None:
    line = Line(refusal("banned", after=7200), ANSWER)
    one = job(store, line)
    with pytest.raises(ExchangeRefused):
        ask(one)

    assert line.asked == 1
    assert one.shut_out == 7200 > LONGEST


def test_who_stops_waits_for_nothing(store: Store) -> None:
    one = job(store, Line(refusal("rate_limited", after=200)))
    one.pace = 1
    threading.Timer(0.1, one.stop.set).start()
    with pytest.raises(Stopped):
        ask(one)


def test_the_lease_is_kept_while_the_exchange_is_waited_for(store: Store) -> None:
    line = Line(refusal("rate_limited", after=299), ANSWER)
    one = job(store, line)
    one.pace = 299 / 45  # two breaths and a half
    one.stop.wait = lambda timeout=None: False  # type: ignore[method-assign]  # time is not the point
    times = iter(datetime(2026, 11, 1, 0, 0, second, tzinfo=UTC) for second in range(59))
    one.now = lambda: next(times)
    ask(one)

    assert next(times).second == 2


def test_the_writer_writes_nothing_behind_an_error(store: Store) -> None:
    one = job(store, Line(ANSWER))
    done: list[int] = []

    def broken(_db: object) -> None:
        raise lease.LeaseLost("gone")

    with pytest.raises(lease.LeaseLost), Writer(one) as writer:
        writer.put(lambda _db: done.append(1))
        writer.put(broken)
        writer._queue.join()
        assert one.stop.is_set()
        writer.put(lambda _db: done.append(2))

    assert done == [1]


def test_what_is_left_is_told_by_the_budget_with_most_to_do() -> None:
    quick = PartReport("binance", "trades:BTCEUR", left=10, bucket="api", pace=0.2, requests=5, seconds=0.5)
    same = PartReport("binance", "trades:ETHEUR", left=20, bucket="api", pace=0.2, requests=5, seconds=5)
    other = PartReport("binance", "withdrawals", left=3, bucket="withdrawals", pace=6, requests=1, seconds=1)
    found = remaining([quick, same, other])

    assert (found.made, found.left, found.at_least) == (11, 33, False)
    assert found.seconds == pytest.approx(10 * 0.2 + 20 * 1)
    assert remaining([quick, PartReport("binance", "dust")]).at_least
    assert not remaining([PartReport("binance", "dust", fault="down")]).at_least
