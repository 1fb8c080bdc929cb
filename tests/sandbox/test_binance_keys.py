"""The fake Binance's door: signature, clock, address, rights, limits."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.binance import NOW, Bench, Denied, ed25519_sign, empty, hmac_sign
from tallyglass.sandbox.model import Incoming

RESTRICTIONS = "GET /sapi/v1/account/apiRestrictions"
ACCOUNT = "GET /api/v3/account"
PRINTED_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"


@pytest.fixture
def bench() -> Bench:
    return empty()


@pytest.fixture
def printed(bench: Bench) -> Bench:
    """The key and the moment of the examples in Binance's documentation."""
    bench.venue.keys["can_trade"].fields["secret"] = PRINTED_SECRET
    bench.now = 1_499_827_319.559
    return bench


@pytest.mark.parametrize(
    ("query", "body", "signature"),
    [
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
            "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
    ],
    ids=["all in the query", "query and body glued"],
)
@pytest.mark.parametrize("place", ["query", "body"])
def test_the_signatures_printed_in_binances_documentation_open_the_door(
    printed: Bench, query: str, body: str, signature: str, place: str
) -> None:
    signed = f"signature={signature}"
    if place == "query":
        query += "&" + signed
    else:
        body += "&" + signed if body else signed

    answer = printed.send("POST /api/v3/order", query, body.encode(), printed.key_header("can_trade"))

    assert json.loads(answer.body)["code"] == -2010  # understood: only the money is missing


@pytest.mark.parametrize("spoil", ["digit", "other secret", "order of parameters", "encoding"])
def test_a_wrong_signature_is_refused(bench: Bench, spoil: str) -> None:
    secret = bench.venue.keys["read_only"].fields["secret"]
    plain = f"timestamp={bench.ms}&recvWindow=5000"
    signature = hmac_sign(secret)(plain.encode())
    query = {
        "digit": f"{plain}&signature={'0' if signature[0] != '0' else '1'}{signature[1:]}",
        "other secret": f"{plain}&signature={hmac_sign(PRINTED_SECRET)(plain.encode())}",
        "order of parameters": f"recvWindow=5000&timestamp={bench.ms}&signature={signature}",
        "encoding": f"{plain.replace('5000', '%35000')}&signature={signature}",
    }[spoil]

    answer = bench.send(ACCOUNT, query, headers=bench.key_header())

    assert (answer.status, json.loads(answer.body)["code"]) == (400, -1022)


def test_a_signature_in_capital_hex_is_as_good(bench: Bench) -> None:
    secret = bench.venue.keys["read_only"].fields["secret"]

    assert bench.ask(ACCOUNT, sign=lambda payload: hmac_sign(secret)(payload).upper())["accountType"] == "SPOT"


def test_an_ed25519_key_signs_with_its_private_half(bench: Bench) -> None:
    pem = bench.venue.keys["read_only_ed25519"].fields["secret"]

    assert bench.ask(RESTRICTIONS, "read_only_ed25519", ed25519_sign(pem))["enableReading"] is True
    with pytest.raises(Denied, match="-1022"):
        bench.ask(RESTRICTIONS, "read_only_ed25519", hmac_sign(pem))


def test_an_rsa_public_key_can_be_registered(bench: Bench) -> None:
    private = generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    bench.venue.register("read_only", public.decode())

    def sign(payload: bytes) -> str:
        return quote_plus(base64.b64encode(private.sign(payload, PKCS1v15(), SHA256())))

    assert bench.ask(RESTRICTIONS, sign=sign)["enableReading"] is True
    with pytest.raises(Denied, match="-1022"):
        bench.ask(RESTRICTIONS)  # its old secret opens nothing any more


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [("", 401, -2014), ("short", 401, -2014), ("ä" * 64, 401, -2014), ("A" * 64, 400, -2008)],
)
def test_a_key_that_is_none_is_told_apart_from_an_unknown_one(bench: Bench, key: str, status: int, code: int) -> None:
    answer = bench.send(ACCOUNT, bench.query("read_only", {}), headers={"x-mbx-apikey": key} if key else {})

    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)


