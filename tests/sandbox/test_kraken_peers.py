"""Clients that others wrote, against the fake Kraken over HTTP: ccxt, python-kraken-sdk, krakenex."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from support import warm
from support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.peers

_COMMON = {"XXBT": "BTC", "XBT": "BTC", "XETH": "ETH", "XXDG": "DOGE", "XXRP": "XRP", "XLTC": "LTC"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("kraken"), seed=3) as sandbox:
        sandbox.happen("kraken", "no_limits")
        yield sandbox


def _run(town: Sandbox, client: str, do: str, kind: str, **more: Any) -> dict[str, Any]:
    """One job in a process of its own."""
    key = town.key("kraken", kind)
    job = {
        "url": town.host("kraken"),
        "base_url": town.base_url,
        "key": key["key"],
        "secret": key["secret"],
        "do": do,
        **more,
    }
    code, out, err = warm.run(str(warm.PEERS / f"kraken_{client}.py"), [], os.environ, json.dumps(job))
    assert code == 0, err
    told: dict[str, Any] = json.loads(out)
    return told


def _totals(balances: Mapping[str, str]) -> dict[str, Decimal]:
    """Per asset in common symbols, over all suffixes; what came to zero left out."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for code, amount in balances.items():
        stem = code.partition(".")[0].rstrip("0123456789")
        sums[stem[1:] if stem[0] == "Z" and len(stem) == 4 else _COMMON.get(stem, stem)] += Decimal(amount)
    return {symbol: amount for symbol, amount in sums.items() if amount}


def _true(town: Sandbox) -> dict[str, Decimal]:
    return {symbol: Decimal(amount) for symbol, amount in town.truth("kraken")["balances"].items()}


def _refids(truth: dict[str, Any]) -> set[str]:
    """Every entry is named after a refid, but a rollover after its own row: its refid is that of its position."""
    return {entry["id"] for entry in truth["entries"] if entry["kind"] != "fee" or entry["id"][0] != "L"}


def _fills(truth: dict[str, Any]) -> set[str]:
    """Trades in the markets: those in pictures (N…) stand in the ledger alone."""
    return {entry["id"] for entry in truth["entries"] if entry["kind"] == "trade" and entry["id"][0] == "T"}


def test_ccxt_reads_the_whole_account(town: Sandbox) -> None:
    truth = town.truth("kraken")
    seen = _run(town, "ccxt", "read", "read_only")

    assert _totals(seen["balances"]) == _true(town)
    assert {row[0] for row in seen["ledger"]} == _refids(truth)
    assert {row[0] for row in seen["trades"]} == _fills(truth)
    assert Counter(tuple(row[:3]) for row in seen["orders"]) == Counter(
        (order["id"], order["market"], order["side"]) for order in truth["open_orders"]
    )
    assert {row[0]: (Decimal(row[3]), Decimal(row[4]), Decimal(row[5])) for row in seen["orders"]} == {
        order["id"]: (Decimal(order["price"]), Decimal(order["amount"]), Decimal(order["filled"]))
        for order in truth["open_orders"]
    }
    assert (seen["status"], seen["closed"], seen["candles"]) == ("ok", 50, 720)
    assert seen["key_info"]["permissions"][0] == "query-funds"


def test_python_kraken_sdk_reads_the_whole_account(town: Sandbox) -> None:
    truth = town.truth("kraken")
    seen = _run(town, "sdk", "read", "can_withdraw")

    assert _totals(seen["balances"]) == _true(town)
    assert {code: each["balance"] for code, each in seen["extended"].items()} == seen["balances"]
    assert {row["refid"] for row in seen["ledger"].values()} == _refids(truth)
    assert set(seen["trades"]) == _fills(truth)
    rows = {row_id for trade in seen["trades"].values() for row_id in trade["ledgers"]}
    assert rows == {row_id for row_id, row in seen["ledger"].items() if row["type"] in ("trade", "margin", "settled")}
    assert set(seen["orders"]) == {order["id"] for order in truth["open_orders"]}
    assert seen["closed"] == len({trade["ordertxid"] for trade in seen["trades"].values()} - set(seen["orders"]))
    assert {row["refid"] for row in seen["withdrawals"]} == {
        entry["id"] for entry in truth["entries"] if entry["kind"] == "withdrawal"
    }
    assert seen["pairs"] == ["XXBTZEUR"]
    assert {"DOT", "ETH"} <= set(seen["strategies"])
    earning = {symbol for symbol, amount in _earning(truth).items() if amount}
    assert {each["native_asset"] for each in seen["allocations"]} == earning


