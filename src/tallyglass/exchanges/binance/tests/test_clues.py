"""What a row moves is told the same whether it is understood or not."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.binance.clues import clues
from tallyglass.exchanges.binance.products import BOOKINGS
from tallyglass.exchanges.binance.sheet import odd
from tallyglass.exchanges.streams import Clue, Known
from tallyglass.ledger.entries import Entry

PAYLOADS = Path(__file__).parent / "payloads"
EMPTY = Known()
TELLING = (
    *("deposits", "withdrawals", "conversions", "rewards", "rewards.earn", "fiat.withdrawals"),
    *("ledger.margin", "ledger.isolated", "ledger.usdm", "ledger.coinm", "transfers.locked-redemptions"),
)
WHY = ValueError("a test")


def raws(read: str) -> Iterator[bytes]:
    """The rows of a payload, wherever they stand in it."""
    page: Any = msgspec.json.decode((PAYLOADS / f"{read}.json").read_bytes())
    rows = page if isinstance(page, list) else next(each for each in page.values() if isinstance(each, list))
    for row in rows:
        yield msgspec.json.encode(row)


def told(read: str, raw: bytes) -> list[Clue]:
    return list(clues(odd(read, raw, WHY), EMPTY))


def booked(entry: Entry) -> dict[tuple[str, str], Decimal]:
    """As if it were done: a status that is not understood says nothing."""
    sums: dict[tuple[str, str], Decimal] = {}
    for leg in entry.legs:
        sums[leg.account, leg.asset] = sums.get((leg.account, leg.asset), Decimal(0)) + leg.amount
    return sums


@pytest.mark.parametrize("read", TELLING)
def test_a_clue_says_what_the_list_would_book(read: str) -> None:
    compared = 0
    for raw in raws(read):
        found = told(read, raw)
        try:
            (entry,) = BOOKINGS[read].entries(raw, EMPTY)
        except ValueError:
            assert found  # the payloads hold some that no parser books, or that another list tells
            continue
        assert {(clue.account, clue.asset): clue.amount for clue in found} == booked(entry)
        assert {clue.time for clue in found} == {entry.time}
        compared += 1
    assert compared


def test_money_paid_in_is_what_arrived() -> None:
    for raw in raws("fiat.deposits"):
        (entry,) = BOOKINGS["fiat.deposits"].entries(raw, EMPTY)
        (clue,) = told("fiat.deposits", raw)
        assert (clue.asset, clue.amount) == (entry.legs[0].asset, sum(leg.amount for leg in entry.legs))


def test_a_move_to_a_wallet_that_nobody_knows_left_the_spot_wallet() -> None:
    row = '{"tranId":1,"asset":"USDT","amount":"7","type":"%s","status":"CONFIRMED","timestamp":1700000000000}'

    (out,) = told("transfers", (row % "MAIN_MOONBASE").encode())
    (back,) = told("transfers", (row % "MOONBASE_MAIN").encode())
    assert (out.account, out.asset, str(out.amount)) == ("spot", "USDT", "-7")
    assert (back.account, back.asset, str(back.amount)) == ("spot", "USDT", "7")
    assert told("transfers", (row % "MOON_BASE").encode()) == []


@given(st.binary(), st.sampled_from([*BOOKINGS, "balances"]))
def test_what_does_not_tell_gives_no_clue(raw: bytes, read: str) -> None:
    assert told(read, raw) == []


def test_a_fill_and_a_sale_tell_too_little() -> None:
    assert all(told(read, raw) == [] for read in ("trades", "trades.margin", "fiat.sells") for raw in raws(read))


def test_what_went_into_locked_earn_or_to_a_person_is_told_of_the_wallet_that_is_sure() -> None:
    (locked,) = [
        clue for raw in raws("transfers.locked-subscriptions") for clue in told("transfers.locked-subscriptions", raw)
    ]
    assert (locked.account, locked.asset, locked.amount) == ("earn-locked", "BNB", Decimal(2))
    moved = [clue.amount for raw in raws("fiat.p2p") for clue in told("fiat.p2p", raw)]
    assert moved == [Decimal(100), Decimal(-100), Decimal(100), Decimal(-100)]
    paid = [(clue.account, clue.amount) for raw in raws("transfers.pay") for clue in told("transfers.pay", raw)]
    assert paid == [("funding", Decimal(-5)), ("spot", Decimal("7.5")), ("funding", Decimal(-8))]
