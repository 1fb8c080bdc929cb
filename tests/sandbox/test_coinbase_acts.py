"""The fake Coinbase over HTTPS: its writes act, odd rows come on demand, and what anyone may ask."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from support.coinbase import ORDER, V3, Caller, assert_consistent
from support.sandbox import Sandbox, running_sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("coinbase-acts"), seed=7, tls=True) as running:
        running.happen("coinbase", "no_limits")
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Caller:
    return Caller(sandbox)


# -- what acts


def test_an_order_is_placed_held_for_and_cancelled(sandbox: Sandbox) -> None:
    trader = Caller(sandbox, "can_trade")
    before = trader.free("USD")
    placed = trader.post(f"{V3}/orders", ORDER | {"client_order_id": "held"})
    assert placed["success"]
    order_id = placed["success_response"]["order_id"]
    assert before - trader.free("USD") == Decimal("1.01")  # 0.01 × 100 and six per mille, in whole cents
    again = trader.post(f"{V3}/orders", ORDER | {"client_order_id": "held"})
    assert again["success_response"]["order_id"] == order_id
    assert order_id in {each["id"] for each in sandbox.truth("coinbase")["open_orders"]}
    edited = trader.post(f"{V3}/orders/edit", {"order_id": order_id, "price": "50", "size": "0.01"})
    assert edited["success"]
    assert before - trader.free("USD") == Decimal("0.51")
    results = trader.post(f"{V3}/orders/batch_cancel", {"order_ids": [order_id, "nothing"]})["results"]
    assert [each["success"] for each in results] == [True, False]
    assert trader.free("USD") == before
    assert trader.get(f"{V3}/orders/historical/{order_id}")["order"]["status"] == "CANCELLED"
    paths = [(each["method"], each["path"]) for each in sandbox.requests("coinbase") if each["status"] == 200]
    assert ("POST", f"{V3}/orders") in paths


def test_a_market_buy_by_money_spends_no_more_than_that(sandbox: Sandbox) -> None:
    trader = Caller(sandbox, "can_trade")
    before = trader.free("USD")
    body = {
        "client_order_id": "spend",
        "product_id": "ETH-USD",
        "side": "BUY",
        "order_configuration": {"market_market_ioc": {"quote_size": "40"}},
    }
    dry = trader.post(f"{V3}/orders/preview", body)
    assert dry["errs"] == []
    assert trader.free("USD") == before
    placed = trader.post(f"{V3}/orders", body)
    spent = before - trader.free("USD")
    assert Decimal(38) < spent <= Decimal(40)
    assert spent == Decimal(dry["order_total"])
    [fill] = trader.fills(order_ids=[placed["order_id"]])
    assert fill["size_in_quote"] is True
    assert_consistent(sandbox, Caller(sandbox))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"product_id": "NO-SUCH"}, "INVALID_PRODUCT_ID"),
        ({"side": "HOLD"}, "INVALID_SIDE"),
        (
            {"order_configuration": {"limit_limit_gtc": {"base_size": "900000", "limit_price": "100"}}},
            "INSUFFICIENT_FUND",
        ),
        (
            {"order_configuration": {"limit_limit_gtc": {"base_size": "0.0000000000001", "limit_price": "100"}}},
            "INVALID_SIZE_PRECISION",
        ),
        (
            {
                "side": "SELL",
                "order_configuration": {
                    "limit_limit_gtc": {"base_size": "0.01", "limit_price": "1", "post_only": True}
                },
            },
            "INVALID_LIMIT_PRICE_POST_ONLY",
        ),
        (
            {"side": "SELL", "order_configuration": {"market_market_ioc": {"quote_size": "10"}}},
            "UNSUPPORTED_ORDER_CONFIGURATION",
        ),
        ({"order_configuration": {"twap_limit_gtd": {"base_size": "1"}}}, "UNSUPPORTED_ORDER_CONFIGURATION"),
    ],
)
def test_an_order_that_cannot_be_is_told_with_200(sandbox: Sandbox, change: dict[str, Any], reason: str) -> None:
    told = Caller(sandbox, "can_trade").post(f"{V3}/orders", ORDER | {"client_order_id": reason} | change)
    assert told["success"] is False
    assert told["error_response"]["error"] == reason


def test_a_send_debits_once_waits_and_then_has_a_hash(sandbox: Sandbox) -> None:
    mover = Caller(sandbox, "can_withdraw")
    held = sum(mover.balances()["ETH"])
    idem = "0f6b1c1e-6a4c-4f6b-9a59-5f2f1e0d7c11"
    body = {"type": "send", "to": "0xabc", "amount": "0.001", "currency": "ETH", "idem": idem}
    sent = mover.post("/v2/accounts/ETH/transactions", body)["data"]
    assert mover.post("/v2/accounts/ETH/transactions", body)["data"]["id"] == sent["id"]
    assert sent["status"] == "pending"
    assert "hash" not in sent["network"]
    sandbox.happen("coinbase", "confirm_sends")
    row = mover.get(f"/v2/accounts/ETH/transactions/{sent['id']}")["data"]
    assert (row["status"], row["network"]["status"]) == ("completed", "confirmed")
    assert row["network"]["hash"]
    fee = Decimal(row["network"]["transaction_fee"]["amount"])
    assert Decimal(row["amount"]["amount"]) == -(Decimal("0.001") + fee)
    assert held - sum(mover.balances()["ETH"]) == Decimal("0.001") + fee
    assert_consistent(sandbox, Caller(sandbox))


def test_a_convert_a_move_and_a_bank_withdrawal_act(sandbox: Sandbox) -> None:
    sandbox.change_key("coinbase", "can_withdraw", grant=["trade"])
    mover = Caller(sandbox, "can_withdraw")
    try:
        before = mover.free("USD")
        sides = {"from_account": "USD", "to_account": "USDC"}
        offer = mover.post(f"{V3}/convert/quote", {**sides, "amount": "12.5"})["trade"]
        assert mover.free("USD") == before
        done = mover.post(f"{V3}/convert/trade/{offer['id']}", sides)["trade"]
        assert done["status"] == "TRADE_STATUS_COMPLETED"
        assert mover.get(f"{V3}/convert/trade/{offer['id']}", **sides)["trade"] == done
        assert before - mover.free("USD") == Decimal("12.5")

        one, two = mover.get(f"{V3}/portfolios")["portfolios"][:2]
        funds = {"funds": {"value": "3", "currency": "USD"}}
        mover.post(
            f"{V3}/portfolios/move_funds",
            funds | {"source_portfolio_uuid": one["uuid"], "target_portfolio_uuid": two["uuid"]},
        )
        assert before - mover.free("USD") == Decimal("15.5")
        assert mover.get(f"{V3}/portfolios/{two['uuid']}")["breakdown"]["portfolio_balances"]["total_balance"] == {
            "value": "3",
            "currency": "USD",
        }

        [bank] = mover.get(f"{V3}/payment_methods")["payment_methods"]
        asked = {"amount": "20", "currency": "USD", "payment_method": bank["id"]}
        draft = mover.post("/v2/accounts/USD/withdrawals", asked)["data"]
        assert (draft["committed"], mover.free("USD")) == (False, before - Decimal("15.5"))
        mover.post(f"/v2/accounts/USD/withdrawals/{draft['id']}/commit", {})
        assert mover.free("USD") == before - Decimal("35.5")
        shown = mover.get(f"/v2/accounts/USD/withdrawals/{draft['id']}")["data"]
        assert shown["committed"] is True
        assert mover.get(f"{shown['transaction']['resource_path']}")["data"]["type"] == "fiat_withdrawal"
    finally:
        sandbox.change_key("coinbase", "can_withdraw", revoke=["trade"])
    assert_consistent(sandbox, Caller(sandbox))


# -- on demand


@pytest.mark.parametrize(
    ("special", "wallet", "row_type", "status"),
    [
        ("unknown_type", "USDC", "quarterly_surprise", "completed"),
        ("earn_payout", "ATOM", "earn_payout", "completed"),
        ("lesson_send", "ATOM", "send", "completed"),
        ("subscription", "USD", "subscription", "completed"),
        ("one_sided_trade", "USDC", "trade", "completed"),
        ("late_trade", "USDC", "trade", "completed"),
        ("sideless_fill", "ETH", "advanced_trade_fill", "completed"),
        ("old_row", "LTC", "send", "completed"),
        ("vault_withdrawal", "BTC", "vault_withdrawal", "completed"),
        ("failed_send", "BTC", "send", "failed"),
        ("pending_send", "BTC", "send", "pending"),
    ],
)
def test_odd_rows_come_on_demand_and_the_books_still_agree(
    sandbox: Sandbox, caller: Caller, special: str, wallet: str, row_type: str, status: str
) -> None:
    old = {each["id"] for each in caller.rows(wallet)}
    sandbox.happen("coinbase", special)
    new = [each for each in caller.rows(wallet) if each["id"] not in old]
    assert (row_type, status) in {(each["type"], each["status"]) for each in new}
    assert_consistent(sandbox, caller)


def test_pages_can_be_shorter_than_asked_for(sandbox: Sandbox, caller: Caller) -> None:
    whole = [each["id"] for each in caller.rows("EUR", limit=100)]
    sandbox.happen("coinbase", "short_pages")
    assert len(caller.get("/v2/accounts/EUR/transactions", limit=9)["data"]) == 3
    assert [each["id"] for each in caller.rows("EUR", limit=100)] == whole


def test_orders_can_be_withheld_without_an_error(sandbox: Sandbox) -> None:
    sandbox.happen("coinbase", "proof_required", account="other")
    other = Caller(sandbox, "wrong_account")
    for path, name in (("batch", "orders"), ("fills", "fills")):
        told = other.get(f"{V3}/orders/historical/{path}")
        assert (told[name], told["proof_token_required"]) == ([], True)


# -- what anyone may ask


def test_products_rates_and_the_clock_need_no_key(sandbox: Sandbox) -> None:
    def public(path: str) -> Any:
        answer = sandbox.request("GET", f"/coinbase{path}")
        assert answer.status == 200, path
        return answer.json()

    prices = sandbox.truth()["prices"]
    products = {each["product_id"]: each for each in public(f"{V3}/market/products")["products"]}
    assert Decimal(products["BTC-USD"]["price"]) == Decimal(prices["BTC"])
    assert products["BTC-USDC"]["alias"] == "BTC-USD"
    assert products["BTC-USD"]["alias_to"] == ["BTC-USDC"]
    assert public(f"{V3}/market/products?product_type=FUTURE")["products"] == []
    book = public(f"{V3}/market/product_book?product_id=BTC-USD&limit=5")
    assert Decimal(book["pricebook"]["bids"][0]["price"]) < Decimal(book["pricebook"]["asks"][0]["price"])
    assert isinstance(public(f"{V3}/time")["epochSeconds"], str)
    assert isinstance(public("/v2/time")["data"]["epoch"], int)
    spot = public("/v2/prices/BTC-USD/spot")["data"]
    assert (Decimal(spot["amount"]), spot["currency"]) == (Decimal(prices["BTC"]), "USD")
    rates = public("/v2/exchange-rates?currency=EUR")["data"]
    assert abs(Decimal(rates["rates"]["USD"]) - Decimal(prices["EUR"])) < Decimal("1e-11")
    now = int(time.time())
    candles = public(f"{V3}/market/products/ETH-EUR/candles?start={now - 36000}&end={now}&granularity=ONE_HOUR")[
        "candles"
    ]
    assert len(candles) == 10
    assert [int(each["start"]) for each in candles] == sorted((int(each["start"]) for each in candles), reverse=True)
    for each in candles:
        low, high = Decimal(each["low"]), Decimal(each["high"])
        assert low <= min(Decimal(each["open"]), Decimal(each["close"]))
        assert high >= max(Decimal(each["open"]), Decimal(each["close"]))
