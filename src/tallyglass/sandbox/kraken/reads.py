"""The private reads: key, balances, orders, trades, ledger, transfers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from tallyglass.money import ROUNDED, ZERO, Amount, divide, multiply, total
from tallyglass.sandbox.kraken import shown
from tallyglass.sandbox.kraken.account import Funding, Order, Row, Trade
from tallyglass.sandbox.kraken.house import Answer, Call, permissions
from tallyglass.sandbox.kraken.names import commas, digits
from tallyglass.sandbox.kraken.params import Refused
from tallyglass.sandbox.kraken.timeline import Dated, Timeline

_PAGE = 50
_SNAKE = {
    "apiKeyName": "api_key_name",
    "apiKey": "api_key",
    "nonceWindow": "nonce_window",
    "validUntil": "valid_until",
    "queryFrom": "query_from",
    "queryTo": "query_to",
    "createdTime": "created_time",
    "modifiedTime": "modified_time",
    "ipAllowlist": "ip_allowlist",
    "lastUsed": "last_used",
}
_LEDGER_TYPES = frozenset(
    (
        *("all", "trade", "deposit", "withdrawal", "transfer", "margin", "adjustment", "rollover", "credit"),
        *("settled", "staking", "dividend", "sale", "nft_rebate"),
    )
)


def key_info(call: Call) -> dict[str, Any]:
    """docs.kraken.com get-api-key-info: camelCase there, snake_case in what others recorded; `house.casing` chooses."""
    key, memory = call.key, call.key.memory
    snake = call.house.casing == "snake"
    window = memory.get("nonce_window", 0)
    info: dict[str, Any] = {
        "apiKeyName": key.kind.replace("_", " "),
        "apiKey": key.fields["key"],
        "nonce": str(memory.get("nonce", 0)),
        "nonceWindow": str(window) if snake else window,
        "permissions": permissions(key),
        "iban": _account_number(call),
        "validUntil": str(memory.get("valid_until", 0)),
        "queryFrom": str(memory.get("query_from", 0)),
        "queryTo": str(memory.get("query_to", 0)),
        "createdTime": str(int(key.created)),
        "modifiedTime": str(int(key.created)),
        "ipAllowlist": key.ip_list or ([""] if snake else []),
        "lastUsed": str(int(memory["last_used"])) if "last_used" in memory else None,
    }
    return {_SNAKE.get(name, name): value for name, value in info.items()} if snake else info


def _account_number(call: Call) -> str:
    letters = call.account.fixed_id("iban").take(8)
    return f"AA{call.house.seed % 90 + 10} N84G {letters[:4]} {letters[4:]}"


def balance(call: Call) -> dict[str, str]:
    """docs.kraken.com get-account-balance: all that was ever held, holds of orders not taken off."""
    names, modern = call.house.names, call.params.text("assetVersion") == "1"
    return {
        names.modern(code) if modern else code: digits(amount, names.decimals(code))
        for code, amount in call.account.balances.items()
    }


def balance_ex(call: Call) -> dict[str, dict[str, str]]:
    """docs.kraken.com get-extended-balance; the numbers are texts on the wire."""
    names, held = call.house.names, call.account.held()
    return {
        code: {
            "balance": digits(amount, names.decimals(code)),
            "hold_trade": digits(held.get(code, ZERO), names.decimals(code)),
        }
        for code, amount in call.account.balances.items()
    }


def trade_balance(call: Call) -> dict[str, str]:
    """docs.kraken.com get-trade-balance. Open positions show what they keep as security, and their cost."""
    asset = call.house.names.find_asset(call.params.text("asset", "ZUSD"))
    if asset is None:
        raise Refused("EQuery:Unknown asset")
    worth = digits(cut(divide(worth_usd(call), call.house.prices.usd(asset.symbol)), 4), 4)
    nothing = dict.fromkeys(("m", "uv", "n", "c", "v"), "0.0000")
    positions = call.account.positions.values()
    if positions:
        held, cost = (
            digits(cut(total(each), 4), 4) for each in zip(*((p.margin, p.cost) for p in positions), strict=True)
        )
        nothing |= {"m": held, "c": cost, "v": cost}
    return {"eb": worth, "tb": worth, **nothing, "e": worth, "mf": worth}


def worth_usd(call: Call) -> Amount:
    """Of all balances; fee credits are no money."""
    names, sums = call.house.names, ZERO
    for code, amount in call.account.balances.items():
        symbol = names.split(code)[0]
        if symbol != "KFEE" and names.find_asset(symbol):
            sums += multiply(amount, call.house.prices.usd(symbol))
    return sums


def cut(amount: Amount, decimals: int) -> Amount:
    """To so many decimals."""
    return amount.quantize(Decimal(1).scaleb(-decimals), context=ROUNDED)


def open_orders(call: Call) -> dict[str, Any]:
    """docs.kraken.com get-open-orders: all at once, no count."""
    with_trades = call.params.flag("trades")
    newest = sorted(call.account.open.values(), key=lambda order: order.opened, reverse=True)
    return {"open": {each.id: shown.order(each, trades=with_trades) for each in newest if _asked_for(call, each)}}


def _asked_for(call: Call, order: Order) -> bool:
    userref, name = call.params.text("userref"), call.params.text("cl_ord_id")
    return (not userref or userref == str(order.userref)) and (not name or name == order.cl_ord_id)


def closed_orders(call: Call) -> dict[str, Any]:
    """docs.kraken.com get-closed-orders."""
    params, account = call.params, call.account
    tested = params.text("closetime", "both")
    if tested not in ("open", "close", "both"):
        raise Refused("EGeneral:Invalid arguments:closetime")
    line = account.closed_by_opening if tested == "open" else account.closed
    if params.text("userref") or params.text("cl_ord_id"):
        name = (tested, params.text("userref"), params.text("cl_ord_id"))
        line = line.view(name, lambda order: _asked_for(call, order))
    items, count = _page(call, line)
    with_trades = params.flag("trades")
    page = {"closed": {each.id: shown.order(each, trades=with_trades) for each in items}}
    return _counted(call, page, count)


def query_orders(call: Call) -> dict[str, Any]:
    """docs.kraken.com get-orders-info: a bare map. Which right it takes depends on whether the order is open."""
    account, rights = call.account, permissions(call.key)
    found: dict[str, Any] = {}
    for txid in call.params.items("txid", 50):
        is_open = txid in account.open
        order = account.open.get(txid) or account.closed.get(txid)
        if order is None:
            raise Refused("EOrder:Invalid order")
        if ("query-open-trades" if is_open else "query-closed-trades") not in rights:
            raise Refused("EGeneral:Permission denied")
        found[txid] = shown.order(order, trades=call.params.flag("trades"))
    return found


def _on_margin(trade: Trade) -> bool:
    return trade.position is not None


_POSITIONS: dict[str, tuple[str, Callable[[Trade], bool]]] = {
    "any position": ("margin", _on_margin),
    "closed position": ("margin", _on_margin),
    "closing position": ("closing", lambda trade: trade.position is not None and not trade.opens),
    "no position": ("spot", lambda trade: trade.position is None),
}


def trades_history(call: Call) -> dict[str, Any]:
    """docs.kraken.com get-trade-history: fills of orders only, never instant buys."""
    kind = call.params.text("type", "all")
    if kind != "all" and kind not in _POSITIONS:
        raise Refused("EGeneral:Invalid arguments:type")
    line = call.account.trades
    if kind != "all":
        line = line.view(*_POSITIONS[kind])
    if kind == "closed position":  # which a position becomes long after its fill
        line = line.kept(lambda trade: trade.opens and trade.position is not None and bool(trade.position.closings))
    items, count = _page(call, line)
    ledgers = call.params.flag("ledgers")
    return _counted(call, {"trades": {each.id: shown.trade(each, ledgers=ledgers) for each in items}}, count)


def query_trades(call: Call) -> dict[str, Any]:
    """docs.kraken.com get-trades-info."""
    found = {txid: call.account.trades.get(txid) for txid in call.params.items("txid", 20)}
    return {txid: shown.trade(_there(each)) for txid, each in found.items()}


def ledgers(call: Call) -> dict[str, Any]:
    """docs.kraken.com get-ledgers. No filter knows `earn`, `spend` or `receive`."""
    params, names = call.params, call.house.names
    kind, assets = params.text("type", "all"), params.text("asset", "all")
    if kind not in _LEDGER_TYPES:
        raise Refused("EGeneral:Invalid arguments:type")
    codes: frozenset[str] = frozenset()
    if assets != "all":
        found = {each: names.find_asset(each) for each in commas(assets)}
        codes = frozenset(asset.code if asset else name for name, asset in found.items())
    kinds = {"all": (), "sale": ("spend", "receive", "sale")}.get(kind, (kind,))

    def keep(row: Row) -> bool:
        return (not kinds or row.type in kinds) and (not codes or row.code in codes)

    line = call.account.ledger.view((kinds, codes), keep) if kinds or codes else call.account.ledger
    items, count = _page(call, line)
    return _counted(call, {"ledger": {each.id: shown.ledger_row(each, names) for each in items}}, count)


def query_ledgers(call: Call) -> dict[str, Any]:
    """docs.kraken.com get-ledgers-info."""
    found = {row_id: call.account.ledger.get(row_id) for row_id in call.params.items("id", 20)}
    return {row_id: shown.ledger_row(_there(each), call.house.names) for row_id, each in found.items()}


Item = TypeVar("Item", bound=Dated)


def _there(found: Item | None) -> Item:
    if found is None:
        raise Refused("EOrder:Invalid order")
    return found


def _page(call: Call, line: Timeline[Item]) -> tuple[list[Item], int]:
    """Fifty, newest first, after `start` and up to `end`, within the window that the key itself has."""
    start, end = call.params.bound("start"), call.params.bound("end")
    own_from, own_to = call.key.memory.get("query_from", 0), call.key.memory.get("query_to", 0)
    if own_from and not isinstance(start, str):
        start = max(start or 0.0, float(own_from))
    if own_to and not isinstance(end, str):
        end = min(end or float(own_to), float(own_to))
    ofs, size = call.params.whole("ofs"), call.request.shrunk(_PAGE)
    try:
        rows, count = line.page(start, end, ofs, size)
        if rows and ofs and call.request.overlap:
            rows, count = line.page(start, end, max(ofs - call.request.overlap, 0), size)
    except KeyError:
        raise Refused("EGeneral:Invalid arguments") from None
    return rows, count


def _counted(call: Call, page: dict[str, Any], count: int) -> dict[str, Any]:
    return page if call.params.flag("without_count") else {**page, "count": count}


def deposit_status(call: Call) -> Any:
    """docs.kraken.com get-status-recent-deposits: the last 25, or all of them by cursor."""
    rows, cursor = _fundings(call, call.account.deposits, 25)
    listed = [shown.deposit(each, call.house.names) for each in rows]
    return {"deposit": listed, "next_cursor": cursor} if call.params.text("cursor") not in ("", "false") else listed


def withdraw_status(call: Call) -> Any:
    """docs.kraken.com get-status-recent-withdrawals: opens with query-ledger too."""
    rows, cursor = _fundings(call, call.account.withdrawals, 500)
    listed = [shown.withdrawal(each, call.house.names) for each in rows]
    return {"withdrawals": listed, "next_cursor": cursor} if call.params.text("cursor") not in ("", "false") else listed


def _fundings(call: Call, line: Timeline[Funding], limit: int) -> tuple[list[Funding], str | None]:
    """One page, newest first, and the cursor to the next; both bounds belong to the window here."""
    params, cursor = call.params, call.params.text("cursor")
    asset, way = params.text("asset"), params.text("method")
    if asset or way:
        found = call.house.names.find_asset(asset)
        code = found.code if found else asset
        line = line.view((code, way), lambda each: (not asset or each.code == code) and way in ("", each.method))
    start, end = params.bound("start"), params.bound("end")
    if isinstance(start, str) or isinstance(end, str):
        raise Refused("EGeneral:Invalid arguments")
    offset = int(cursor) if cursor.isdecimal() else 0
    size = call.request.shrunk(params.whole("limit", limit))
    again = min(offset, call.request.overlap)
    rows, count = line.page(None if start is None else start - 0.5, end, offset - again, size + again)
    return rows, str(offset + size) if offset + size < count else None


READS: dict[str, Answer] = {
    "GetApiKeyInfo": key_info,
    "Balance": balance,
    "BalanceEx": balance_ex,
    "TradeBalance": trade_balance,
    "OpenOrders": open_orders,
    "ClosedOrders": closed_orders,
    "QueryOrders": query_orders,
    "TradesHistory": trades_history,
    "QueryTrades": query_trades,
    "Ledgers": ledgers,
    "QueryLedgers": query_ledgers,
    "DepositStatus": deposit_status,
    "WithdrawStatus": withdraw_status,
}
