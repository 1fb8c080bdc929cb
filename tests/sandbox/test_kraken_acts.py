"""The fake Kraken's other side: orders, withdrawals, earning and reports that really act, and the public pages."""

from __future__ import annotations

import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.kraken import NOW, Bench, Client, grown
from tallyglass.money import ROUNDED, divide

_LIMIT = {"pair": "XBTEUR", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.01"}


@pytest.fixture
def bench() -> Bench:
    return grown()


@pytest.fixture
def trader(bench: Bench) -> Client:
    return bench.client("can_trade")


def test_open_orders_show_what_is_filled_and_hold_the_rest(trader: Client) -> None:
    orders: dict[str, Any] = trader.ask("OpenOrders")["open"]
    held = trader.ask("BalanceEx")

    assert [order["descr"]["order"] for order in orders.values()] == [
        "sell 0.10000000 ETHEUR @ limit 9000.00",
        "buy 0.02000000 XBTEUR @ limit 50000.0",
    ]
    assert [(order["vol_exec"], order["status"]) for order in orders.values()] == [
        ("0.04000000", "open"),
        ("0.00000000", "open"),
    ]
    assert (held["ZEUR"]["hold_trade"], held["XETH"]["hold_trade"]) == ("1000.0000", "0.0600000000")
    assert held["XXBT"]["hold_trade"] == "0.0000000000"
    assert held["ZEUR"]["balance"] == trader.ask("Balance")["ZEUR"]


def test_the_truth_tells_open_orders_in_common_words(bench: Bench) -> None:
    [buy, sell] = bench.venue.open_orders()

    assert (buy["market"], buy["side"], buy["type"], buy["price"]) == ("BTC/EUR", "buy", "limit", "50000")
    assert (sell["market"], sell["amount"], sell["filled"]) == ("ETH/EUR", "0.1", "0.04")
    assert sell["time"] == "2026-11-21T22:20:00Z"


def test_an_order_is_placed_seen_and_cancelled(bench: Bench, trader: Client) -> None:
    placed = trader.ask("AddOrder", **_LIMIT, userref="77")
    [txid] = placed["txid"]

    assert placed["descr"] == {"order": "buy 0.01000000 XBTEUR @ limit 40000.0"}
    assert txid in trader.ask("OpenOrders", userref="77")["open"]
    bench.now += 400
    assert trader.ask("CancelOrder", txid=txid) == {"count": 1}
    assert trader.ask("QueryOrders", txid=txid)[txid]["reason"] == "User requested"
    assert next(iter(trader.ask("ClosedOrders")["closed"])) == txid
    assert trader.error("CancelOrder", txid=txid) == "EOrder:Unknown order"
    assert trader.error("CancelOrder", txid="nonsense") == "EOrder:Invalid order"


def test_a_validated_order_is_not_placed(trader: Client) -> None:
    before = trader.ask("OpenOrders")

    assert set(trader.ask("AddOrder", **_LIMIT, validate="true")) == {"descr"}
    assert trader.ask("OpenOrders") == before


def test_a_market_order_is_filled_at_the_last_price(bench: Bench, trader: Client) -> None:
    before = {code: Decimal(text) for code, text in trader.ask("Balance").items()}
    last = bench.prices.last("ETH", "EUR")

    [txid] = trader.ask("AddOrder", pair="ETH/EUR", type="buy", ordertype="market", volume="0.5")["txid"]
    after = {code: Decimal(text) for code, text in trader.ask("Balance").items()}
    order = trader.ask("QueryOrders", txid=txid, trades="true")[txid]
    [trade] = trader.ask("QueryTrades", txid=order["trades"][0]).values()

    assert after["XETH"] - before["XETH"] == Decimal("0.5")
    assert before["ZEUR"] - after["ZEUR"] == Decimal(trade["cost"]) + Decimal(trade["fee"])
    assert Decimal(trade["price"]) == last
    assert order["status"] == "closed"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"pair": "NOTHING"}, "EQuery:Unknown asset pair"),
        ({"ordertype": "guess"}, "EGeneral:Invalid arguments:ordertype"),
        ({"volume": "many"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
        ({"price": "40000.12"}, "EOrder:Tick size check failed"),
        ({"volume": "1000"}, "EOrder:Insufficient funds"),
        ({"type": "sell", "volume": "2"}, "EOrder:Insufficient funds"),
    ],
)
def test_a_bad_order_is_refused(trader: Client, change: dict[str, str], error: str) -> None:
    assert trader.error("AddOrder", **(_LIMIT | change)) == error


