from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.coinbase.permissions import fault, grants
from tallyglass.exchanges.grants import DANGEROUS, Fault, Grants

GOOD: dict[str, Any] = json.loads((Path(__file__).parent / "payloads" / "key_info.json").read_text())


def told(**changes: object) -> Grants:
    return grants({"key_info": json.dumps(GOOD | changes).encode()})


def all_absent(result: Grants) -> bool:
    return all(result.state(right) == "absent" for right in DANGEROUS)


def test_a_read_only_key_is_proven_read_only() -> None:
    result = told()
    assert result.read == "granted"
    assert all_absent(result)
    assert result.account_id == GOOD["portfolio_uuid"]
    assert (result.ip_bound, result.ip_restricted, result.expires_at, result.created_at) == (None, None, None, None)


def test_trade_is_seen_and_named_in_the_words_of_the_key_page() -> None:
    result = told(can_trade=True)
    assert (result.trade, result.withdraw, result.transfer) == ("granted", "absent", "absent")
    manifest = registry.manifest("coinbase")
    assert [manifest.box(word) for word in result.words["trade"]] == ["Trade"]


def test_one_box_gives_both_withdrawal_and_transfer() -> None:
    result = told(can_transfer=True)
    assert (result.withdraw, result.transfer, result.trade) == ("granted", "granted", "absent")


def test_a_key_that_cannot_view_reads_nothing() -> None:
    assert told(can_view=False).read == "absent"


@pytest.mark.parametrize("name", [name for name in GOOD if name != "can_view"])
def test_a_missing_member_proves_nothing(name: str) -> None:
    rest = {key: value for key, value in GOOD.items() if key != name}
    assert not all_absent(grants({"key_info": json.dumps(rest).encode()}))


def test_receive_is_proven_harmless_only_while_it_is_off() -> None:
    assert all_absent(told(can_receive=False))
    assert not any(told(can_receive=True).state(right) == "absent" for right in DANGEROUS)


def test_an_unknown_flag_makes_every_danger_unknown_and_is_named() -> None:
    for value in (True, False):
        result = told(can_stake=value)
        assert all(result.state(right) == "unknown" for right in DANGEROUS)
        assert result.strange == ("can_stake",)
        assert result.read == "granted"


@pytest.mark.parametrize("value", ["all", 2, -1, 0.5, "false", "2026-01-01T00:00:00Z"])
def test_an_unknown_member_that_says_anything_leaves_every_danger_open(value: object) -> None:
    result = told(tier=value)
    assert all(result.state(right) == "unknown" for right in DANGEROUS)
    assert result.strange == ("tier",)
    assert result.read == "granted"


@pytest.mark.parametrize("value", [None, "", "0", 0])
def test_an_unknown_member_that_says_nothing_does_no_harm(value: object) -> None:
    assert all_absent(told(region=value))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"<html></html>",
        b'{"can_view":true',
        b'{"can_view":true,"can_trade":true,"can_trade":false,"can_transfer":false,"portfolio_uuid":"p","portfolio_type":"D"}',
        b'{"data":{"can_view":true,"can_trade":false,"can_transfer":false}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_another_shape_proves_nothing_at_all(body: bytes) -> None:
    result = grants({"key_info": body})
    assert result.read == "unknown"
    assert not any(result.state(right) == "absent" for right in DANGEROUS)


def test_no_answer_proves_nothing() -> None:
    assert grants({}) == Grants()


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(name=st.sampled_from(sorted(GOOD)), value=json_value)
def test_no_changed_member_is_taken_for_proof(name: str, value: object) -> None:
    changed = GOOD | {name: value}
    result = told(**changed)
    truly = changed["can_trade"] is False and changed["can_transfer"] is False and isinstance(changed["can_view"], bool)
    assert all_absent(result) <= truly
    if changed["can_trade"] is True:
        assert result.trade == "granted"


@given(
    name=st.text(min_size=1, max_size=12).filter(lambda name: name not in GOOD),
    value=st.just(True) | st.lists(st.text()),
)
def test_no_added_flag_is_passed_over(name: str, value: object) -> None:
    assert not any(told(**{name: value}).state(right) == "absent" for right in DANGEROUS)


