"""Answers of Binance, normalised to the last digit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.binance.parse import parse
from tallyglass.exchanges.streams import Balance, Known, Market, NotReadable, Order, Parsed, Ticker
from tallyglass.ledger.entries import Entry, computed
from tallyglass.money import asset

PAYLOADS = Path(__file__).parent / "payloads"
#: But for the market that candles were asked for: they do not name it.
NOTHING = Known(asked={"symbol": "BNBUSDT"})
READS = sorted(registry.manifest("binance").reads)


def payload(read_id: str) -> bytes:
    return (PAYLOADS / f"{read_id}.json").read_bytes()


def told(read_id: str, known: Known = NOTHING) -> Parsed:
    return parse(read_id, payload(read_id), known)


def entries(read_id: str) -> list[Entry]:
    found = told(read_id)
    assert found.unparsed == () or read_id == "deposits"
    return [item for item in found.items if isinstance(item, Entry)]


def legs(entry: Entry) -> list[tuple[str, str, Decimal, str]]:
    return [(leg.account, leg.asset, leg.amount, leg.role) for leg in entry.legs]


def at(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def D(text: str) -> Decimal:  # noqa: N802 - short for a table of amounts
    return Decimal(text)


@pytest.mark.parametrize("read_id", ["balances", "balances.funding"])
def test_a_coin_that_stands_twice_is_not_counted_at_all(read_id: str) -> None:
    page = json.loads(payload(read_id))
    rows = page["balances"] if read_id == "balances" else page
    rows.append({**rows[0], "free": "0.1"})
    with pytest.raises(NotReadable, match=f"'{rows[0]['asset']}' stands twice"):
        parse(read_id, json.dumps(page).encode(), NOTHING)


def test_spot_balances_hold_what_is_locked_and_name_what_is_in_earn() -> None:
    assert told("balances").items == (
        Balance("spot", asset("BTC"), D("0.5"), D("0.085")),
        Balance("earn", asset("USDT"), D("150.25"), D("0")),
        Balance("spot", asset("LDO"), D("12"), D("0")),
        Balance("earn", asset("LDO"), D("3"), D("0")),
    )


def test_the_funding_wallet_counts_frozen_and_leaving_parts() -> None:
    assert told("balances.funding").items == (Balance("funding", asset("USDT"), D("24.75"), D("4.25")),)


def test_open_orders() -> None:
    limit, stop = told("open_orders").items
    assert limit == Order(
        id="7004001",
        market="ETH/BTC",
        side="sell",
        type="limit",
        price=D("0.031"),
        amount=D("2.5"),
        filled=D("0.5"),
        time=at(1795200000100),
    )
    assert isinstance(stop, Order)
    assert (stop.market, stop.type, stop.price) == ("BTC/USDT", "stop-loss", D("70000"))


def test_trades_have_both_sides_and_the_fee() -> None:
    buy, sell = entries("trades")
    assert (buy.id, buy.kind, buy.time) == ("trade:BNBUSDT:880011", "trade", at(1795200000110))
    assert legs(buy) == [
        ("spot", "BNB", D("0.5"), "principal"),
        ("spot", "USDT", D("-310.05"), "principal"),
        ("spot", "BNB", D("-0.000375"), "fee"),
    ]
    assert legs(sell) == [("spot", "BNB", D("-0.2"), "principal"), ("spot", "USDT", D("124.4"), "principal")]


def test_an_old_trade_without_its_value_is_multiplied_out() -> None:
    row = json.loads(payload("trades"))[0]
    del row["quoteQty"]
    (entry,) = parse("trades", json.dumps([row]).encode(), NOTHING).items
    assert isinstance(entry, Entry)
    assert legs(entry)[1] == ("spot", "USDT", D("-310.05"), "principal")


def test_a_market_is_named_by_the_list_before_it_is_guessed() -> None:
    market = Market("BNBUSDT", asset("BNBUS"), asset("DT"))
    (entry, _) = told("trades", Known(markets={"BNBUSDT": market})).items
    assert isinstance(entry, Entry)
    assert [leg.asset for leg in entry.legs] == ["BNBUS", "DT", "BNB"]


def test_deposits_by_their_status() -> None:
    found = told("deposits")
    done, pending, held, refused = entries("deposits")
    assert (done.id, done.status, done.txid, legs(done)) == (
        "deposit:4000000000000000001",
        "done",
        "ab12ef",
        [("spot", "BTC", D("0.02"), "principal")],
    )
    assert (pending.status, legs(pending)) == ("pending", [("funding", "USDT", D("75"), "principal")])
    assert (held.status, refused.status) == ("done", "failed")
    assert computed([done, pending, held, refused]) == {("spot", "BTC"): D("0.02"), ("spot", "USDT"): D("5")}
    (odd,) = found.unparsed
    assert "11" in odd.reason
    assert json.loads(odd.raw)["id"] == "4000000000000000005"


def test_withdrawals_take_the_fee_on_top_and_mean_utc() -> None:
    done, cancelled, pending = entries("withdrawals")
    assert done.id == "withdrawal:0123456789abcdef0123456789abcdef"
    assert done.time == datetime(2026, 11, 1, 8, 9, 10, tzinfo=UTC)
    assert legs(done) == [("spot", "USDT", D("-99"), "principal"), ("spot", "USDT", D("-1"), "fee")]
    assert (done.status, cancelled.status, pending.status) == ("done", "failed", "pending")
    assert [leg.account for leg in pending.legs] == ["funding"]


def test_conversions_keep_ids_that_a_double_would_round() -> None:
    done, failed = entries("conversions")
    assert (done.id, done.kind) == ("convert:1940708407462087195", "conversion")
    assert legs(done) == [("spot", "USDT", D("-20"), "principal"), ("spot", "BNB", D("0.0322"), "principal")]
    assert failed.status == "failed"


def test_dust_adds_up_to_what_arrived() -> None:
    (entry,) = entries("conversions.dust")
    assert (entry.id, entry.kind) == ("dust:190000000001", "conversion")
    assert computed([entry]) == {
        ("spot", "USDT"): D("-0.6"),
        ("spot", "ADA"): D("-0.9"),
        ("spot", "BNB"): D("0.00147"),
    }
    assert len({leg.id for leg in entry.legs}) == len(entry.legs)


def test_rewards_are_told_apart_by_their_own_id_and_may_be_taken_back() -> None:
    first, second, back = entries("rewards")
    assert [first.id, second.id] == ["reward:242000000001", "reward:242000000002"]
    assert (first.kind, first.note) == ("reward", "Flexible")
    assert legs(first) == [("spot", "BNB", D("0.00012"), "principal")]
    assert legs(back) == [("spot", "ADA", D("-0.1"), "principal")]


def test_moves_between_own_wallets_change_no_sum() -> None:
    done, pending = entries("transfers")
    assert done.id == "transfer:140000000001"
    assert legs(done) == [("spot", "USDT", D("-25"), "principal"), ("funding", "USDT", D("25"), "principal")]
    assert (pending.status, [leg.account for leg in pending.legs]) == ("pending", ["margin-isolated", "margin"])
    (into,) = entries("transfers.subscriptions")
    assert into.id == "earn-subscribe:26055001"
    assert legs(into) == [
        ("spot", "USDT", D("-110"), "principal"),
        ("funding", "USDT", D("-40"), "principal"),
        ("earn", "USDT", D("150"), "principal"),
    ]
    (out,) = entries("transfers.redemptions")
    assert out.id == "earn-redeem:40607001"
    assert legs(out) == [("earn", "USDT", D("-10"), "principal"), ("spot", "USDT", D("10"), "principal")]


def test_fiat_orders_come_with_their_fee() -> None:
    (into,) = entries("fiat.deposits")
    assert (into.id, into.kind) == ("fiat:0f0e0d0c", "deposit")
    assert legs(into) == [("spot", "EUR", D("100"), "principal"), ("spot", "EUR", D("-1.8"), "fee")]
    (out,) = entries("fiat.withdrawals")
    assert (out.kind, out.status) == ("withdrawal", "pending")
    assert legs(out) == [("spot", "EUR", D("-50"), "principal"), ("spot", "EUR", D("-0.8"), "fee")]


def test_a_purchase_by_card_brings_its_money_along() -> None:
    paid, bought, cash, *failed = entries("fiat.buys")
    assert (paid.id, paid.kind, legs(paid)) == (
        "fiat-buy:aa11:payment",
        "deposit",
        [("spot", "EUR", D("50"), "principal")],
    )
    assert (bought.id, bought.kind) == ("fiat-buy:aa11", "conversion")
    assert legs(bought) == [
        ("spot", "EUR", D("-49"), "principal"),
        ("spot", "BNB", D("0.0784"), "principal"),
        ("spot", "EUR", D("-1"), "fee"),
    ]
    assert legs(cash) == [("spot", "EUR", D("-25"), "principal"), ("spot", "BNB", D("0.04"), "principal")]
    assert {each.status for each in failed} == {"failed"}
    assert computed([paid, bought]) == {("spot", "EUR"): D("0"), ("spot", "BNB"): D("0.0784")}


def test_a_sale_to_a_card_is_shown_and_not_guessed() -> None:
    found = told("fiat.sells")
    assert found.items == ()
    assert ["bb11" in each.reason for each in found.unparsed] == [True]


def test_interest_that_stays_in_earn_is_booked_there() -> None:
    (entry,) = entries("rewards.earn")
    assert (entry.id, entry.kind) == ("earn-reward:USDT:USDT001:1794100000000", "reward")
    assert legs(entry) == [("earn", "USDT", D("0.0042"), "principal")]
    bonus = parse("rewards.earn", payload("rewards.earn").replace(b"REALTIME", b"BONUS"), NOTHING)
    assert (bonus.items, len(bonus.unparsed)) == ((), 1)


def test_no_fiat_orders_may_leave_the_list_out() -> None:
    body = b'{"code":"000000","message":"success","success":true,"total":0}'
    assert parse("fiat.deposits", body, NOTHING) == Parsed(())


def test_markets_know_which_are_open() -> None:
    assert told("markets").items == (
        Market("BNBUSDT", asset("BNB"), asset("USDT")),
        Market("BCCBTC", asset("BCH"), asset("BTC"), open=False),
    )


def test_prices_of_closed_markets_are_no_prices() -> None:
    markets = {item.name: item for item in told("markets").items if isinstance(item, Market)}
    found = told("tickers", Known(markets=markets))
    assert found.items == (
        Ticker(asset("BNB"), asset("USDT"), D("851.26")),
        Ticker(asset("ADA"), asset("EUR"), D("0.3552")),
    )
    assert [json.loads(each.raw)["symbol"] for each in found.unparsed] == ["Q"]


def test_one_price_alone_is_read_too() -> None:
    (item,) = parse("tickers", b'{"symbol":"ETHFDUSD","price":"2911.42000000"}', NOTHING).items
    assert item == Ticker(asset("ETH"), asset("FDUSD"), D("2911.42"))


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [("BNBBTC", "BNB", "BTC"), ("ADAEUR", "ADA", "EUR"), ("ETHFDUSD", "ETH", "FDUSD"), ("BTTTUSD", "BTT", "TUSD"),
     ("BCCBTC", "BCH", "BTC"), ("USDTTRY", "USDT", "TRY"), ("USDCUSDT", "USDC", "USDT"),
     ("币安人生USDT", "币安人生", "USDT")],
)  # fmt: skip
def test_a_market_that_is_gone_is_known_by_its_quote(symbol: str, base: str, quote: str) -> None:
    body = json.dumps({"symbol": symbol, "price": "2"}).encode()
    assert parse("tickers", body, NOTHING).items == (Ticker(asset(base), asset(quote), D("2")),)


@pytest.mark.parametrize("read_id", READS)
def test_every_read_of_the_manifest_is_parsed(read_id: str) -> None:
    assert isinstance(told(read_id), Parsed)


@pytest.mark.parametrize("read_id", READS)
@pytest.mark.parametrize("body", [b"", b"<html></html>", b"null", b"7", b'{"code":-1121,"msg":"no"}', b"[1", b"\xff"])
def test_what_is_no_answer_is_refused(read_id: str, body: bytes) -> None:
    with pytest.raises(NotReadable):
        parse(read_id, body, NOTHING)


@pytest.mark.parametrize("read_id", READS)
def test_an_answer_cut_short_is_refused(read_id: str) -> None:
    body = payload(read_id).strip()
    for end in range(0, len(body), 7):
        with pytest.raises(NotReadable):
            parse(read_id, body[:end], NOTHING)


numbers = st.decimals(min_value=0, max_value=10**12, places=8, allow_nan=False).map(lambda n: format(n, "f"))
ODD: list[Any] = [None, True, False, 0, -1, 10**20, "", "x", "NaN", "1e400", [], {}]
odd_values = st.sampled_from(ODD)


#: The rows of candles are lists: see test_candles.
ROWLESS = {"key_info", "server_time", "balances.products", "candles"}


def with_row(read_id: str, change: dict[str, Any]) -> bytes:
    told = json.loads(payload(read_id))
    rows_of(told)[0].update(change)
    return json.dumps(told).encode()


def rows_of(told: Any) -> list[dict[str, Any]]:
    return told if isinstance(told, list) else next(each for each in told.values() if each and isinstance(each, list))


@given(data=st.data(), read_id=st.sampled_from([read for read in READS if read not in ROWLESS]))
def test_a_row_that_is_not_understood_is_kept_and_none_is_dropped(data: st.DataObject, read_id: str) -> None:
    before = parse(read_id, with_row(read_id, {}), NOTHING)
    name = data.draw(st.sampled_from(sorted(rows_of(json.loads(payload(read_id)))[0])))
    after = parse(read_id, with_row(read_id, {name: data.draw(odd_values)}), NOTHING)
    dropped = 1 if read_id.startswith(("balances", "tickers")) else 0  # a zero is left out
    dropped += 1 if read_id == "balances.isolated" else 0  # a market has two sides
    dropped += 1 if read_id == "fiat.buys" else 0  # a purchase by card is two entries
    if read_id == "balances.wallets":  # tells only of what is strange
        assert after.items == ()
        return
    whole = len(before.items) + len(before.unparsed)
    assert whole - dropped <= len(after.items) + len(after.unparsed) <= whole


@given(price=numbers, quantity=numbers, fee=numbers)
def test_amounts_are_exact_to_the_last_digit(price: str, quantity: str, fee: str) -> None:
    body = with_row("trades", {"price": price, "qty": quantity, "quoteQty": price, "commission": fee})
    entry = parse("trades", body, NOTHING).items[0]
    assert isinstance(entry, Entry)
    by_id = {leg.id: leg.amount for leg in entry.legs}
    assert by_id.get("base", D("0")) == D(quantity)
    assert by_id.get("quote", D("0")) == -D(price)
    assert by_id.get("fee", D("0")) == -D(fee)
