from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.coinbase.parse import parse
from tallyglass.exchanges.streams import Balance, Known, Market, NotReadable, Order, Parsed, Ticker, merged
from tallyglass.ledger.entries import Entry
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


def test_balances_are_what_is_available_and_what_is_on_hold_to_the_last_digit() -> None:
    parsed = read("balances")
    btc, eur, celo = parsed.items
    assert btc == Balance(
        "spot", BTC, Decimal("0.500000000000000001"), Decimal("0.2"), "a1000000-0000-5000-8000-000000000001"
    )
    assert isinstance(eur, Balance)
    assert (eur.asset, eur.total, eur.locked) == (EUR, Decimal("1204.1"), Decimal(0))
    assert isinstance(celo, Balance)
    assert celo.asset == "CELO"
    assert parsed.more == {"cursor": "c0c0c0c0-0000-5000-8000-000000000009"}
    assert not parsed.unparsed


def test_wallets_tell_their_ids_and_untouched_currencies_are_no_wallets() -> None:
    parsed = read("balances.wallets", "balances_wallets")
    assert parsed.wallets == {
        "a1000000-0000-5000-8000-000000000001": "BTC",
        "a1000000-0000-5000-8000-000000000002": "EUR",
        "vault:a1000000-0000-5000-8000-000000000004": "BTC",
    }
    assert [(b.account, b.asset, str(b.total)) for b in parsed.items if isinstance(b, Balance)] == [
        ("spot", "BTC", "0.500000000000000001"),
        ("spot", "EUR", "1204.10"),
        ("vault", "BTC", "2.00000000"),
    ]
    assert parsed.more == {"starting_after": "a1000000-0000-5000-8000-000000000004"}


def test_a_wallet_that_both_reads_tell_of_counts_once() -> None:
    items = [*read("balances").items, *read("balances.wallets", "balances_wallets").items]
    owned = {(b.account, b.asset): b for b in merged(b for b in items if isinstance(b, Balance))}
    assert owned["spot", BTC] == Balance("spot", BTC, Decimal("0.500000000000000001"), Decimal("0.2"))
    assert owned["spot", EUR] == Balance("spot", EUR, Decimal("1204.10"), Decimal(0))
    assert owned["vault", BTC] == Balance("vault", BTC, Decimal(2))
    assert owned["spot", Asset("CELO")].total == Decimal("7.5")


sums = st.integers(0, 10**12).map(lambda units: Decimal(units).scaleb(-8))
wallets = st.dictionaries(
    st.uuids().map(str),
    st.tuples(st.sampled_from(["BTC", "EUR"]), sums, sums, st.booleans(), st.booleans()),
    max_size=8,
)


@given(wallets)
def test_whatever_the_two_lists_share_every_wallet_counts_exactly_once(
    held: dict[str, tuple[str, Decimal, Decimal, bool, bool]],
) -> None:
    v3 = [
        {
            "uuid": uuid,
            "currency": code,
            "type": "ACCOUNT_TYPE_CRYPTO",
            "available_balance": {"value": str(available), "currency": code},
            "hold": {"value": str(hold), "currency": code},
        }
        for uuid, (code, available, hold, in_v3, _) in held.items()
        if in_v3
    ]
    v2 = [
        {
            "id": uuid,
            "type": "wallet",
            "currency": {"code": code},
            "created_at": "2022-01-02T03:04:05Z",
            "balance": {"amount": str(available + hold), "currency": code},
        }
        for uuid, (code, available, hold, _, in_v2) in held.items()
        if in_v2
    ]
    answers = [
        parse("balances", json.dumps({"accounts": v3}).encode(), Known()),
        parse("balances.wallets", json.dumps({"data": v2, "pagination": {}}).encode(), Known()),
    ]
    found = merged(item for parsed in answers for item in parsed.items if isinstance(item, Balance))
    for code in ("BTC", "EUR"):
        told = [(a, h, in_v3) for c, a, h, in_v3, in_v2 in held.values() if c == code and (in_v3 or in_v2)]
        mine = [balance for balance in found if balance.asset == code]
        assert total(balance.total for balance in mine) == sum((a + h for a, h, _ in told), Decimal(0))
        assert total(balance.locked or Decimal(0) for balance in mine) == sum((h for _, h, v in told if v), Decimal(0))
        assert len(mine) == bool(told)


