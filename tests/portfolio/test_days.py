"""Worth at the end of each day: the parts are the whole, and a hole is never a number."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tallyglass.ledger.daily import DayMove
from tallyglass.money import ZERO, Amount, Asset, amount, multiply, total
from tallyglass.portfolio.days import DayWorth, value_days
from tallyglass.prices.quick import Priced

FIRST = date(2026, 3, 1)
ASSETS = tuple(map(Asset, ("BTC", "ETH", "EUR", "ODD")))
figures = st.decimals(-(10**9), 10**9, places=8)
moves_ = st.lists(
    st.builds(
        lambda day, connection, asset, figure, share: DayMove(
            FIRST + timedelta(day), connection, asset, figure, **({share: figure} if share else {})
        ),
        st.integers(0, 9),
        st.sampled_from(["kraken", "binance", "on-the-way"]),
        st.sampled_from(ASSETS),
        figures,
        st.sampled_from(["", "flow", "fee", "reward"]),
    ),
    max_size=30,
).map(lambda found: sorted(found, key=lambda each: each.day))
prices_ = st.dictionaries(
    st.tuples(st.sampled_from(ASSETS), st.integers(0, 9)), st.decimals("0.00000001", 10**6, places=10), max_size=40
)


def valued(
    moves: list[DayMove],
    prices: dict[tuple[Asset, int], Amount],
    begin: int = 0,
    end: int = 9,
    start: dict[tuple[str, Asset], Amount] | None = None,
) -> list[DayWorth]:
    def price(asset: Asset, day: date) -> Priced | None:
        found = prices.get((asset, (day - FIRST).days))
        return None if found is None else Priced(found)

    days = FIRST + timedelta(begin), FIRST + timedelta(end)
    return list(value_days(start or {}, [each for each in moves if days[0] <= each.day <= days[1]], price, days))


@given(moves_, prices_)
def test_the_parts_are_the_whole_on_every_day(moves: list[DayMove], prices: dict[tuple[Asset, int], Amount]) -> None:
    for each in valued(moves, prices):
        assert total(each.assets.values()) == total(each.connections.values()) == each.total
        held = [move for move in moves if move.day <= each.day]
        by_hand = ZERO
        for asset in ASSETS:
            owned = total(move.amount for move in held if move.asset == asset)
            found = prices.get((asset, (each.day - FIRST).days))
            by_hand = total((by_hand, multiply(owned, found))) if found is not None else by_hand
        assert each.total == by_hand


@given(moves_, prices_, st.integers(0, 8))
def test_a_history_in_two_parts_is_the_history(
    moves: list[DayMove], prices: dict[tuple[Asset, int], Amount], cut: int
) -> None:
    held: dict[tuple[str, Asset], Amount] = {}
    for each in moves:
        if each.day <= FIRST + timedelta(cut):
            key = each.connection, each.asset
            held[key] = total((held.get(key, ZERO), each.amount))
    parts = valued(moves, prices, 0, cut) + valued(moves, prices, cut + 1, 9, held)
    assert parts == valued(moves, prices)


def test_what_has_no_price_is_told_and_not_counted() -> None:
    btc, odd = ASSETS[0], ASSETS[3]
    moves = [
        DayMove(FIRST, "kraken", btc, amount("2"), flow=amount("2")),
        DayMove(FIRST, "kraken", odd, amount("5"), flow=amount("5")),
        DayMove(FIRST + timedelta(2), "kraken", odd, amount("-5")),
    ]
    prices = {(btc, day): amount("100") for day in range(4)}
    found = valued(moves, prices, 0, 3)
    assert [each.total for each in found] == [amount("200")] * 4
    assert [each.complete for each in found] == [False, False, True, True]
    assert found[0].causes == (("flow_missing", odd), ("price_missing", odd))
    assert found[0].flow == amount("200")


def test_what_a_price_is_doubtful_for_makes_the_day_doubtful() -> None:
    btc = ASSETS[0]
    moves = [DayMove(FIRST, "kraken", btc, amount("1"))]
    days = FIRST, FIRST
    [found] = value_days({}, moves, lambda _asset, _day: Priced(amount("3"), ("old_price",)), days)
    assert (found.total, found.causes, found.complete) == (amount("3"), (("old_price", btc),), False)


def test_credits_that_are_no_money_are_missed_by_nobody() -> None:
    moves = [DayMove(FIRST, "kraken", Asset("KFEE"), amount("100"), flow=amount("100"))]
    assert valued(moves, {}, 0, 0)[0].complete
