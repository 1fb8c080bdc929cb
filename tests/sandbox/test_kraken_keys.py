"""The fake Kraken's door: signature, nonce, address, rights, limits."""

from __future__ import annotations

import base64
import json

import pytest

from support.kraken import NOW, Bench, Client, grown, signed
from tallyglass.sandbox.model import Incoming


@pytest.fixture
def bench() -> Bench:
    return grown()


def test_the_signature_printed_in_krakens_documentation_opens_the_door(bench: Bench) -> None:
    key = bench.venue.keys["can_trade"]
    key.fields["secret"] = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
    body = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    printed = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    headers = {"api-key": key.fields["key"], "api-sign": printed, "content-type": "application/x-www-form-urlencoded"}

    answer = json.loads(bench.handle("POST", "/0/private/AddOrder", headers, body).body)

    assert answer == {"error": ["EOrder:Insufficient funds"]}  # 5,000 dollars do not buy that: it was understood


def test_keys_have_krakens_form_and_depend_on_the_seed() -> None:
    fields = [Bench(seed).venue.keys["read_only"].fields for seed in (1, 1, 2)]

    assert fields[0] == fields[1] != fields[2]
    assert len(fields[0]["key"]) == 56
    assert len(base64.b64decode(fields[0]["secret"])) == 64


@pytest.mark.parametrize("kind", ["revoked", "expired", "ip_bound_elsewhere"])
def test_a_key_that_may_not_be_used_is_invalid(bench: Bench, kind: str) -> None:
    assert bench.client(kind).error("Balance") == "EAPI:Invalid key"


def test_an_ip_bound_key_works_from_its_address(bench: Bench) -> None:
    bench.ip = "203.0.113.9"

    assert bench.client("ip_bound_elsewhere").ask("GetApiKeyInfo")["ipAllowlist"] == ["203.0.113.9"]


def test_an_unknown_key_is_invalid(bench: Bench) -> None:
    stranger = Bench(99).venue.keys["read_only"].fields

    assert Client(stranger, bench.client().send).error("Balance") == "EAPI:Invalid key"


@pytest.mark.parametrize("spoil", ["secret", "path", "body", "absent", "no base64"])
def test_a_wrong_signature_is_refused(bench: Bench, spoil: str) -> None:
    fields, body = bench.venue.keys["read_only"].fields, b"nonce=7"
    sign = {
        "secret": signed(bench.venue.keys["can_trade"].fields["secret"], "/0/private/Balance", "7", body),
        "path": signed(fields["secret"], "/0/private/BalanceEx", "7", body),
        "body": signed(fields["secret"], "/0/private/Balance", "7", b"nonce=7&asset=XBT"),
        "absent": "",
        "no base64": "§",
    }[spoil]
    headers = {"api-key": fields["key"], "api-sign": sign}

    assert json.loads(bench.handle("POST", "/0/private/Balance", headers, body).body) == {
        "error": ["EAPI:Invalid signature"]
    }


def test_a_nonce_must_rise_and_a_bad_signature_does_not_use_it_up(bench: Bench) -> None:
    client = bench.client()
    bad = {"api-key": client.fields["key"], "api-sign": "AAAA"}
    bench.handle("POST", "/0/private/Balance", bad, b"nonce=99")

    client.ask("Balance", nonce="10")

    assert client.error("Balance", nonce="10") == "EAPI:Invalid nonce"
    assert client.error("Balance", nonce="9") == "EAPI:Invalid nonce"
    assert client.error("Balance", nonce="-1") == "EAPI:Invalid nonce"
    assert client.error("Balance", nonce=str(2**64)) == "EAPI:Invalid nonce"
    client.ask("Balance", nonce="11")
    assert client.ask("GetApiKeyInfo", nonce="12")["nonce"] == "12"


