"""The writes that move money: convert, portfolios, sends, bank deposits and withdrawals. They really act."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_UP, Decimal
from typing import Any

from tallyglass.money import ROUNDED, ZERO, Amount, add, divide
from tallyglass.sandbox.coinbase.account import Account, Row, Transfer, Wallet
from tallyglass.sandbox.coinbase.answers import Call, Route, figure_of, v2_error, v3_error, value
from tallyglass.sandbox.coinbase.catalog import CURRENCIES
from tallyglass.sandbox.coinbase.events import convert, send_detail
from tallyglass.sandbox.coinbase.public import step
from tallyglass.sandbox.coinbase.rows import row_v2, transfer_v2
from tallyglass.sandbox.coinbase.v2 import data, wallet_of
from tallyglass.sandbox.coinbase.v3 import portfolio_list
from tallyglass.sandbox.model import Act, Outgoing

#: A send is confirmed so long after it was ordered.
CONFIRMED_AFTER = timedelta(seconds=5)
_CONVERTIBLE = {("USD", "USDC"), ("USDC", "USD")}


def _money(given: object, currency: str, error: Exception) -> Amount:
    """A positive amount with no more decimals than the currency has."""
    return figure_of(given, CURRENCIES[currency].exponent, error)


def _currency(account: Account, given: object) -> str:
    """The currency of an account that is given by its id or by its code."""
    wallet = account.find_wallet(str(given))
    if wallet is None and str(given) not in CURRENCIES:
        raise v3_error(400, "INVALID_ARGUMENT", "account is not available")
    return wallet.currency if wallet else str(given)


def quote(call: Call) -> Outgoing:
    """POST convert/quote: an offer; nothing moves yet."""
    body, account = call.body(), call.mine
    source, target = _currency(account, body.get("from_account")), _currency(account, body.get("to_account"))
    if (source, target) not in _CONVERTIBLE:
        raise v3_error(403, "PERMISSION_DENIED", "User is not allowed to convert crypto")
    figure = _money(body.get("amount"), "USD", v3_error(400, "INVALID_ARGUMENT", "invalid amount"))
    trade_id = account.ids.uuid("quote", account.name, account.number())
    account.quotes[trade_id] = _quote(account, trade_id, source, target, figure)
    return Outgoing.json({"trade": account.quotes[trade_id]})


def _quote(account: Account, trade_id: str, source: str, target: str, figure: Amount) -> dict[str, Any]:
    def one(currency: str, scale: int) -> dict[str, Any]:
        return {"amount": value(Decimal(1), currency), "scale": scale}

    return {
        "id": trade_id,
        "status": "TRADE_STATUS_CREATED",
        "user_entered_amount": value(figure, source),
        "amount": value(figure, source),
        "subtotal": value(figure, target),
        "total": value(figure, target),
        "fees": [],
        "total_fee": {"title": "", "description": "", "amount": value(ZERO, target), "label": ""},
        "source": {"type": "LEDGER_ACCOUNT"},
        "target": {"type": "LEDGER_ACCOUNT"},
        "unit_price": {
            "target_to_fiat": one("USD", 2),
            "target_to_source": one(source, 6),
            "source_to_fiat": one("USD", 2),
        },
        "user_warnings": [],
        "user_reference": trade_id[:6].upper(),
        "source_currency": source,
        "target_currency": target,
        "source_id": account.wallet(source).id,
        "target_id": account.wallet(target).id,
        "exchange_rate": value(Decimal(1), target),
        "tax_details": [],
        "fiat_denoted_total": value(figure, "USD"),
    }


def _offer(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    found = call.mine.quotes.get(call.path[0])
    sides = [given.get("from_account"), given.get("to_account")]
    if found is None:
        raise v3_error(404, "NOT_FOUND", "trade not found")
    if [_currency(call.mine, each) for each in sides] != [found["source_currency"], found["target_currency"]]:
        raise v3_error(400, "INVALID_ARGUMENT", "account is not available")
    return found


def read_convert(call: Call) -> Outgoing:
    """GET convert/trade/{id}."""
    return Outgoing.json({"trade": _offer(call, {n: call.one(n) for n in ("from_account", "to_account")})})


def commit_convert(call: Call) -> Outgoing:
    """POST convert/trade/{id}: the offer is taken."""
    offer = _offer(call, call.body())
    if offer["status"] == "TRADE_STATUS_CREATED":
        figure = Decimal(offer["amount"]["value"])
        if call.mine.available(offer["source_currency"]) < figure:
            raise v3_error(400, "INVALID_ARGUMENT", "Insufficient balance in source account")
        side = "buy" if offer["target_currency"] == "USDC" else "sell"
        act = Act(
            *("convert", call.now, "USDC", figure, "USD"),
            side="buy" if side == "buy" else "sell",
            price=Decimal(1),
            cost=figure,
            serial=1,
        )
        convert(call.mine, act, offer["id"])
        offer["status"] = "TRADE_STATUS_COMPLETED"
    return Outgoing.json({"trade": offer})


def move_funds(call: Call) -> Outgoing:
    """POST portfolios/move_funds: out of the key's portfolio, and out of its view."""
    body, account = call.body(), call.mine
    funds = body.get("funds")
    source, target = str(body.get("source_portfolio_uuid")), str(body.get("target_portfolio_uuid"))
    known = {each["uuid"] for each in portfolio_list(account)}
    if not isinstance(funds, dict) or str(funds.get("currency")) not in CURRENCIES or {source, target} - known:
        raise v3_error(400, "INVALID_ARGUMENT", "invalid funds or portfolio")
    if source != account.user_id or target == source:
        raise v3_error(403, "PERMISSION_DENIED", "key is not permissioned for the source portfolio")
    currency = str(funds["currency"])
    figure = _money(funds.get("value"), currency, v3_error(400, "INVALID_ARGUMENT", "invalid funds"))
    if account.available(currency) < figure:
        raise v3_error(400, "INVALID_ARGUMENT", "insufficient funds in source portfolio")
    row = account.add_row(account.wallet(currency), "transfer", -figure, call.now)
    account.books.post(f"tx:{row.id}", "transfer", row.time, [("spot", currency, -figure, "principal")])
    account.moved[currency] = add(account.moved.get(currency, ZERO), figure)
    return Outgoing.json({"source_portfolio_uuid": source, "target_portfolio_uuid": target})