def test_what_an_order_holds_cannot_be_spent_twice(trader: Client) -> None:
    free = Decimal(trader.ask("Balance")["ZEUR"]) - 1000  # held by the order that was there
    most = str(ROUNDED.quantize(divide(free, Decimal(40400)), Decimal("0.0001")))
    trader.ask("AddOrder", **(_LIMIT | {"volume": most}))

    assert trader.error("AddOrder", **(_LIMIT | {"volume": "0.1"})) == "EOrder:Insufficient funds"


def test_orders_obey_the_mode_of_the_exchange(bench: Bench, trader: Client) -> None:
    bench.venue.house.mode = "cancel_only"

    assert trader.error("AddOrder", **_LIMIT) == "EService:Market in cancel_only mode"
    assert bench.public("SystemStatus")["result"]["status"] == "cancel_only"


def test_a_batch_stands_or_fails_order_by_order(trader: Client) -> None:
    orders = [
        {"ordertype": "limit", "type": "buy", "price": "40000", "volume": "0.01"},
        {"ordertype": "limit", "type": "buy", "price": "40000", "volume": "9999"},
    ]
    body = json.dumps({"nonce": "900", "pair": "XBTEUR", "orders": orders}).encode()

    answer = json.loads(trader.body("AddOrderBatch", "900", body, "application/json"))

    good, bad = answer["result"]["orders"]
    assert good["txid"] in trader.ask("OpenOrders", nonce="901")["open"]
    assert bad == {"error": "EOrder:Insufficient funds"}


def test_orders_can_be_edited_amended_and_swept_away(trader: Client) -> None:
    [txid] = trader.ask("AddOrder", **_LIMIT)["txid"]
    trader.ask("AmendOrder", txid=txid, limit_price="41000")
    edited = trader.ask("EditOrder", txid=txid, pair="XBTEUR", volume="0.02")

    assert edited["originaltxid"] == txid
    shown = trader.ask("OpenOrders")["open"][edited["txid"]]
    assert (shown["vol"], shown["descr"]["price"]) == ("0.02000000", "41000.0")
    assert trader.ask("CancelAll") == {"count": 3}
    assert trader.ask("OpenOrders") == {"open": {}}


def test_a_withdrawal_leaves_the_balance_and_comes_back_when_cancelled(bench: Bench) -> None:
    client, books = bench.client("can_withdraw"), bench.venue.books["main"]
    before = books.balance("BTC")

    refid = client.ask("Withdraw", asset="XBT", key="cold-1", amount="0.02")["refid"]

    assert before - books.balance("BTC") == Decimal("0.02")
    sent = client.ask("WithdrawStatus")[0]
    assert (sent["refid"], sent["amount"], Decimal(sent["fee"]), sent["key"]) == (
        *(refid, "0.01990000", Decimal("0.0001"), "cold-1"),
    )
    assert client.error("Withdraw", asset="XBT", key="thief", amount="0.02") == "EFunding:Unknown withdraw key"
    assert client.ask("WithdrawCancel", asset="XBT", refid=refid) is True
    assert books.balance("BTC") == before


def test_earning_moves_between_wallets_and_takes_a_moment(bench: Bench) -> None:
    key = bench.venue.keys["can_withdraw"]
    key.rights.add("transfer")
    client, books = bench.client("can_withdraw"), bench.venue.books["main"]
    [strategy] = client.ask("Earn/Strategies", asset="DOT")["items"]
    call = {"strategy_id": strategy["id"], "amount": "0.1"}
    spot, staked = books.balance("DOT"), books.balance("DOT", "staked-28")

    assert client.ask("Earn/Allocate", **call) is True

    assert (books.balance("DOT"), books.balance("DOT", "staked-28")) == (
        spot - Decimal("0.1"),
        staked + Decimal("0.1"),
    )
    assert client.ask("Earn/AllocateStatus", strategy_id=strategy["id"]) == {"pending": True}
    assert client.error("Earn/Deallocate", **call).startswith("EEarnings:Busy")
    bench.now += 3
    assert client.ask("Earn/Deallocate", **call) is True
    assert books.balance("DOT") == spot
    assert client.error("Earn/Allocate", strategy_id="ES", amount="1") == (
        "EGeneral:Invalid arguments:Invalid strategy ID"
    )