def test_a_nonce_window_lets_late_requests_in_once(bench: Bench) -> None:
    bench.venue.keys["read_only"].memory["nonce_window"] = 5
    client = bench.client()

    client.ask("Balance", nonce="100")
    client.ask("Balance", nonce="97")

    assert client.error("Balance", nonce="97") == "EAPI:Invalid nonce"
    assert client.error("Balance", nonce="95") == "EAPI:Invalid nonce"


@pytest.mark.parametrize("nonce", ["50", '"50"'])
def test_json_bodies_are_read_with_the_nonce_as_number_or_text(bench: Bench, nonce: str) -> None:
    body = f'{{"type":"deposit","nonce":{nonce},"ofs":1}}'.encode()

    answer = json.loads(bench.client().body("Ledgers", "50", body, "application/json; charset=utf-8"))

    assert answer["error"] == []
    assert {row["type"] for row in answer["result"]["ledger"].values()} == {"deposit"}
    assert answer["result"]["count"] == len(answer["result"]["ledger"]) + 1


def test_what_is_no_json_is_a_bad_request(bench: Bench) -> None:
    told = bench.client().body("Ledgers", "50", b"{", "application/json")

    assert json.loads(told) == {"error": ["EAPI:Bad request"]}


def test_key_info_in_camel_case_tells_all_that_a_tracker_asks(bench: Bench) -> None:
    info = bench.client().ask("GetApiKeyInfo")

    assert info["permissions"] == ["query-funds", "query-open-trades", "query-closed-trades", "query-ledger"]
    assert (info["ipAllowlist"], info["validUntil"], info["queryFrom"], info["nonceWindow"]) == ([], "0", "0", 0)
    assert int(info["createdTime"]) < NOW
    assert set(info) == {
        *("apiKeyName", "apiKey", "nonce", "nonceWindow", "permissions", "iban", "validUntil", "queryFrom"),
        *("queryTo", "createdTime", "modifiedTime", "ipAllowlist", "lastUsed"),
    }


def test_key_info_in_snake_case_tells_the_same(bench: Bench) -> None:
    client = bench.client()
    camel = client.ask("GetApiKeyInfo")

    bench.venue.specials["casing"]("main", NOW)
    snake = client.ask("GetApiKeyInfo")

    assert snake["permissions"] == camel["permissions"]
    assert snake["api_key"] == camel["apiKey"]
    assert (snake["ip_allowlist"], snake["nonce_window"]) == ([""], "0")
    assert "apiKey" not in snake


def test_account_numbers_tell_two_accounts_apart(bench: Bench) -> None:
    kinds = ("read_only", "can_trade", "wrong_account")
    mine, same, other = (bench.client(kind).ask("GetApiKeyInfo")["iban"] for kind in kinds)

    assert mine == same != other


def test_the_other_account_has_books_of_its_own(bench: Bench) -> None:
    assert bench.client("wrong_account").ask("Balance") == {"ZEUR": "70.0000"}


_TRADING = {"pair": "XBTEUR", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.001"}
_SENDING = {"asset": "XBT", "key": "cold-1", "amount": "0.01"}


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("AddOrder", _TRADING),
        ("CancelOrder", {"txid": "OABCDE-ABCDE-ABCDEF"}),
        ("CancelAll", {}),
        ("Withdraw", _SENDING),
        ("WithdrawInfo", _SENDING),
        ("Earn/Allocate", {"strategy_id": "ESABCDE-ABCDE-ABCDEF", "amount": "1"}),
        ("DepositMethods", {"asset": "XBT"}),
        ("AddExport", {"report": "ledgers", "description": "x"}),
        ("GetWebSocketsToken", {}),
    ],
)
def test_a_reading_key_is_denied_everything_else(bench: Bench, name: str, params: dict[str, str]) -> None:
    before = bench.venue.books["main"].truth()

    assert bench.client().error(name, **params) == "EGeneral:Permission denied"
    assert bench.venue.books["main"].truth() == before


