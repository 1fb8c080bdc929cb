"""How an act of the world becomes a Binance account's rows and true books."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Final

from tallyglass.money import EXACT, ROUNDED, ZERO, Amount, add, divide, multiply, subtract, text
from tallyglass.sandbox.binance.account import Account, Order, Trade, micros, moment
from tallyglass.sandbox.binance.markets import FIAT, Market, eight, network, rounded
from tallyglass.sandbox.model import Act, Prices

_DISCOUNT: Final = Decimal("0.75")
"""Fees paid in BNB are a quarter lower (rest-api.md, "Query Commission Rates")."""
_COMPLETE_TIME_SINCE: Final = 1_741_219_200_000
"""2025-03-06: older deposits have no `completeTime`."""


def happen(account: Account, act: Act, prices: Prices) -> int:
    """Book an act and remember the rows that the API shows of it; its time, in microseconds of whole milliseconds."""
    us = micros(act.time) // 1000 * 1000
    account.updated = max(account.updated, us)
    if act.kind == "trade":
        _trade(account, act, us, prices)
    elif act.kind == "order":
        _order(account, act, us)
    elif act.kind == "deposit":
        (_fiat if act.base in FIAT else _deposit)(account, act, us)
    elif act.kind == "withdrawal":
        (_fiat if act.base in FIAT else _withdrawal)(account, act, us)
    elif act.kind == "reward":
        _reward(account, act, us)
    else:
        _convert(account, act, us)
    return us


def new_order(account: Account, market: Market, **facts: object) -> Order:
    """An order with the next id of its market, entered in the account."""
    desk = account.desk(market.symbol)
    desk.next_order += account.rng.randrange(1, 40)
    order = Order(id=desk.next_order, market=market, **facts)  # type: ignore[arg-type]
    desk.orders.add(order.id, order)
    desk.orders_by_time.add(order.time, order)
    if order.open:
        account.open[market.symbol, order.id] = order
    return order


def fill(account: Account, order: Order, trade: Trade) -> None:
    """Enter a fill: rows, the order's state, and the books."""
    desk = account.desk(order.market.symbol)
    desk.trades.add(trade.id, trade)
    desk.trades_by_time.add(trade.time, trade)
    # an order that one trade fills shares its figures: there are hundreds of thousands of these
    order.filled = add(order.filled, trade.amount) if order.filled else trade.amount
    order.spent = add(order.spent, trade.cost) if order.spent else trade.cost
    order.trades = (*order.trades, trade)
    order.updated = trade.time
    base, quote = trade.amount, EXACT.minus(trade.cost)
    if order.side == "SELL":
        base, quote = EXACT.minus(base), trade.cost
    account.books.post(
        f"trade:{order.market.symbol}:{trade.id}",
        "trade",
        moment(trade.time),
        [
            ("spot", order.market.base, base, "principal"),
            ("spot", order.market.quote, quote, "principal"),
            ("spot", trade.fee_asset, EXACT.minus(trade.fee), "fee"),
        ],
    )
    if order.filled >= order.amount:
        order.status = "FILLED"
        account.open.pop((order.market.symbol, order.id), None)


def cancel(account: Account, order: Order, us: int) -> None:
    """End an open order; what it held back is free again."""
    order.status = "CANCELED"
    order.updated = us
    del account.open[order.market.symbol, order.id]


def next_trade_id(account: Account, market: Market) -> int:
    """The market's next trade id: others trade too, so ids have gaps."""
    desk = account.desk(market.symbol)
    desk.next_trade += account.rng.randrange(1, 60)
    return desk.next_trade


def fee_of(account: Account, act: Act, prices: Prices) -> tuple[Amount, str]:
    """The fee and its asset: as the world says, now and then in BNB instead, where there is some."""
    if act.fee == ZERO or act.serial % 6 or "BNB" in {act.base, act.quote}:
        return act.fee, act.fee_asset
    value = multiply(multiply(act.fee, _DISCOUNT), prices.usd(act.fee_asset))
    in_bnb = rounded(divide(value, prices.usd("BNB")))
    if ZERO < in_bnb <= account.free("BNB"):
        return in_bnb, "BNB"
    return act.fee, act.fee_asset


