from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.coinbase.parse import parse
from tallyglass.exchanges.streams import Known, NotReadable, Parsed
from tallyglass.ledger.entries import Entry, Leg, computed
from tallyglass.money import Asset, total

PAYLOADS = Path(__file__).parent / "payloads"
TRADED = int(datetime(2026, 10, 30, 12, 7, 1, tzinfo=UTC).timestamp())
BTC, ETH, EUR, USD = (Asset(code) for code in ("BTC", "ETH", "EUR", "USD"))


def body(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def read(read_id: str, name: str = "", known: Known | None = None) -> Parsed:
    return parse(read_id, body(name or read_id), known or Known())


def entries(parsed: Parsed) -> dict[str, Entry]:
    return {item.id: item for item in parsed.items if isinstance(item, Entry)}


def legs(entry: Entry) -> list[tuple[str, str, str]]:
    return [(leg.asset, str(leg.amount), leg.role) for leg in entry.legs]


def test_both_rows_of_a_trade_are_one_entry_with_the_fee_taken_once() -> None:
    of_eth = entries(read("ledger", "ledger_eth"))
    of_eur = entries(read("ledger", "ledger_eur"))
    trade = f"trade:order-1:{TRADED}"
    assert of_eth[trade].legs == (Leg("eth-2", "spot", ETH, Decimal("-0.6")),)
    assert of_eur[trade].legs == (
        Leg("eur-2", "spot", EUR, Decimal("1260.89315")),
        Leg("eur-2:fee", "spot", EUR, Decimal("-4.41315"), "fee"),
    )
    assert of_eth[trade].time == of_eur[trade].time == datetime(2026, 10, 30, 12, 7, 1, tzinfo=UTC)
    assert {of_eth[trade].kind, of_eur[trade].kind} == {"trade"}


def test_the_fee_of_a_buy_is_part_of_what_was_paid() -> None:
    bought = entries(read("ledger", "ledger_eur"))[f"trade:order-2:{TRADED + 3600}"]
    assert legs(bought) == [("EUR", "-100.00", "principal"), ("EUR", "-0.60", "fee")]


def test_the_rows_of_a_wallet_become_entries() -> None:
    parsed = read("ledger", "ledger_eth")
    found = entries(parsed)
    assert [(e.id, e.kind, e.status, e.txid) for e in found.values()] == [
        ("tx:eth-1", "deposit", "done", "0xabc"),
        (f"trade:order-1:{TRADED}", "trade", "done", ""),
        ("tx:eth-3", "reward", "done", ""),
        ("tx:eth-4", "withdrawal", "pending", ""),
    ]
    assert legs(found["tx:eth-1"]) == [("ETH", "2.00000000", "principal")]
    assert legs(found["tx:eth-4"]) == [("ETH", "-0.0250", "principal"), ("ETH", "-0.0001", "fee")]
    assert [(piece.id, "a_type_of_tomorrow" in piece.reason) for piece in parsed.unparsed] == [("eth-5", True)]


def test_conversions_buys_moves_and_failures_are_told_apart() -> None:
    found = entries(read("ledger", "ledger_eur"))
    assert [(e.id, e.kind, e.status) for e in found.values()] == [
        ("tx:eur-1", "deposit", "done"),
        (f"trade:order-1:{TRADED}", "trade", "done"),
        (f"trade:order-2:{TRADED + 3600}", "trade", "done"),
        ("convert:conv-1", "conversion", "done"),
        ("buy:buy-1", "conversion", "done"),
        ("tx:eur-6", "transfer", "done"),
        ("tx:eur-7", "withdrawal", "failed"),
    ]
    assert legs(found["convert:conv-1"]) == [("EUR", "-105.00", "principal")]


@pytest.mark.parametrize("account", ["vault", "staked"])
def test_the_rows_of_a_vault_or_a_staked_wallet_stand_there(account: str) -> None:
    known = Known(wallets={f"{account}:w-eth": ETH})
    assert {leg.account for e in entries(read("ledger", "ledger_eth", known)).values() for leg in e.legs} == {account}


def test_a_trade_tells_its_market_order_price_and_side_and_may_do_without() -> None:
    sold = entries(read("ledger", "ledger_eth"))[f"trade:order-1:{TRADED}"]
    assert sold.facts == (("market", "ETH/EUR"), ("order", "order-1"), ("price", "2101.5"), ("side", "sell"))
    fill = {"order_id": "o", "product_id": "CGLD-USD", "order_side": None, "fill_price": "n/a"}
    (bare,) = entries(
        ledger(row(type="advanced_trade_fill", advanced_trade_fill=fill, amount={"amount": "1", "currency": "CGLD"}))
    ).values()
    assert bare.facts == (("market", "CELO/USD"), ("order", "o"))
    assert bare.legs == (Leg("r1", "spot", Asset("CELO"), Decimal(1)),)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "type": "send",
        "status": "completed",
        "amount": {"amount": "-1", "currency": "BTC"},
        "created_at": "2026-06-01T09:30:00Z",
        "resource_path": "/v2/accounts/w/transactions/r1",
    } | changes