@given(st.data())
def test_no_cut_or_altered_answer_is_taken_for_proof(data: st.DataObject) -> None:
    body = bytearray(json.dumps(GOOD).encode())
    at = data.draw(st.integers(0, len(body) - 1))
    body[at : at + data.draw(st.integers(1, 30))] = data.draw(st.binary(max_size=8))
    if all_absent(grants({"key_info": bytes(body)})):
        found = json.loads(bytes(body))
        assert found["can_trade"] is False
        assert found["can_transfer"] is False


def refused(status: int, body: bytes, read_id: str = "balances", **headers: str) -> Fault:
    found = fault(read_id, status, {name.replace("_", "-"): value for name, value in headers.items()}, body)
    assert found is not None
    assert len(found.said) <= 200
    return found


def v3(error: str, message: str) -> bytes:
    return json.dumps({"error": error, "error_details": message, "message": message}).encode()


def v2(error: str, message: str) -> bytes:
    return json.dumps({"errors": [{"id": error, "message": message}]}).encode()


@pytest.mark.parametrize("body", [b"Unauthorized", b"Unauthorized\n", b"", v2("unauthorized", "Unauthorized")])
def test_the_gate_mixes_its_causes_and_all_are_named(body: bytes) -> None:
    found = refused(401, body)
    assert found.code == "ambiguous"
    assert {"bad_key", "bad_secret", "ip_refused", "clock"} <= set(found.causes)
    assert not found.retry


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (v2("revoked_token", "The access token was revoked"), "key_disabled"),
        (v2("expired_token", "The access token expired"), "clock"),
        (v2("authentication_error", "request timestamp expired"), "clock"),
        (v2("authentication_error", "invalid signature"), "bad_secret"),
        (v2("invalid_authentication_method", "no"), "wrong_product"),
        (b"IP address is not in the allowlist", "ip_refused"),
        (b"API key not found", "bad_key"),
        (b"API key has expired", "key_expired"),
    ],
)
def test_a_gate_that_tells_is_believed(body: bytes, code: str) -> None:
    assert refused(401, body).code == code


def test_the_missing_box_is_told() -> None:
    found = refused(403, v3("PERMISSION_DENIED", "Missing required scopes"))
    assert (found.code, found.said) == ("missing_permission", "Missing required scopes")
    assert refused(403, v2("invalid_scope", "Invalid scope")).code == "missing_permission"
    assert refused(403, v3("unknown", "Missing required scopes")).code == "missing_permission"


def test_other_prohibitions_are_told_apart() -> None:
    assert refused(403, v3("PERMISSION_DENIED", "not available in your country")).code == "wrong_region"
    found = refused(403, v3("PERMISSION_DENIED", "User is not allowed to convert crypto"))
    assert (found.code, found.causes) == ("ambiguous", ("missing_permission", "wrong_region"))


def test_too_many_requests_come_back_later() -> None:
    body = v2("rate_limit_exceeded", "Too many requests")
    assert refused(429, body) == Fault("rate_limited", "Too many requests", retry=True)
    assert refused(429, body, retry_after="7").retry_after == 7
    assert refused(429, b"slow down", x_ratelimit_reset="3").retry_after == 3
    assert refused(429, body, retry_after="Fri, 31 Dec 1999 23:59:59 GMT").retry_after is None
    assert refused(400, v3("RESOURCE_EXHAUSTED", "quota")).code == "rate_limited"
    assert refused(418, b"").code == "banned"


@pytest.mark.parametrize("body", [b"<html><title>502 Bad Gateway</title></html>", v3("INTERNAL", "oops"), b"", b"{"])
def test_a_failing_exchange_is_down(body: bytes) -> None:
    found = refused(503, body, retry_after="30")
    assert (found.code, found.retry, found.retry_after) == ("down", True, 30)


@pytest.mark.parametrize(
    "body", [b"<html><title>Just a moment</title>", b'{"accounts": [{"uui', b"", b"ok", b"\xff\x00"]
)
@pytest.mark.parametrize("status", [200, 302, 403, 404])
def test_what_is_not_json_is_no_answer(status: int, body: bytes) -> None:
    assert refused(status, body).code == "not_json"


