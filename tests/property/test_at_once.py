"""What is paid in and taken out again at once changes nothing but the fee that it cost: from entries to the rates."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import Amount, Asset, add, amount, multiply, subtract
from tallyglass.portfolio.days import value_days
from tallyglass.portfolio.performance import Performance, Period, performance
from tallyglass.portfolio.returns import DayPoint
from tallyglass.prices.quick import Priced
from tallyglass.store import booking
from tallyglass.store import days as moved
from tallyglass.store.sqlcipher import open_store

BTC, EUR = Asset("BTC"), Asset("EUR")
BEGIN = datetime(2025, 1, 1, 9, tzinfo=UTC)
DAYS = 60


def entry(name: str, kind: str, number: int, *legs: tuple[Asset, str, str]) -> Entry:
    told = tuple(Leg(role, "spot", asset, amount(figure), role) for asset, figure, role in legs)  # type: ignore[arg-type]  # a word
    return Entry(f"{name}:{number}", BEGIN + timedelta(days=number), kind, told)  # type: ignore[arg-type]  # a word


def ledger(rng: random.Random) -> Iterable[Entry]:
    yield entry("deposit", "deposit", 0, (EUR, "20000", "principal"))
    for number in range(1, DAYS):
        bought, paid = f"0.0{rng.randint(1, 9)}", f"-{rng.randint(30, 300)}.{rng.randint(10, 99)}"
        yield entry(
            "trade", "trade", number, (BTC, bought, "principal"), (EUR, paid, "principal"), (EUR, "-0.26", "fee")
        )
        if number % 13 == 0:
            yield entry("more", "deposit", number, (EUR, str(rng.randint(1, 999)), "principal"))


def counted(folder: Path, entries: Iterable[Entry], prices: dict[date, Amount]) -> Performance:
    """Booked, moved day by day, valued, measured: as it is done for a user."""
    days = BEGIN.date(), BEGIN.date() + timedelta(days=DAYS)
    store = open_store(folder, bytes(32))
    try:
        with store.write() as db:
            booking.book(db, "kraken", list(entries), None)
            moved.refresh(db)
        with store.read() as db:
            moves = list(moved.moves(db))
    finally:
        store.close()

    def price(asset: Asset, day: date) -> Priced | None:
        return Priced(amount(1) if asset == EUR else prices[day])

    points = [DayPoint.of(each) for each in value_days({}, moves, price, days)]
    found = performance(points, Period(None, days[1]))
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("fee", ["0", "-0.0007"])
def test_in_and_out_at_once_costs_its_fee_and_nothing_else(tmp_path: Path, seed: int, fee: str) -> None:
    rng = random.Random(seed)  # noqa: S311
    own = list(ledger(rng))
    prices = {(BEGIN + timedelta(days=number)).date(): amount(rng.randint(20000, 90000)) for number in range(DAYS + 1)}
    number = rng.randint(1, DAYS - 1)
    there = (
        entry("in", "deposit", number, (BTC, "5", "principal")),
        entry("out", "withdrawal", number, (BTC, "-5", "principal"), (BTC, fee, "fee")),
    )
    without, with_ = (
        counted(tmp_path / name, entries, prices) for name, entries in (("one.db", own), ("two.db", [*own, *there]))
    )

    on_its_day = (BEGIN + timedelta(days=number)).date()
    assert with_.net_deposits == without.net_deposits
    assert with_.rewards == without.rewards
    assert subtract(with_.fees, without.fees) == multiply(amount(fee), prices[on_its_day])
    last = prices[with_.to]
    assert subtract(with_.gain, without.gain) == multiply(amount(fee), last)
    assert add(with_.gain, with_.net_deposits) == with_.end
    if fee == "0":
        assert (with_.time_weighted, with_.money_weighted) == (without.time_weighted, without.money_weighted)
        assert (with_.drawdown, with_.volatility) == (without.drawdown, without.volatility)
    links = [(one.day, one.factor, two.factor) for one, two in zip(without.chain.links, with_.chain.links, strict=True)]
    assert all(one == two for day, one, two in links if day < on_its_day)
    assert all((one > two) == (fee != "0") for day, one, two in links if day == on_its_day)