def _trade(account: Account, act: Act, us: int, prices: Prices) -> None:
    market = account.listed.markets[act.base + act.quote]
    fee, fee_asset = fee_of(account, act, prices)
    maker = act.serial % 4 == 0
    order = new_order(
        account,
        market,
        side=act.side.upper(),
        type="LIMIT" if maker else "MARKET",
        price=act.price if maker else ZERO,
        amount=act.amount,
        quote_amount=ZERO if maker else act.cost,
        time=us - (60_000_000 if maker else 0),
        updated=us,
        status="FILLED",
    )
    for amount, cost, part in _fills(act, market, fee):
        trade_id = next_trade_id(account, market)
        fill(account, order, Trade(trade_id, order, act.price, amount, cost, part, fee_asset, us, maker))


def _fills(act: Act, market: Market, fee: Amount) -> list[tuple[Amount, Amount, Amount]]:
    """(amount, cost, fee) of each fill: some orders meet two others in the book."""
    first = EXACT.multiply(act.amount, Decimal("0.4")).quantize(market.step, ROUND_DOWN, context=ROUNDED)
    cost = multiply(first, act.price)
    if act.serial % 7 or first == ZERO or cost >= act.cost:
        return [(act.amount, act.cost, fee)]
    cost = rounded(cost)
    part = rounded(multiply(fee, Decimal("0.4")))
    return [(first, cost, part), (subtract(act.amount, first), subtract(act.cost, cost), subtract(fee, part))]


def _order(account: Account, act: Act, us: int) -> None:
    order = new_order(
        account,
        account.listed.markets[act.base + act.quote],
        side=act.side.upper(),
        type="LIMIT",
        price=act.price,
        amount=act.amount,
        time=us,
        updated=us,
        filled=act.filled,
        spent=multiply(act.filled, act.price),
    )
    if act.filled:
        order.status = "PARTIALLY_FILLED"


def txid(account: Account, act: Act) -> str:
    """The transaction's hash as the chain writes it."""
    return act.txid or hashlib.sha256(f"{account.name}:{act.serial}:{act.kind}".encode()).hexdigest()


def address(account: Account, coin: str) -> str:
    """The account's own address of a coin: something of the right length."""
    raw = hashlib.sha256(f"{account.uid}:{network(coin)}".encode()).digest()
    return base64.b32encode(raw).decode().rstrip("=").lower()[:42]


def deposit_row(account: Account, coin: str, amount: Amount, ms: int) -> dict[str, object]:
    """A credited deposit, but for its `id` and `txId`."""
    row: dict[str, object] = {
        "amount": text(amount),
        "coin": coin,
        "network": network(coin),
        "status": 1,
        "address": address(account, coin),
        "addressTag": "",
        "insertTime": ms,
        "transferType": 0,
        "confirmTimes": "2/2",
        "unlockConfirm": 2,
        "walletType": 0,
        "travelRuleStatus": 0,
    }
    return row | {"completeTime": ms + 61_000} if ms >= _COMPLETE_TIME_SINCE else row


def _deposit(account: Account, act: Act, us: int) -> None:
    ms = us // 1000
    number = str(account.number("deposits"))
    arrived = subtract(act.amount, act.fee)
    row = deposit_row(account, act.base, arrived, ms) | {"id": number, "txId": txid(account, act)}
    if act.serial % 4 == 3:
        row["status"] = 6  # credited, but not yet free to be withdrawn
    account.histories["deposits"].add(ms, row)
    account.books.post(f"deposit:{number}", "deposit", moment(us), [("spot", act.base, arrived, "principal")])


def withdrawal_row(account: Account, coin: str, amount: Amount, fee: Amount, second: int) -> dict[str, object]:
    """A completed withdrawal; `second` since 1970, for its times are texts without fractions and without a zone."""
    applied = moment(second * 1_000_000)
    return {
        "id": account.token(),
        "amount": text(amount),
        "transactionFee": text(fee),
        "coin": coin,
        "status": 6,
        "address": address(account, coin)[::-1],
        "txId": account.token(64),
        "applyTime": f"{applied:%Y-%m-%d %H:%M:%S}",
        "network": network(coin),
        "transferType": 0,
        "info": "",
        "confirmNo": 12,
        "walletType": 0,
        "txKey": "",
        "completeTime": f"{applied + timedelta(seconds=95):%Y-%m-%d %H:%M:%S}",
    }


