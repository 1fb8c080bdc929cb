"""What can happen to an account, each with the rows the API shows of it and the entry in the true books."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from tallyglass.money import ROUNDED, ZERO, Amount, add, multiply, subtract, text
from tallyglass.sandbox.coinbase.account import Account, Fill, Order, Row, Transfer, fixed
from tallyglass.sandbox.coinbase.catalog import CURRENCIES, LISTED, MARKETS
from tallyglass.sandbox.model import Act

#: Assets whose rewards come from staking; the others earn interest.
STAKED = ("ETH", "SOL", "ADA", "DOT", "ATOM")
#: One in so many trades was filled in two parts.
SPLIT = 5


def trade(account: Account, act: Act) -> None:
    """A filled order: as the serial falls, a limit order, a market order by size, or one by money."""
    order = _past_order(account, act)
    parts = [(act.amount, act.cost, act.fee, act.time)]
    half = _half(act)
    if act.serial % SPLIT == 0 and half != ZERO:
        cost = _cut(multiply(act.cost, Decimal("0.5")), act.quote)
        fee = _cut(multiply(act.fee, Decimal("0.5")), act.quote)
        # every other split falls into one second, where v2 cannot tell the two fills apart
        later = act.time + timedelta(milliseconds=120 if act.serial % (2 * SPLIT) else 2400)
        parts = [
            (half, cost, fee, act.time),
            (subtract(act.amount, half), subtract(act.cost, cost), subtract(act.fee, fee), later),
        ]
    for part, (size, cost, fee, time) in enumerate(parts):
        fill(account, order, Fill(account.number(), time, order, act.price, size, cost, fee), f"{act.serial}.{part}")


def fill(account: Account, order: Order, part: Fill, tag: str) -> None:
    """One fill: a row in each wallet, the quote's net of the commission."""
    sign = Decimal(1 if order.side == "buy" else -1)
    order.fills.append(part)
    account.fills.add(part)
    base = multiply(sign, part.size)
    quote = multiply(-sign, part.cost)
    for currency, amount in ((order.base, base), (order.quote, subtract(quote, part.commission))):
        wallet = account.wallet(currency, since=part.time)
        account.add_row(wallet, "advanced_trade_fill", amount, part.time, detail=part, tag=tag and f"trade{tag}")
    account.books.post(
        f"trade:{order.id}:{int(part.time.timestamp())}",
        "trade",
        part.time,
        [
            ("spot", order.base, base, "principal"),
            ("spot", order.quote, quote, "principal"),
            ("spot", order.quote, -part.commission, "fee"),
        ],
    )


def convert(account: Account, act: Act, trade_id: str = "") -> None:
    """With fiat mostly a simple buy or sell, else (and for USDC) a conversion: two rows under one id."""
    simple = CURRENCIES[act.quote].fiat and act.base != "USDC" and act.serial % 3 != 0
    kind = act.side if simple else "trade"
    paid_fee = act.fee if act.fee_asset in ("", act.quote) else ZERO
    buying = act.side == "buy"
    base = act.amount if buying else -act.amount
    quote = -add(act.cost, paid_fee) if buying else subtract(act.cost, paid_fee)
    trade_id = trade_id or account.ids.uuid(kind, account.name, act.serial)
    money = {"amount": fixed(paid_fee, act.quote), "currency": act.quote}
    about: dict[str, object] = {"id": trade_id, "fee": money, "payment_method_name": f"{act.quote} Wallet"}
    if simple:
        about["subtotal"] = {"amount": fixed(act.cost, act.quote), "currency": act.quote}
        about["total"] = {"amount": fixed(abs(quote), act.quote), "currency": act.quote}
    elif act.serial % 2:
        del about["fee"]  # as some rows have it: the difference of the two worths is the fee
    legs = []
    for currency, amount in ((act.base, base), (act.quote, quote)):
        wallet = account.wallet(currency, since=act.time)
        account.add_row(wallet, kind, amount, act.time, detail={kind: about}, tag=f"{kind}{trade_id}")
        legs.append(("spot", currency, amount, "principal"))
    entry = {"trade": "convert"}.get(kind, kind)
    account.books.post(f"{entry}:{trade_id}", "conversion", act.time, legs)


