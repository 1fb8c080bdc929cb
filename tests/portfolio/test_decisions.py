"""Decisions: drift from targets, movers, concentration, open orders."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.streams import Order
from tallyglass.money import ZERO, Amount, Asset, add, amount, text, total
from tallyglass.portfolio.decisions import Position, concentration, movers, open_orders, plan
from tallyglass.portfolio.shares import shares
from tallyglass.prices.paths import Price

EUR = Asset("EUR")
NOW = datetime(2026, 3, 6, tzinfo=UTC)


def held(name: str, quantity: str, price: str | None) -> Position:
    return Position(Asset(name), amount(quantity), None if price is None else amount(price))


def test_what_to_buy_and_sell_to_be_at_the_targets() -> None:
    """7000 BTC, 2000 ETH, 1000 DOGE beside 50, 40, 10 in everything else."""
    positions = [held("BTC", "0.1", "70000"), held("ETH", "1", "2000"), held("DOGE", "10000", "0.1")]
    found = plan(positions, shares("BTC:50,ETH:40,others:10"))

    assert found.total == amount(10000)
    assert [(each.asset, text(each.off), text(each.trade)) for each in found.drifts] == [
        ("BTC", "0.2", "-2000"),
        ("ETH", "-0.2", "2000"),
        ("others", "0", "0"),
    ]
    assert found.drifts[1].units == amount(1)
    assert found.drifts[2].units is None


def test_what_has_no_target_is_to_be_sold_and_what_is_not_held_yet_to_be_bought() -> None:
    found = plan([held("DOGE", "100", "1"), held("BTC", "0", "50")], shares("BTC"))

    assert [(each.asset, text(each.trade), text(each.units or ZERO)) for each in found.drifts] == [
        ("BTC", "100", "2"),
        ("DOGE", "-100", "-100"),
    ]


def test_debts_are_no_part_and_what_has_no_price_is_told() -> None:
    found = plan([held("BTC", "1", "100"), held("EUR", "-50", "1"), held("MOON", "5", None)], shares("BTC"))

    assert (found.total, found.unpriced) == (amount(100), (Asset("MOON"),))
    assert [each.trade for each in found.drifts] == [ZERO]
    assert plan([], shares("BTC")).drifts == ()


@given(st.lists(st.decimals(min_value="0.01", max_value=10**6, places=2), min_size=1, max_size=3))
def test_all_that_is_bought_is_paid_by_what_is_sold(values: list[Decimal]) -> None:
    names = ["BTC", "ETH", "DOGE"]
    positions = [Position(Asset(name), value, amount(1)) for name, value in zip(names, values, strict=False)]
    found = plan(positions, shares("BTC:33.3,ETH:33.3,others:33.4"))

    assert total(each.trade for each in found.drifts) == ZERO
    for each in found.drifts:
        assert add(each.value, each.trade) == total([found.total * each.target])


def test_movers_by_price_and_by_what_was_bought() -> None:
    before = [held("BTC", "1", "100"), held("ETH", "2", "10"), held("OLD", "1", "5"), held("MOON", "1", None)]
    after = [held("BTC", "2", "90"), held("ETH", "2", "15"), held("NEW", "3", "1"), held("MOON", "1", "7")]
    found = movers(before, after)

    assert [each.asset for each in found] == ["ETH", "BTC", "MOON", "NEW", "OLD"]
    eth, btc, moon, new, old = found
    assert (eth.price_change, eth.value_change, eth.by_price) == (amount("0.5"), amount(10), amount(10))
    assert (btc.price_change, btc.value_change, btc.by_price) == (amount("-0.1"), amount(80), amount(-10))
    assert (old.price_change, old.value_to, old.value_change) == (None, ZERO, amount(-5))
    assert (new.value_from, new.value_change) == (ZERO, amount(3))
    assert (moon.value_from, moon.value_to, moon.value_change) == (None, amount(7), None)


def test_concentration() -> None:
    found = concentration(
        [held("BTC", "1", "50"), held("ETH", "1", "30"), held("EUR", "20", "1"), held("USD", "-9", "1")]
    )

    assert found is not None
    assert (found.largest, found.share, found.herfindahl) == (Asset("BTC"), amount("0.5"), amount("0.38"))
    assert float(found.effective) == pytest.approx(1 / 0.38)
    assert concentration([held("MOON", "1", None)]) is None


def order(
    market: str, side: Literal["buy", "sell"], price: str | None, quantity: str = "2", filled: str = "0"
) -> Order:
    told = None if price is None else amount(price)
    return Order(f"{market}{side}", market, side, "limit", told, amount(quantity), amount(filled), NOW)


def pricing(asset: Asset, currency: Asset) -> Price | None:
    known: dict[tuple[str, str], Amount] = {
        ("BTC", "EUR"): amount(100),
        ("ETH", "EUR"): amount(10),
        ("ETH", "BTC"): amount("0.1"),
        ("EUR", "EUR"): amount(1),
    }
    found = known.get((asset, currency))
    return None if found is None else Price(found, ())


def test_what_open_orders_hold_and_how_far_the_market_is() -> None:
    orders = [
        order("BTC/EUR", "buy", "80", filled="0.5"),
        order("ETH/BTC", "sell", "0.105"),
        order("ETH/EUR", "buy", None),
        order("MOON/EUR", "sell", "3"),
    ]
    eth, btc, market, moon = open_orders(orders, EUR, pricing)

    assert (eth.asset, eth.locked, eth.value, eth.distance) == ("ETH", amount(2), amount(20), amount("0.05"))
    assert (btc.asset, btc.locked, btc.value, btc.distance) == ("EUR", amount(120), amount(120), amount("-0.2"))
    assert (market.locked, market.value, market.distance) == (None, None, None)
    assert (moon.locked, moon.value, moon.market_price, moon.distance) == (amount(2), None, None, None)
