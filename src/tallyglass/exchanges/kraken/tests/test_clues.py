"""What a row moves is told the same whether its type is understood or not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.kraken.clues import clues
from tallyglass.exchanges.kraken.ledger import ledger
from tallyglass.exchanges.kraken.rows import Rows, result
from tallyglass.exchanges.streams import Clue, Known, Unparsed
from tallyglass.ledger.entries import computed


class _Page(msgspec.Struct):
    ledger: Rows


BODY = (Path(__file__).parent / "payloads" / "ledger.json").read_bytes()
ROWS = {name: bytes(raw).decode() for name, raw in result(BODY, _Page).ledger.items()}


def told(raw: str) -> list[Clue]:
    return list(clues(Unparsed("L1", "", raw), Known()))


@pytest.mark.parametrize("name", ROWS)
def test_a_clue_says_what_the_ledger_would_book(name: str) -> None:
    raw = ROWS[name]
    found = ledger(f'{{"error":[],"result":{{"ledger":{{"{name}":{raw}}}}}}}'.encode())
    booked = computed(found.entries)

    if found.entries:
        (entry,) = found.entries
        assert [(clue.time, (clue.account, clue.asset), clue.amount) for clue in told(raw)] == [
            (entry.time, place, moved) for place, moved in booked.items()
        ]


def test_there_are_rows_to_compare() -> None:
    assert len(ledger(BODY).entries) > 5


def test_a_type_that_nobody_knows_does_not_matter() -> None:
    row = '{"refid":"U1","time":1700000000.5,"type":"moonrebate","asset":"ZEUR","amount":"0.1200","fee":"0.0100"}'
    (clue,) = told(row)

    assert (clue.account, clue.asset, str(clue.amount)) == ("spot", "EUR", "0.1100")


@given(st.text())
def test_what_does_not_tell_gives_no_clue(raw: str) -> None:
    assert told(raw) == []


def test_a_wallet_or_a_number_that_nobody_knows_gives_no_clue() -> None:
    row = '{"refid":"U1","time":1700000000,"type":"x","asset":"%s","amount":"%s","fee":"0"}'
    assert told(row % ("ETH.Q", "1")) == []
    assert told(row % ("ETH", "much")) == []
    assert told(row % ("ETH", "1")) != []