def make_portfolio(call: Call) -> Outgoing:
    """POST portfolios."""
    name = str(call.body().get("name", ""))
    if not name or name in {each["name"] for each in portfolio_list(call.mine)}:
        raise v3_error(400, "INVALID_ARGUMENT", "portfolio name is empty or taken")
    made = call.mine.ids.uuid("portfolio", call.mine.name, call.mine.number())
    call.mine.portfolios[made] = name
    return _portfolio(made, name)


def _portfolio(uuid: str, name: str) -> Outgoing:
    return Outgoing.json({"portfolio": {"name": name, "uuid": uuid, "type": "CONSUMER", "deleted": False}})


def _own_portfolio(call: Call) -> str:
    if call.path[0] not in call.mine.portfolios:
        raise v3_error(404, "NOT_FOUND", "portfolio not found")
    return call.path[0]


def rename_portfolio(call: Call) -> Outgoing:
    """PUT portfolios/{id}."""
    own, name = _own_portfolio(call), str(call.body().get("name", ""))
    call.mine.portfolios[own] = name
    return _portfolio(own, name)


def delete_portfolio(call: Call) -> Outgoing:
    """DELETE portfolios/{id}."""
    del call.mine.portfolios[_own_portfolio(call)]
    return Outgoing.json({})


def _own_wallet(call: Call, body: dict[str, Any]) -> Wallet:
    wallet = wallet_of(call)
    if wallet is None or not wallet.primary:
        raise v2_error(400, "validation_error", "This account cannot be used for that")
    if body.get("currency") != wallet.currency:
        raise v2_error(400, "validation_error", "Currency does not match the account")
    return wallet


