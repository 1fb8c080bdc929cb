"""Rows that Kraken counts and does not tell: an empty answer, once or for long, and a list that shrank."""

from __future__ import annotations

import pytest

from tallyglass.exchanges.kraken.tests.test_history import START, Exchange, Reader
from tallyglass.exchanges.streams import Ask


@pytest.mark.parametrize("at", [1, 2, 3, 5])
def test_an_empty_answer_by_mistake_costs_no_row(at: int) -> None:
    exchange = Exchange(size=2)
    for number in range(9):
        exchange.write(START + number)

    def slips(ask: Ask) -> bytes:
        whole = exchange.answer(ask)
        return exchange.page([], len(exchange.rows)) if len(exchange.asked) == at else whole

    reader = Reader()
    reader.sync(slips)
    assert reader.legs == exchange.truth()
    assert not reader.stuck


def test_rows_that_are_counted_and_not_told_are_read_when_they_come() -> None:
    exchange = Exchange(size=50)
    for number in range(1000):
        exchange.write(START + number)

    def holds_back(ask: Ask) -> bytes:
        return exchange.page([], 1000) if "ofs" in ask.params else exchange.answer(ask)

    reader = Reader()
    assert reader.sync(holds_back) <= 5
    assert reader.stuck
    assert reader.sync(holds_back) == 1, "a later sync asks once, and is told the same"
    reader.sync(exchange.answer)
    assert reader.legs == exchange.truth()


@pytest.mark.parametrize("gone", [1, 4, 7, 12])
def test_a_list_that_shrank_to_less_than_was_read_ends_without_a_gap(gone: int) -> None:
    exchange = Exchange(size=4)
    for number in range(12):
        exchange.write(START + number)
    reader = Reader()
    assert not reader.step(exchange.answer)
    assert not reader.step(exchange.answer)
    del exchange.rows[-gone:]
    reader.sync(exchange.answer)
    assert exchange.truth().items() <= reader.legs.items()
    assert not reader.stuck