def _earning(truth: dict[str, Any]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for entry in truth["entries"]:
        for leg in entry["legs"]:
            if leg["account"].startswith(("staked", "earn", "opt-in")):
                sums[leg["asset"]] += Decimal(leg["amount"])
    return sums


def test_krakenex_reads_the_whole_account(town: Sandbox) -> None:
    truth = town.truth("kraken")
    seen = _run(town, "krakenex", "read", "read_only")

    assert _totals(seen["balances"]) == _true(town)
    assert {row["refid"] for row in seen["ledger"].values()} == _refids(truth)
    assert set(seen["orders"]) == {order["id"] for order in truth["open_orders"]}
    assert abs(seen["time"] - time.time()) < 90


def test_orders_placed_by_ccxt_exist_and_are_on_record(town: Sandbox) -> None:
    before = _true(town)
    done = _run(town, "ccxt", "trade", "can_trade")

    assert done["placed"] in done["seen"]
    assert done["placed"] in {order["id"] for order in town.truth("kraken")["open_orders"]}
    assert _true(town)["BTC"] == before["BTC"] + Decimal("0.001")
    called = [each["path"] for each in town.requests("kraken") if each["key"] == town.key("kraken", "can_trade")["key"]]
    assert called.count("/0/private/AddOrder") == 2


def test_a_withdrawal_by_python_kraken_sdk_is_gone_from_the_balance(town: Sandbox) -> None:
    before = _true(town)["EUR"]

    refid = _run(town, "sdk", "withdraw", "can_withdraw")["id"]

    assert before - _true(town)["EUR"] == 50
    assert town.truth("kraken")["entries"][-1]["id"] == refid
    assert "/0/private/Withdraw" in {each["path"] for each in town.requests("kraken")}


def test_python_kraken_sdk_places_and_cancels(town: Sandbox) -> None:
    """On the one key that only this client uses: its nonces are too high for the others' clocks."""
    town.change_key("kraken", "can_withdraw", grant=["trade"])
    done = _run(town, "sdk", "trade", "can_withdraw")
    town.change_key("kraken", "can_withdraw", revoke=["trade"])

    assert (done["seen"], done["cancelled"]) == (True, 1)


@pytest.mark.parametrize(
    ("client", "do", "kind", "error", "said"),
    [
        ("ccxt", "trade", "read_only", "PermissionDenied", "EGeneral:Permission denied"),
        ("ccxt", "withdraw", "can_trade", "PermissionDenied", "EGeneral:Permission denied"),
        ("ccxt", "read", "revoked", "AuthenticationError", "EAPI:Invalid key"),
        ("ccxt", "read", "ip_bound_elsewhere", "AuthenticationError", "EAPI:Invalid key"),
        ("sdk", "trade", "can_withdraw", "KrakenPermissionDeniedError", "EGeneral:Permission denied"),
        ("sdk", "read", "expired", "KrakenInvalidAPIKeyError", "EAPI:Invalid key"),
    ],
)
def test_refusals_reach_the_clients_as_their_own_errors(
    town: Sandbox, client: str, do: str, kind: str, error: str, said: str
) -> None:
    told = _run(town, client, do, kind)

    assert told.get("error") == error, told
    assert said in told["text"] or client == "sdk"  # the SDK replaces the words by its own


@pytest.mark.parametrize(("client", "error"), [("ccxt", "ExchangeError"), ("sdk", "KrakenInvalidSignatureError")])
def test_a_wrong_secret_is_told(town: Sandbox, client: str, error: str) -> None:
    told = _run(town, client, "read", "read_only", secret=town.key("kraken", "can_trade")["secret"])

    assert told["error"] == error
    assert "EAPI:Invalid signature" in told["text"] or client == "sdk"


def test_a_nonce_fault_reaches_krakenex_as_krakens_own_words(town: Sandbox) -> None:
    town.fault("nonce", "kraken", "/0/private/Balance", times=1)

    assert _run(town, "krakenex", "call", "can_trade", name="Balance", params={}) == {"error": ["EAPI:Invalid nonce"]}


def test_python_kraken_sdk_downloads_a_report(town: Sandbox) -> None:
    rows = len(_run(town, "krakenex", "read", "read_only")["ledger"])
    denied = _run(town, "sdk", "export", "can_withdraw")

    town.happen("kraken", "export_data")

    assert denied["error"] == "KrakenPermissionDeniedError"
    assert _run(town, "sdk", "export", "can_withdraw") == {"lines": rows + 1}


def test_a_right_granted_while_running_works_at_once(town: Sandbox) -> None:
    order = {"pair": "XBTEUR", "type": "buy", "ordertype": "limit", "price": "30000", "volume": "0.001"}
    asked = {"name": "AddOrder", "params": order | {"validate": "true"}}
    denied = _run(town, "krakenex", "call", "wrong_account", **asked)

    town.change_key("kraken", "wrong_account", grant=["trade"], account="main")

    assert denied == {"error": ["EGeneral:Permission denied"]}
    assert _run(town, "krakenex", "call", "wrong_account", **asked)["error"] == []
