"""Kraken's refusals: each told apart, with what it means for asking again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.grants import Fault, FaultCode
from tallyglass.exchanges.kraken.permissions import fault

PAGE = b"<html><head><title>api.kraken.com | 520: Web server is returning an unknown error</title></head></html>"


def told(text: str, read_id: str = "ledger", **headers: str) -> Fault:
    found = fault(read_id, 200, headers, json.dumps({"error": [text]}).encode())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "code", "retry"),
    [
        ("EAPI:Invalid signature", "bad_secret", False),
        ("EAPI:Invalid nonce", "nonce", True),
        ("EAPI:Rate limit exceeded", "rate_limited", True),
        ("EAPI:Bad request", "bad_request", False),
        ("EAPI:Feature disabled", "bad_request", False),
        ("EAuth:Account temporary disabled", "key_disabled", False),
        ("EAuth:Account unconfirmed", "key_disabled", False),
        ("EAuth:Failed", "bad_key", False),
        ("EAuth:Rate limit exceeded", "rate_limited", True),
        ("EAuth:Too many requests", "rate_limited", True),
        ("EAccount:Invalid permissions", "wrong_region", False),
        ("EGeneral:Permission denied", "missing_permission", False),
        ("EGeneral:Invalid arguments", "bad_request", False),
        ("EGeneral:Invalid arguments:Index unavailable", "bad_request", False),
        ("EGeneral:Unknown method", "bad_request", False),
        ("EGeneral:Unknown Method", "bad_request", False),
        ("EGeneral:Too many requests", "rate_limited", True),
        ("EGeneral:Temporary lockout", "banned", True),
        ("EGeneral:Internal error", "down", True),
        ("EGeneral:Internal error:123", "down", True),
        ("EDatabase:Internal error", "down", True),
        ("EService:Unavailable", "down", True),
        ("EService:Busy", "down", True),
        ("EService:Deadline elapsed", "down", True),
        ("EService: Throttled: 1795300000", "rate_limited", True),
        ("EService:Throttled:1795300000", "rate_limited", True),
        ("EQuery:Unknown asset pair", "bad_request", False),
        ("EOrder:Invalid order", "bad_request", False),
        ("EFunding:Unknown asset", "bad_request", False),
        ("EMoon:Too far", "unknown", False),
        ("nonsense", "unknown", False),
    ],
)
def test_every_error_of_the_documentation_has_its_meaning(text: str, code: FaultCode, retry: bool) -> None:  # noqa: FBT001
    assert told(text) == Fault(code, text, retry=retry, retry_after=900 if code == "banned" else None)


def test_one_string_for_several_causes_names_each() -> None:
    found = told("EAPI:Invalid key")
    assert found.code == "ambiguous"
    assert {"bad_key", "key_expired", "ip_refused"} <= set(found.causes)


def test_a_key_that_may_not_even_ask_for_its_rights_may_be_bound_elsewhere() -> None:
    assert "ip_refused" in told("EGeneral:Permission denied", "key_info").causes
    assert "wrong_region" in told("EGeneral:Unknown method", "key_info").causes


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":[],"result":{}}',
        b'{"error":[]}',
        b'{"error":["WDatabase:No change"],"result":{"count":1}}',
    ],
)
def test_an_answer_is_no_refusal(body: bytes) -> None:
    assert fault("balances", 200, {}, body) is None


def test_an_error_counts_beside_a_warning() -> None:
    body = b'{"error":["WGeneral:Careful","EAPI:Invalid nonce"]}'
    found = fault("balances", 200, {}, body)
    assert found is not None
    assert found.code == "nonce"


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (200, {}, PAGE, ("not_json", True, None)),
        (200, {}, b'{"error":[],"result":{"led', ("not_json", True, None)),
        (200, {}, b"", ("not_json", True, None)),
        (520, {}, PAGE, ("down", True, None)),
        (502, {}, b"", ("down", True, None)),
        (503, {"retry-after": "30"}, b'{"error":[]}', ("down", True, 30)),
        (429, {"retry-after": "7"}, b"error code 1015", ("rate_limited", True, 7)),
        (429, {}, b'{"error":[]}', ("rate_limited", True, None)),
        (429, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"", ("rate_limited", True, None)),
        (418, {"retry-after": "120"}, b"", ("rate_limited", True, 120)),
        (403, {}, b"<html>error code: 1020</html>", ("banned", True, None)),
        (404, {}, b"not found", ("not_json", True, None)),
        (404, {}, b'{"message":"no"}', ("unknown", False, None)),
        (200, {}, b"[]", ("unknown", False, None)),
        (200, {}, b'{"error":"EAPI:Invalid key"}', ("unknown", False, None)),
        (200, {}, b'{"result":{}}', ("unknown", False, None)),
        (302, {}, b'{"error":[]}', ("unknown", False, None)),
    ],
)
def test_what_stands_in_front_of_kraken_is_told_by_its_status(
    status: int, headers: dict[str, str], body: bytes, expected: tuple[str, bool, int | None]
) -> None:
    found = fault("ledger", status, headers, body)
    assert found is not None
    assert (found.code, found.retry, found.retry_after) == expected


def test_the_title_of_an_error_page_is_what_was_said() -> None:
    found = fault("ledger", 520, {}, PAGE)
    assert found is not None
    assert found.said == "api.kraken.com | 520: Web server is returning an unknown error"


def test_a_rate_limit_waits_as_long_as_it_is_told() -> None:
    assert told("EAPI:Rate limit exceeded", **{"retry-after": "12"}).retry_after == 12


def test_no_key_passes_through_what_was_said() -> None:
    key = "TUFERS1VUC1LRVktTk9ULU9GLUFOWS1BQ0NPVU5ULUFULUFMTDAwMDAw"
    assert key[:32] not in told(f"EAPI:Invalid key:{key}").said


@given(
    st.integers(100, 599),
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: json.dumps({"error": [text]}).encode()),
)
def test_any_answer_is_judged_and_little_is_said(status: int, body: bytes) -> None:
    found = fault("ledger", status, {}, body)
    if found is None:
        assert status == 200
        assert not [each for each in json.loads(body)["error"] if not each.startswith("W")]
    else:
        assert len(found.said) <= 200
