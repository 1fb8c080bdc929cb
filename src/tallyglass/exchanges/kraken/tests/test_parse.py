"""Kraken's answers, normalised to the last digit; what is not understood is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.kraken.names import UnknownName, pair, place
from tallyglass.exchanges.kraken.parse import parse
from tallyglass.exchanges.streams import Balance, Known, Market, NotReadable, Order, Parsed, Ticker
from tallyglass.ledger.entries import Entry
from tallyglass.money import asset, text

PAYLOADS = Path(__file__).parent / "payloads"
EMPTY = Known()


def parsed(read_id: str, name: str, known: Known = EMPTY) -> Parsed:
    return parse(read_id, (PAYLOADS / f"{name}.json").read_bytes(), known)


def entries(found: Parsed) -> dict[str, Entry]:
    return {item.id: item for item in found.items if isinstance(item, Entry)}


def moved(entry: Entry) -> list[tuple[str, str, str, str, str]]:
    return [(leg.id, leg.account, leg.asset, text(leg.amount), leg.role) for leg in entry.legs]


def at(seconds: int, micro: int = 0) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micro)


@pytest.mark.parametrize(
    ("code", "wallet", "coin"),
    [
        ("XXBT", "spot", "BTC"),
        ("XBT", "spot", "BTC"),
        ("BTC", "spot", "BTC"),
        ("XXDG", "spot", "DOGE"),
        ("XDG", "spot", "DOGE"),
        ("ZEUR", "spot", "EUR"),
        ("EUR", "spot", "EUR"),
        ("CHF", "spot", "CHF"),
        ("XXRP", "spot", "XRP"),
        ("XRP", "spot", "XRP"),
        ("XTZ", "spot", "XTZ"),
        ("ZRX", "spot", "ZRX"),
        ("LUNA", "spot", "LUNC"),
        ("LUNA2", "spot", "LUNA"),
        ("FEE", "spot", "KFEE"),
        ("1INCH", "spot", "1INCH"),
        ("DOT.S", "staked", "DOT"),
        ("DOT28.S", "staked-28", "DOT"),
        ("ATOM07.S", "staked-07", "ATOM"),
        ("ETH2.S", "staked", "ETH"),
        ("ETH.F", "earn", "ETH"),
        ("XBT.M", "opt-in", "BTC"),
        ("USDT.B", "yield", "USDT"),
        ("KSM.P", "parachain", "KSM"),
        ("EUR.HOLD", "hold", "EUR"),
        ("AAPLx.T", "tokenized", "AAPLx"),
    ],
)
def test_codes_name_a_wallet_and_an_asset(code: str, wallet: str, coin: str) -> None:
    assert place(code) == (wallet, coin)


@pytest.mark.parametrize("code", ["", ".S", "DOT.Q", "DOT.S.S", "DOT.", "a b", "x" * 30, "DOT28.F.S", "ÄÖ"])
def test_a_code_that_nothing_explains_is_not_guessed(code: str) -> None:
    with pytest.raises(UnknownName):
        place(code)


@pytest.mark.parametrize(
    ("name", "base", "quote"),
    [
        ("XXBTZEUR", "BTC", "EUR"),
        ("XBTEUR", "BTC", "EUR"),
        ("XBT/EUR", "BTC", "EUR"),
        ("BTC/EUR", "BTC", "EUR"),
        ("XETHXXBT", "ETH", "BTC"),
        ("ETHXBT", "ETH", "BTC"),
        ("XTZUSD", "XTZ", "USD"),
        ("XTZXBT", "XTZ", "BTC"),
        ("XDGUSDT", "DOGE", "USDT"),
        ("USDTZUSD", "USDT", "USD"),
        ("USDCUSDT", "USDC", "USDT"),
        ("PYUSDUSD", "PYUSD", "USD"),
        ("ETHPYUSD", "ETH", "PYUSD"),
        ("ZGBPZUSD", "GBP", "USD"),
        ("EURCHF", "EUR", "CHF"),
        ("AAPLxUSD", "AAPLx", "USD"),
        ("PEPEGBP", "PEPE", "GBP"),
        ("ADADAI", "ADA", "DAI"),
    ],
)
def test_pairs_are_understood_by_their_letters(name: str, base: str, quote: str) -> None:
    assert pair(name, {}) == (base, quote)


def test_the_list_of_markets_explains_a_pair_before_its_letters() -> None:
    odd = Market("ABCUSD", asset("ABCU"), asset("SD"))
    assert pair("ABCUSD", {"ABCUSD": odd}) == ("ABCU", "SD")


@pytest.mark.parametrize("name", ["", "EUR", "WHATEVER", "/", "BTC/"])
def test_a_pair_that_nothing_explains_is_not_guessed(name: str) -> None:
    with pytest.raises(UnknownName):
        pair(name, {})


def test_extended_balances_give_wallets_and_what_orders_hold() -> None:
    found = parsed("balances", "balances_extended")
    assert found.unparsed == ()
    by_place = {(item.account, item.asset): item for item in found.items if isinstance(item, Balance)}
    assert len(by_place) == len(found.items) == 12
    assert by_place["spot", asset("EUR")] == Balance("spot", asset("EUR"), Decimal("1204.5031"), Decimal("250.0000"))
    assert str(by_place["spot", asset("BTC")].total) == "0.1375000001"
    assert str(by_place["earn", asset("ETH")].total) == "2.7182818284"
    assert by_place["staked-28", asset("DOT")].total == Decimal("14.25")
    assert by_place["spot", asset("ETH")].total == 0


def test_plain_balances_do_not_tell_what_is_held() -> None:
    found = parse("balances", b'{"error":[],"result":{"ZUSD":"200000.10","XXBT":"0.50", "DOT.S": "1"}}', EMPTY)
    assert found.items == (
        Balance("spot", asset("USD"), Decimal("200000.10")),
        Balance("spot", asset("BTC"), Decimal("0.50")),
        Balance("staked", asset("DOT"), Decimal(1)),
    )
    assert str(found.items[0].total) == "200000.10"


@pytest.mark.parametrize("body", [b'{"error":[]}', b'{"error":[],"result":null}', b'{"error":[],"result":{}}'])
def test_an_account_that_never_held_anything_has_no_balances(body: bytes) -> None:
    assert parse("balances", body, EMPTY) == Parsed(())


@pytest.mark.parametrize("value", ['"NaN"', '"Infinity"', "null", "true", '""', '{"balance":"NaN"}', "{}", "[]"])
def test_a_balance_that_is_no_number_is_kept_unparsed(value: str) -> None:
    body = f'{{"error":[],"result":{{"ZEUR":{value},"XXBT":"1.0"}}}}'.encode()
    found = parse("balances", body, EMPTY)
    assert found.items == (Balance("spot", asset("BTC"), Decimal("1.0")),)
    assert [piece.id for piece in found.unparsed] == ["ZEUR"]


def test_a_balance_on_an_unknown_wallet_is_kept_unparsed() -> None:
    found = parse("balances", b'{"error":[],"result":{"SOL.Q":"1.0"}}', EMPTY)
    assert found.items == ()
    assert found.unparsed[0].id == "SOL.Q"
    assert "suffix" in found.unparsed[0].reason


def test_open_orders_have_their_price_and_what_is_filled() -> None:
    found = parsed("open_orders", "open_orders")
    assert found.unparsed == ()
    orders = [item for item in found.items if isinstance(item, Order)]
    assert orders[0] == Order(
        id="OAAAAA-BBBBB-CCCCC2",
        market="BTC/EUR",
        side="buy",
        type="limit",
        price=Decimal("40000.1"),
        amount=Decimal("0.00500000"),
        filled=Decimal("0.00125000"),
        time=at(1795299000, 729133),
    )
    assert [(each.market, each.type, None if each.price is None else text(each.price)) for each in orders[1:]] == [
        ("ETH/EUR", "market", None),
        ("DOGE/EUR", "stop-loss-limit", "0.145"),
        ("SOL/USDT", "trailing-stop", "141.2"),
    ]


def test_an_order_in_units_of_the_quote_is_not_taken_for_one_in_the_base() -> None:
    answer = json.loads((PAYLOADS / "open_orders.json").read_bytes())
    answer["result"]["open"]["OAAAAA-BBBBB-CCCCC2"]["oflags"] = "fciq,viqc"
    found = parse("open_orders", json.dumps(answer).encode(), EMPTY)
    assert len(found.items) == 3
    assert [piece.id for piece in found.unparsed] == ["OAAAAA-BBBBB-CCCCC2"]


def test_trades_become_three_legs_and_on_margin_none() -> None:
    found = parsed("trades", "trades")
    buy, sell, opened = entries(found).values()
    assert (buy.id, buy.kind, buy.time) == ("TAAAAA-BBBBB-CCCCC2", "trade", at(1795201203, 440811))
    assert moved(buy) == [
        ("TAAAAA-BBBBB-CCCCC2:base", "spot", "BTC", "0.0125", "principal"),
        ("TAAAAA-BBBBB-CCCCC2:quote", "spot", "EUR", "-650", "principal"),
        ("TAAAAA-BBBBB-CCCCC2:fee", "spot", "EUR", "-2.6", "fee"),
    ]
    assert moved(sell) == [
        ("TAAAAA-BBBBB-CCCCC3:base", "spot", "SOL", "-2.00000005", "principal"),
        ("TAAAAA-BBBBB-CCCCC3:quote", "spot", "USDC", "38.200001", "principal"),
    ]
    assert moved(opened) == []
    assert found.unparsed == ()


def test_trades_tell_their_market_price_and_order() -> None:
    buy, sell, opened = entries(parsed("trades", "trades")).values()
    assert buy.facts == (
        ("amount", "0.0125"),
        ("cost", "650"),
        ("liquidity", "taker"),
        ("market", "BTC/EUR"),
        ("order", "OAAAAA-DDDDD-EEEEE2"),
        ("price", "52000"),
        ("side", "buy"),
        ("type", "limit"),
    )
    assert "liquidity" not in dict(sell.facts)
    told = dict(opened.facts)
    assert (told["leverage"], told["position"], told["liquidity"]) == ("5", "TZZZZZ-YYYYY-XXXXX2", "maker")


@pytest.mark.parametrize("sign", [{"margin": "600.0"}, {"leverage": "2"}, {"misc": "closing"}])
def test_a_fill_on_margin_moves_neither_base_nor_quote(sign: dict[str, str]) -> None:
    answer = json.loads((PAYLOADS / "trades.json").read_bytes())
    answer["result"]["trades"]["TAAAAA-BBBBB-CCCCC2"] |= sign
    assert entries(parse("trades", json.dumps(answer).encode(), EMPTY))["TAAAAA-BBBBB-CCCCC2"].legs == ()


def test_orders_that_are_done_tell_what_was_asked_for() -> None:
    found = parsed("trades.orders", "closed_orders")
    assert {entry.id: entry.facts for entry in entries(found).values()} == {
        "TAAAAA-BBBBB-CCCCC2": (("asked", "0.025"), ("limit", "52000"), ("ordered", "2026-11-20T18:59:50.118400Z")),
        "TAAAAA-BBBBB-CCCCC5": (("asked", "0.025"), ("limit", "52000"), ("ordered", "2026-11-20T18:59:50.118400Z")),
        "TAAAAA-BBBBB-CCCCC3": (
            ("asked", "2.00000005"),
            ("ordered", "2023-07-04T09:54:40.100000Z"),
            ("trigger", "19.2"),
        ),
        "TAAAAA-BBBBB-CCCCC6": (("ordered", "2023-07-04T09:53:20Z"),),
    }
    assert all(entry.legs == () for entry in entries(found).values())
    assert [piece.id for piece in found.unparsed] == ["OAAAAA-DDDDD-EEEEE8"]


def test_ledger_rows_of_one_refid_are_one_entry() -> None:
    found = entries(parsed("ledger", "ledger"))
    trade = found["TAAAAA-BBBBB-CCCCC2"]
    assert (trade.kind, trade.note, trade.time) == ("trade", "trade tradespot", at(1795201203, 441600))
    assert moved(trade) == [
        ("LAAAAA-00003-TRADE3", "spot", "EUR", "-650", "principal"),
        ("LAAAAA-00003-TRADE3:fee", "spot", "EUR", "-2.1", "fee"),
        ("LAAAAA-00002-TRADE2", "spot", "BTC", "0.0125", "principal"),
        ("LAAAAA-00004-TRADE4:fee", "spot", "KFEE", "-50", "fee"),
    ]
    convert = found["TSAAAA-BBBBB-SPEND2"]
    assert convert.kind == "conversion"
    assert moved(convert) == [
        ("LAAAAA-00005-SPEND5", "hold", "EUR", "-98.5", "principal"),
        ("LAAAAA-00005-SPEND5:fee", "hold", "EUR", "-1.5", "fee"),
        ("LAAAAA-00006-RECEI6", "spot", "DOGE", "656.66666667", "principal"),
    ]


def test_ledger_rows_of_every_kind() -> None:
    found = entries(parsed("ledger", "ledger"))
    assert {entry_id: entry.kind for entry_id, entry in found.items()} == {
        "TAAAAA-BBBBB-CCCCC2": "trade",
        "TSAAAA-BBBBB-SPEND2": "conversion",
        "FTaBcDe-fGhIjKlMnOpQrStUvWxYz1": "deposit",
        "FTwItHd-rAwAlFaIlEdXxXxXxXxXx2": "withdrawal",
        "STAAAA-BBBBB-STAKE2": "reward",
        "ELAAAA-BBBBB-EARN22": "transfer",
        "LAAAAA-00013-ROLL13": "fee",
    }
    failed = found["FTwItHd-rAwAlFaIlEdXxXxXxXxXx2"]
    assert sum(leg.amount for leg in failed.legs) == 0
    assert failed.time == at(1795100000, 500000)
    assert moved(found["STAAAA-BBBBB-STAKE2"])[1] == ("LAAAAA-00010-STAKE0:fee", "staked-28", "DOT", "-0.036", "fee")
    assert moved(found["LAAAAA-00013-ROLL13"]) == [("LAAAAA-00013-ROLL13:fee", "spot", "USD", "-0.12", "fee")]


def test_rollovers_of_one_position_are_events_of_their_own() -> None:
    row = {"refid": "TP", "type": "rollover", "asset": "ZUSD", "amount": "0", "fee": "0.01"}
    rows = {"L1": row | {"time": 1795000000}, "L2": row | {"time": 1795014400}}
    found = parse("ledger", json.dumps({"error": [], "result": {"ledger": rows, "count": 2}}).encode(), EMPTY)
    assert {entry.id: entry.time for entry in entries(found).values()} == {"L1": at(1795000000), "L2": at(1795014400)}


def test_rows_that_are_not_understood_are_kept_as_they_came() -> None:
    found = parsed("ledger", "ledger")
    assert [piece.id for piece in found.unparsed] == ["LAAAAA-00014-NEWTYP", "LAAAAA-00015-NEWSUF"]
    assert "moonshot" in found.unparsed[0].reason
    assert json.loads(found.unparsed[0].raw)["amount"] == "1.0000"


@pytest.mark.parametrize(
    ("kind", "subtype", "expected"),
    [
        ("trade", "", "trade"),
        ("margin", "", "trade"),
        ("settled", "", "trade"),
        ("spend", "dustsweeping", "conversion"),
        ("receive", "dustsweeping", "conversion"),
        ("conversion", "", "conversion"),
        ("sale", "", "conversion"),
        ("staking", "", "reward"),
        ("reward", "", "reward"),
        ("dividend", "", "reward"),
        ("invite bonus", "", "reward"),
        ("earn", "reward", "reward"),
        ("earn", "", "reward"),
        ("transfer", "airdrop", "reward"),
        ("deposit", "airdrop", "reward"),
        ("earn", "allocation", "transfer"),
        ("earn", "deallocation", "transfer"),
        ("earn", "migration", "transfer"),
        ("deposit", "autoallocation", "transfer"),
        ("transfer", "spottostaking", "transfer"),
        ("transfer", "stakingfromspot", "transfer"),
        ("transfer", "spottofutures", "transfer"),
        ("transfer", "", "transfer"),
        ("adjustment", "", "adjustment"),
        ("credit", "", "adjustment"),
        ("rollover", "", "fee"),
        ("nfttrade", "", "trade"),
        ("nftcreatorfee", "", "fee"),
        ("creator_fee", "", "fee"),
        ("nftrebate", "", "adjustment"),
        ("nft_rebate", "", "adjustment"),
        ("custodytransfer", "", "transfer"),
        ("transfer", "spotfromfutures", "transfer"),
        ("staking", "allocation", "transfer"),
        ("earn", "autoallocation", "transfer"),
        ("airdrop", "", "reward"),
        ("transfer", "delistingconversion", "conversion"),
        ("earn", "somethingnew", None),
        ("none", "", None),
        ("reserve", "", None),
    ],
)
def test_types_and_subtypes_have_their_kind(kind: str, subtype: str, expected: str | None) -> None:
    row = {
        "refid": "R",
        "time": 1795000000,
        "type": kind,
        "subtype": subtype,
        "asset": "ZEUR",
        "amount": "1",
        "fee": "0",
    }
    found = parse("ledger", json.dumps({"error": [], "result": {"ledger": {"L": row}, "count": 1}}).encode(), EMPTY)
    assert [item.kind for item in found.items if isinstance(item, Entry)] == ([expected] if expected else [])
    assert len(found.unparsed) == (expected is None)


def test_deposits_carry_their_transaction_and_wait_until_they_are_credited() -> None:
    done, waiting = entries(parsed("deposits", "deposits")).values()
    assert (done.status, done.txid[:8], done.time) == ("done", "aa11bb22", at(1795110000))
    assert done.facts == (("address", "bc1qmadeup"), ("method", "Bitcoin"))
    assert moved(done) == [("FTaBcDe-fGhIjKlMnOpQrStUvWxYz1", "spot", "BTC", "0.05", "principal")]
    assert (waiting.status, waiting.txid) == ("pending", "")


def test_withdrawals_tell_how_to_go_on_and_which_failed() -> None:
    found = parsed("withdrawals", "withdrawals")
    assert found.more == {"cursor": "bmV4dA=="}
    sent, canceled = entries(found).values()
    assert moved(sent) == [
        ("FTwItHd-rAwAlDoNeXxXxXxXxXxXx1", "spot", "BTC", "-0.02", "principal"),
        ("FTwItHd-rAwAlDoNeXxXxXxXxXxXx1:fee", "spot", "BTC", "-0.0001", "fee"),
    ]
    assert canceled.status == "failed"
    assert sent.facts == (("address", "bc1qmadeup2"), ("label", "cold"), ("method", "Bitcoin"), ("network", "Bitcoin"))
    assert [piece.id for piece in found.unparsed] == ["FTwItHd-rAwAlOdDxXxXxXxXxXxXx3"]
    assert "Teleported" in found.unparsed[0].raw


@pytest.mark.parametrize("name", ["deposit", "deposits"])
def test_a_paged_list_of_deposits_is_found_under_either_name(name: str) -> None:
    rows = json.loads((PAYLOADS / "deposits.json").read_bytes())["result"]
    body = json.dumps({"error": [], "result": {name: rows, "next_cursor": None}}).encode()
    assert parse("deposits", body, EMPTY) == parsed("deposits", "deposits")


def test_markets_have_every_name_that_kraken_uses() -> None:
    found = parsed("markets", "markets")
    assert found.items == (
        Market("XXBTZEUR", asset("BTC"), asset("EUR"), ("BTC/EUR", "XBT/EUR", "XBTEUR")),
        Market("XDGEUR", asset("DOGE"), asset("EUR"), ("DOGE/EUR", "XDG/EUR"), open=False),
        Market("LUNA2USD", asset("LUNA"), asset("USD"), ("LUNA/USD", "LUNA2/USD")),
    )
    assert [piece.id for piece in found.unparsed] == ["BROKEN"]


def test_tickers_give_the_last_price_of_what_is_understood() -> None:
    found = parsed("tickers", "tickers")
    assert found.items == (
        Ticker(asset("BTC"), asset("EUR"), Decimal("52010.05000")),
        Ticker(asset("USDT"), asset("USD"), Decimal("1.00005000")),
    )
    assert [piece.id for piece in found.unparsed] == ["WHATEVER"]
    known = Known(markets={"WHATEVER": Market("WHATEVER", asset("WHAT"), asset("EVER"))})
    assert parsed("tickers", "tickers", known).items[2] == Ticker(asset("WHAT"), asset("EVER"), Decimal("1.5"))


def test_the_clock_and_the_rights_hold_no_items() -> None:
    clock = b'{"error":[],"result":{"unixtime":1795300000,"rfc1123":"Sat, 21 Nov 26 00:00:00 +0000"}}'
    assert parse("server_time", clock, EMPTY) == Parsed(())
    assert parse("key_info", (PAYLOADS / "key_info.json").read_bytes(), EMPTY) == Parsed(())


@given(
    st.decimals("-1e15", "1e15", places=10, allow_nan=False),
    st.decimals("0", "1e9", places=10, allow_nan=False),
    st.decimals("0", "4e9", places=7, allow_nan=False),
)
def test_no_digit_of_a_ledger_row_is_lost(amount: Decimal, fee: Decimal, time: Decimal) -> None:
    row = f'{{"refid":"R","time":{time:f},"type":"deposit","asset":"XXBT","amount":"{amount:f}","fee":"{fee:f}"}}'
    found = entries(parse("ledger", f'{{"error":[],"result":{{"ledger":{{"L":{row}}}}}}}'.encode(), EMPTY))["R"]
    assert {leg.id: leg.amount for leg in found.legs} == {
        key: value for key, value in {"L": amount, "L:fee": -fee}.items() if value
    }
    seconds, micro = int(time), int((time % 1) * 10**6)
    assert found.time == at(seconds, micro)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("refid", "time", "type", "subtype", "asset", "amount", "fee")


@given(
    st.dictionaries(
        st.text("LABC-", min_size=1, max_size=5), JUNK | st.fixed_dictionaries(dict.fromkeys(FIELDS, JUNK)), max_size=5
    )
)
def test_every_row_is_an_entry_or_kept(rows: dict[str, object]) -> None:
    body = json.dumps({"error": [], "result": {"ledger": rows, "count": len(rows)}}).encode()
    try:
        found = parse("ledger", body, EMPTY)
    except NotReadable:
        assert any(word in body.decode() for word in ("NaN", "Infinity"))  # Python's JSON writes them, no JSON has them
        return
    kept = {piece.id for piece in found.unparsed}
    understood = len(rows) - len(kept)
    assert kept <= set(rows)
    assert understood >= len(found.items)
    assert bool(understood) == bool(found.items)


@given(
    st.sampled_from(["balances", "open_orders", "trades", "ledger", "markets", "tickers", "deposits"]),
    st.binary(max_size=200),
)
def test_any_bytes_are_refused(read_id: str, body: bytes) -> None:
    with pytest.raises(NotReadable):
        parse(read_id, body, EMPTY)