def test_a_staked_wallet_is_told_apart_by_its_name() -> None:
    page = json.loads(body("balances_wallets"))
    page["data"][0] |= {"name": "Staked ETH Wallet", "primary": False}
    parsed = parse("balances.wallets", json.dumps(page).encode(), Known())
    assert parsed.wallets["staked:a1000000-0000-5000-8000-000000000001"] == "BTC"
    assert [b.account for b in parsed.items if isinstance(b, Balance)] == ["staked", "spot", "vault"]


def test_the_cash_for_futures_counts_without_the_spot_dollars_that_are_told_beside_it() -> None:
    (cash,) = read("balances.futures", "balances_futures").items
    assert cash == Balance("futures", USD, Decimal("900.00"), wallet="futures")
    listed = json.loads(body("balances"))
    listed["accounts"][1] |= {"currency": "USD", "platform": "ACCOUNT_PLATFORM_CFM_CONSUMER"}
    for money in ("available_balance", "hold"):
        listed["accounts"][1][money]["currency"] = "USD"
    items = [*parse("balances", json.dumps(listed).encode(), Known()).items, cash]
    owned = merged(item for item in items if isinstance(item, Balance))
    assert [(b.account, b.total) for b in owned if b.asset == USD] == [("futures", Decimal("900.00"))]


@pytest.mark.parametrize("told", [{}, {"balance_summary": {}}, {"balance_summary": None}])
def test_no_account_for_futures_is_no_balance(told: dict[str, object]) -> None:
    assert parse("balances.futures", json.dumps(told).encode(), Known()) == Parsed(())


def test_a_summary_of_futures_that_is_not_understood_is_kept() -> None:
    (piece,) = parse("balances.futures", b'{"balance_summary": {"cfm_usd_balance": "900"}}', Known()).unparsed
    assert "900" in piece.raw


def test_open_orders_are_those_that_are_open() -> None:
    parsed = read("open_orders")
    assert parsed.items == (
        Order(
            *("0d000000-0000-4000-8000-000000000001", "ETH/EUR", "sell", "limit"),
            *(Decimal(2100), Decimal("1.5"), Decimal("0.6")),
            datetime(2026, 10, 30, 12, 4, 55, 301244, UTC),
        ),
        Order(
            *("0d000000-0000-4000-8000-000000000002", "BTC/USD", "buy", "stop-limit"),
            *(Decimal(50000), Decimal("0.01"), Decimal(0)),
            datetime(2026, 10, 30, 12, 4, 55, 0, UTC),
        ),
    )
    assert [(piece.id, "BIP-20DEC30-CDE" in piece.reason) for piece in parsed.unparsed] == [
        ("0d000000-0000-4000-8000-000000000004", True)
    ]
    assert parsed.more == {"cursor": "next-orders"}


def order(**changes: Any) -> Parsed:
    row: dict[str, Any] = json.loads(body("open_orders"))["orders"][0] | changes
    return parse("open_orders", json.dumps({"orders": [row]}).encode(), Known())


def test_an_order_by_quote_amount_tells_its_size_through_its_price() -> None:
    (found,) = order(order_configuration={"limit_limit_gtc": {"quote_size": "100", "limit_price": "2000"}}).items
    assert isinstance(found, Order)
    assert (found.amount, found.price) == (Decimal("0.05"), Decimal(2000))


