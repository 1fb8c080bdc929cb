"""The writes of the fake Binance: they ask for the right, and they really happen."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from support.binance import Bench, Denied, grown
from tallyglass.money import ROUNDED, ZERO
from tallyglass.sandbox.wishes import BadWish

ORDER = "POST /api/v3/order"
WITHDRAW = "POST /sapi/v1/capital/withdraw/apply"
TRANSFER = "POST /sapi/v1/asset/transfer"


@pytest.fixture
def bench() -> Bench:
    bench = grown()
    bench.venue.keys["can_trade"].rights.add("transfer")
    return bench


def held(bench: Bench, asset: str, wallet: str = "spot") -> Decimal:
    return bench.venue.books["main"].balance(asset, wallet)


def buy(bench: Bench, **more: Any) -> Any:
    last = bench.public("GET /api/v3/ticker/price", symbol="BTCUSDT")["price"]
    low = str(ROUNDED.quantize(Decimal(last), Decimal(1)) / 2)
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    return bench.ask(ORDER, "can_trade", **order | {"price": low} | more)


@pytest.mark.parametrize(
    ("line", "params"),
    [
        (ORDER, {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}),
        ("POST /api/v3/order/test", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}),
        ("DELETE /api/v3/order", {"symbol": "BTCUSDT", "orderId": "1"}),
        ("DELETE /api/v3/openOrders", {"symbol": "BTCUSDT"}),
        (WITHDRAW, {"coin": "USDT", "address": "x", "amount": "20"}),
        (TRANSFER, {"type": "MAIN_FUNDING", "asset": "USDT", "amount": "1"}),
        ("POST /sapi/v1/convert/getQuote", {"fromAsset": "USDT", "toAsset": "BTC", "fromAmount": "20"}),
        ("POST /sapi/v1/convert/acceptQuote", {"quoteId": "1"}),
        ("POST /sapi/v1/asset/dust", {"asset": "XRP"}),
        ("POST /sapi/v1/simple-earn/flexible/subscribe", {"productId": "USDT001", "amount": "1"}),
        ("POST /sapi/v1/simple-earn/flexible/redeem", {"productId": "USDT001", "redeemAll": "true"}),
    ],
)
def test_a_read_only_key_writes_nothing(bench: Bench, line: str, params: dict[str, Any]) -> None:
    before = len(bench.venue.books["main"].postings), bench.venue.open_orders()

    assert bench.denied(line, **params) == (401, -2015)
    assert (len(bench.venue.books["main"].postings), bench.venue.open_orders()) == before


def test_withdrawing_needs_an_address_list_as_well(bench: Bench) -> None:
    bench.venue.keys["can_withdraw"].ip_list = []

    assert bench.denied(WITHDRAW, "can_withdraw", coin="USDT", address="x", amount="20") == (401, -2015)


def test_an_order_away_from_the_market_rests_and_can_be_cancelled(bench: Bench) -> None:
    placed = buy(bench, newClientOrderId="mine-1")
    assert (placed["status"], placed["fills"]) == ("NEW", [])
    assert bench.headers["x-mbx-order-count-10s"] == "1"
    assert str(placed["orderId"]) in {order["id"] for order in bench.venue.open_orders()}
    seen = bench.ask("GET /api/v3/order", symbol="BTCUSDT", origClientOrderId="mine-1")
    assert seen["orderId"] == placed["orderId"]

    gone = bench.ask("DELETE /api/v3/order", "can_trade", symbol="BTCUSDT", orderId=placed["orderId"])

    assert (gone["status"], gone["origClientOrderId"]) == ("CANCELED", "mine-1")
    assert str(placed["orderId"]) not in {order["id"] for order in bench.venue.open_orders()}
    again = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert bench.denied("DELETE /api/v3/order", "can_trade", **again) == (400, -2011)
    bench.now += 91 * 86400
    assert bench.denied("GET /api/v3/order", **again) == (400, -2026)  # archived


def test_a_market_order_is_filled_booked_and_charged_in_what_it_brings(bench: Bench) -> None:
    before = {asset: held(bench, asset) for asset in ("BTC", "USDT")}

    done = bench.ask(ORDER, "can_trade", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100")

    [fill] = done["fills"]
    assert done["status"] == "FILLED"
    assert Decimal(fill["commission"]) == (Decimal(fill["qty"]) / 1000).quantize(Decimal("1e-8"))
    assert held(bench, "BTC") - before["BTC"] == Decimal(fill["qty"]) - Decimal(fill["commission"])
    assert before["USDT"] - held(bench, "USDT") == Decimal(done["cummulativeQuoteQty"]) <= 100
    [seen] = bench.ask("GET /api/v3/myTrades", symbol="BTCUSDT", limit=1)
    assert (seen["id"], seen["orderId"]) == (fill["tradeId"], done["orderId"])
    assert f"trade:BTCUSDT:{fill['tradeId']}" in bench.venue.books["main"].postings


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": "0.0000001"}, -1013),
        ({"quantity": "0.000015"}, -1013),
        ({"quantity": "0.123456789"}, -1111),
        ({"quantity": "1e-05"}, -1100),
        ({"price": "0.01"}, -1013),
        ({"price": "1000"}, -1013),
        ({"quantity": "900"}, -2010),
        ({"side": "HOLD"}, -1117),
        ({"type": "GUESS"}, -1116),
        ({"timeInForce": "NOW"}, -1115),
        ({"symbol": "BTCXYZ"}, -1121),
        ({"price": ""}, -1105),
    ],
)
def test_an_unsound_order_is_refused(bench: Bench, change: dict[str, str], code: int) -> None:
    before = bench.venue.open_orders()
    quantity = {} if "quantity" in change else {"quantity": "0.00001" if change.get("price") == "1000" else "0.001"}

    with pytest.raises(Denied) as no:
        buy(bench, **quantity | change)

    assert no.value.code == code
    assert bench.venue.open_orders() == before


def test_placing_costs_no_weight_and_failing_to_does(bench: Bench) -> None:
    buy(bench)
    bench.public("GET /api/v3/ping")
    spent = int(bench.headers["x-mbx-used-weight-1m"])
    buy(bench)
    assert int(bench.headers["x-mbx-used-weight-1m"]) == spent + 2  # the price was asked for, and that was all
    with pytest.raises(Denied):
        buy(bench, side="HOLD")
    bench.public("GET /api/v3/ping")
    assert int(bench.headers["x-mbx-used-weight-1m"]) == spent + 2 + 2 + 1 + 1


def test_a_withdrawal_takes_the_amount_and_shows_net_and_fee(bench: Bench) -> None:
    before = held(bench, "USDT")

    number = bench.ask(WITHDRAW, "can_withdraw", coin="USDT", address="TNew", amount="20", withdrawOrderId="w1")["id"]

    assert before - held(bench, "USDT") == 20
    [row] = bench.ask("GET /sapi/v1/capital/withdraw/history", withdrawOrderId="w1")
    assert (row["id"], row["address"]) == (number, "TNew")
    assert Decimal(row["amount"]) + Decimal(row["transactionFee"]) == 20
    for amount, code in (("1", -4022), ("99999999", -4026)):
        assert bench.denied(WITHDRAW, "can_withdraw", coin="USDT", address="x", amount=amount) == (400, code)


def test_a_transfer_moves_between_spot_and_funding(bench: Bench) -> None:
    spot, funding = held(bench, "USDT"), held(bench, "USDT", "funding")

    number = bench.ask(TRANSFER, "can_trade", type="MAIN_FUNDING", asset="USDT", amount="12.5")["tranId"]

    assert held(bench, "USDT") == spot - Decimal("12.5")
    assert held(bench, "USDT", "funding") == funding + Decimal("12.5")
    rows = bench.ask("GET /sapi/v1/asset/transfer", type="MAIN_FUNDING")["rows"]
    assert rows[0]["tranId"] == number
    too_much = {"type": "FUNDING_MAIN", "asset": "USDT", "amount": "99999999"}
    assert bench.denied(TRANSFER, "can_trade", **too_much) == (400, -5002)


def test_earn_takes_from_spot_shows_as_ld_and_gives_back(bench: Bench) -> None:
    subscribe, redeem = (f"POST /sapi/v1/simple-earn/flexible/{each}" for each in ("subscribe", "redeem"))
    spot, earn = held(bench, "EUR"), held(bench, "EUR", "earn")
    assert earn == ZERO

    bench.ask(subscribe, "can_trade", productId="EUR001", amount="30")

    balances = {r["asset"]: r["free"] for r in bench.ask("GET /api/v3/account", omitZeroBalances="true")["balances"]}
    assert balances["LDEUR"] == "30.00000000"
    assert held(bench, "EUR") == spot - 30
    bench.ask(redeem, "can_trade", productId="EUR001", redeemAll="true")
    assert (held(bench, "EUR"), held(bench, "EUR", "earn")) == (spot, ZERO)
    assert bench.denied(redeem, "can_trade", productId="EUR001", amount="1") == (400, -6012)


def test_a_quote_is_accepted_once_and_in_time(bench: Bench) -> None:
    ask: dict[str, Any] = {"fromAsset": "USDT", "toAsset": "BTC", "fromAmount": "50"}
    quote, late = (bench.ask("POST /sapi/v1/convert/getQuote", "can_trade", **ask) for _ in range(2))
    before = held(bench, "BTC")

    done = bench.ask("POST /sapi/v1/convert/acceptQuote", "can_trade", quoteId=quote["quoteId"])

    assert isinstance(done["orderId"], str)
    assert held(bench, "BTC") - before == Decimal(quote["toAmount"])
    assert f"convert:{done['orderId']}" in bench.venue.books["main"].postings
    bench.now += 11
    for old in (quote, late):
        accept = "POST /sapi/v1/convert/acceptQuote"
        assert bench.denied(accept, "can_trade", quoteId=old["quoteId"]) == (400, -1130)
    poor = bench.ask("POST /sapi/v1/convert/getQuote", "can_trade", **ask | {"fromAmount": "99999999"})
    assert "quoteId" not in poor


def test_dust_becomes_bnb_net_of_its_charge(bench: Bench) -> None:
    bnb = held(bench, "BNB")

    done = bench.ask("POST /sapi/v1/asset/dust", "can_trade", asset="DOGE,ADA")

    assert held(bench, "BNB") - bnb == Decimal(done["totalTransfered"]) > 0
    assert {row["fromAsset"] for row in done["transferResult"]} == {"DOGE", "ADA"}
    group = bench.ask("GET /sapi/v1/asset/dribblet")["userAssetDribblets"][0]
    assert f"dust:{group['transId']}" in bench.venue.books["main"].postings


def test_one_get_changes_the_account_with_nothing_but_the_right_to_read(bench: Bench) -> None:
    assert bench.ask("GET /sapi/v1/soft-staking/list")["status"] is False

    assert bench.ask("GET /sapi/v1/soft-staking/set", softStaking="true") == {"success": True}

    assert bench.ask("GET /sapi/v1/soft-staking/list")["status"] is True


def test_what_its_owner_does_elsewhere_shows_here(bench: Bench) -> None:
    """Ordered through `/_control/account`: an order that meets its market, and one that is taken back."""
    first, second = bench.venue.open_orders()[:2]
    bench.venue.specials["fill_order"]("main", bench.now)
    bench.venue.specials["cancel_order"]("main", bench.now)

    left = {order["id"] for order in bench.venue.open_orders()}
    assert left.isdisjoint({first["id"], second["id"]})
    symbol = first["market"].replace("/", "")
    filled = bench.ask("GET /api/v3/order", symbol=symbol, orderId=first["id"])
    assert (filled["status"], filled["executedQty"]) == ("FILLED", filled["origQty"])
    [trade] = bench.ask("GET /api/v3/myTrades", symbol=symbol, orderId=first["id"])
    assert Decimal(trade["qty"]) == Decimal(first["amount"]) - Decimal(first["filled"])
    back = bench.ask("GET /api/v3/order", symbol=second["market"].replace("/", ""), orderId=second["id"])
    assert back["status"] == "CANCELED"


@pytest.mark.parametrize(
    ("special", "read", "params"),
    [
        ("earn", "GET /sapi/v1/simple-earn/flexible/history/subscriptionRecord", {}),
        ("redeem", "GET /sapi/v1/simple-earn/flexible/history/redemptionRecord", {}),
        ("to_funding", "GET /sapi/v1/asset/transfer", {"type": "MAIN_FUNDING"}),
        ("from_funding", "GET /sapi/v1/asset/transfer", {"type": "FUNDING_MAIN"}),
    ],
)
def test_moves_of_its_own_can_be_ordered(bench: Bench, special: str, read: str, params: dict[str, Any]) -> None:
    before = bench.ask(read, **params).get("total", 0)

    bench.venue.specials[special]("main", bench.now)

    assert bench.ask(read, **params)["total"] == before + 1


def test_a_move_that_the_wallet_does_not_allow_is_refused(bench: Bench) -> None:
    with pytest.raises(BadWish, match="has not what it takes"):
        bench.venue.specials["redeem"]("other", bench.now)


def test_one_seed_grows_one_account() -> None:
    one, same, another = (grown(seed).venue.books["main"].truth() for seed in (5, 5, 6))

    assert one == same
    assert one != another