def ledger(*rows: dict[str, Any], next_uri: str | None = None) -> Parsed:
    page = {"data": rows, "pagination": {"next_uri": next_uri}}
    return parse("ledger", json.dumps(page).encode(), Known())


#: Every type of the page (coinbase-app/track-apis/transactions) but `advanced_trade_fill`, and those that it does not
#: list and real ledgers hold: the sign they come with, and what they are.
TYPES = {
    "buy": ("", "conversion"),
    "clawback": ("-", "adjustment"),
    "derivatives_settlement": ("-", "transfer"),
    "earn_payout": ("", "reward"),
    "fiat_deposit": ("", "deposit"),
    "fiat_withdrawal": ("-", "withdrawal"),
    "incentives_rewards_payout": ("", "reward"),
    "incentives_shared_clawback": ("-", "adjustment"),
    "intx_deposit": ("-", "transfer"),
    "intx_withdrawal": ("", "transfer"),
    "receive": ("", "deposit"),
    "request": ("-", "withdrawal"),
    "retail_simple_dust": ("-", "conversion"),
    "sell": ("-", "conversion"),
    "send": ("", "deposit"),
    "staking_transfer": ("-", "transfer"),
    "subscription_rebate": ("", "fee"),
    "subscription": ("-", "fee"),
    "trade": ("-", "conversion"),
    "transfer": ("-", "transfer"),
    "tx": ("-", "adjustment"),
    "unstaking_transfer": ("", "transfer"),
    "unsupported_asset_recovery": ("", "deposit"),
    "unwrap_asset": ("-", "conversion"),
    "vault_withdrawal": ("", "transfer"),
    "wrap_asset": ("-", "conversion"),
    "fcm_futures_usdc_sell": ("-", "conversion"),
    "fcm_futures_usdc_sell_additional_encumberment_rollup": ("-", "conversion"),
    "asset_migration": ("-", "conversion"),
    "cardbuyback": ("", "reward"),
    "cardspend": ("-", "withdrawal"),
    "delegation_reward": ("", "reward"),
    "exchange_deposit": ("-", "transfer"),
    "exchange_withdrawal": ("", "transfer"),
    "inflation_reward": ("", "reward"),
    "interest": ("", "reward"),
    "pro_deposit": ("-", "transfer"),
    "pro_withdrawal": ("", "transfer"),
    "retail_eth2_deprecation": ("-", "transfer"),
    "retail_simple_price_improvement": ("", "reward"),
    "staking_reward": ("", "reward"),
}


@pytest.mark.parametrize(("kind_of_row", "told"), TYPES.items())
def test_each_type_of_row_has_its_kind(kind_of_row: str, told: tuple[str, str]) -> None:
    sign, kind = told
    (entry,) = entries(ledger(row(type=kind_of_row, amount={"amount": f"{sign}1", "currency": "BTC"}))).values()
    assert (entry.id, entry.kind, entry.note) == ("tx:r1", kind, kind_of_row)
    assert entry.legs == (Leg("r1", "spot", BTC, Decimal(f"{sign}1")),)


