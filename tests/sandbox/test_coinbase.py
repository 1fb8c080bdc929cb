"""The fake Coinbase over HTTPS: what its keys open, that its two ledgers agree, that its writes act."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from support.coinbase import V3, Caller, encoded, token
from support.sandbox import Sandbox, running_sandbox

MISSING_SCOPE = b'"error_details":"Missing required scopes"'


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("coinbase"), seed=7, tls=True) as running:
        running.happen("coinbase", "no_limits")
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Caller:
    return Caller(sandbox)


# -- keys


@pytest.mark.parametrize(
    ("kind", "rights"),
    [
        ("read_only", (True, False, False)),
        ("read_only_ed25519", (True, False, False)),
        ("can_trade", (True, True, False)),
        ("can_withdraw", (True, False, True)),
        ("wrong_account", (True, False, False)),
    ],
)
def test_a_key_is_told_what_it_may_do(sandbox: Sandbox, kind: str, rights: tuple[bool, bool, bool]) -> None:
    told = Caller(sandbox, kind).get(f"{V3}/key_permissions")
    assert (told["can_view"], told["can_trade"], told["can_transfer"]) == rights
    assert told["portfolio_type"] == "DEFAULT"


def test_the_key_files_have_the_two_real_forms(sandbox: Sandbox) -> None:
    ecdsa, ed25519 = sandbox.key("coinbase"), sandbox.key("coinbase", "read_only_ed25519")
    assert ecdsa["key"].startswith("organizations/")
    assert "/apiKeys/" in ecdsa["key"]
    assert ecdsa["secret"].startswith("-----BEGIN EC PRIVATE KEY-----\n")
    assert len(ed25519["key"]) == 36
    assert len(ed25519["secret"]) == 88


@pytest.mark.parametrize("kind", ["ip_bound_elsewhere", "expired", "revoked"])
@pytest.mark.parametrize("path", [f"{V3}/accounts", "/v2/accounts"])
def test_a_key_that_does_not_open_is_told_nothing_more(sandbox: Sandbox, kind: str, path: str) -> None:
    answer = Caller(sandbox, kind).call("GET", path)
    assert (answer.status, answer.body) == (401, b"Unauthorized")
    assert answer.headers["content-type"].startswith("text/plain")


def test_the_wrong_account_is_another_one(sandbox: Sandbox, caller: Caller) -> None:
    other = Caller(sandbox, "wrong_account")
    assert other.get(f"{V3}/key_permissions")["portfolio_uuid"] != caller.get(f"{V3}/key_permissions")["portfolio_uuid"]
    held = {name: sum(both) for name, both in other.balances().items() if sum(both)}
    truth = sandbox.truth("coinbase", "other")["balances"]
    assert held == {name: Decimal(amount) for name, amount in truth.items()}


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({"iss": "coinbase-cloud"}, {}),
        ({"aud": ["retail_rest_api_proxy"], "iat": 1}, {}),
        ({"uri": f"GET api.coinbase.com{V3}/accounts"}, {}),
        ({"uri": None, "uris": [f"GET api.coinbase.com{V3}/accounts"]}, {}),
        ({"nbf": int(time.time()) + 2, "exp": int(time.time()) + 122}, {"nonce": "1234567890123456"}),
    ],
)
@pytest.mark.parametrize("kind", ["read_only", "read_only_ed25519"])
def test_tokens_as_real_clients_make_them_open(
    sandbox: Sandbox, kind: str, claims: dict[str, Any], header: dict[str, Any]
) -> None:
    now = int(time.time())
    moved = claims | ({"nbf": now + 2, "exp": now + 122} if "nbf" in claims else {})
    assert Caller(sandbox, kind, moved, header).call("GET", f"{V3}/accounts", limit=2).status == 200


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({"sub": "someone else"}, {}),
        ({"iss": "me"}, {}),
        ({"nbf": -3600, "exp": -3480}, {}),
        ({"nbf": 60, "exp": 180}, {}),
        ({"nbf": 0, "exp": 86400}, {}),
        ({"exp": None}, {}),
        ({"uri": f"GET api.coinbase.com{V3}/accounts?limit=2"}, {}),
        ({"uri": f"POST api.coinbase.com{V3}/accounts"}, {}),
        ({"uri": f"GET api.coinbase.com{V3}/portfolios"}, {}),
        ({"uri": f"GET example.com{V3}/accounts"}, {}),
        ({"uri": None}, {}),
        ({}, {"alg": "none"}),
        ({}, {"alg": "HS256"}),
        ({}, {"kid": "organizations/0/apiKeys/0"}),
        ({}, {"nonce": ""}),
    ],
)
@pytest.mark.parametrize("kind", ["read_only", "read_only_ed25519"])
def test_tokens_that_are_not_in_order_do_not_open(
    sandbox: Sandbox, kind: str, claims: dict[str, Any], header: dict[str, Any]
) -> None:
    now = int(time.time())
    moved = {name: now + at if name in ("nbf", "exp") and at is not None else at for name, at in claims.items()}
    answer = Caller(sandbox, kind, moved, header).call("GET", f"{V3}/accounts", limit=2)
    assert (answer.status, answer.body) == (401, b"Unauthorized")


def test_a_changed_token_or_another_key_s_signature_does_not_open(sandbox: Sandbox) -> None:
    mine, theirs = sandbox.key("coinbase"), sandbox.key("coinbase", "can_trade")
    uri = {"uri": f"GET api.coinbase.com{V3}/accounts"}
    head, claims, signature = token(mine, uri).split(".")
    forged = {
        "changed claims": f"{head}.{encoded({'sub': mine['key'], **uri})}.{signature}",
        "another's signature": token({"key": mine["key"], "secret": theirs["secret"]}, uri),
        "no signature": f"{head}.{claims}.",
        "no token": "rubbish",
        "two parts": f"{head}.{claims}",
    }
    for name, bearer in forged.items():
        answer = sandbox.request("GET", f"/coinbase{V3}/accounts", {"Authorization": f"Bearer {bearer}"})
        assert answer.status == 401, name
    assert sandbox.request("GET", f"/coinbase{V3}/accounts").status == 401


def test_a_key_can_be_changed_while_the_exchange_runs(sandbox: Sandbox, caller: Caller) -> None:
    try:
        sandbox.change_key("coinbase", grant=["trade", "withdraw"])
        told = caller.get(f"{V3}/key_permissions")
        assert (told["can_trade"], told["can_transfer"]) == (True, True)
        sandbox.change_key("coinbase", ip_list=["203.0.113.9", "2001:db8::/32"])
        assert caller.call("GET", f"{V3}/key_permissions").status == 401
        sandbox.change_key("coinbase", ip_list=["127.0.0.0/8"])
        assert caller.call("GET", f"{V3}/key_permissions").status == 200
        sandbox.change_key("coinbase", revoke=["read"])
        assert MISSING_SCOPE in caller.call("GET", f"{V3}/accounts").body
        sandbox.change_key("coinbase", dead=True)
        assert caller.call("GET", f"{V3}/key_permissions").status == 401
    finally:
        sandbox.change_key(
            "coinbase", grant=["read"], revoke=["trade", "withdraw"], ip_list=[], dead=False, account="main"
        )


# -- permissions and errors

_ORDER = {
    "client_order_id": "0",
    "product_id": "ETH-USD",
    "side": "BUY",
    "order_configuration": {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "100"}},
}
_V3_WRITES = ["orders", "orders/batch_cancel", "orders/edit", "convert/quote", "portfolios/move_funds", "portfolios"]


@pytest.mark.parametrize("path", _V3_WRITES)
def test_a_read_only_key_writes_nothing_in_v3(sandbox: Sandbox, path: str) -> None:
    for kind in ("read_only", "read_only_ed25519"):
        answer = Caller(sandbox, kind).call("POST", f"{V3}/{path}", _ORDER)
        assert answer.status == 403
        assert MISSING_SCOPE in answer.body


@pytest.mark.parametrize("path", ["transactions", "deposits", "withdrawals"])
@pytest.mark.parametrize("kind", ["read_only", "can_trade"])
def test_a_key_without_transfer_moves_nothing_in_v2(sandbox: Sandbox, kind: str, path: str) -> None:
    answer = Caller(sandbox, kind).call("POST", f"/v2/accounts/USD/{path}", {"amount": "1", "currency": "USD"})
    assert (answer.status, answer.json()["errors"][0]["id"]) == (403, "invalid_scope")


def test_each_writing_key_keeps_to_its_own_box(sandbox: Sandbox) -> None:
    assert Caller(sandbox, "can_trade").call("POST", f"{V3}/portfolios/move_funds", {}).status == 403
    assert Caller(sandbox, "can_withdraw").call("POST", f"{V3}/orders", _ORDER).status == 403


@pytest.mark.parametrize(
    ("path", "status", "shape"),
    [
        (f"{V3}/accounts/nothing", 404, "error"),
        (f"{V3}/orders/historical/nothing", 404, "error"),
        (f"{V3}/portfolios/nothing", 404, "error"),
        (f"{V3}/no/such/path", 404, "error"),
        (f"{V3}/orders/historical/batch?order_status=OPEN&order_status=FILLED", 400, "error"),
        (f"{V3}/orders/historical/batch?order_status=LOST", 400, "error"),
        (f"{V3}/orders/historical/fills?cursor=%21", 400, "error"),
        (f"{V3}/orders/historical/fills?start_sequence_timestamp=yesterday", 400, "error"),
        (f"{V3}/products/NO-SUCH", 404, "error"),
        ("/v2/accounts/nothing", 404, "errors"),
        ("/v2/accounts/BTC/transactions/nothing", 404, "errors"),
        ("/v2/accounts/BTC/transactions?starting_after=nothing", 404, "errors"),
        ("/v2/nowhere", 404, "errors"),
    ],
)
def test_errors_have_the_shape_of_their_family(caller: Caller, path: str, status: int, shape: str) -> None:
    bare, _, query = path.partition("?")
    given: dict[str, list[str]] = {}
    for each in query.split("&") if query else []:
        name, _, value = each.partition("=")
        given.setdefault(name, []).append(value.replace("%21", "!"))
    answer = caller.call("GET", bare, **given)
    assert answer.status == status
    assert shape in answer.json()


# -- the two ledgers


def test_v2_rows_v2_balances_v3_balances_and_the_truth_agree(sandbox: Sandbox, caller: Caller) -> None:
    _assert_consistent(sandbox, caller)


def _assert_consistent(sandbox: Sandbox, caller: Caller) -> None:
    truth: Counter[tuple[str, str]] = Counter()
    for entry in sandbox.truth("coinbase")["entries"]:
        for leg in entry["legs"]:
            truth[leg["account"], leg["asset"]] += Decimal(leg["amount"])  # type: ignore[assignment]
    tradable = caller.balances()
    seen = 0
    for wallet in caller.wallets():
        currency, vault = wallet["currency"]["code"], wallet["type"] == "vault"
        rows = caller.rows(wallet["id"])
        sums = sum((Decimal(row["amount"]["amount"]) for row in rows if row["status"] == "completed"), Decimal(0))
        assert sums == Decimal(wallet["balance"]["amount"]), wallet["name"]
        assert sums == truth["vault" if vault else "spot", currency], wallet["name"]
        if not vault:
            assert sum(tradable[currency]) == sums, wallet["name"]
            assert tradable[currency][0] >= 0
        seen += bool(rows)
    assert seen >= 8
    assert {currency for wallet, currency in truth if wallet == "spot"} <= set(tradable)


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
        account = "vault" if wallet["type"] == "vault" else "spot"
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


# -- what acts


def test_an_order_is_placed_held_for_and_cancelled(sandbox: Sandbox) -> None:
    trader = Caller(sandbox, "can_trade")
    before = trader.free("USD")
    placed = trader.post(f"{V3}/orders", _ORDER | {"client_order_id": "held"})
    assert placed["success"]
    order_id = placed["success_response"]["order_id"]
    assert before - trader.free("USD") == Decimal("1.01")  # 0.01 × 100 and six per mille, in whole cents
    again = trader.post(f"{V3}/orders", _ORDER | {"client_order_id": "held"})
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
    _assert_consistent(sandbox, Caller(sandbox))


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
    told = Caller(sandbox, "can_trade").post(f"{V3}/orders", _ORDER | {"client_order_id": reason} | change)
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
    _assert_consistent(sandbox, Caller(sandbox))


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
    _assert_consistent(sandbox, Caller(sandbox))


# -- on demand


@pytest.mark.parametrize(
    ("special", "wallet", "row_type", "status"),
    [
        ("unknown_type", "USDC", "quarterly_surprise", "completed"),
        ("earn_payout", "ATOM", "earn_payout", "completed"),
        ("lesson_send", "ATOM", "send", "completed"),
        ("subscription", "USD", "subscription_rebate", "completed"),
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
    _assert_consistent(sandbox, caller)


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
