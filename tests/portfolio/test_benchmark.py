"""Benchmark: the same payments in something else, by prices that can be reckoned in the head."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tallyglass.money import ZERO, Amount, Asset, amount, text
from tallyglass.portfolio.benchmark import Held, hold, mix
from tallyglass.portfolio.returns import DayPoint
from tallyglass.portfolio.shares import shares

BTC, ETH = Asset("BTC"), Asset("ETH")
START = date(2024, 1, 1)
PRICES = {"BTC": ["100", "200", "50", "400"], "ETH": ["10", "10", "20", "30"]}


def day(number: int) -> date:
    return START + timedelta(days=number)


def closes(asset: Asset, when: date) -> Amount | None:
    told = PRICES.get(asset, [])
    number = (when - START).days
    return amount(told[number]) if 0 <= number < len(told) else None


def held(told: str, *flows: str, start: str = "1000") -> Held:
    base = DayPoint(day(0), amount(start))
    return hold(mix(told), base, [DayPoint(day(n), ZERO, amount(flow)) for n, flow in enumerate(flows, 1)], closes)


def test_the_start_value_and_every_flow_buy_and_sell_at_their_day_s_close() -> None:
    """10 for 1000; 5 more for 1000; 2 sold for 100; 13 at 400."""
    found = held("BTC", "1000", "-100", "0")

    assert found.value is not None
    assert found.gain is not None
    assert (text(found.value), text(found.gain)) == ("5200", "3300")
    assert [value and text(value) for _, value in found.series] == ["1000", "3000", "650", "5200"]
    assert found.time_weighted.value == amount(3)
    assert found.money_weighted.whole.value is not None
    assert (found.missing, found.overdrawn) == ((), None)


def test_a_mix_is_split_by_value_and_not_rebalanced() -> None:
    """600 buy 6 BTC, 400 buy 40 ETH; 6 × 400 + 40 × 30 = 3600."""
    found = held("BTC:60,ETH:40", "0", "0", "0")

    assert (found.value, found.time_weighted.value) == (amount(3600), amount("2.6"))


def test_who_takes_out_more_than_it_had_owes_it() -> None:
    found = held("BTC", "0", "-600", "0")

    assert found.value is not None
    assert text(found.value) == "-800"
    assert found.overdrawn == day(2)


def test_without_a_price_on_a_day_of_a_payment_there_is_no_number() -> None:
    found = held("BTC:50,MOON:50", "0", "5", "0")

    assert (found.value, found.gain) == (None, None)
    assert (found.time_weighted.why, found.money_weighted.annual.why) == ("price_missing", "price_missing")
    assert found.missing == tuple((Asset("MOON"), day(number)) for number in (0, 2, 3))


def test_a_price_that_is_missing_in_between_leaves_a_hole_and_no_more() -> None:
    def patchy(asset: Asset, when: date) -> Amount | None:
        return None if when == day(1) else closes(asset, when)

    points = [DayPoint(day(number), ZERO) for number in (1, 2, 3)]
    found = hold(mix("BTC"), DayPoint(day(0), amount(1000)), points, patchy)

    assert found.value == amount(4000)
    assert [value is None for _, value in found.series] == [False, True, False, False]
    assert found.missing == ()


def test_where_nothing_was_paid_there_is_nothing() -> None:
    found = held("BTC", "0", start="0")

    assert (found.value, found.time_weighted.why) == (ZERO, "nothing_there")


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("BTC", "BTC"),
        ("eth", "ETH"),
        ("BTC:60,ETH:40", "BTC:60,ETH:40"),
        (" btc : 60.5 , ETH:39.5", "BTC:60.5,ETH:39.5"),
    ],
)
def test_mixes_as_people_write_them(told: str, name: str) -> None:
    assert mix(told).name == name


@pytest.mark.parametrize(
    "told",
    ["", "BTC:60", "BTC:60,ETH:50", "BTC,ETH", "BTC:x,ETH:40", "BTC:0,ETH:100", "BTC:50,BTC:50", "BTC:-1,ETH:101"],
)
def test_what_is_no_mix_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match=r"percentage|each asset once|add up|name of an asset"):
        mix(told)


def test_others_keep_their_name() -> None:
    assert shares("BTC:60,others:40") == {BTC: amount("0.6"), Asset("others"): amount("0.4")}