def send(call: Call) -> Outgoing:
    """POST /v2/accounts/{id}/transactions: coins to an address; pending until the chain has them."""
    body, account = call.body(), call.mine
    for name in ("type", "to", "amount", "currency"):
        if not body.get(name):
            raise v2_error(400, "param_required", f"Required parameter missing: {name}")
    idem = str(body.get("idem", ""))
    if idem in account.idems:
        return data(call, row_v2(account.idems[idem]), 201)
    wallet = _own_wallet(call, body)
    currency = wallet.currency
    if body["type"] != "send" or wallet.kind == "fiat":
        raise v2_error(400, "validation_error", "Type is not supported")
    figure = _money(body["amount"], currency, v2_error(400, "validation_error", "Amount is invalid"))
    fee = _network_fee(call, currency)
    if account.available(currency) < add(figure, fee):
        raise v2_error(400, "validation_error", "You don't have that much")
    detail = send_detail(account, currency, fee, account.number())
    detail["to"] = {"resource": "address", "address": str(body["to"])}
    if idem:
        detail["idem"] = idem
    row = account.add_row(wallet, "send", -add(figure, fee), call.now, detail=detail, status="pending")
    account.pending.append((call.now + CONFIRMED_AFTER, row))
    if idem:
        account.idems[idem] = row
    return data(call, row_v2(row), 201)


def _network_fee(call: Call, currency: str) -> Amount:
    dollar_and_a_half = divide(Decimal("1.5"), call.prices.usd(currency))
    return dollar_and_a_half.quantize(step(min(8, CURRENCIES[currency].exponent)), ROUND_UP, context=ROUNDED)


def _commit(call: Call, transfer: Transfer) -> None:
    account, row = call.mine, transfer.row
    if transfer.kind == "withdrawal" and account.available(row.wallet.currency) < transfer.amount:
        raise v2_error(400, "validation_error", "You don't have that much")
    row.wallet.rows.add(row)
    account.rows[row.id] = row
    account.settle(row)
    account.transfers.add(transfer)
    legs = [("spot", row.wallet.currency, row.amount, "principal")]
    account.books.post(f"tx:{row.id}", transfer.kind, row.time, legs)


def _bank_routes(kind: str) -> list[Route]:
    def order(call: Call) -> Outgoing:
        body, account = call.body(), call.mine
        if body.get("payment_method") != account.ids.uuid("bank", account.name):
            raise v2_error(400, "validation_error", "Payment method is invalid")
        wallet = _own_wallet(call, body)
        if wallet.kind != "fiat":
            raise v2_error(400, "validation_error", "This account cannot be used for that")
        figure = _money(body.get("amount"), wallet.currency, v2_error(400, "validation_error", "Amount is invalid"))
        signed = figure if kind == "deposit" else -figure
        number = account.number()
        row_id = account.ids.uuid("row", account.name, wallet.id, number)
        native = account.native(signed, wallet.currency)
        row = Row(row_id, number, call.now, wallet, f"fiat_{kind}", "pending", signed, native, {})
        made = Transfer(
            account.ids.uuid("transfer", row.id),
            account.number(),
            call.now,
            "deposit" if kind == "deposit" else "withdrawal",
            row,
            figure,
            ZERO,
        )
        if body.get("commit") is True:
            _commit(call, made)
        else:
            account.drafts[made.id] = made
        return data(call, transfer_v2(account, made), 201)

    def commit(call: Call) -> Outgoing:
        made = call.mine.drafts.get(call.path[1])
        if made is None or made.kind != kind or made.row.wallet is not wallet_of(call):
            raise v2_error(404, "not_found", "Not found")
        _commit(call, made)
        del call.mine.drafts[made.id]
        return data(call, transfer_v2(call.mine, made), 201)

    base = f"/v2/accounts/{{}}/{kind}s"
    return [Route("POST", base, "transfer", order), Route("POST", f"{base}/{{}}/commit", "transfer", commit)]


_BASE = "/api/v3/brokerage"
ROUTES = [
    Route("POST", f"{_BASE}/convert/quote", "trade", quote),
    Route("GET", f"{_BASE}/convert/trade/{{}}", "read", read_convert),
    Route("POST", f"{_BASE}/convert/trade/{{}}", "trade", commit_convert),
    Route("POST", f"{_BASE}/portfolios/move_funds", "transfer", move_funds),
    Route("POST", f"{_BASE}/portfolios", "trade", make_portfolio),
    Route("PUT", f"{_BASE}/portfolios/{{}}", "trade", rename_portfolio),
    Route("DELETE", f"{_BASE}/portfolios/{{}}", "trade", delete_portfolio),
    Route("POST", "/v2/accounts/{}/transactions", "transfer", send),
    *_bank_routes("deposit"),
    *_bank_routes("withdrawal"),
]