@pytest.mark.parametrize(
    "changes",
    [
        {"order_configuration": None},
        {"order_configuration": {"market_market_ioc": {"quote_size": "100"}}},
        {"order_configuration": {"limit_limit_gtc": {"base_size": 1.5, "limit_price": "2100"}}},
        {"side": "UNKNOWN_ORDER_SIDE"},
        {"status": "UNKNOWN_ORDER_STATUS"},
        {"filled_size": 0.6},
        {"created_time": "yesterday"},
    ],
)
def test_an_order_that_is_not_understood_is_kept_and_not_guessed(changes: dict[str, object]) -> None:
    parsed = order(**changes)
    assert not parsed.items
    assert len(parsed.unparsed) == 1


@pytest.mark.parametrize(("read_id", "rows"), [("open_orders", "orders"), ("trades", "fills")])
def test_a_list_that_is_held_back_is_not_read_as_empty(read_id: str, rows: str) -> None:
    with pytest.raises(NotReadable, match="proof_token_required"):
        parse(read_id, json.dumps({rows: [], "proof_token_required": True}).encode(), Known())


def test_fills_are_trades_with_their_fee() -> None:
    parsed = read("trades")
    first, second = (item for item in parsed.items if isinstance(item, Entry))
    assert first.id == f"trade:0d000000-0000-4000-8000-000000000001:{TRADED}"
    assert first.time == datetime(2026, 10, 30, 12, 7, 1, 880310, UTC)
    assert legs(first) == [("ETH", "-0.6", "principal"), ("EUR", "1260.90", "principal"), ("EUR", "-4.41315", "fee")]
    assert legs(second) == [("BTC", "0.0025", "principal"), ("USD", "-100", "principal"), ("USD", "-0.6", "fee")]
    assert [piece.id for piece in parsed.unparsed] == ["e3"]


def test_markets_are_those_of_spot_with_common_symbols() -> None:
    parsed = read("markets", "products")
    assert parsed.items == (
        Market("ETH-EUR", ETH, EUR),
        Market("CGLD-USD", Asset("CELO"), USD),
        Market("OLD-USD", Asset("OLD"), USD, open=False),
    )
    assert [piece.id for piece in parsed.unparsed] == ["BIP-20DEC30-CDE"]


def test_tickers_are_the_prices_that_there_are() -> None:
    assert read("tickers", "products").items == (
        Ticker(ETH, EUR, Decimal("2101.55")),
        Ticker(Asset("CELO"), USD, Decimal("0.31")),
    )


def test_known_markets_name_base_and_quote() -> None:
    known = Known(markets={"ETH-EUR": Market("ETH-EUR", Asset("ETHER"), Asset("EURO"))})
    assert read("tickers", "products", known).items[0] == Ticker(Asset("ETHER"), Asset("EURO"), Decimal("2101.55"))
    assert (
        legs(entries(read("trades", known=known))[f"trade:0d000000-0000-4000-8000-000000000001:{TRADED}"])[0][0]
        == "ETHER"
    )


def test_a_closed_market_has_no_price_of_today() -> None:
    known = Known(markets={"ETH-EUR": Market("ETH-EUR", ETH, EUR, open=False)})
    assert read("tickers", "products", known).items == (Ticker(Asset("CELO"), USD, Decimal("0.31")),)
    page = json.loads(body("products"))
    for flag in ("is_disabled", "trading_disabled", "view_only"):
        shut = {"products": [product | {flag: True} for product in page["products"]]}
        assert parse("tickers", json.dumps(shut).encode(), Known()).items == ()


@pytest.mark.parametrize(("read_id", "rows"), [("balances", "accounts"), ("balances.wallets", "data")])
def test_a_wallet_that_stands_twice_is_not_counted_at_all(read_id: str, rows: str) -> None:
    page = json.loads(body(NAMES.get(read_id, read_id)))
    page[rows] = [*page[rows], page[rows][0]]
    with pytest.raises(NotReadable, match="stands twice"):
        parse(read_id, json.dumps(page).encode(), Known())