def test_allocations_tell_what_the_earning_wallets_hold(bench: Bench) -> None:
    told = bench.client().ask("Earn/Allocations", converted_asset="EUR")
    held = {
        each["native_asset"]: (
            Decimal(each["amount_allocated"]["total"]["native"]),
            Decimal(each["total_rewarded"]["native"]),
        )
        for each in told["items"]
    }
    books = bench.venue.books["main"]

    assert held == {
        "DOT": (books.balance("DOT", "staked-28"), Decimal("0.00014")),
        "ETH": (books.balance("ETH", "earn"), Decimal("0.0007")),
        "BTC": (books.balance("BTC", "opt-in"), Decimal(0)),
    }
    assert Decimal(told["total_allocated"]) > 0


def test_what_is_earning_comes_back_when_a_payment_needs_it(bench: Bench) -> None:
    books = bench.venue.books["main"]
    spot, staked = books.balance("DOT"), books.balance("DOT", "staked-28")
    everything = spot + staked / 2

    bench.happen("withdrawal", NOW, "DOT", str(everything))

    assert books.balance("DOT") == 0
    assert books.balance("DOT", "staked-28") == staked - staked / 2


def test_a_report_is_queued_made_and_fetched_as_a_zip(bench: Bench) -> None:
    bench.venue.keys["read_only"].memory["permissions"] = ["query-ledger", "export-data"]
    client = bench.client()
    report = client.ask("AddExport", report="ledgers", description="all", starttm="1")["id"]

    assert client.ask("ExportStatus", report="ledgers")[0]["status"] == "Queued"
    assert client.error("RetrieveExport", id=report) == "EGeneral:Invalid arguments"
    bench.now += 10
    assert client.ask("ExportStatus", report="ledgers")[0]["status"] == "Processed"
    with zipfile.ZipFile(io.BytesIO(client.raw("RetrieveExport", id=report))) as packed:
        header, *lines = packed.read("ledgers.csv").decode().splitlines()

    assert header.startswith('"txid","refid","time","type"')
    rows = client.all("Ledgers", "ledger")
    assert [line.split(",")[0].strip('"') for line in lines] == list(rows)
    first = next(iter(rows.values()))
    assert lines[0].split(",")[7:] == ['"EUR"', '"spot / main"', "100000", "0", "100000"]
    assert Decimal(first["amount"]) == 100000
    assert client.ask("RemoveExport", id=report, type="delete") == {"delete": True}


def test_the_socket_token_wants_its_own_right(bench: Bench) -> None:
    bench.venue.keys["read_only"].memory["permissions"] = ["create-ws-token"]

    token = bench.client().ask("GetWebSocketsToken")

    assert token["expires"] == 900
    assert len(token["token"]) == 43


def test_public_pages_know_all_three_names_of_a_pair(bench: Bench) -> None:
    pairs = bench.public("AssetPairs")["result"]

    assert {"XXBTZEUR", "XETHXXBT", "XDGUSD", "USDTZUSD", "SOLEUR", "ZEURZUSD"} <= set(pairs)
    assert (pairs["XXBTZEUR"]["altname"], pairs["XXBTZEUR"]["wsname"]) == ("XBTEUR", "XBT/EUR")
    for name in ("XXBTZEUR", "XBTEUR", "XBT/EUR", "BTC/EUR"):
        assert set(bench.public("AssetPairs", f"pair={name}")["result"]) == {"XXBTZEUR"}
    assert bench.public("AssetPairs", "pair=XBTEUR,WHAT") == {"error": ["EQuery:Unknown asset pair"]}


def test_assets_answer_with_codes_and_on_wish_with_modern_names(bench: Bench) -> None:
    old, new = bench.public("Assets")["result"], bench.public("Assets", "assetVersion=1")["result"]

    assert (old["XXBT"]["altname"], old["XXDG"]["altname"], old["SOL"]["altname"]) == ("XBT", "XDG", "SOL")
    assert {"DOT28.S", "ETH.F", "EUR.HOLD"} <= set(old)
    assert {"BTC", "DOGE", "EUR"} <= set(new)
    assert set(bench.public("Assets", "asset=XBT,ETH.F")["result"]) == {"XXBT", "ETH.F"}
    assert bench.public("Assets", "asset=NIL") == {"error": ["EQuery:Unknown asset"]}


