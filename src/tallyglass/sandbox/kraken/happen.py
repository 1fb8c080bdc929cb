"""How an act becomes Kraken rows: trades as two, instant buys in the ledger alone, rewards on suffixed codes.

Sources: support.kraken.com "How to interpret Ledger history fields" and "Differences between ledger and trades
history"; docs.kraken.com get-ledgers, get-trade-history.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from tallyglass.money import ROUNDED, ZERO, Amount, add, multiply, subtract
from tallyglass.sandbox.kraken.account import Account, Funding, Ids, Move, Order, Trade, unix
from tallyglass.sandbox.kraken.names import AWAY_CODES, REWARD_CODES, PairName
from tallyglass.sandbox.model import Act

#: Part of what is free that goes to earning with the first reward.
_SHARE = Decimal("0.25")


def record(account: Account, act: Act) -> None:
    """Let an act happen. What it spends is taken back from earning wallets first where spot does not cover it."""
    _HOW[act.kind](account, act)


class Figures(NamedTuple):
    """What a fill comes to; of the whole order where no volume is named."""

    price: Amount
    cost: Amount
    fee: Amount
    volume: Amount | None = None


def _trade(account: Account, act: Act) -> None:
    cover(account, *_spent(act), act.time)
    ids = account.ids("trade", act.serial)
    pair = account.names.pair(act.base, act.quote)
    order = Order(ids.id("O"), unix(act.time - timedelta(seconds=3)), pair, act.side, "limit", act.price, act.amount)
    for late, part in enumerate(_parts(act, pair)):
        fill(account, order, part, act.time + timedelta(milliseconds=late), ids, act.fee_asset)


def _parts(act: Act, pair: PairName) -> list[Figures]:
    """One in six orders is filled twice: alike in all but a rest, a millisecond later."""
    cost, fee = (_half(each, pair.quote.decimals) for each in (act.cost, act.fee))
    volume = _half(act.amount, min(pair.lot_decimals, pair.base.decimals))
    if act.serial % 6 or act.fee_asset not in ("", act.quote) or not volume or not cost:
        return [Figures(act.price, act.cost, act.fee)]
    rest = (subtract(act.cost, cost), subtract(act.fee, fee), subtract(act.amount, volume))
    return [Figures(act.price, cost, fee, volume), Figures(act.price, *rest)]


def _half(amount: Amount, decimals: int) -> Amount:
    half = multiply(amount, Decimal("0.5"))
    return half.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN, context=ROUNDED)


def fill(account: Account, order: Order, figures: Figures, when: datetime, ids: Ids, fee_asset: str = "") -> None:
    """Fill an order or a part of it. The fee is the quote's unless an asset is named."""
    _, cost, fee, part = figures
    volume = order.volume if part is None else part
    pair, buys = order.pair, order.side == "buy"
    fees = {account.names.code(fee_asset) if fee_asset else pair.quote.code: fee}
    base = Move(pair.base.code, volume if buys else -volume, fees.pop(pair.base.code, ZERO), "tradespot")
    quote = Move(pair.quote.code, -cost if buys else cost, fees.pop(pair.quote.code, ZERO), "tradespot")
    credits_ = [Move(code, ZERO, rest, "tradespot") for code, rest in fees.items()]  # paid in fee credits: a third row
    shown = figures._replace(fee=ZERO) if credits_ else figures
    settle(account, order, shown, when, ids, [quote, base, *credits_])