@pytest.mark.parametrize("lacking", ["timestamp", "signature"])
def test_timestamp_and_signature_are_mandatory(bench: Bench, lacking: str) -> None:
    query = {"timestamp": "signature=00", "signature": f"timestamp={bench.ms}"}[lacking]

    answer = json.loads(bench.send(ACCOUNT, query, headers=bench.key_header()).body)

    assert answer["code"] == -1102
    assert lacking in answer["msg"]


@pytest.mark.parametrize(
    ("offset_ms", "window", "code"),
    [
        (999, "5000", None),
        (1000, "5000", -1021),
        (-5000, "5000", None),
        (-5001, "5000", -1021),
        (-5001, "5000.5", -1021),
        (-6000, "6000.346", None),
        (-60000, "60000", None),
        (0, "60001", -1131),
        (0, "abc", -1100),
    ],
)
def test_the_clock_and_its_window(bench: Bench, offset_ms: int, window: str, code: int | None) -> None:
    params: dict[str, Any] = {"timestamp": bench.ms + offset_ms, "recvWindow": window}

    if code is None:
        assert bench.ask(ACCOUNT, **params)["uid"] > 0
    else:
        assert bench.denied(ACCOUNT, **params) == (400, code)


def test_a_timestamp_in_microseconds_is_taken(bench: Bench) -> None:
    assert bench.ask(ACCOUNT, timestamp=bench.ms * 1000)["uid"] > 0


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("ip_bound_elsewhere", 401, -2015), ("expired", 401, -2015), ("revoked", 400, -2008)],
)
def test_a_key_that_may_not_be_used(bench: Bench, kind: str, status: int, code: int) -> None:
    assert bench.denied(RESTRICTIONS, kind) == (status, code)


def test_an_ip_bound_key_works_from_its_address(bench: Bench) -> None:
    bench.ip = "203.0.113.9"

    assert bench.ask(RESTRICTIONS, "ip_bound_elsewhere")["ipRestrict"] is True


def test_restrictions_say_what_the_key_may_do_and_the_account_does_not(bench: Bench) -> None:
    told = {kind: bench.ask(RESTRICTIONS, kind) for kind in ("read_only", "can_trade", "can_withdraw")}
    on = {
        kind: {name for name, value in row.items() if value is True and name != "ipRestrict"}
        for kind, row in told.items()
    }

    assert on == {
        "read_only": {"enableReading"},
        "can_trade": {"enableReading", "enableSpotAndMarginTrading"},
        "can_withdraw": {"enableReading", "enableWithdrawals"},
    }
    # withdrawals can only be switched on together with an address list; unbound trading lapses
    assert told["can_withdraw"]["ipRestrict"] is True
    assert told["can_trade"]["tradingAuthorityExpirationTime"] > bench.ms
    assert bench.ask(ACCOUNT, "read_only")["canWithdraw"] is True


def test_trading_without_an_address_list_lapses_after_thirty_days(bench: Bench) -> None:
    order: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
    assert bench.ask("POST /api/v3/order/test", "can_trade", **order) == {}

    bench.now += 31 * 86400

    assert bench.denied("POST /api/v3/order/test", "can_trade", **order) == (401, -2015)


def test_a_key_without_the_right_to_read_reads_nothing(bench: Bench) -> None:
    bench.venue.keys["read_only"].rights.clear()

    assert bench.denied(ACCOUNT) == (401, -2015)
    assert bench.denied(RESTRICTIONS) == (401, -2015)


def test_keys_have_binances_form_and_depend_on_the_seed(bench: Bench) -> None:
    fields = bench.venue.keys["read_only"].fields

    assert len(fields["key"]) == len(fields["secret"]) == 64
    assert fields == empty().venue.keys["read_only"].fields
    assert set(bench.venue.keys) >= {"wrong_account", "read_only_ed25519"}


def test_another_account_has_another_number(bench: Bench) -> None:
    assert bench.ask(ACCOUNT, "wrong_account")["uid"] != bench.ask(ACCOUNT)["uid"]