def test_products_may_be_paged() -> None:
    page = {"products": [], "pagination": {"has_next": True, "next_cursor": "abc"}}
    assert parse("markets", json.dumps(page).encode(), Known()).more == {"cursor": "abc"}


@pytest.mark.parametrize("read_id", ["server_time", "key_info"])
def test_some_answers_hold_no_items(read_id: str) -> None:
    assert read(read_id) == Parsed(())


READS = sorted(registry.manifest("coinbase").reads)
#: Candles do not name their market.
ASKED = Known(asked={"product_id": "ETH-EUR"})
NAMES = {
    "balances.wallets": "balances_wallets",
    "balances.futures": "balances_futures",
    "ledger": "ledger_eth",
    "markets": "products",
    "tickers": "products",
}


@pytest.mark.parametrize("read_id", READS)
@pytest.mark.parametrize(
    "spoilt", [b"", b"[]", b"null", b"<html>", b'{"errors":[{"id":"not_found"}]', b"\xff", b"[" * 99_999]
)
def test_what_is_no_answer_is_not_read(read_id: str, spoilt: bytes) -> None:
    with pytest.raises(NotReadable):
        parse(read_id, spoilt, ASKED)


@given(data=st.data(), read_id=st.sampled_from(READS))
def test_a_cut_answer_is_never_read(data: st.DataObject, read_id: str) -> None:
    whole = body(NAMES.get(read_id, read_id)).rstrip()
    with pytest.raises(NotReadable):
        parse(read_id, whole[: data.draw(st.integers(0, len(whole) - 1))], ASKED)


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@given(
    data=st.data(),
    read_id=st.sampled_from([r for r in READS if r not in ("key_info", "server_time", "balances.futures")]),
)
def test_a_strange_value_anywhere_spoils_one_row_at_most(data: st.DataObject, read_id: str) -> None:
    whole = json.loads(body(NAMES.get(read_id, read_id)))
    rows = next(value for value in whole.values() if isinstance(value, list))
    at = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(sorted(rows[at])))
    before = parse(read_id, json.dumps(whole).encode(), ASKED)
    rows[at][name] = data.draw(json_value)
    after = parse(read_id, json.dumps(whole).encode(), ASKED)
    assert len(set(before.items) - set(after.items)) <= 1
    assert len(after.unparsed) <= len(before.unparsed) + 1


def test_an_unknown_read_is_refused() -> None:
    with pytest.raises(NotReadable, match="no read"):
        parse("positions", b"{}", Known())


def test_every_read_of_the_manifest_has_a_page_to_look_it_up() -> None:
    manifest = registry.manifest("coinbase")
    assert all(each.docs.startswith("https://docs.cdp.coinbase.com/") for each in manifest.reads.values())
    assert {each.method for each in manifest.reads.values()} == {"GET"}
    assert {each.host for each in manifest.reads.values()} == {"api.coinbase.com"}


def test_the_guide_has_the_six_steps_and_our_places_in_it() -> None:
    guide = registry.guide("coinbase")
    assert all(f"\n{step}. **" in guide for step in range(1, 7))
    assert "{ips}" in guide
    assert "tallyglass-{date}" in guide
    manifest = registry.manifest("coinbase")
    assert all(label in guide for label in [*manifest.labels["tick"], *manifest.labels["leave"], manifest.labels["ip"]])


def test_a_balance_of_another_currency_than_its_wallet_is_not_believed() -> None:
    page = json.loads(body("balances"))
    page["accounts"][0]["hold"]["currency"] = "ETH"
    parsed = parse("balances", json.dumps(page).encode(), Known())
    assert [piece.id for piece in parsed.unparsed] == ["a1000000-0000-5000-8000-000000000001"]


def test_merging_keeps_what_stands_alone() -> None:
    one = Balance("spot", BTC, Decimal(1), None)
    assert merged([one, replace(one, locked=Decimal("0.5"))]) == (Balance("spot", BTC, Decimal(2), Decimal("0.5")),)
    assert merged([]) == ()
