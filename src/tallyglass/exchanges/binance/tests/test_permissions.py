"""What a key may do, failing closed; and Binance's errors, told apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.binance import permissions
from tallyglass.exchanges.grants import DANGEROUS, Right

PAYLOADS = Path(__file__).parent / "payloads"
INFO = (PAYLOADS / "key_info.json").read_bytes().strip()
ACCOUNT = (PAYLOADS / "balances.json").read_bytes()
GOOD: dict[str, Any] = json.loads(INFO)
#: Every flag by which a Binance key can do more than read.
ACTING: dict[str, set[Right]] = {
    "enableSpotAndMarginTrading": {"trade"},
    "enableFutures": {"trade"},
    "enableVanillaOptions": {"trade"},
    "enablePortfolioMarginTrading": {"trade"},
    "enableFixApiTrade": {"trade"},
    "enableMargin": {"trade", "transfer"},
    "enableWithdrawals": {"withdraw"},
    "permitsUniversalTransfer": {"transfer"},
    "enableInternalTransfer": {"transfer"},
}


def grants_of(info: object) -> Any:
    return permissions.grants({"key_info": json.dumps(info).encode(), "balances": ACCOUNT})


def harmless(info: object) -> bool:
    grants = grants_of(info)
    return all(grants.state(right) == "absent" for right in DANGEROUS)


def test_a_read_only_key_is_proven_so() -> None:
    grants = permissions.grants({"key_info": INFO, "balances": ACCOUNT})
    assert grants.read == "granted"
    assert harmless(GOOD)
    assert (grants.ip_restricted, grants.ip_bound) == (True, None)
    assert grants.created_at == datetime(2026, 6, 12, tzinfo=UTC)
    assert grants.expires_at is None
    assert grants.account_id == "417000321"
    assert grants.strange == ()


def test_an_unbound_key_is_proven_unbound() -> None:
    grants = grants_of({**GOOD, "ipRestrict": False})
    assert (grants.ip_restricted, grants.ip_bound) == (False, ())


@pytest.mark.parametrize(("flag", "rights"), ACTING.items())
def test_each_flag_gives_its_rights_and_names_a_box(flag: str, rights: set[Right]) -> None:
    grants = grants_of({**GOOD, flag: True})
    assert {right for right in DANGEROUS if grants.state(right) == "granted"} == rights
    for right in rights:
        assert grants.words[right] == (flag,)
    assert registry.manifest("binance").box(flag) in registry.manifest("binance").labels["leave"]


@pytest.mark.parametrize("flag", [*ACTING, "enableFixReadOnly", "ipRestrict", "createTime"])
def test_a_missing_field_is_unknown_never_absent(flag: str) -> None:
    assert not harmless({name: value for name, value in GOOD.items() if name != flag})


def test_an_unknown_right_that_is_on_is_reported_and_nothing_is_proven() -> None:
    for value in (True, 1, 2, "all", "trader", ["withdraw"]):
        grants = grants_of({**GOOD, "enableTeleport": value})
        assert [grants.state(right) for right in DANGEROUS] == ["unknown"] * 4
        assert grants.strange == ("enableTeleport",)


def test_the_lapse_of_the_trading_right_is_no_right() -> None:
    assert harmless({**GOOD, "tradingAuthorityExpirationTime": 1797000000000})


def test_reading_that_is_off_is_told() -> None:
    grants = grants_of({**GOOD, "enableReading": False})
    assert grants.read == "absent"
    assert grants.words["read"] == ("enableReading",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"<html>",
        b'{"code":-2015,"msg":"no"}',
        INFO[:-1],
        INFO.replace(b"{", b'{"enableFutures":false,', 1),
    ],
)
def test_another_shape_or_a_name_twice_proves_nothing(body: bytes) -> None:
    grants = permissions.grants({"key_info": body})
    assert [grants.state(right) for right in ("read", *DANGEROUS)] == ["unknown"] * 5


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(
    changed=st.dictionaries(st.sampled_from(sorted(GOOD)) | st.text(max_size=12), values, max_size=4),
    dropped=st.sets(st.sampled_from(sorted(GOOD)), max_size=2),
)
def test_no_change_makes_a_key_harmless_that_is_not_told_to_be(changed: dict[str, Any], dropped: set[str]) -> None:
    info = {name: value for name, value in {**GOOD, **changed}.items() if name not in dropped}
    truly = (
        info.keys() >= GOOD.keys()
        and all(info[flag] is False for flag in ACTING)
        and isinstance(info["enableFixReadOnly"], bool)
        and isinstance(info["ipRestrict"], bool)
        and type(info["createTime"]) is int
        and 0 < info["createTime"] < 10**14
        and all(
            value is False for name, value in info.items() if name not in GOOD and not name.startswith("tradingAuth")
        )
    )
    assert harmless(info) == truly


@pytest.mark.parametrize("body", [b"", b"{}", b'{"uid":"7"}', b'{"uid":true}', b'{"uid":1,"uid":2}', b"<html>"])
def test_an_account_that_is_not_told_is_not_guessed(body: bytes) -> None:
    assert permissions.grants({"key_info": INFO, "balances": body}).account_id is None


def error(code: int | str, msg: str = "said") -> bytes:
    return json.dumps({"code": code, "msg": msg}).encode()


@pytest.mark.parametrize(
    ("status", "body", "code", "retry"),
    [
        (400, error(-1021), "clock", True),
        (400, error(-1022), "bad_secret", False),
        (400, error(-2008, "Invalid Api-Key ID."), "bad_key", False),
        (401, error(-2014), "bad_key", False),
        (401, error(-2015), "ambiguous", False),
        (401, error(-1002), "ambiguous", False),
        (400, error(-1003), "rate_limited", True),
        (429, error(-1003), "rate_limited", True),
        (418, error(-1003, "Way too much request weight used; IP banned until 1795305900000."), "banned", True),
        (403, b"<html><title>ERROR: The request could not be satisfied</title></html>", "banned", True),
        (
            451,
            error(0, "Service unavailable from a restricted location according to 'b. Eligibility'"),
            "wrong_region",
            False,
        ),
        (451, b"<html>", "wrong_region", False),
        (400, error(-1121, "Invalid symbol."), "bad_request", False),
        (400, error(-1102), "bad_request", False),
        (400, error(-4047), "bad_request", False),
        (400, error(-6021), "bad_request", False),
        (500, error(-1000), "down", True),
        (503, error(-1008), "down", True),
        (500, error(-99999), "down", True),
        (502, b"<html>bad gateway</html>", "down", True),
        (504, b"", "down", True),
        (404, b"<html>not found</html>", "not_json", True),
        (400, error(-99999), "unknown", False),
        (200, b"<html>a hotel's login page</html>", "not_json", True),
        (200, INFO[:-20], "not_json", True),
        (200, b"", "not_json", True),
        (200, error(-1021), "clock", True),
        (
            200,
            b'{"status":"FAIL","code":"400002","errorMessage":"Signature for this request is not valid."}',
            "bad_secret",
            False,
        ),
        (200, b'{"code":"000002","message":"illegal parameter","success":false}', "unknown", False),
    ],
)
def test_errors_are_told_apart(status: int, body: bytes, code: str, retry: bool) -> None:  # noqa: FBT001 - a table
    fault = permissions.fault("balances", status, {}, body)
    assert fault is not None
    assert (fault.code, fault.retry) == (code, retry)


@pytest.mark.parametrize("name", sorted(path.name for path in PAYLOADS.glob("*.json")))
def test_an_answer_is_no_fault(name: str) -> None:
    assert permissions.fault(name.removesuffix(".json"), 200, {}, (PAYLOADS / name).read_bytes()) is None


def test_mixed_causes_are_all_named() -> None:
    fault = permissions.fault("key_info", 401, {}, error(-2015))
    assert fault is not None
    assert fault.causes == ("bad_key", "key_expired", "ip_refused", "missing_permission", "banned")


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [
        (429, {"retry-after": "17"}, 17),
        (429, {"retry-after": "0"}, 60),
        (429, {}, 60),
        (418, {"retry-after": "7200"}, 7200),
        (418, {}, 120),
        (403, {}, 300),
    ],
)
def test_the_waiting_time_is_told(status: int, headers: dict[str, str], after: int) -> None:
    fault = permissions.fault("trades", status, headers, b"")
    assert fault is not None
    assert fault.retry_after == after


def test_what_the_exchange_said_is_short_and_holds_no_key() -> None:
    key = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
    fault = permissions.fault("balances", 400, {}, error(-2008, f"Invalid Api-Key ID {key} " + "no " * 200))
    assert fault is not None
    assert key not in fault.said
    assert fault.said.startswith("Invalid Api-Key ID")
    assert len(fault.said) <= 200


def test_a_very_large_answer_is_judged_by_its_ends() -> None:
    large = b'{"symbols":[' + b'{"symbol":"BNBUSDT"},' * 250_000 + b"0]}"
    assert permissions.fault("markets", 200, {}, large) is None
    cut = permissions.fault("markets", 200, {}, large[:-1])
    assert cut is not None
    assert cut.code == "not_json"


@given(st.integers(200, 599), st.binary(max_size=60))
def test_nothing_that_comes_over_the_wire_breaks_it(status: int, body: bytes) -> None:
    fault = permissions.fault("trades", status, {"retry-after": "soon"}, body)
    assert fault is None or fault.code
