"""Locked earn, margin, futures, Pay and P2P: what they hold and what moved it, to the last digit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tallyglass.exchanges.binance.parse import parse
from tallyglass.exchanges.binance.permissions import fault
from tallyglass.exchanges.streams import Balance, Known, NotReadable, Parsed
from tallyglass.ledger.entries import Entry
from tallyglass.money import asset

PAYLOADS = Path(__file__).parent / "payloads"
NOTHING = Known()


def D(text: str | int) -> Decimal:  # noqa: N802 - short for a table of amounts
    return Decimal(text)


def page(read_id: str) -> Any:
    return json.loads((PAYLOADS / f"{read_id}.json").read_bytes())


def told(read_id: str, answer: Any = None) -> Parsed:
    found = parse(read_id, json.dumps(page(read_id) if answer is None else answer).encode(), NOTHING)
    assert found.unparsed == ()
    return found


def entries(read_id: str, answer: Any = None) -> list[Entry]:
    return [item for item in told(read_id, answer).items if isinstance(item, Entry)]


def legs(entry: Entry) -> list[tuple[str, str, Decimal, str]]:
    return [(leg.account, leg.asset, leg.amount, leg.role) for leg in entry.legs]


def owned(read_id: str) -> list[tuple[str, str, Decimal, Decimal | None]]:
    return [
        (item.account, item.asset, item.total, item.locked) for item in told(read_id).items if isinstance(item, Balance)
    ]


def test_what_the_account_has_not_opened_need_not_be_asked() -> None:
    found = told("balances.products")
    assert found.absent == {"balances.usdm", "balances.coinm"}
    assert set(found.wallets) == {"opened:MARGIN"}
    shut = told("balances.products", {**page("balances.products"), "isMarginEnabled": False})
    assert shut.absent == {"balances.usdm", "balances.coinm", "balances.margin", "balances.isolated"}


def test_a_product_that_is_not_told_of_is_asked() -> None:
    found = told("balances.products", {"vipLevel": 0})
    assert found.absent == frozenset()
    assert {"opened:MARGIN", "opened:UMFUTURE", "opened:CMFUTURE", "opened:OPTION"} <= set(found.wallets)


def test_an_account_without_margin_is_told_from_one_that_cannot_be_read() -> None:
    body = b'{"code":-3003,"msg":"Margin account does not exist."}'
    found = fault("balances.margin", 400, {}, body)
    assert found is not None
    assert (found.code, found.retry) == ("not_opened", False)
    futures = fault("balances.usdm", 401, {}, b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}')
    assert futures is not None
    assert (futures.code, futures.causes[0]) == ("ambiguous", "wrong_product")


@pytest.mark.parametrize("code", [-1121, -3021, -3028])
def test_a_market_without_margin_has_no_fills_there(code: int) -> None:
    found = fault("trades.margin", 400, {}, json.dumps({"code": code, "msg": "x"}).encode())
    assert found is not None
    assert found.code == "not_opened"


@pytest.mark.parametrize("read", ["trades", "trades.others", "trades.margin", "trades.isolated"])
def test_a_market_that_is_listed_no_more_has_no_fills_to_read(read: str) -> None:
    found = fault(read, 400, {}, b'{"code":-1121,"msg":"Invalid symbol."}')
    assert found is not None
    assert (found.code, found.retry) == ("not_opened", False)
    other = fault(read.replace("trades", "ledger"), 400, {}, b'{"code":-1121,"msg":"Invalid symbol."}')
    assert other is not None
    assert other.code == "bad_request"


def test_a_wallet_that_holds_something_and_is_not_read_is_reported() -> None:
    found = parse("balances.wallets", (PAYLOADS / "balances.wallets.json").read_bytes(), NOTHING)
    assert found.items == ()
    assert [piece.reason for piece in found.unparsed] == [
        "the wallet “Copy Trading” holds about 0.0031 BTC and is not read"
    ]


def test_locked_earn_is_a_wallet_of_its_own_and_wholly_locked() -> None:
    assert owned("balances.locked") == [
        ("earn-locked", "BNB", D("2.00000000"), D(2)),
        ("earn-locked", "BNB", D("0.50000000"), D("0.5")),
        ("earn-locked", "DOT", D("12.5"), D("12.5")),
    ]


def test_more_positions_than_one_answer_holds_are_asked_for() -> None:
    row = page("balances.locked")["rows"][0]
    rows = [{**row, "positionId": number} for number in range(100)]
    assert told("balances.locked", {"rows": rows, "total": 130}).more == {"current": "2"}
    assert told("balances.locked", {"rows": rows[:30], "total": 130}).more == {}
    assert told("balances.locked", {"rows": rows, "total": 100}).more == {}
    with pytest.raises(NotReadable, match="twice"):
        told("balances.locked", {"rows": [row, row], "total": 2})
    assert told("balances.locked", {"total": 0}).items == ()


def test_what_is_owed_on_margin_is_taken_off() -> None:
    assert owned("balances.margin") == [
        ("margin", "BNB", D("1.25"), D("0.25")),
        ("margin", "USDT", D("-180.5123"), D(0)),
    ]
    assert owned("balances.isolated") == [
        ("margin-isolated", "BNB", D("0.5"), D(0)),
        ("margin-isolated", "USDT", D("-15.5"), D(0)),
        ("margin-isolated", "USDT", D(5), D(1)),
    ]
    assert told("balances.isolated").wallets == {"isolated:BNBUSDT": asset("BNB"), "isolated:ETHUSDT": asset("ETH")}


def test_a_futures_wallet_holds_no_profit_that_is_not_realised() -> None:
    assert owned("balances.usdm") == [("futures-usd-m", "USDT", D("100.25"), None)]
    assert owned("balances.coinm") == [("futures-coin-m", "BTC", D("0.01"), None)]


@pytest.mark.parametrize("read_id", ["balances.margin", "balances.isolated", "balances.usdm", "balances.coinm"])
def test_what_stands_twice_is_not_counted_at_all(read_id: str) -> None:
    answer = page(read_id)
    rows = answer if isinstance(answer, list) else answer.get("userAssets", answer.get("assets"))
    rows.append(rows[0])
    with pytest.raises(NotReadable, match="stands twice"):
        told(read_id, answer)


def test_fills_on_margin() -> None:
    sold, bought = entries("trades.margin")
    assert (sold.id, sold.kind, sold.note) == ("margin-trade:BNBUSDT:34001", "trade", "sell")
    assert legs(sold) == [
        ("margin", "BNB", D("-0.1"), "principal"),
        ("margin", "USDT", D("62.0"), "principal"),
        ("margin", "BNB", D("-0.00006"), "fee"),
    ]
    assert legs(bought)[1:] == [("margin", "USDT", D("-62.0"), "principal"), ("margin", "USDT", D("-0.062"), "fee")]
    (isolated,) = entries("trades.isolated")
    assert {leg.account for leg in isolated.legs} == {"margin-isolated"}


def test_interest_on_margin_is_a_fee_in_the_asset_it_was_taken_in() -> None:
    found = entries("ledger.margin")
    assert [(entry.id, entry.kind, entry.note) for entry in found] == [
        ("margin-interest:1952286576452864727", "fee", "PERIODIC"),
        ("margin-interest:1952286576452864728", "fee", "PERIODIC_CONVERTED"),
        ("margin-interest:1952286576452864729", "fee", "ON_BORROW"),
    ]
    assert [legs(entry) for entry in found] == [
        [("margin", "USDT", D("-0.00024"), "fee")],
        [("margin", "BNB", D("-0.0000004"), "fee")],
        [("margin", "USDT", D("-0.0005"), "fee")],
    ]
    (isolated,) = entries("ledger.isolated")
    assert legs(isolated) == [("margin-isolated", "USDT", D("-0.0007"), "fee")]


def test_moves_to_isolated_margin_are_booked_where_no_other_list_tells_them() -> None:
    to, back = entries("transfers.isolated")
    assert (to.id, to.kind, to.time) == ("transfer:5240442212", "transfer", datetime(2026, 11, 6, 21, 20, tzinfo=UTC))
    assert legs(to) == [("spot", "BNB", D("-0.137"), "principal"), ("margin-isolated", "BNB", D("0.137"), "principal")]
    assert [leg[0] for leg in legs(back)] == ["margin-isolated", "spot"]
    assert back.time - to.time == timedelta(milliseconds=123)


def test_income_of_futures_is_booked_by_its_kind_and_transfers_by_their_own_list() -> None:
    found = [(entry.id.removeprefix("income-um:"), entry.kind, *legs(entry)[0][1:]) for entry in entries("ledger.usdm")]
    assert found == [
        ("FUNDING_FEE:8182457372019390060", "fee", "USDT", D("-0.0062"), "fee"),
        ("FUNDING_FEE:8182457372019390061", "fee", "USDT", D("0.0031"), "fee"),
        ("REALIZED_PNL:9689322392", "trade", "USDT", D("12.5"), "principal"),
        ("COMMISSION:9689322392", "fee", "USDT", D("-0.0248"), "fee"),
        ("WELCOME_BONUS:77", "reward", "USDT", D(10), "principal"),
        ("COIN_SWAP_DEPOSIT:78", "adjustment", "USDT", D(3), "principal"),
    ]
    coins = entries("ledger.coinm")
    assert [(entry.id, legs(entry)[0]) for entry in coins] == [
        ("income-cm:REALIZED_PNL:9689392403", ("futures-coin-m", "BTC", D("0.0001"), "principal")),
        ("income-cm:COMMISSION:9689392404", ("futures-coin-m", "BTC", D("-0.00000622"), "fee")),
        ("income-cm:DELIVERED_SETTELMENT:9689392405", ("futures-coin-m", "BTC", D("-0.0002"), "principal")),
    ]


def test_a_kind_of_income_that_nobody_documents_is_kept() -> None:
    row = {**page("ledger.usdm")[0], "incomeType": "MOON_FEE"}
    found = parse("ledger.usdm", json.dumps([row]).encode(), NOTHING)
    assert found.items == ()
    assert "MOON_FEE" in found.unparsed[0].reason


def test_into_locked_earn_and_out_again() -> None:
    (into,) = entries("transfers.locked-subscriptions")
    assert (into.id, into.kind) == ("locked-subscribe:26055", "transfer")
    assert legs(into) == [
        ("spot", "BNB", D("-1.5"), "principal"),
        ("funding", "BNB", D("-0.5"), "principal"),
        ("earn-locked", "BNB", D(2), "principal"),
    ]
    whole, early = entries("transfers.locked-redemptions")
    assert legs(whole) == [("earn-locked", "BNB", D(-2), "principal"), ("spot", "BNB", D(2), "principal")]
    assert legs(early) == [
        ("earn-locked", "BNB", D("-1.98"), "principal"),
        ("spot", "BNB", D("1.98"), "principal"),
        ("earn-locked", "BNB", D("-0.02"), "fee"),
    ]


def test_payments_take_what_each_wallet_paid_and_name_nobody() -> None:
    paid, got, bought = entries("transfers.pay")
    assert (paid.id, paid.kind) == ("pay:M_P_70000000000000001", "withdrawal")
    assert legs(paid) == [("funding", "USDT", D(-3), "principal"), ("spot", "USDT", D(-2), "principal")]
    assert (got.kind, legs(got)) == ("deposit", [("spot", "BNB", D("7.5"), "principal")])
    assert legs(bought) == [("funding", "USDT", D("-9.1"), "principal")]
    assert all("Somebody" not in str(entry) for entry in (paid, got, bought))


def test_a_payment_by_card_is_kept_but_not_booked() -> None:
    row = {**page("transfers.pay")["data"][1], "walletType": 4}
    found = parse("transfers.pay", json.dumps({"code": "000000", "success": True, "data": [row]}).encode(), NOTHING)
    assert (found.items, len(found.unparsed)) == ((), 1)


def test_p2p_books_what_is_completed() -> None:
    bought, sold = entries("fiat.p2p")
    assert (bought.id, bought.kind) == ("c2c:22000000000000000001", "deposit")
    assert legs(bought) == [("funding", "USDT", D(100), "principal"), ("funding", "USDT", D("-0.05"), "fee")]
    assert (sold.id, sold.kind) == ("c2c:22000000000000000002", "withdrawal")
    assert legs(sold) == [("funding", "USDT", D(-100), "principal"), ("funding", "USDT", D("-0.2"), "fee")]