def deposit(account: Account, act: Act) -> None:
    """Money from a bank, or coins from a chain."""
    amount = subtract(act.amount, act.fee)
    wallet = account.wallet(act.base, since=act.time)
    tag = f"deposit{act.serial}"
    if CURRENCIES[act.base].fiat:
        row = account.add_row(wallet, "fiat_deposit", amount, act.time, tag=tag)
        bank_transfer(account, row, "deposit", amount, ZERO)
    else:
        detail = {
            "network": _network(account, act.base, act.txid, tag),
            "from": {"resource": f"{LISTED[act.base].network}_network"},
        }
        # newer rows say what older ones called a send with a positive amount
        row_type = "receive" if act.serial % 4 == 1 else "send"
        row = account.add_row(wallet, row_type, amount, act.time, detail=detail, tag=tag)
    post(account, row, "deposit", ZERO)


def withdrawal(account: Account, act: Act) -> None:
    """Money to a bank, or coins to a chain with the network's fee included in the row."""
    amount = -add(act.amount, act.fee)
    wallet = account.wallet(act.base, since=act.time)
    tag = f"withdrawal{act.serial}"
    if CURRENCIES[act.base].fiat:
        row = account.add_row(wallet, "fiat_withdrawal", amount, act.time, tag=tag)
        bank_transfer(account, row, "withdrawal", act.amount, act.fee)
        post(account, row, "withdrawal", ZERO)
        return
    detail = send_detail(account, act.base, act.fee, tag)
    detail["network"] |= _network(account, act.base, act.txid, tag)
    post(account, account.add_row(wallet, "send", amount, act.time, detail=detail, tag=tag), "withdrawal", act.fee)


def reward(account: Account, act: Act) -> None:
    """From staking, or interest."""
    kind = "staking_reward" if act.base in STAKED else "interest"
    wallet = account.wallet(act.base, since=act.time)
    amount = subtract(act.amount, act.fee)
    post(account, account.add_row(wallet, kind, amount, act.time, tag=f"reward{act.serial}"), "reward", ZERO)


def open_order(account: Account, act: Act) -> None:
    """A limit order that waits. What was filled of it before has been recorded as a trade: that becomes this order."""
    config = {
        "base_size": text(act.amount),
        "limit_price": text(act.price),
        "post_only": False,
        "rfq_disabled": False,
    }
    begun = account.orders.items[-1] if act.filled and len(account.orders) else None
    if begun and (begun.base, begun.quote, begun.side, begun.size) == (act.base, act.quote, act.side, act.filled):
        begun.style, begun.config, begun.size, begun.price = "limit_limit_gtc", config, act.amount, act.price
        begun.status = "OPEN"
        account.open[begun.id] = begun
        return
    order_id = account.ids.uuid("order", account.name, act.serial)
    order = Order(
        order_id,
        account.number(),
        act.time,
        act.base,
        act.quote,
        act.side,
        "limit_limit_gtc",
        config,
        act.amount,
        act.price,
        filled_before=act.filled,
    )
    keep_order(account, order)


def keep_order(account: Account, order: Order) -> None:
    """Put an order on the books."""
    account.orders.add(order)
    account.order_of[order.id] = order
    if order.status == "OPEN":
        account.open[order.id] = order
        account.wallet(order.hold[0], since=order.time)


def close_order(account: Account, order: Order, status: str) -> None:
    """Take an order off the open ones."""
    order.status = status
    account.open.pop(order.id, None)


def fund_vault(account: Account, currency: str, amount: Amount, time: datetime) -> None:
    """Coins that came straight into the vault, long ago."""
    vault = account.wallet(currency, "vault", since=time)
    detail = {
        "network": _network(account, currency, "", "vault"),
        "from": {"resource": f"{LISTED[currency].network}_network"},
    }
    row = account.add_row(vault, "send", amount, time, detail=detail, tag="vault")
    account.books.post(f"tx:{row.id}", "deposit", time, [("vault", currency, amount, "principal")])


