"""The fake Kraken as a program meets it: over HTTP, ordered about through `/_control`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from support.kraken import Client
from support.sandbox import Sandbox, running_sandbox


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("kraken"), seed=4) as sandbox:
        sandbox.happen("kraken", "no_limits")
        yield sandbox


_NONCES = iter(range(1, 10**6))


def _client(town: Sandbox, kind: str = "read_only", host: str = "") -> Client:
    """Through the path prefix, or with the exchange's own name in a header."""

    def send(path: str, headers: dict[str, str], body: bytes) -> bytes:
        named = {"Host": host} if host else {}
        answer = town.request("POST", path if host else f"/kraken{path}", headers | named, body)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        return answer.body

    return Client(town.key("kraken", kind), send, _NONCES)


def test_it_is_reached_by_prefix_and_by_its_own_host_name(town: Sandbox) -> None:
    assert _client(town).ask("Balance") == _client(town, host="api.kraken.com").ask("Balance")


def test_the_account_of_years_agrees_with_the_truth(town: Sandbox) -> None:
    rows = _client(town).all("Ledgers", "ledger")
    truth = town.truth("kraken")

    entries = {row_id if row["type"] == "rollover" else row["refid"] for row_id, row in rows.items()}
    assert entries == {entry["id"] for entry in truth["entries"]}
    assert {row["type"] for row in rows.values()} >= {
        *("trade", "deposit", "withdrawal", "staking", "spend", "receive", "earn", "transfer"),
    }
    assert {"XXBT", "XETH", "XXDG", "XXRP", "XLTC", "ZEUR", "ZUSD", "ZGBP"} <= {row["asset"] for row in rows.values()}
    orders = _client(town).ask("OpenOrders")["open"]
    assert set(orders) == {order["id"] for order in truth["open_orders"]}


def test_a_key_can_be_killed_bound_and_moved_while_it_runs(town: Sandbox) -> None:
    client = _client(town, "can_trade")
    mine = client.ask("Balance")

    town.change_key("kraken", "can_trade", account="other")
    assert client.ask("Balance") != mine
    town.change_key("kraken", "can_trade", ip_list=["203.0.113.9"])
    assert client.error("Balance") == "EAPI:Invalid key"
    town.change_key("kraken", "can_trade", ip_list=["127.0.0.1"], account="main")
    assert client.ask("Balance") == mine
    town.change_key("kraken", "can_trade", dead=True)
    assert client.error("Balance") == "EAPI:Invalid key"


def test_the_casing_of_key_info_can_be_flipped_through_control(town: Sandbox) -> None:
    client = _client(town)
    camel = client.ask("GetApiKeyInfo")

    town.happen("kraken", "casing")
    snake = client.ask("GetApiKeyInfo")
    town.happen("kraken", "casing")

    assert camel["apiKey"] == snake["api_key"] == town.key("kraken")["key"]


def test_an_act_shows_in_ledger_balance_and_truth(town: Sandbox) -> None:
    client = _client(town)
    before = Decimal(client.ask("Balance")["ZGBP"])

    done = town.happen("kraken", "deposit", asset="GBP", amount="12.5")

    assert Decimal(client.ask("Balance")["ZGBP"]) == before + Decimal("12.5")
    newest = next(iter(client.ask("Ledgers")["ledger"].values()))
    assert newest["refid"] == done["entries"][0]["id"] == town.truth("kraken")["entries"][-1]["id"]


@pytest.mark.parametrize("odd", ["unknown_type", "fee_credits", "dust", "split_fill"])
def test_odd_rows_can_be_ordered_and_the_truth_stays_whole(town: Sandbox, odd: str) -> None:
    done = town.happen("kraken", odd)

    newest = next(iter(_client(town).ask("Ledgers")["ledger"].values()))
    assert newest["refid"] == done["entries"][-1]["id"]
    assert Decimal(town.truth()["worth"]) > 0


def test_every_request_is_on_record_without_its_body(town: Sandbox) -> None:
    _client(town).ask("QueryLedgers", id=next(iter(_client(town).ask("Ledgers")["ledger"])))

    last = town.requests("kraken")[-1]

    assert (last["method"], last["path"], last["status"]) == ("POST", "/0/private/QueryLedgers", 200)
    assert last["key"] == town.key("kraken")["key"]
    assert not {"body", "query"} & set(last)
