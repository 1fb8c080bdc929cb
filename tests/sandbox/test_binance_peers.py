"""Clients that others wrote, against the fake Binance over HTTP: ccxt, Binance's own SDKs, python-binance."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from support import warm
from support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.peers

CLIENTS = ("ccxt", "official", "python_binance")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("binance"), seed=3) as sandbox:
        sandbox.happen("binance", "no_limits")
        yield sandbox


NAMES = {"spot": "", "earn": "LD"}
"""Wallet → what the spot account puts before the names of its assets."""


def run(town: Sandbox, client: str, do: str, kind: str = "read_only", **more: Any) -> dict[str, Any]:
    """One job in a process of its own."""
    key = town.key("binance", kind)
    job = {"url": town.host("binance"), "hosts": town.state["exchanges"]["binance"]["hosts"], "do": do}
    job |= {"key": key["key"], "secret": key["secret"], **more}
    code, out, err = warm.run(str(warm.PEERS / f"binance_{client}.py"), [], os.environ, json.dumps(job))
    assert code == 0, err
    told: dict[str, Any] = json.loads(out)
    return told


def ids(truth: dict[str, Any], *kinds: str) -> set[str]:
    """Of the true entries whose id begins so."""
    return {entry["id"] for entry in truth["entries"] if entry["id"].split(":")[0] in kinds}


def summed(told: list[dict[str, str]]) -> dict[str, Decimal]:
    """Spot and earn receipts as the account lists them."""
    return {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in told}


def expected(truth: dict[str, Any]) -> dict[str, Decimal]:
    """The same from the true entries: spot under the asset's name, earn behind `LD`."""
    sums: dict[str, Decimal] = {}
    for leg in [leg for entry in truth["entries"] for leg in entry["legs"] if leg["account"] in NAMES]:
        name = NAMES[leg["account"]] + leg["asset"]
        sums[name] = sums.get(name, Decimal(0)) + Decimal(leg["amount"])
    return {name: amount for name, amount in sums.items() if amount}


def test_ccxt_reads_the_whole_account(town: Sandbox) -> None:
    town.happen("binance", "cancelled_withdrawal")
    truth = town.truth("binance")
    seen = run(town, "ccxt", "read")

    assert {asset: Decimal(amount) for asset, amount in seen["total"].items()} == expected(truth)
    assert {f"trade:{row[0]}:{row[1]}" for row in seen["trades"]} == ids(truth, "trade")
    fees = {
        entry["id"]: Decimal(leg["amount"])
        for entry in truth["entries"]
        for leg in entry["legs"]
        if entry["id"].startswith("trade:") and leg["role"] == "fee"
    }
    assert {f"trade:{row[0]}:{row[1]}": -Decimal(row[5]["cost"]) for row in seen["trades"]} == fees
    assert {tuple(row[:3]) for row in seen["orders"]} == {
        (order["id"], order["market"], order["side"]) for order in truth["open_orders"]
    }
    done = {f"deposit:{row[0]}" for row in seen["deposits"] if row[1] == "ok"}
    assert done == ids(truth, "deposit")
    assert {f"withdrawal:{row[0]}" for row in seen["withdrawals"] if row[1] == "ok"} == ids(truth, "withdrawal")
    assert {status for _, status in seen["withdrawals"]} == {"ok", "canceled"}
    assert seen["candles"] == 500
    assert seen["restrictions"]["enableReading"] is True
    assert {"BTC", "EUR", "PEPE"} <= set(seen["currencies"])


@pytest.mark.parametrize("kind", ["read_only", "read_only_ed25519"])
def test_binances_own_sdks_read_the_whole_account_and_find_every_type_right(town: Sandbox, kind: str) -> None:
    truth = town.truth("binance")
    seen = run(town, "official", "read", kind)

    assert seen["warnings"] == []
    assert summed(seen["account"]["balances"]) == expected(truth)
    assert {f"trade:{row['symbol']}:{row['id']}" for row in seen["trades"]} == ids(truth, "trade")
    assert {str(row["orderId"]) for row in seen["orders"]} == {order["id"] for order in truth["open_orders"]}
    assert [row["orderId"] for row in seen["one"]] == [row["orderId"] for row in seen["orders"]]
    credited = {f"deposit:{row['id']}" for row in seen["deposits"] if row["status"] in {1, 6}}
    assert credited == ids(truth, "deposit")
    assert {f"withdrawal:{r['id']}" for r in seen["withdrawals"] if r["status"] == 6} == ids(truth, "withdrawal")
    assert {f"reward:{row['id']}" for row in seen["dividends"]} == ids(truth, "reward")
    assert {f"dust:{row['transId']}" for row in seen["dust"]["userAssetDribblets"]} == ids(truth, "dust")
    assert seen["permission"]["enableReading"] is True
    assert seen["permission"]["enableSpotAndMarginTrading"] is False
    assert seen["rate limits"]
    assert seen["every coin"] > 80