def settle(account: Account, order: Order, figures: Figures, when: datetime, ids: Ids, moves: list[Move]) -> Trade:
    """Write the rows of a fill and its trade; an order that is filled whole is done."""
    txid, (price, cost, fee, part) = ids.id("T"), figures
    type_ = "settled" if order.ordertype == "settle-position" else "margin" if order.leverage else "trade"
    rows = account.write(txid, type_, when, moves, ids)
    trade = Trade(
        id=txid,
        order_id=order.id,
        time=unix(when),
        pair=order.pair,
        side=order.side,
        ordertype=order.ordertype,
        price=price,
        cost=cost,
        fee=fee,
        volume=order.volume if part is None else part,
        number=10_000_000 + ids.number(80_000_000),
        maker=ids.number(3) == 0,
        ledgers=tuple(row.id for row in rows),
    )
    account.trades.add(trade)
    order.trades.append(txid)
    order.executed, order.cost, order.fee = (
        add(order.executed, trade.volume),
        add(order.cost, cost),
        add(order.fee, fee),
    )
    if order.executed == order.volume:
        order.status, order.closed = "closed", trade.time
        account.close(order)
    return trade


def _convert(account: Account, act: Act) -> None:
    cover(account, *_spent(act), act.time)
    ids = account.ids("convert", act.serial)
    buys = act.side == "buy"
    given, taken = ((act.quote, act.cost), (act.base, act.amount))[:: 1 if buys else -1]
    moves = [
        Move(account.names.code(given[0]), -given[1], act.fee if act.fee_asset == given[0] else ZERO),
        Move(account.names.code(taken[0]), taken[1], act.fee if act.fee_asset == taken[0] else ZERO),
    ]
    swap(account, act.time, moves, ids)


def swap(account: Account, when: datetime, moves: list[Move], ids: Ids) -> None:
    """An instant buy or a dust sweep: spend and receive under one T… id of its own that TradesHistory has not."""
    refid = ids.id("T")
    for move in moves:
        account.write(refid, "spend" if move.amount < ZERO else "receive", when, [move], ids)


def _deposit(account: Account, act: Act) -> None:
    ids = account.ids("deposit", act.serial)
    code = account.names.code(act.base)
    come = _funding(ids, Funding("", unix(act.time), code, act.amount, act.fee, act.txid, method=method(act.base)))
    account.write(come.id, "deposit", act.time, [Move(code, act.amount, act.fee)], ids)
    account.deposits.add(come)


def _withdrawal(account: Account, act: Act) -> None:
    cover(account, act.base, add(act.amount, act.fee), act.time)
    ids = account.ids("withdrawal", act.serial)
    code, key = account.names.code(act.base), f"my {act.base} address"
    sent = Funding("", unix(act.time), code, act.amount, act.fee, act.txid, method=method(act.base), key=key)
    send(account, sent, act.time, ids)


def send(account: Account, sent: Funding, when: datetime, ids: Ids) -> None:
    """A withdrawal of the net amount and the network fee: both leave the balance."""
    _funding(ids, sent)
    account.write(sent.id, "withdrawal", when, [Move(sent.code, -sent.amount, sent.fee)], ids)
    account.withdrawals.add(sent)


def expect(account: Account, coming: Funding) -> None:
    """A deposit that is told before it is in the ledger, or that never will be."""
    account.deposits.add(_funding(account.ids("expected"), coming))


def _funding(ids: Ids, funding: Funding) -> Funding:
    funding.id = ids.funding()
    funding.time = float(int(funding.time))  # whole seconds, unlike the ledger's
    funding.txid = funding.txid or ids.take(32).lower()
    funding.info = f"sandbox1{ids.take(24).lower()}"
    return funding


def method(symbol: str) -> str:
    """How an asset comes in and goes out."""
    return {"BTC": "Bitcoin", "ETH": "Ether", "EUR": "SEPA", "USD": "FedWire", "GBP": "Faster Payments"}.get(
        symbol, symbol
    )


def _reward(account: Account, act: Act) -> None:
    code = REWARD_CODES.get(act.base)
    if code is None:
        code = account.names.code(act.base)
    elif code not in account.balances:
        _stake(account, act.base, code, act.time)
    ids = account.ids("reward", act.serial)
    account.write(ids.id("S"), "staking", act.time, [Move(code, act.amount, act.fee)], ids)
    net = subtract(act.amount, act.fee)
    account.rewarded[code] = add(account.rewarded.get(code, ZERO), net)


