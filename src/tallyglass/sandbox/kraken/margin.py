"""Positions on margin: opened, charged every four hours, closed or settled.

docs.kraken.com get-open-positions, get-trade-history; support.kraken.com "How to interpret Ledger history fields":
opening moves nothing but its fee (type `margin`, amount 0); rollovers bear the position's refid; closing books the
gain or loss; settling exchanges the two assets themselves (type `settled`, two rows).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tallyglass.money import ROUNDED, ZERO, Amount, add, multiply, negate, subtract
from tallyglass.sandbox.kraken.account import Account, Ids, Move, Order, Position, Trade, moment, unix
from tallyglass.sandbox.kraken.happen import Figures, settle
from tallyglass.sandbox.kraken.house import Answer, Call
from tallyglass.sandbox.kraken.names import PairName, digits
from tallyglass.sandbox.model import Prices

_LEVERAGE = 2
_OPENING, _TRADING, _ROLLOVER = Decimal("0.0002"), Decimal("0.0026"), Decimal("0.0002")
_VOLUME = Decimal("0.05")
_MOVED = Decimal("0.013")
_FOUR_HOURS = 4 * 3600


def open_position(account: Account, prices: Prices, now: float) -> bool:
    """Twentieth parts of an ether, bought with borrowed euros. The fee alone moves."""
    pair = account.names.pair("ETH", "EUR")
    price = prices.last("ETH", "EUR")
    cost = _money(multiply(_VOLUME, price))
    fee = _money(multiply(cost, add(_OPENING, _TRADING)))
    if account.free("ZEUR") < add(cost, fee):
        return False
    trade, order = _fill(account, ("buy", "limit"), pair, Figures(price, cost, fee), now, [Move("ZEUR", ZERO, fee)])
    when = trade.time
    opened = Position(trade.id, order.id, when, pair, "buy", cost, fee, _VOLUME, _LEVERAGE)
    trade.position, trade.margin = opened, opened.margin
    account.positions[opened.id] = opened
    return True


def rollover(account: Account, now: float) -> bool:
    """Every open position is charged for four more hours."""
    for each in account.positions.values():
        ids = account.ids("rollover")
        account.write(
            each.id, "rollover", moment(now), [Move("ZEUR", ZERO, _money(multiply(each.cost, _ROLLOVER)))], ids
        )
    return bool(account.positions)


def close_position(account: Account, now: float) -> bool:
    """The oldest position is sold, now at a gain, now at a loss."""
    held = next(iter(account.positions.values()), None)
    if held is None:
        return False
    gain = multiply(held.cost, _MOVED if len(account.trades) % 2 else negate(_MOVED))
    cost = _money(add(held.cost, gain))
    fee = _money(multiply(cost, _TRADING))
    net = subtract(cost, held.cost)
    price = ROUNDED.quantize(ROUNDED.divide(cost, held.volume), Decimal(1).scaleb(-held.pair.price_decimals))
    moves = [Move("ZEUR", net, fee)]
    trade, _ = _fill(account, ("sell", "market"), held.pair, Figures(price, cost, fee), now, moves)
    _closed(account, held, trade, net)
    return True


def settle_position(account: Account, now: float) -> bool:
    """The oldest position is paid for: its ether comes in, its euros go out."""
    held = next(iter(account.positions.values()), None)
    if held is None or account.free("ZEUR") < held.cost:
        return False
    price = ROUNDED.quantize(ROUNDED.divide(held.cost, held.volume), Decimal(1).scaleb(-held.pair.price_decimals))
    moves = [Move("ZEUR", negate(held.cost)), Move("XETH", held.volume)]
    trade, _ = _fill(account, ("sell", "settle-position"), held.pair, Figures(price, held.cost, ZERO), now, moves)
    _closed(account, held, trade, ZERO)
    return True


def _fill(
    account: Account,
    way: tuple[str, str],
    pair: PairName,
    figures: Figures,
    now: float,
    moves: Iterable[Move],
) -> tuple[Trade, Order]:
    ids: Ids = account.ids("margin")
    when = moment(now)
    order = Order(ids.id("O"), unix(when), pair, way[0], way[1], figures.price, _VOLUME, leverage=_LEVERAGE)
    return settle(account, order, figures, when, ids, list(moves)), order


def _closed(account: Account, held: Position, trade: Trade, net: Amount) -> None:
    trade.position = held
    held.closings.append(trade)
    held.net = add(held.net, net)
    del account.positions[held.id]


def _money(amount: Amount) -> Amount:
    """Cut to what the ledger keeps of euros."""
    return ROUNDED.quantize(amount, Decimal("0.0001"))


def open_positions(call: Call) -> Any:
    """docs.kraken.com get-open-positions: a map, or under `consolidation=market` a list per market."""
    wanted = {each.strip() for each in call.params.text("txid").split(",") if each.strip()}
    shown = {each.id: _shown(call, each) for each in call.account.positions.values() if not wanted or each.id in wanted}
    if call.params.text("consolidation") != "market":
        return shown
    markets: dict[str, list[dict[str, Any]]] = {}
    for each in shown.values():
        markets.setdefault(each["pair"], []).append(each)
    return [{**rows[0], "positions": str(len(rows))} for rows in markets.values()]


def _shown(call: Call, held: Position) -> dict[str, Any]:
    decimals, passed = held.pair.cost_decimals, int((call.now - held.time) // _FOUR_HOURS) + 1
    told: dict[str, Any] = {
        "ordertxid": held.order_id,
        "posstatus": "open",
        "pair": held.pair.key,
        "time": held.time,
        "type": held.side,
        "ordertype": "limit",
        "cost": digits(held.cost, decimals),
        "fee": digits(held.fee, decimals),
        "vol": digits(held.volume, held.pair.lot_decimals),
        "vol_closed": digits(held.closed, held.pair.lot_decimals),
        "margin": digits(held.margin, decimals),
        "terms": "0.0200% per 4 hours",
        "rollovertm": str(int(held.time) + passed * _FOUR_HOURS),
        "misc": "",
        "oflags": "",
    }
    if call.params.flag("docalcs"):
        value = multiply(held.volume, call.house.prices.last(held.pair.base.symbol, held.pair.quote.symbol))
        told |= {"value": digits(value, 1), "net": f"{subtract(value, held.cost):+f}"}
    return told


MARGIN: dict[str, Answer] = {"OpenPositions": open_positions}