def test_python_binance_reads_the_whole_account(town: Sandbox) -> None:
    truth = town.truth("binance")
    seen = run(town, "python_binance", "read")

    assert summed(seen["balances"]) == expected(truth)
    assert {f"trade:{row['symbol']}:{row['id']}" for row in seen["trades"]} == ids(truth, "trade")
    assert {str(row["orderId"]) for row in seen["orders"]} == {order["id"] for order in truth["open_orders"]}
    assert {f"convert:{row['orderId']}" for row in seen["converts"]} == ids(truth, "convert")
    assert {f"reward:{row['id']}" for row in seen["dividends"]} == ids(truth, "reward")
    assert {f"fiat:{row['orderNo']}" for row in seen["fiat"]["data"]} == ids(truth, "fiat")
    bought = {f"fiat-buy:{row['orderNo']}" for row in seen["cards"]["data"] if row["status"] == "Completed"}
    assert bought == {each for each in ids(truth, "fiat-buy") if not each.endswith(":payment")}
    earn = {f"LD{row['asset']}": Decimal(row["totalAmount"]) for row in seen["earn"]["rows"]}
    assert earn == {name: amount for name, amount in expected(truth).items() if name.startswith("LD")}


def net(truth: dict[str, Any], wallet: str) -> dict[str, Decimal]:
    """What a wallet holds by the true entries."""
    sums: dict[str, Decimal] = {}
    for leg in [leg for entry in truth["entries"] for leg in entry["legs"] if leg["account"] == wallet]:
        sums[leg["asset"]] = sums.get(leg["asset"], Decimal(0)) + Decimal(leg["amount"])
    return {asset: amount for asset, amount in sums.items() if amount}


def test_ccxt_and_python_binance_read_margin_and_futures(town: Sandbox) -> None:
    truth = town.truth("binance")
    seen, other = run(town, "ccxt", "beyond"), run(town, "python_binance", "beyond")

    for kind, wallet in (("future", "futures-usd-m"), ("delivery", "futures-coin-m")):
        assert {a: Decimal(n) for a, n in seen["totals"][kind].items()} == net(truth, wallet)
    incomes = {each.split(":", 1)[1] for each in ids(truth, "income-um")}
    told = {f"{row['incomeType']}:{row['tranId']}" for row in other["income"] if row["incomeType"] != "TRANSFER"}
    assert told == incomes
    assert {each.split(":")[1] for each in incomes} <= set(seen["income"])
    assert {f"FUNDING_FEE:{each}" for each in seen["funding"]} <= incomes
    assert len(seen["trades"]["BTC/USDT:USDT"]) == len(seen["trades"]["BTC/USD:BTC"]) == 3
    assert {f"margin-interest:{each}" for each in seen["interest"]} < ids(truth, "margin-interest")
    assert {f"margin-trade:SOLUSDT:{each}" for each in seen["margin trades"]} < ids(truth, "margin-trade")
    margin = {row["asset"]: Decimal(row["netAsset"]) for row in other["margin"]}
    assert {asset: amount for asset, amount in margin.items() if amount} == net(truth, "margin")
    assert {row["asset"]: Decimal(row["amount"]) for row in other["locked"]} == net(truth, "earn-locked")
    assert {f"pay:{row['transactionId']}" for row in other["pay"]} == ids(truth, "pay")
    coins = {
        f"income-cm:{r['incomeType']}:{r['tranId']}" for r in other["coin income"] if r["incomeType"] != "TRANSFER"
    }
    assert coins == ids(truth, "income-cm")
    assert [pair["symbol"] for pair in other["isolated"]] == ["ETHUSDT"]
    assert other["c2c"]