@pytest.mark.parametrize(
    ("kind", "name", "params", "allowed"),
    [
        ("can_trade", "AddOrder", _TRADING, True),
        ("can_trade", "Withdraw", _SENDING, False),
        ("can_withdraw", "Withdraw", _SENDING, True),
        ("can_withdraw", "AddOrder", _TRADING, False),
    ],
)
def test_rights_open_what_they_say(
    bench: Bench, kind: str, name: str, params: dict[str, str], *, allowed: bool
) -> None:
    answer = bench.client(kind).answer(name, **params)

    assert answer["error"] == ([] if allowed else ["EGeneral:Permission denied"])


def test_each_reading_right_opens_its_own_calls(bench: Bench) -> None:
    key, opened = bench.venue.keys["read_only"], {}
    calls = ("Balance", "BalanceEx", "OpenOrders", "ClosedOrders", "TradesHistory", "Ledgers", "WithdrawStatus")
    for number, word in enumerate(("query-funds", "query-open-trades", "query-closed-trades", "query-ledger")):
        key.memory["permissions"] = [word]
        client = bench.client(first=1 + 100 * number)
        opened[word] = {name for name in calls if not client.answer(name)["error"]}

    assert opened == {
        "query-funds": {"Balance", "BalanceEx"},
        "query-open-trades": {"OpenOrders"},
        "query-closed-trades": {"ClosedOrders", "TradesHistory"},
        "query-ledger": {"Ledgers", "WithdrawStatus"},
    }


def test_by_the_documentation_a_query_key_may_move_funds_to_futures_and_a_switch_forbids_it(bench: Bench) -> None:
    move = {"asset": "XBT", "from": "Spot Wallet", "to": "Futures Wallet", "amount": "0.01"}
    client, books = bench.client(), bench.venue.books["main"]
    before = books.balance("BTC")

    refid = client.ask("WalletTransfer", **move)["refid"]
    bench.venue.specials["strict_transfers"]("main", NOW)

    assert books.balance("BTC") < before
    assert books.postings[refid].kind == "transfer"
    assert client.error("WalletTransfer", **move) == "EGeneral:Permission denied"


def test_the_call_counter_fills_and_drains(bench: Bench) -> None:
    bench.venue.house.tier = "starter"
    client = bench.client()

    answers = [client.answer("Ledgers")["error"] for _ in range(9)]
    bench.now += 60

    assert answers == [[]] * 7 + [["EAPI:Rate limit exceeded"]] * 2  # two points each, fifteen in all
    client.ask("Ledgers")


def test_many_bad_sign_ins_lock_the_caller_out_for_a_while(bench: Bench) -> None:
    revoked, good = bench.client("revoked"), bench.client()

    for _ in range(61):
        revoked.error("Balance")

    assert good.error("Balance") == "EGeneral:Temporary lockout"
    bench.now += 901
    good.ask("Balance")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/0/private/Balance"),
        ("POST", "/0/public/Time"),
        ("POST", "/0/private/balance"),
        ("POST", "/0/private/Nothing"),
        ("GET", "/1/public/Time"),
        ("GET", "/"),
    ],
)
def test_methods_are_case_sensitive_and_bound_to_their_verb(bench: Bench, method: str, path: str) -> None:
    assert json.loads(bench.handle(method, path, {}).body) == {"error": ["EGeneral:Unknown method"]}


def test_the_caller_is_named_by_the_public_key_alone(bench: Bench) -> None:
    client = bench.client()
    headers = {"api-key": client.fields["key"], "api-sign": "x"}
    request = Incoming("POST", "api.kraken.com", "/0/private/Balance", "", headers, b"", bench.ip, NOW)

    assert bench.venue.caller(request) == client.fields["key"]


def test_limits_can_be_switched_off(bench: Bench) -> None:
    bench.venue.house.tier = "pro"
    client = bench.client()
    limited = [client.answer("Ledgers")["error"] for _ in range(12)]

    bench.venue.specials["no_limits"]("main", NOW)

    assert limited[-1] == ["EAPI:Rate limit exceeded"]
    assert [client.answer("Ledgers")["error"] for _ in range(12)] == [[]] * 12