def test_weights_are_counted_by_the_calendar_minute_then_refused_then_banned(bench: Bench) -> None:
    bench.now = NOW // 60 * 60 + 50
    for used in range(80, 6001, 80):
        bench.public("GET /api/v3/ticker/24hr")
        assert bench.headers["x-mbx-used-weight-1m"] == str(used)

    codes = []
    for _ in range(30):
        with pytest.raises(Denied) as no:
            bench.public("GET /api/v3/ticker/24hr")
        codes.append((no.value.status, no.value.code))
    assert codes[0] == (429, -1003)
    assert codes[-1] == (418, -1003)
    assert bench.headers["retry-after"] == "120"

    bench.now += 11  # the minute is over, the ban is not
    with pytest.raises(Denied, match="banned until"):
        bench.public("GET /api/v3/ping")
    bench.now += 120
    assert bench.public("GET /api/v3/ping") == {}
    assert bench.headers["x-mbx-used-weight-1m"] == "1"


def test_retry_after_leads_into_the_next_minute(bench: Bench) -> None:
    bench.now = NOW // 60 * 60 + 48
    for _ in range(5):
        bench.ask("GET /sapi/v1/accountSnapshot", type="SPOT")
    assert bench.headers["x-sapi-used-ip-weight-1m"] == "12000"
    with pytest.raises(Denied, match="429"):
        bench.ask("GET /sapi/v1/accountSnapshot", type="SPOT")
    assert bench.headers["retry-after"] == "12"

    assert bench.ask(RESTRICTIONS)["enableReading"] is True  # every endpoint has its own budget
    bench.now += 12
    assert bench.ask("GET /sapi/v1/accountSnapshot", type="SPOT")["code"] == 200


def test_budgets_by_account_do_not_mix_accounts(bench: Bench) -> None:
    for _ in range(4):
        bench.ask("GET /sapi/v1/fiat/orders", transactionType="0")
    assert bench.headers["x-sapi-used-uid-weight-1m"] == "180000"
    assert bench.denied("GET /sapi/v1/fiat/orders", transactionType="0") == (429, -1003)

    assert bench.ask("GET /sapi/v1/fiat/orders", "wrong_account", transactionType="0")["success"] is True


def test_ten_withdrawal_histories_a_second(bench: Bench) -> None:
    for _ in range(10):
        bench.ask("GET /sapi/v1/capital/withdraw/history")
    assert bench.denied("GET /sapi/v1/capital/withdraw/history") == (429, -1003)

    bench.now += 1
    assert bench.ask("GET /sapi/v1/capital/withdraw/history") == []


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /api/v3/userDataStream", 404),
        ("GET /api/v1/time", 404),
        ("GET /wapi/v3/x", 404),
        ("PUT /api/v3/order", 405),
    ],
)
def test_what_is_no_endpoint_is_none(bench: Bench, line: str, status: int) -> None:
    assert bench.send(line).status == status


def test_each_host_answers_what_is_its_own(bench: Bench) -> None:
    for path, symbol in (("/fapi", "BTCUSDT"), ("/dapi", "BTCUSD_PERP")):
        listed = bench.public(f"GET {path}/v1/exchangeInfo")["symbols"]
        assert symbol in {each["symbol"] for each in listed}
    bench.host = "data-api.binance.vision"
    assert bench.public("GET /api/v3/ping") == {}
    assert bench.send(ACCOUNT, bench.query("read_only", {}), headers=bench.key_header()).status == 404
    assert bench.send("GET /sapi/v1/system/status").status == 404


@pytest.mark.parametrize(("trouble", "status"), [("firewall", 403), ("restricted", 451)])
def test_trouble_comes_and_goes(bench: Bench, trouble: str, status: int) -> None:
    bench.venue.specials[trouble]("main", NOW)
    answer = bench.send("GET /api/v3/ping")
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/html" if status == 403 else "application/json")

    bench.venue.specials[trouble]("main", NOW)
    assert bench.public("GET /api/v3/ping") == {}


def test_the_log_is_told_keys_and_nothing_else_that_stands_in_their_place(bench: Bench) -> None:
    fields = bench.venue.keys["revoked"].fields

    def caller(name: str) -> str:
        told = Incoming("GET", "api.binance.com", "/api/v3/ping", "", {"x-mbx-apikey": name}, b"", bench.ip, NOW)
        return bench.venue.caller(told)

    assert caller(fields["key"]) == fields["key"]
    assert caller(fields["secret"]) == ""