def test_python_binance_signs_with_ed25519_too(town: Sandbox) -> None:
    assert run(town, "python_binance", "permission", "read_only_ed25519")["enableReading"] is True


@pytest.mark.parametrize(("kind", "code"), [("ip_bound_elsewhere", -2015), ("expired", -2015), ("revoked", -2008)])
def test_every_client_hears_why_a_key_is_not_let_in(town: Sandbox, kind: str, code: int) -> None:
    assert run(town, "python_binance", "permission", kind)["code"] == code
    official = run(town, "official", "permission", kind)
    assert (official["class"], official["code"]) == {
        -2015: ("UnauthorizedError", -2015),
        -2008: ("BadRequestError", -2008),
    }[code]
    assert str(code) in run(town, "ccxt", "order", kind)["text"]


def test_every_client_hears_of_a_wrong_signature(town: Sandbox) -> None:
    wrong = town.key("binance", "can_trade")["secret"]

    assert run(town, "python_binance", "permission", secret=wrong)["code"] == -1022
    assert run(town, "official", "permission", secret=wrong)["code"] == -1022
    assert "-1022" in run(town, "ccxt", "order", secret=wrong)["text"]


def test_a_read_only_key_is_refused_by_the_writes_of_every_client(town: Sandbox) -> None:
    before = town.truth("binance")

    assert run(town, "python_binance", "trade")["code"] == -2015
    assert run(town, "python_binance", "send")["code"] == -2015
    for do in ("trade", "send", "move"):
        assert run(town, "official", do)["class"] == "UnauthorizedError"
    for do in ("order", "withdraw"):
        assert "-2015" in run(town, "ccxt", do)["text"]

    after = town.truth("binance")
    assert (after["balances"], after["open_orders"]) == (before["balances"], before["open_orders"])


@pytest.mark.parametrize("client", CLIENTS)
def test_an_order_placed_by_a_client_is_seen_cancelled_and_in_the_log(town: Sandbox, client: str) -> None:
    town.control("DELETE", "requests")
    done = run(town, client, "trade", "can_trade")

    if client == "ccxt":
        assert done["placed"] in done["seen"]
        assert done["placed"] not in done["left"]
        assert done["status"] == "canceled"
        assert done["bought"][0] == "closed"
    else:
        assert done["placed"]["status"] == "NEW"
        assert done["placed"]["orderId"] in {row["orderId"] for row in done["seen"]}
        assert done["cancelled"]["status"] == "CANCELED"
        assert done.get("warnings", []) == []
    log = town.requests("binance")
    wrote = [(each["method"], each["status"]) for each in log if each["path"] == "/api/v3/order"]
    assert wrote[:2] == [("POST", 200), ("DELETE", 200)]
    assert {each["key"] for each in log if each["path"] == "/api/v3/order"} == {town.key("binance", "can_trade")["key"]}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_withdrawal_by_a_client_debits_the_account(town: Sandbox, client: str) -> None:
    before = Decimal(town.truth("binance")["balances"]["USDT"])
    number = run(town, client, "send", "can_withdraw")["id"]

    truth = town.truth("binance")
    assert f"withdrawal:{number}" in ids(truth, "withdrawal")
    assert before - Decimal(truth["balances"]["USDT"]) == Decimal("20.5" if client == "official" else 20)


def test_a_transfer_needs_its_own_right(town: Sandbox) -> None:
    town.change_key("binance", "can_trade", grant=["transfer"])

    number = run(town, "official", "move", "can_trade")["tranId"]

    assert f"transfer:{number}" in ids(town.truth("binance"), "transfer")
    assert run(town, "official", "move", "can_withdraw")["class"] == "UnauthorizedError"


def test_a_key_pair_of_the_users_own_is_registered_by_its_public_half(town: Sandbox) -> None:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert run(town, "python_binance", "permission", "wrong_account", secret=secret)["code"] == -1022

    town.change_key("binance", "wrong_account", public_key=public)

    assert run(town, "python_binance", "permission", "wrong_account", secret=secret)["enableReading"] is True
    no_key = town.request("POST", "/_control/keys/binance/wrong_account", body=json.dumps({"public_key": "nothing"}))
    assert no_key.status == 400
