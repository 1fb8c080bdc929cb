"""What the fake Coinbase's keys open, over HTTPS: tokens, boxes, addresses, and the errors of both families."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from support.coinbase import ORDER, V3, Caller, encoded, token
from support.sandbox import Sandbox, running_sandbox

MISSING_SCOPE = b'"error_details":"Missing required scopes"'


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("coinbase-keys"), seed=7, tls=True) as running:
        running.happen("coinbase", "no_limits")
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Caller:
    return Caller(sandbox)


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

_V3_WRITES = ["orders", "orders/batch_cancel", "orders/edit", "convert/quote", "portfolios/move_funds", "portfolios"]


@pytest.mark.parametrize("path", _V3_WRITES)
def test_a_read_only_key_writes_nothing_in_v3(sandbox: Sandbox, path: str) -> None:
    for kind in ("read_only", "read_only_ed25519"):
        answer = Caller(sandbox, kind).call("POST", f"{V3}/{path}", ORDER)
        assert answer.status == 403
        assert MISSING_SCOPE in answer.body


@pytest.mark.parametrize("path", ["transactions", "deposits", "withdrawals"])
@pytest.mark.parametrize("kind", ["read_only", "can_trade"])
def test_a_key_without_transfer_moves_nothing_in_v2(sandbox: Sandbox, kind: str, path: str) -> None:
    answer = Caller(sandbox, kind).call("POST", f"/v2/accounts/USD/{path}", {"amount": "1", "currency": "USD"})
    assert (answer.status, answer.json()["errors"][0]["id"]) == (403, "invalid_scope")


def test_each_writing_key_keeps_to_its_own_box(sandbox: Sandbox) -> None:
    assert Caller(sandbox, "can_trade").call("POST", f"{V3}/portfolios/move_funds", {}).status == 403
    assert Caller(sandbox, "can_withdraw").call("POST", f"{V3}/orders", ORDER).status == 403


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