def test_an_old_row_may_carry_an_offset_and_a_receive_may_be_called_send() -> None:
    (entry,) = entries(
        ledger(row(created_at="2015-03-10T23:44:07-07:00", amount={"amount": "1", "currency": "BTC"}, to=None))
    ).values()
    assert entry.time == datetime(2015, 3, 11, 6, 44, 7, tzinfo=UTC)
    assert entry.kind == "deposit"


def test_a_book_shared_by_dollar_and_usdc_settles_in_either() -> None:
    fill = {"order_id": "o", "product_id": "BTC-USD", "commission": "0.25"}
    found = ledger(
        row(type="advanced_trade_fill", advanced_trade_fill=fill, amount={"amount": "-9", "currency": "USDC"})
    )
    (entry,) = entries(found).values()
    assert legs(entry) == [("USDC", "-8.75", "principal"), ("USDC", "-0.25", "fee")]


def test_a_row_without_amount_moves_nothing() -> None:
    (entry,) = entries(ledger(row(amount={"amount": "0.00", "currency": "BTC"}))).values()
    assert entry.legs == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "thinking"},
        {"type": "advanced_trade_fill"},
        {
            "type": "advanced_trade_fill",
            "advanced_trade_fill": {"order_id": "o", "product_id": "ETH-EUR", "commission": "1"},
        },
        {
            "type": "advanced_trade_fill",
            "advanced_trade_fill": {"order_id": "o", "product_id": "BTC", "commission": "1"},
        },
        {"amount": {"amount": 1.5, "currency": "BTC"}},
        {"amount": {"amount": "NaN", "currency": "BTC"}},
        {"amount": {"amount": "1", "currency": ""}},
        {"created_at": "2026-06-01T09:30:00"},
        {"id": ""},
    ],
)
def test_a_row_that_is_not_understood_is_kept_as_it_is(changes: dict[str, object]) -> None:
    strange = row(**changes)
    parsed = ledger(row(id="r0"), strange, row(id="r2"))
    assert list(entries(parsed)) == ["tx:r0", "tx:r2"]
    (piece,) = parsed.unparsed
    assert json.loads(piece.raw) == strange
    assert piece.id
    assert piece.reason
    assert ledger(strange).unparsed == (piece,)


amounts = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, places=18)
fees = st.none() | st.decimals(min_value=0, max_value=10**6, allow_nan=False, places=12)


@given(moved=amounts, fee=fees, currency=st.sampled_from(["BTC", "USD", "USDC"]), kind=st.sampled_from(sorted(TYPES)))
def test_the_legs_of_a_row_are_its_amount_exactly(
    moved: Decimal, fee: Decimal | None, currency: str, kind: str
) -> None:
    money = {"amount": format(moved, "f"), "currency": currency}
    paid = "" if fee is None else format(fee, "f")
    rows = (
        row(amount=money, type=kind),
        row(amount=money, network={"transaction_fee": {"amount": paid or "0", "currency": currency}}),
        row(
            amount=money,
            type="advanced_trade_fill",
            advanced_trade_fill={"order_id": "o", "product_id": "BTC-USD", "commission": paid},
        ),
    )
    for one in rows:
        parsed = ledger(one)
        (entry,) = (item for item in parsed.items if isinstance(item, Entry))
        assert total(computed([entry]).values()) == moved
        assert all(leg.amount for leg in entry.legs)
        assert all(leg.amount < 0 for leg in entry.legs if leg.role == "fee")


def test_the_place_of_the_next_page_is_found_in_every_form_it_is_told_in() -> None:
    rows = (row(id="r1"), row(id="r2"), row(id="r3"))
    told = "/v2/accounts/w/transactions?&limit=100&starting_after="
    assert ledger(*rows, next_uri=f"{told}r2").more == {"starting_after": "r2"}
    assert ledger(*rows, next_uri=f"{told}r9").more == {"starting_after": "r3"}  # nothing on the way is passed over
    assert ledger(next_uri=f"{told}r9").more == {"starting_after": "r9"}
    assert ledger(row(), next_uri="/v2/accounts/w/transactions?limit=100").more == {"starting_after": "r1"}
    assert ledger(row(), next_uri="").more == {}
    with pytest.raises(NotReadable, match="where it starts"):
        ledger(next_uri="/v2/accounts/w/transactions?limit=100")
