"""The worked example of docs/performance.md: what was computed there by hand, the program computes to the last cent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Context, Decimal
from functools import cache

import pytest

from support import example
from tallyglass.ledger.daily import ON_THE_WAY, DayMove, Side, crossing, joined, share
from tallyglass.ledger.entries import Entry
from tallyglass.ledger.transfers import Found, find, movement
from tallyglass.money import ZERO, Amount, Asset, add, multiply, text, total
from tallyglass.portfolio.benchmark import hold, mix
from tallyglass.portfolio.cost import Basis, bases
from tallyglass.portfolio.days import DayWorth, value_days
from tallyglass.portfolio.moves import moves
from tallyglass.portfolio.performance import Performance, performance, period
from tallyglass.portfolio.returns import DayPoint
from tallyglass.prices.quick import Priced

_HAND = Context(prec=60, traps=[])
CENT = Decimal("0.01")


def rounded(value: Decimal | None, told: str) -> str:
    """A figure with as many decimals as the page gives it."""
    assert value is not None
    places = len(told.removesuffix("%").strip().partition(".")[2])
    return text(value.quantize(Decimal(1).scaleb(-places), context=_HAND))


def same(value: Decimal | None, told: str) -> bool:
    """The page's figure is the program's, to the last digit that the page gives."""
    return rounded(value, told) == text(example.figure(told))


@cache
def transfers() -> Found:
    found = (movement(entry, connection) for connection, entry in example.events())
    return find(each for each in found if each is not None)


def day_moves() -> Iterable[DayMove]:
    """What `store.days` counts, by hand."""
    entries = {(connection, entry.id): entry for connection, entry in example.events()}
    partners = transfers().partners()
    for (connection, name), entry in entries.items():
        kind = share(entry.kind, name, matched=(connection, name) in partners)
        for leg in entry.legs:
            part = "fee" if leg.role == "fee" else kind
            flow, fee, reward = (leg.amount if part == name else ZERO for name in ("flow", "fee", "reward"))
            yield DayMove(entry.time.date(), connection, leg.asset, leg.amount, flow, fee, reward)
    for each in transfers().transfers:
        sent, received = entries[each.sent.key], entries[each.received.key]
        yield from (move for _, move in crossing(_side(sent), _side(received)))


def _side(entry: Entry) -> Side:
    return Side(entry.time, entry.legs)


def priced(asset: Asset, day: date) -> Priced | None:
    found = example.price(asset, day)
    return None if found is None else Priced(found)


@cache
def worths() -> list[DayWorth]:
    found = sorted(joined(day_moves()).values(), key=lambda each: each.day)
    days = example.days()
    return list(value_days({}, found, priced, (days[0], days[-1])))


@cache
def whole() -> Performance:
    found = performance([DayPoint.of(each) for each in worths()], period("all", example.days()[-1]))
    assert found is not None
    return found


@cache
def costs() -> dict[Asset, Basis]:
    return bases(moves(example.events(), transfers().transfers), example.EUR, example.price)


def test_it_is_what_it_says() -> None:
    events = example.events()

    assert len(events) == 12
    assert {connection for connection, _ in events} == {"kraken", "coinbase", "binance"}
    assert [(each.sent.key, each.received.key) for each in transfers().transfers] == [
        (("kraken", "withdrawal:5"), ("binance", "deposit:6"))
    ]


def test_the_prices_in_euros() -> None:
    for row in example.table("Prices"):
        day = date.fromisoformat(row["day"])
        assert same(example.price(example.ETH, day), row["so ETH in EUR"])
        assert same(example.price(example.USD, day), row["so USD in EUR"])


def test_what_each_exchange_holds_at_the_end_of_each_day() -> None:
    held: dict[tuple[str, Asset], Amount] = {}
    found = sorted(joined(day_moves()).values(), key=lambda each: each.day)
    for row in example.table("Holdings"):
        day = date.fromisoformat(row.pop("day"))
        for each in found:
            if each.day == day:
                key = each.connection, each.asset
                held[key] = add(held.get(key, ZERO), each.amount)
        told = {}
        for title, quantity in row.items():
            owner, _, asset = title.rpartition(" ")
            told[owner.replace("on the way", ON_THE_WAY), Asset(asset)] = example.figure(quantity)
        assert {key: amount for key, amount in held.items() if amount} == {k: v for k, v in told.items() if v}


def test_the_value_of_each_day_by_asset() -> None:
    for row, found in zip(example.table("Value"), worths(), strict=True):
        assert found.complete
        assert row.pop("day") == found.day.isoformat()
        assert row.pop("value") == f"{found.total:,.2f}"
        told = {Asset(asset): example.figure(value) for asset, value in row.items()}
        assert {asset: value for asset, value in told.items() if value} == found.assets


def test_flows_net_deposits_fees_and_rewards() -> None:
    net = ZERO
    for row, found in zip(example.table("Flows, fees, rewards"), worths(), strict=True):
        net = add(net, found.flow)
        told = [example.figure(row[name]) for name in ("flow", "net deposits", "fees", "rewards")]
        assert told == [found.flow, net, found.fees, found.rewards]
    assert net == whole().net_deposits
    assert f"**Gain** = 12,247.50 − 0 − 12,240.00 = **{whole().gain:.2f} EUR**" in example.page()
    assert f"fees of {text(whole().fees).replace('-', '−')} and rewards of {whole().rewards:.2f}" in example.page()


def test_the_time_weighted_return_and_each_of_its_factors() -> None:
    for row, link in zip(example.table("Time-weighted"), whole().chain.links, strict=True):
        assert row["day"] == link.day.isoformat()
        assert same(link.factor, row["factor"])
        assert same(link.index, row["index"])
    assert f"**{percent(whole().time_weighted.value, 6)}**" in example.page()


def test_drawdown_and_volatility() -> None:
    fall = whole().drawdown

    assert fall is not None
    assert f"**{percent(fall.depth, 4)}**, from {fall.peak} to {fall.bottom}, not recovered." in example.page()
    assert fall.recovered is None
    assert f"**{percent(whole().volatility.value, 4)}**" in example.page()


def test_the_money_weighted_return_by_plugging_it_in() -> None:
    annual, period_rate = whole().money_weighted.annual.value, whole().money_weighted.whole.value
    *payments, rest = example.table("Money-weighted")
    assert annual is not None
    daily = _HAND.power(_HAND.add(annual, 1), _HAND.divide(Decimal(1), Decimal(365)))

    assert f"**q = {rounded(daily, '1.000144202')}**" in example.page()
    left = ZERO
    for row in payments:
        power = _HAND.power(daily, Decimal(row["days"]))
        value = _HAND.multiply(example.figure(row["paid in"]), power)
        assert same(power, row["q to the power"])
        assert same(value, row["worth on 6 March"])
        left = add(left, value)
    assert rest["worth on 6 March"] == f"{left.copy_abs().quantize(CENT, context=_HAND)}"
    assert f"**{percent(period_rate, 6)}**" in example.page()
    assert f"**{percent(annual, 4)}**" in example.page()


@pytest.mark.parametrize("row", example.table("Benchmarks"), ids=lambda row: row["benchmark"])
def test_the_benchmarks(row: dict[str, str]) -> None:
    points = [DayPoint.of(each) for each in worths()]
    base = DayPoint(whole().after, ZERO)
    held = hold(mix(row["benchmark"]), base, points, example.price)

    assert held.mix.name == row["benchmark"]
    assert same(held.value, row["worth on 6 March"])
    assert same(held.gain, row["gain"])
    assert held.missing == ()


def test_average_cost_and_where_the_gain_came_from() -> None:
    *rows, together = example.table("Average cost")
    last = example.days()[-1]
    assert [row["asset"] for row in rows] == list(costs())
    for row, found in zip(rows, costs().values(), strict=True):
        value = multiply(found.quantity, example.price(found.asset, last) or ZERO)
        assert found.quantity == example.figure(row["quantity"])
        assert (found.unknown, found.cost) == ((), example.figure(row["cost"]))
        assert same(found.average, row["average"])
        assert value == example.figure(row["value"])
        assert found.unrealised(value) == example.figure(row["unrealised"])
        assert found.realised == example.figure(row["realised"])
        assert found.earned == example.figure(row["earned"])
        assert found.carried_out == example.figure(row["carried out"])
    parts = [example.figure(together[name]) for name in ("unrealised", "realised", "earned", "carried out")]
    for name in ("cost", "value", "unrealised", "realised", "earned", "carried out"):
        assert total(example.figure(row[name]) for row in rows) == example.figure(together[name])
    assert total(parts) == whole().gain


def percent(value: Decimal | None, places: int) -> str:
    assert value is not None
    shown = multiply(value, Decimal(100)).quantize(Decimal(1).scaleb(-places), context=_HAND)
    return f"{shown} %".replace("-", "−")
