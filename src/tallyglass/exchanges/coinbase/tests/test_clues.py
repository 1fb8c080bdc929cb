"""What a row moves is told the same whether its type is understood or not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.coinbase.clues import clues
from tallyglass.exchanges.coinbase.ledger import LedgerPage, entry
from tallyglass.exchanges.streams import Clue, Known, Unparsed
from tallyglass.ledger.entries import computed
from tallyglass.money import Asset

PAYLOADS = Path(__file__).parent / "payloads"
RAWS = [
    raw
    for name in ("ledger_eth", "ledger_eur")
    for raw in msgspec.json.decode((PAYLOADS / f"{name}.json").read_bytes(), type=LedgerPage).data
    if b"a_type_of_tomorrow" not in bytes(raw)
]
EMPTY = Known()
ROW = '{"id":"a","type":"surprise","status":"%s","amount":{"amount":"%s","currency":"ETH"},"created_at":"%s"%s}'
WHEN = "2026-03-01T10:00:00Z"


def told(raw: str, known: Known = EMPTY) -> list[Clue]:
    return list(clues(Unparsed("a", "", raw), known))


@pytest.mark.parametrize("raw", RAWS, ids=range(len(RAWS)))
def test_a_clue_says_what_the_ledger_would_book(raw: msgspec.Raw) -> None:
    booked = entry(raw, EMPTY)
    found = [((clue.account, clue.asset), clue.amount) for clue in told(bytes(raw).decode())]

    assert found == list(computed([booked]).items())


def test_there_are_rows_to_compare() -> None:
    assert len(RAWS) > 5


def test_a_type_that_nobody_knows_does_not_matter() -> None:
    (clue,) = told(ROW % ("completed", "-1.5", WHEN, ""))

    assert (clue.account, clue.asset, str(clue.amount), clue.time.isoformat()) == (
        "spot",
        "ETH",
        "-1.5",
        "2026-03-01T10:00:00+00:00",
    )


def test_a_row_of_the_vault_stands_in_the_vault() -> None:
    path = ',"resource_path":"/v2/accounts/v-1/transactions/a"'
    (clue,) = told(ROW % ("completed", "1", WHEN, path), Known(wallets={"vault:v-1": Asset("ETH")}))

    assert clue.account == "vault"


@pytest.mark.parametrize("status", ["pending", "failed", "canceled"])
def test_what_has_not_happened_moves_nothing(status: str) -> None:
    assert told(ROW % (status, "1", WHEN, "")) == []


@given(st.text())
def test_what_does_not_tell_gives_no_clue(raw: str) -> None:
    assert told(raw) == []
    assert told(ROW % ("completed", "much", WHEN, "")) == []
    assert told(ROW % ("completed", "1", "yesterday", "")) == []