def _stake(account: Account, symbol: str, code: str, reward_time: datetime) -> None:
    """Before its first reward, a part of the coin starts earning.

    Old staking writes two refids, seconds apart; automatic earning one refid for all coins that it takes at once.
    """
    ids, when = account.ids(f"stake-{symbol}"), account.before(reward_time, 90)
    if code.endswith(".S"):
        source, amount = account.names.code(symbol), _share(account, symbol)
        if amount > ZERO:
            move_old(account, (source, code), amount, (when, reward_time), ("spottostaking", "stakingfromspot"))
        return
    moves = []
    for each, target in REWARD_CODES.items():
        amount = _share(account, each)
        if target.endswith(".F") and target not in account.balances and amount > ZERO:
            moves += pair_of_moves(account.names.code(each), target, amount, "autoallocation")
    if moves:
        account.write(ids.id("E"), "earn", when, moves, ids)


def pair_of_moves(source: str, target: str, amount: Amount, subtype: str) -> list[Move]:
    """From one code to another of the same coin."""
    return [Move(source, -amount, subtype=subtype), Move(target, amount, subtype=subtype)]


def move_old(
    account: Account,
    codes: tuple[str, str],
    amount: Amount,
    times: tuple[datetime, datetime],
    subtypes: tuple[str, str],
) -> None:
    """A move between wallets as the old staking wrote it: each side under its own refid, the second later."""
    ids = account.ids(f"move-{codes[0]}")
    account.write(ids.id("B"), "transfer", times[0], [Move(codes[0], -amount, subtype=subtypes[0])], ids)
    later = min(times[0] + timedelta(seconds=37), times[1])
    account.write(ids.id("B"), "transfer", later, [Move(codes[1], amount, subtype=subtypes[1])], ids)


def _share(account: Account, symbol: str) -> Amount:
    free = account.free(account.names.code(symbol))
    return multiply(free, _SHARE).quantize(Decimal("0.0001"), context=ROUNDED) if free > ZERO else ZERO


def _spent(act: Act) -> tuple[str, Amount]:
    """What a trade or conversion takes from the balance, its fee included where it is in the same asset."""
    asset, amount = (act.quote, act.cost) if act.side == "buy" else (act.base, act.amount)
    return asset, add(amount, act.fee) if act.fee_asset == asset else amount


def cover(account: Account, symbol: str, amount: Amount, when: datetime) -> None:
    """Take back from earning what spot lacks for a payment."""
    spot, code = account.names.code(symbol), AWAY_CODES.get(symbol)
    lacking = subtract(amount, account.balances.get(spot, ZERO))
    if code is None or lacking <= ZERO or account.balances.get(code, ZERO) < lacking:
        return
    start = account.before(when, 60)
    if code.endswith(".S"):
        move_old(account, (code, spot), lacking, (start, when), ("stakingtospot", "spotfromstaking"))
    else:
        ids = account.ids(f"unstake-{symbol}")
        account.write(ids.id("E"), "earn", start, pair_of_moves(code, spot, lacking, "deallocation"), ids)


def _order(account: Account, act: Act) -> None:
    ids = account.ids("order", act.serial)
    pair = account.names.pair(act.base, act.quote)
    order = Order(ids.id("O"), unix(act.time), pair, act.side, "limit", act.price, act.amount)
    begun = account.newest_closed()
    same = begun and (begun.pair, begun.side, begun.price, begun.volume) == (pair, act.side, act.price, act.filled)
    if begun and same:  # what was filled of it has been recorded as a trade: that was this order
        account.reopen(begun, act.amount)
        return
    order.executed = act.filled
    order.cost = multiply(act.filled, act.price)
    account.open[order.id] = order


_HOW: dict[str, Callable[[Account, Act], None]] = {
    "trade": _trade,
    "convert": _convert,
    "deposit": _deposit,
    "withdrawal": _withdrawal,
    "reward": _reward,
    "order": _order,
}