def test_a_page_is_told_by_its_title_only() -> None:
    assert refused(502, b"<html><title>Bad Gateway</title><body>lots</body></html>").said == "Bad Gateway"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"error": "NOT_FOUND", "error_details": "not found", "message": "not found"}),
        (403, {"error": "PERMISSION_DENIED", "message": "User is not allowed to trade futures"}),
        (400, {"error": "INVALID_ARGUMENT", "message": "no futures account"}),
    ],
)
def test_an_account_without_futures_is_told_as_that_and_only_where_futures_were_asked_for(
    status: int, body: dict[str, str]
) -> None:
    told = json.dumps(body).encode()
    found, other = (fault(read, status, {}, told) for read in ("balances.futures", "balances"))
    assert found
    assert (found.code, found.retry) == ("not_opened", False)
    assert other
    assert other.code != "not_opened"


def test_a_row_that_is_gone_is_told_as_that() -> None:
    found = fault("ledger", 404, {}, b'{"errors":[{"id":"not_found","message":"Not found"}]}')
    assert found
    assert found.code == "gone"


def test_a_key_without_view_is_not_taken_for_an_account_without_futures() -> None:
    body = (
        b'{"error":"PERMISSION_DENIED","error_details":"Missing required scopes","message":"Missing required scopes"}'
    )
    found = fault("balances.futures", 403, {}, body)
    assert found
    assert found.code == "missing_permission"


def test_a_question_that_is_refused_is_our_mistake() -> None:
    assert refused(400, v3("INVALID_ARGUMENT", "invalid cursor")).code == "bad_request"
    assert refused(404, v2("not_found", "Not found")).code == "bad_request"
    assert refused(200, v2("validation_error", "limit is odd")).code == "bad_request"
    assert refused(409, v3("X", "y")).code == "unknown"


def test_a_wallet_that_is_locked_for_a_moment_may_be_asked_again() -> None:
    assert refused(400, v3("INVALID_ARGUMENT", "account is not available")).retry


def test_several_errors_are_all_said() -> None:
    body = b'{"errors":[{"id":"validation_error","message":"one"},{"id":"validation_error","message":"two"}]}'
    assert refused(400, body).said == "one; two"


def test_the_grpc_form_of_an_error_is_read() -> None:
    assert refused(400, b'{"code":3,"message":"bad limit","details":[]}').said == "bad limit"


def test_a_list_that_is_held_back_is_no_empty_list() -> None:
    body = b'{"orders":[],"has_next":false,"cursor":"","proof_token_required":true}'
    assert refused(200, body, "open_orders").code == "missing_permission"


@pytest.mark.parametrize("body", [b'{"accounts":[]}', b'{"data":[],"pagination":{}}', b'{"error":"","fills":[]}'])
def test_an_answer_is_no_refusal(body: bytes) -> None:
    assert fault("trades", 200, {}, body) is None


NAMES = [
    "organizations/5b1c2d3e-0a11-4b22-8c33-9d44e5f60718/apiKeys/7e6d5c4b-3a29-4180-9f0e-d1c2b3a49586",
    "c0ffee00-1a2b-4c3d-8e4f-5a6b7c8d9e0f",
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
    "8vpsF9DNKMX1Ur0Db/IPQEzd6wB9hRScJmvKHYQvX6n3HczScwcwq8cI8swkcye7Vs28+3riqX2O36dShQZyqQ==",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_an_echoed_key_or_token_is_not_repeated(name: str, status: int) -> None:
    for body in (f"key {name} is bad".encode(), v3("E", f"key {name} is bad"), v2("e", f"key {name} is bad")):
        said = refused(status, body).said
        assert name not in said
        assert "key" in said


@given(status=st.integers(100, 599), body=st.binary(max_size=200))
def test_no_answer_breaks_the_reading_of_refusals(status: int, body: bytes) -> None:
    found = fault("ledger", status, {}, body)
    assert found is not None or status < 300


@given(answer=st.dictionaries(st.sampled_from(["error", "errors", "message", "error_details", "code"]), json_value))
def test_no_shape_of_an_error_breaks_the_reading_of_refusals(answer: dict[str, object]) -> None:
    found = fault("ledger", 400, {}, json.dumps(answer).encode())
    assert found is not None
