"""Pages that an exchange spoils: shuffled, short, overlapping, with holes, repeated for ever, or none at all."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from support.coinbase import V3, Caller
from support.kraken import Client
from support.sandbox import Sandbox, running_sandbox
from support.town import Town, in_town
from tallyglass.sandbox.faults import cut, shuffled

PAGE = b'{"error":[],"result":{"ledger":{"A":{"n":1.10},"B":{"n":2},"C":{"n":3}},"count":3}}'


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running_sandbox(tmp_path_factory.mktemp("faulty")) as running:
        running.unlimited()
        yield running


@pytest.fixture
def faulty(sandbox: Sandbox) -> Any:
    yield sandbox
    sandbox.calm()


def kraken(sandbox: Sandbox) -> Client:
    def send(path: str, headers: dict[str, str], body: bytes) -> bytes:
        return sandbox.request("POST", f"/kraken{path}", headers, body).body

    return Client(sandbox.key("kraken"), send, iter(range(time.time_ns(), 2**63)))


def walked(client: Client, name: str, within: str) -> tuple[list[str], list[int]]:
    """The ids of a list as a careful client reads it, and how many came on each page."""
    seen: list[str] = []
    sizes: list[int] = []
    ofs = 0
    while page := client.ask(name, ofs=str(ofs))[within]:
        seen += page
        sizes.append(len(page))
        ofs += len(page)
    return seen, sizes


def test_a_shuffled_page_has_the_same_rows_in_another_order() -> None:
    told = json.loads(shuffled(PAGE), parse_float=Decimal)
    assert told == json.loads(PAGE, parse_float=Decimal)
    assert list(told["result"]["ledger"]) == ["B", "A", "C"]
    assert json.loads(shuffled(b'{"rows":[{"n":1},{"n":2}],"ids":[1,2]}')) == {
        "rows": [{"n": 2}, {"n": 1}],
        "ids": [1, 2],
    }
    assert shuffled(b"no json") == b"no json"


def test_a_page_with_a_hole_still_counts_what_is_missing() -> None:
    told = json.loads(cut(PAGE, 0.4), parse_float=Decimal)
    assert told["result"] == {"ledger": {"A": {"n": Decimal("1.10")}}, "count": 3}


@pytest.mark.parametrize(("fault", "value"), [("shrink", 0.3), ("overlap", 7), ("shuffle", 0)])
def test_kraken_loses_no_row_when_pages_are_short_overlap_or_stand_on_their_heads(
    faulty: Sandbox, fault: str, value: float
) -> None:
    client = kraken(faulty)
    whole, sizes = walked(client, "Ledgers", "ledger")
    faulty.fault(fault, "kraken", value=value)
    again, others = walked(client, "Ledgers", "ledger")

    assert set(again) == set(whole)
    assert again != whole or others != sizes
    assert (len(again) > len(whole)) is (fault == "overlap")
    assert max(others) == {"shrink": 15}.get(fault, 50)


@pytest.mark.parametrize(("fault", "value"), [("shrink", 0.3), ("overlap", 7), ("shuffle", 0)])
def test_coinbase_loses_no_row_either(faulty: Sandbox, fault: str, value: float) -> None:
    caller = Caller(faulty)
    wallet = max(caller.wallets(), key=lambda each: len(caller.rows(each["id"])))["id"]
    rows, fills = caller.rows(wallet, limit=30), caller.fills(limit=30)
    faulty.fault(fault, "coinbase", value=value)
    rows_again, fills_again = caller.rows(wallet, limit=30), caller.fills(limit=30)

    for whole, again, name in ((rows, rows_again, "id"), (fills, fills_again, "entry_id")):
        assert {each[name] for each in again} == {each[name] for each in whole}
        assert (len(again) > len(whole)) is (fault == "overlap")
    assert (rows_again != rows) is (fault != "shrink")


def test_a_jumping_cursor_loses_rows_and_says_nothing(faulty: Sandbox) -> None:
    caller = Caller(faulty)
    whole = caller.fills(limit=30)
    faulty.fault("jump", "coinbase", f"{V3}/orders/historical/fills", value=0.5)
    left = caller.fills(limit=30)

    assert len(left) < len(whole)
    assert [each for each in whole if each in left] == left


def test_a_repeated_answer_never_goes_on_until_all_is_well_again(faulty: Sandbox) -> None:
    client = kraken(faulty)
    faulty.fault("repeat", "kraken", "/0/private/Ledgers")
    first, second = (client.ask("Ledgers", ofs=ofs) for ofs in ("0", "50"))
    other = client.ask("TradesHistory")
    faulty.calm()
    after = client.ask("Ledgers", ofs="50")

    assert first == second
    assert other["trades"]
    assert after["ledger"]
    assert after["ledger"].keys().isdisjoint(first["ledger"])


def test_each_exchange_says_in_its_own_words_that_it_is_closed(faulty: Sandbox) -> None:
    faulty.fault("maintenance", value=60)
    client = kraken(faulty)
    status = faulty.request("GET", "/kraken/0/public/SystemStatus").json()["result"]
    binance = faulty.request("GET", "/binance/api/v3/time")
    caller = Caller(faulty)
    v2, v3 = caller.call("GET", "/v2/accounts"), caller.call("GET", f"{V3}/accounts")

    assert client.error("Balance") == "EService:Unavailable"
    assert status["status"] == "maintenance"
    assert (binance.status, binance.json()["code"]) == (503, -1001)
    assert faulty.request("GET", "/binance/sapi/v1/system/status").json() == {"status": 1, "msg": "system_maintenance"}
    assert (v2.status, [each["id"] for each in v2.json()["errors"]]) == (503, ["internal_server_error"])
    assert (v3.status, v3.json()["error"]) == (503, "UNAVAILABLE")


def test_who_asks_too_often_is_told_so_in_the_exchanges_words(faulty: Sandbox) -> None:
    faulty.fault("status", value=418, retry_after=9)
    binance = faulty.request("GET", "/binance/api/v3/time")
    v2, v3 = (faulty.request("GET", f"/coinbase{path}").json() for path in ("/v2/time", f"{V3}/time"))

    assert (binance.status, binance.headers["retry-after"], binance.json()["code"]) == (418, "9", -1003)
    assert (v2["errors"][0]["id"], v3["error"]) == ("rate_limit_exceeded", "RESOURCE_EXHAUSTED")
    assert faulty.request("GET", "/kraken/0/public/Time").body == b""


def test_a_maintenance_ends_by_itself() -> None:
    async def visit(town: Town) -> None:
        await town.control("POST", "faults", {"fault": "maintenance", "value": 0.2})
        began = time.monotonic()
        while (await town.get("/kraken/x"))[0] == 200 and b"EService:Unavailable" in (await town.get("/kraken/x"))[1]:
            assert time.monotonic() - began < 20
        assert json.loads((await town.get("/kraken/x"))[1])["rows"]
        assert await town.control("GET", "faults") == []

    in_town(visit)