def _withdrawal(account: Account, act: Act, us: int) -> None:
    second = us // 1_000_000
    row = {**withdrawal_row(account, act.base, act.amount, act.fee, second), "txId": txid(account, act)}
    enter_withdrawal(account, row, act.amount, act.fee, second)


def enter_withdrawal(account: Account, row: dict[str, object], amount: Amount, fee: Amount, second: int) -> None:
    """Show a withdrawal and take it from the balance, its fee on top."""
    coin = str(row["coin"])
    account.histories["withdrawals"].add(second * 1000, row)
    account.books.post(
        f"withdrawal:{row['id']}",
        "withdrawal",
        moment(second * 1_000_000),
        [("spot", coin, EXACT.minus(amount), "principal"), ("spot", coin, EXACT.minus(fee), "fee")],
    )


def _fiat(account: Account, act: Act, us: int) -> None:
    """Bank money: `amount` is what reaches its aim, `totalFee` what is lost on the way, `indicatedAmount` both."""
    ms = us // 1000
    number = account.token()
    coming = act.kind == "deposit"
    net = subtract(act.amount, act.fee) if coming else act.amount
    gross = act.amount if coming else add(act.amount, act.fee)
    account.histories["fiat"].add(
        ms,
        {
            "orderNo": number,
            "fiatCurrency": act.base,
            "indicatedAmount": text(gross),
            "amount": text(net),
            "totalFee": text(act.fee),
            "method": "BankAccount",
            "status": "Successful",
            "createTime": ms,
            "updateTime": ms + 60_000,
            "_kind": "0" if coming else "1",
        },
    )
    account.books.post(
        f"fiat:{number}",
        act.kind,
        moment(us),
        [
            ("spot", act.base, act.amount if coming else EXACT.minus(act.amount), "principal"),
            ("spot", act.base, EXACT.minus(act.fee), "fee"),
        ],
    )


def dividend(account: Account, us: int, asset: str, amount: Amount, info: str, tran: int | None = None) -> None:
    """A distribution to spot, of whatever product. `tran` is of the payout run, and comes again."""
    number = account.number("dividends")
    account.histories["dividends"].add(
        us // 1000,
        {
            "id": number,
            "amount": eight(amount),
            "asset": asset,
            "divTime": us // 1000,
            "enInfo": info,
            "tranId": number if tran is None else tran,
            "direction": 1,
        },
    )
    account.books.post(f"reward:{number}", "reward", moment(us), [("spot", asset, amount, "principal")])


def _reward(account: Account, act: Act, us: int) -> None:
    ms, amount = us // 1000, subtract(act.amount, act.fee)
    staked = act.serial % 3 == 0
    # one payout run, several rows: its number is not the row's
    dividend(account, us, act.base, amount, "Launchpool" if staked else "Flexible", 3_000_000_000 + act.serial // 2)
    if not staked:
        account.histories["earnings"].add(
            ms,
            {"asset": act.base, "rewards": eight(amount), "projectId": f"{act.base}001", "type": "BONUS", "time": ms},
        )


def _convert(account: Account, act: Act, us: int) -> None:
    """A conversion has no fee of its own: the spread is the fee."""
    given, gave = (act.quote, act.cost) if act.side == "buy" else (act.base, act.amount)
    taken, took = (act.base, act.amount) if act.side == "buy" else (act.quote, act.cost)
    if act.fee_asset == taken:
        took = subtract(took, act.fee)
    elif act.fee_asset == given:
        gave = add(gave, act.fee)
    enter_convert(account, (given, gave), (taken, took), us)


def enter_convert(account: Account, given: tuple[str, Amount], taken: tuple[str, Amount], us: int) -> int:
    """Show and book a conversion; its order id, beyond what a double can hold."""
    number = account.number("converts")
    account.histories["converts"].add(
        us // 1000,
        {
            "quoteId": account.token(),
            "orderId": number,
            "orderStatus": "SUCCESS",
            "fromAsset": given[0],
            "fromAmount": text(given[1]),
            "toAsset": taken[0],
            "toAmount": text(taken[1]),
            "ratio": text(rounded(divide(taken[1], given[1]), 12)),
            "inverseRatio": text(rounded(divide(given[1], taken[1]), 12)),
            "createTime": us // 1000,
        },
    )
    legs = [("spot", given[0], EXACT.minus(given[1]), "principal"), ("spot", taken[0], taken[1], "principal")]
    account.books.post(f"convert:{number}", "conversion", moment(us), legs)
    return number