def test_tickers_and_candles_end_at_the_price_of_the_world(bench: Bench) -> None:
    last = bench.prices.last("SOL", "EUR")
    bars = bench.public("OHLC", "pair=SOLEUR&interval=60")["result"]

    assert Decimal(bench.public("Ticker", "pair=SOLEUR")["result"]["SOLEUR"]["c"][0]) == last
    assert len(bars["SOLEUR"]) == 720
    assert Decimal(bars["SOLEUR"][-1][4]) == last
    assert bars["last"] == bars["SOLEUR"][-2][0]
    for before, after in zip(bars["SOLEUR"], bars["SOLEUR"][1:], strict=False):
        assert (before[0] + 3600, before[4]) == (after[0], after[1])
    assert len(bench.public("OHLC", f"pair=SOLEUR&interval=60&since={bars['last']}")["result"]["SOLEUR"]) == 1
    assert bench.public("OHLC", "pair=SOLEUR&interval=7")["error"] == ["EGeneral:Invalid arguments:interval"]
    assert set(bench.public("Ticker")["result"]) == set(bench.public("AssetPairs")["result"])


def test_the_clock_is_told_in_two_forms(bench: Bench) -> None:
    assert bench.public("Time")["result"] == {"unixtime": int(NOW), "rfc1123": "Sat, 21 Nov 26 22:26:40 +0000"}


_CALLS = (
    *("GetApiKeyInfo", "Balance", "BalanceEx", "TradeBalance", "OpenOrders", "ClosedOrders", "QueryOrders"),
    *("TradesHistory", "QueryTrades", "Ledgers", "QueryLedgers", "DepositStatus", "WithdrawStatus", "TradeVolume"),
    *("Earn/Strategies", "Earn/Allocations", "Earn/Allocate", "AddExport", "ExportStatus", "RetrieveExport"),
    *("AddOrder", "CancelOrder", "EditOrder", "AmendOrder", "Withdraw", "WithdrawInfo", "WalletTransfer"),
)
_NAMES = (
    *("asset", "type", "start", "end", "ofs", "cursor", "limit", "txid", "id", "trades", "pair", "ordertype", "volume"),
    *("price", "price2", "userref", "amount", "key", "strategy_id", "report", "description", "starttm", "timeinforce"),
    *("converted_asset", "closetime", "validate", "from", "to", "oflags", "without_count"),
)
_VALUES = st.one_of(
    st.sampled_from(
        (
            *("XBT", "ZEUR", "XBTEUR", "true", "buy", "limit", "market", "stop-loss-limit", "0.01", "40000", "cold-1"),
            *("1e999", "-1", "NaN", "9" * 5000, "0.000000000000000000001", "ledgers", "Spot Wallet", "Futures Wallet"),
        )
    ),
    st.text(max_size=12),
)
_GOOD = {
    "AddOrder": _LIMIT,
    "Withdraw": {"asset": "XBT", "key": "cold-1", "amount": "0.01"},
    "WalletTransfer": {"asset": "XBT", "from": "Spot Wallet", "to": "Futures Wallet", "amount": "0.01"},
    "AddExport": {"report": "ledgers", "description": "all"},
    "EditOrder": {"pair": "XBTEUR"},
}


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(_CALLS), params=st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=4))
def test_whatever_is_asked_is_answered_in_krakens_way(name: str, params: dict[str, str]) -> None:
    bench = grown()
    bench.venue.keys["can_trade"].memory["also"] = ["withdraw-funds", "export-data", "earn-funds", "add-funds"]
    open_order = next(iter(bench.venue.house.accounts["main"].open))

    answer = bench.client("can_trade").raw(name, **({"txid": open_order} | _GOOD.get(name, {}) | params))

    told = json.loads(answer)
    assert told["error"] == [] or set(told) == {"error"}
    assert all(amount >= 0 for amount in bench.venue.books["main"].balances().values())
