"""Own accounts: what dated balances come to, what cannot be so, and files of which every bad line is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.ledger import own_file
from tallyglass.ledger.daily import share
from tallyglass.ledger.entries import computed
from tallyglass.ledger.own import STATED, Nature, Quantity, Unsound, balances, difference, entry
from tallyglass.money import ZERO, Amount, Asset, amount

BTC, EUR = Asset("BTC"), Asset("EUR")
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
FIRST = date(2026, 1, 1)

figures = st.decimals(-(10**12), 10**12, places=8)
stated_ = st.dictionaries(st.integers(0, 200).map(lambda days: FIRST + timedelta(days)), figures, max_size=12)


@given(stated_)
def test_up_to_any_day_the_entries_come_to_the_balance_that_was_stated_last(stated: dict[date, Amount]) -> None:
    entries = balances(BTC, stated)

    for day in (FIRST + timedelta(days) for days in range(202)):
        until = [each for each in entries if each.time.date() <= day]
        last = max((each for each in stated if each <= day), default=None)
        assert computed(until).get((STATED, BTC), ZERO) == (ZERO if last is None else stated[last])


@given(stated_, stated_)
def test_what_goes_and_what_comes_make_the_one_list_of_the_other(
    before: dict[date, Amount], after: dict[date, Amount]
) -> None:
    change = difference(balances(BTC, before), balances(BTC, after))

    there = {each.id: each for each in balances(BTC, before)}
    for name in change.gone:
        del there[name]
    assert not there.keys() & {each.id for each in change.new}
    assert sorted([*there.values(), *change.new], key=lambda each: each.time) == balances(BTC, after)


def test_a_change_in_between_touches_its_own_day_and_the_next_that_is_stated() -> None:
    before = {date(2026, month, 1): amount(month) for month in range(1, 7)}
    change = difference(balances(EUR, before), balances(EUR, {**before, date(2026, 3, 15): amount(50)}))

    assert {each.time.date() for each in change.new} == {date(2026, 3, 15), date(2026, 4, 1)}
    assert change.gone == ("own:balance:EUR:2026-04-01",)


def test_what_a_balance_changes_came_from_outside() -> None:
    (only,) = balances(EUR, {FIRST: amount(5)})
    assert share(only.kind, only.id, matched=False) == "flow"


def test_an_entry_that_says_the_same_is_the_same_however_it_is_written() -> None:
    fee = Quantity(amount("0.10"), EUR)
    one = entry("trade", NOW, [Quantity(amount("1"), BTC), Quantity(amount("-9000"), EUR)], fee)
    other = entry("trade", NOW, [Quantity(amount("-9000.00"), EUR), Quantity(amount("1.0"), BTC)], fee)
    assert one.id == other.id
    assert computed([one]) == {(STATED, BTC): amount(1), (STATED, EUR): amount("-9000.1")}
    assert entry("withdrawal", NOW, [Quantity(amount("5"), EUR)]) == entry(
        "withdrawal", NOW, [Quantity(amount("-5"), EUR)]
    )


@pytest.mark.parametrize(
    ("kind", "moved"),
    [
        ("deposit", [("-5", EUR)]),
        ("reward", [("0", EUR)]),
        ("trade", [("5", EUR)]),
        ("trade", [("5", EUR), ("-5", EUR)]),
        ("trade", [("5", EUR), ("1", BTC)]),
        ("adjustment", [("5", EUR)]),
        ("gift", [("5", EUR)]),
    ],
)
def test_what_cannot_be_so_is_refused(kind: str, moved: list[tuple[str, Asset]]) -> None:
    with pytest.raises(Unsound):
        entry(kind, NOW, [Quantity(amount(figure), asset) for figure, asset in moved])  # type: ignore[arg-type]  # a word


def test_every_bad_line_of_a_file_is_told_with_its_number() -> None:
    text = """time,kind,asset,amount,fee,fee_asset
2026-01-05,deposit,btc,1,,
2026-02-30,deposit,BTC,1,,
2026-01-06T10:00+01:00,withdrawal,BTC,"1,5",,
2026-01-07,gift,BTC,1,,

2026-01-08,deposit,BTC,1
2026-01-09,trade,BTC,1,,
2026-07-01,deposit,BTC,1,,
0206-07-01,deposit,BTC,1,,
2026-01-10,deposit,BTC,-1,,
2026-01-11,withdrawal,BTC,1,-2,EUR
"""
    with pytest.raises(own_file.OddLines) as refused:
        own_file.read(text, "wallet", NOW)
    assert [each.line for each in refused.value.lines] == [3, 4, 5, 7, 8, 9, 10, 11, 12]


def test_a_file_of_entries_knows_zones_fees_and_events_that_are_alike() -> None:
    text = """time,kind,asset,amount,fee,fee_asset
2026-01-05T01:00+02:00,deposit,eth,2,,
2026-01-06,deposit,ETH,1,,
2026-01-06,deposit,ETH,1,,
2026-01-07,withdrawal,ETH,1,0.01,
2026-01-08,trade,ETH,-1,,
2026-01-08,trade,EUR,3000,5,EUR
"""
    said = own_file.read(text, "wallet", NOW)

    assert said.entries[0].time == datetime(2026, 1, 4, 23, tzinfo=UTC)
    assert len({each.id for each in said.entries}) == len(said.entries) == 5
    assert computed(said.entries) == {(STATED, Asset("ETH")): amount("1.99"), (STATED, EUR): amount(2995)}
    assert own_file.read(text, "wallet", NOW) == said


@pytest.mark.parametrize(
    ("nature", "lines", "odd"),
    [
        ("loan", "2026-01-31,EUR,500", [2]),
        ("wallet", "2026-01-31,BTC,-1", [2]),
        ("bank", "2026-01-31,EUR,-1\n2026-01-31,EUR,2\n2026-01-31,EUR,-1", [3]),
        ("bank", "2026-07-01,EUR,1\n2026-06-30,EUR,1", [2]),
        ("other", "2026-01-31,,1\n2026-01-31,EUR,NaN\n31.01.2026,EUR,1", [2, 3, 4]),
    ],
)
def test_balances_that_cannot_be_so_are_told(nature: Nature, lines: str, odd: list[int]) -> None:
    with pytest.raises(own_file.OddLines) as refused:
        own_file.read(f"day,asset,balance\n{lines}\n", nature, NOW)
    assert [each.line for each in refused.value.lines] == odd


def test_a_file_of_other_columns_is_refused_with_those_that_it_should_have() -> None:
    for text in ("", "date,asset,balance\n", "day;balance;asset\n2026-01-31;1;EUR\n"):
        with pytest.raises(own_file.OddLines, match="day,asset,balance"):
            own_file.read(text, "bank", NOW)
    semicolons = own_file.read("day;asset;balance\n2026-01-31;EUR;1\n", "bank", NOW)
    assert semicolons.balances == {EUR: {date(2026, 1, 31): amount(1)}}
