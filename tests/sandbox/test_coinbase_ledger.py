"""The fake Coinbase over HTTPS: its two ledgers agree, and every page of them can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from support.coinbase import V3, Caller, assert_consistent, place_of
from support.sandbox import Sandbox, running_sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("coinbase-ledger"), seed=7, tls=True) as running:
        running.happen("coinbase", "no_limits")
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Caller:
    return Caller(sandbox)


# -- the two ledgers


def test_v2_rows_v2_balances_v3_balances_and_the_truth_agree(sandbox: Sandbox, caller: Caller) -> None:
    assert_consistent(sandbox, caller)


def test_there_is_something_of_everything(caller: Caller) -> None:
    types: Counter[str] = Counter()
    for wallet in caller.wallets():
        types.update(row["type"] for row in caller.rows(wallet["id"]))
        assert wallet["type"] in ("wallet", "fiat", "vault")
    wanted = {"advanced_trade_fill", "send", "receive", "fiat_deposit", "fiat_withdrawal", "staking_reward", "trade"}
    assert wanted | {"buy"} <= set(types)
    vaults = [each for each in caller.wallets() if each["type"] == "vault" and Decimal(each["balance"]["amount"])]
    assert vaults
    assert any(row["status"] == "pending" for row in caller.rows("LTC"))


def test_every_fill_is_two_rows_with_its_commission_in_the_quote(caller: Caller) -> None:
    fills = caller.fills(limit=37)
    assert len(fills) == len({each["entry_id"] for each in fills}) > 100
    by_order: dict[str, list[dict[str, Any]]] = {}
    for wallet in caller.wallets():
        for row in caller.rows(wallet["id"]):
            if row["type"] == "advanced_trade_fill":
                by_order.setdefault(row["advanced_trade_fill"]["order_id"], []).append(row)
    for order_id in {each["order_id"] for each in fills}:
        mine = [each for each in fills if each["order_id"] == order_id]
        rows = by_order.pop(order_id)
        assert len(rows) == 2 * len(mine)
        base = [each for each in rows if each["amount"]["currency"] == mine[0]["product_id"].split("-")[0]]
        bought = sum((Decimal(each["amount"]["amount"]) for each in base), Decimal(0))
        sizes = [
            Decimal(each["size"]) / (Decimal(each["price"]) if each["size_in_quote"] else Decimal(1)) for each in mine
        ]
        assert abs(bought) == sum(sizes, Decimal(0))
        assert Counter(each["advanced_trade_fill"]["commission"] for each in base) == Counter(
            each["commission"] for each in mine
        )
    assert not by_order
    assert any(each["size_in_quote"] for each in fills)
    assert max(Counter(each["order_id"] for each in fills).values()) > 1


def test_the_truth_can_be_rebuilt_from_v2_alone(sandbox: Sandbox, caller: Caller) -> None:
    built: dict[str, Counter[tuple[str, str, str]]] = {}
    for wallet in caller.wallets():
        account = place_of(wallet)
        for row in caller.rows(wallet["id"]):
            if row["status"] == "completed":
                name, legs = _entry(row)
                for asset, role, amount in legs:
                    built.setdefault(name, Counter())[account, asset, role] += amount  # type: ignore[assignment]
    truth: dict[str, Counter[tuple[str, str, str]]] = {}
    for entry in sandbox.truth("coinbase")["entries"]:
        for leg in entry["legs"]:
            key = leg["account"], leg["asset"], leg["role"]
            truth.setdefault(entry["id"], Counter())[key] += Decimal(leg["amount"])  # type: ignore[assignment]
    assert {name: {k: v for k, v in legs.items() if v} for name, legs in built.items()} == truth


def _entry(row: dict[str, Any]) -> tuple[str, list[tuple[str, str, Decimal]]]:
    currency, amount = row["amount"]["currency"], Decimal(row["amount"]["amount"])
    if row["type"] == "advanced_trade_fill":
        about = row["advanced_trade_fill"]
        fee = Decimal(about["commission"]) if about["product_id"].endswith(f"-{currency}") else Decimal(0)
        at = int(datetime.fromisoformat(row["created_at"]).timestamp())
        return f"trade:{about['order_id']}:{at}", [(currency, "principal", amount + fee), (currency, "fee", -fee)]
    for kind, prefix in (("trade", "convert"), ("buy", "buy"), ("sell", "sell")):
        if row["type"] == kind:
            return f"{prefix}:{row[kind]['id']}", [(currency, "principal", amount)]
    fee = Decimal(row.get("network", {}).get("transaction_fee", {}).get("amount", "0"))
    return f"tx:{row['id']}", [(currency, "principal", amount + fee), (currency, "fee", -fee)]


# -- paging


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_a_wallet_hold_every_row_once_in_order(caller: Caller, order: str) -> None:
    whole = caller.rows("USD", limit=100, order=order)
    assert [each["id"] for each in caller.rows("USD", limit=7, order=order)] == [each["id"] for each in whole]
    assert len({each["id"] for each in whole}) == len(whole) > 50
    times = [each["created_at"] for each in whole]
    assert times == sorted(times, reverse=order == "desc")


def test_a_row_can_be_continued_from_on_both_sides(caller: Caller) -> None:
    path = "/v2/accounts/USD/transactions"
    first = caller.get(path, limit=10)
    second = caller.get(path, limit=10, starting_after=first["data"][-1]["id"])
    assert second["pagination"]["previous_uri"]
    back = caller.get(path, limit=10, ending_before=second["data"][0]["id"])
    assert back["data"] == first["data"]
    newer = caller.get(path, order="asc", starting_after=first["data"][3]["id"])
    assert [each["id"] for each in newer["data"]] == [each["id"] for each in first["data"][:3]][::-1]
    assert newer["pagination"]["next_uri"] is None


def test_a_limit_is_clamped_and_the_page_object_is_whole(caller: Caller) -> None:
    page = caller.get("/v2/accounts/USD/transactions", limit=1000)
    assert 25 < len(page["data"]) <= 100
    assert set(page["pagination"]) == {
        *("ending_before", "starting_after", "previous_ending_before", "next_starting_after"),
        *("limit", "order", "previous_uri", "next_uri"),
    }
    assert page["pagination"]["limit"] == 100
    assert len(caller.get("/v2/accounts/USD/transactions")["data"]) == 25


def test_currencies_that_were_never_used_are_listed_under_their_codes(caller: Caller) -> None:
    everything = caller.get("/v2/accounts", limit=250)["data"]
    unused = [each for each in everything if each["created_at"] is None]
    assert unused
    for each in unused:
        assert each["id"] == each["currency"]["code"]
        assert caller.get(f"/v2/accounts/{each['id']}/transactions")["data"] == []
    btc = next(each for each in everything if each["name"] == "BTC Wallet")
    assert caller.get("/v2/accounts/BTC")["data"]["id"] == btc["id"]


def test_orders_and_fills_can_be_asked_for_by_time_product_and_id(caller: Caller) -> None:
    fills = caller.fills()
    middle = fills[len(fills) // 2]
    bound = middle["sequence_timestamp"]
    later = caller.fills(start_sequence_timestamp=bound)
    assert 0 < len(later) < len(fills)
    assert all(each["trade_time"][:19] >= bound[:19] for each in later)
    assert len(later) + len(caller.fills(end_sequence_timestamp=bound)) == len(fills)
    product = middle["product_id"]
    of_product = caller.fills(product_ids=[product], limit=3)
    assert {each["product_id"] for each in of_product} == {product}
    assert len(of_product) == sum(each["product_id"] == product for each in fills)
    assert {each["order_id"] for each in caller.fills(order_ids=[middle["order_id"]])} == {middle["order_id"]}
    order = caller.get(f"{V3}/orders/historical/{middle['order_id']}")["order"]
    assert order["product_id"] == product
    orders, cursor = [], ""
    while True:
        page = caller.get(f"{V3}/orders/historical/batch", limit=13, cursor=cursor)
        orders += page["orders"]
        cursor = page["cursor"]
        if not page["has_next"]:
            break
    assert {each["order_id"] for each in fills} <= {each["order_id"] for each in orders}
    assert len(orders) == len({each["order_id"] for each in orders})


def test_open_orders_are_the_true_ones_and_one_is_partly_filled(sandbox: Sandbox, caller: Caller) -> None:
    told = caller.get(f"{V3}/orders/historical/batch", order_status="OPEN")["orders"]
    truth = sandbox.truth("coinbase")["open_orders"]
    assert {each["order_id"] for each in told} == {each["id"] for each in truth}
    begun = [each for each in told if Decimal(each["filled_size"])]
    assert begun
    for each in begun:
        assert each["status"] == "OPEN"
        assert caller.fills(order_ids=[each["order_id"]])