def expect(account: Account, currency: str, amount: Amount, time: datetime, arrival: datetime) -> None:
    """Coins on their way in: a pending row, no part of any balance until they arrive."""
    wallet = account.wallet(currency, since=time)
    detail = {
        "network": {"status": "pending", "network_name": LISTED[currency].network},
        "from": {"resource": f"{LISTED[currency].network}_network"},
    }
    row = account.add_row(wallet, "send", amount, time, detail=detail, status="pending", tag="expected")
    account.pending.append((arrival, row))


def arrive(account: Account, now: datetime) -> None:
    """Sends whose time has come are confirmed: they gain a hash, and count."""
    if not account.pending:
        return
    due = [row for moment, row in account.pending if moment <= now]
    account.pending = [(moment, row) for moment, row in account.pending if moment > now]
    for row in due:
        assert isinstance(row.detail, dict)  # noqa: S101 -- only sends wait here
        row.detail["network"] |= _network(account, row.wallet.currency, "", row.id)
        account.settle(row)
        fee = row.detail["network"].get("transaction_fee", {"amount": "0"})["amount"]
        post(account, row, "withdrawal" if row.amount < ZERO else "deposit", Decimal(fee))


def send_detail(account: Account, currency: str, fee: Amount, tag: object) -> dict[str, Any]:
    """The members that a send to a chain has."""
    return {
        "idem": account.ids.uuid("idem", account.name, tag),
        "cancelable": False,
        "network": {
            "status": "pending",
            "network_name": LISTED[currency].network,
            "transaction_fee": {"amount": fixed(fee, currency), "currency": currency},
        },
        "to": {"resource": "address", "address": address(account, currency, tag)},
    }


def address(account: Account, currency: str, tag: object) -> str:
    """An address of the outside world."""
    return f"{LISTED[currency].network[:3]}1q{account.ids.hex(16, 'address', account.name, currency, tag)}"


def bank_transfer(account: Account, row: Row, kind: str, amount: Amount, fee: Amount) -> Transfer:
    """The deposit or withdrawal behind a fiat row."""
    transfer_id, number = account.ids.uuid("transfer", row.id), account.number()
    made = Transfer(transfer_id, number, row.time, "deposit" if kind == "deposit" else "withdrawal", row, amount, fee)
    account.transfers.add(made)
    return made


def post(account: Account, row: Row, kind: str, fee: Amount) -> None:
    """A row of a wallet as an entry of its own, with the fee that its amount contains."""
    currency = row.wallet.currency
    legs = [("spot", currency, add(row.amount, fee), "principal"), ("spot", currency, -fee, "fee")]
    account.books.post(f"tx:{row.id}", kind, row.time, legs)


def _network(account: Account, currency: str, txid: str, tag: object) -> dict[str, object]:
    return {
        "status": "confirmed",
        "hash": txid or account.ids.hex(32, "hash", account.name, tag),
        "network_name": LISTED[currency].network,
    }


def _past_order(account: Account, act: Act) -> Order:
    style, config = "market_market_ioc", {"base_size": text(act.amount), "rfq_disabled": False}
    if act.serial % 3 == 0:
        style = "limit_limit_gtc"
        config |= {"limit_price": text(act.price), "post_only": False}
    elif act.side == "buy" and act.serial % 3 == 1:
        config = {"quote_size": text(add(act.cost, act.fee)), "rfq_disabled": False}
    order = Order(
        account.ids.uuid("order", account.name, act.serial),
        account.number(),
        act.time - timedelta(milliseconds=250),
        act.base,
        act.quote,
        act.side,
        style,
        config,
        act.amount,
        act.price,
        "FILLED",
    )
    keep_order(account, order)
    return order


def _half(act: Act) -> Amount:
    """Half of the size, in steps of the market."""
    step = Decimal(1).scaleb(-MARKETS[f"{act.base}-{act.quote}"].amount_decimals)
    return multiply(act.amount, Decimal("0.5")).quantize(step, ROUND_DOWN, context=ROUNDED)


def _cut(amount: Amount, currency: str) -> Amount:
    return amount.quantize(Decimal(1).scaleb(-CURRENCIES[currency].exponent), ROUND_DOWN, context=ROUNDED)
