"""The sandbox over real HTTP: who is meant, what is logged, and how faults spoil an answer."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.town import Town, in_town
from tallyglass.sandbox.faults import doubled

RATES = "/service/data/EXR/D..EUR.SP00.A?format=csvdata"


def test_a_request_finds_its_exchange_by_prefix_by_host_and_by_original_host() -> None:
    async def visit(town: Town) -> None:
        port = town.base_url.rpartition(":")[2]
        await town.get("/kraken/0/private/Balance?a=1&b=2")
        await town.get("/0/private/Balance", Host=f"api.kraken.com:{port}")
        await town.get("/0/private/Balance", X_Original_Host="api.kraken.com")
        await town.get("/kraken/0/private/Balance", X_Original_Host="api.kraken.com")
        await town.get("/api.kraken.com/0/private/Balance")
        first, *others = town.kraken.seen

        assert first.query == "a=1&b=2"
        assert [each.path for each in town.kraken.seen] == ["/0/private/Balance"] * 5
        assert {each.host for each in town.kraken.seen} == {"api.kraken.com"}
        assert {each.ip for each in town.kraken.seen} == {"127.0.0.1"}
        assert len(others) == 4
        assert not town.venues["coinbase"].seen

    in_town(visit)


def test_a_path_arrives_as_it_was_sent() -> None:
    async def visit(town: Town) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(town.base_url.rpartition(":")[2]))
        writer.write(b"POST /kraken/v2/a%2Fb%20c?x=%7B%22 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na=1")
        await reader.readline()
        writer.close()
        [seen] = town.kraken.seen

        assert (seen.path, seen.query, seen.body) == ("/v2/a%2Fb%20c", "x=%7B%22", b"a=1")
        assert abs(seen.now - time.time()) < 30

    in_town(visit)


def test_a_client_may_have_signed_any_name_of_the_host() -> None:
    async def visit(town: Town) -> None:
        authority = town.base_url.removeprefix("http://")
        await town.get("/coinbase/api/v3/brokerage/accounts")
        await town.get("/api/v3/brokerage/accounts", Host="api.coinbase.com")
        by_prefix, by_host = town.venues["coinbase"].seen

        assert {"api.coinbase.com", authority, f"{authority}/coinbase", "127.0.0.1"} <= set(by_prefix.signed_as)
        assert "api.coinbase.com" in by_host.signed_as
        assert not any(each.endswith("/coinbase") for each in by_host.signed_as)

    in_town(visit)


@pytest.mark.parametrize("path", ["/", "/bitstamp/x", "/0/private/Balance", "/krakens/0/private/Balance"])
def test_what_is_meant_for_nobody_is_not_found(path: str) -> None:
    async def visit(town: Town) -> None:
        status, _ = await town.get(path)

        assert status == 404
        assert await town.control("GET", "requests") == []

    in_town(visit)


def test_large_answers_are_packed_for_those_who_ask() -> None:
    async def visit(town: Town) -> None:
        url = town.base_url + "/ecb" + RATES
        async with aiohttp.ClientSession(auto_decompress=False) as plain:
            async with plain.get(url, headers={"Accept-Encoding": "identity"}) as answer:
                body = await answer.read()
                assert "Content-Encoding" not in answer.headers
            async with plain.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
                packed = await answer.read()
                assert answer.headers["Content-Encoding"] == "gzip"

        assert gzip.decompress(packed) == body
        assert len(packed) < len(body) / 5

    in_town(visit)


def test_the_log_tells_every_request_and_never_a_query_or_a_body() -> None:
    async def visit(town: Town) -> None:
        async with town.session.post(town.base_url + "/kraken/0/x?signature=s3cr3t", data=b"nonce=s3cr3t"):
            pass
        await town.get("/coinbase/y", Api_Key="public-part")
        posted, got = await town.control("GET", "requests")

        assert (posted["exchange"], posted["method"], posted["path"], posted["status"]) == (
            *("kraken", "POST", "/0/x"),
            200,
        )
        assert got["key"] == "public-part"
        assert "s3cr3t" not in json.dumps([posted, got])
        assert datetime.fromisoformat(posted["time"]).tzinfo is not None
        assert [each["exchange"] for each in await town.control("GET", "requests?exchange=coinbase")] == ["coinbase"]

    in_town(visit)


def test_faults_meet_the_exchange_and_path_they_name_as_often_as_they_say() -> None:
    async def visit(town: Town) -> None:
        await town.control(
            "POST", "faults", {"fault": "status", "exchange": "kraken", "path": "/0/private", "times": 2}
        )
        statuses = [(await town.get(path))[0] for path in ("/kraken/0/public/Time", "/coinbase/0/private/x")]
        met = [(await town.get("/kraken/0/private/Balance"))[0] for _ in range(3)]

        assert statuses == [200, 200]
        assert met == [503, 503, 200]
        assert len(town.kraken.seen) == 2
        assert await town.control("GET", "faults") == []

    in_town(visit)


def test_a_fault_without_a_count_stays_until_it_is_cleared() -> None:
    async def visit(town: Town) -> None:
        await town.control("POST", "faults", {"fault": "status", "value": 429})
        before = [(await town.get("/kraken/x"))[0] for _ in range(3)]
        await town.control("DELETE", "faults")

        assert before == [429, 429, 429]
        assert (await town.get("/kraken/x"))[0] == 200

    in_town(visit)


@pytest.mark.parametrize(
    ("path", "fault", "status", "words"),
    [
        ("/kraken/0/private/Ledgers", "gone", 200, "EGeneral:Unknown method"),
        ("/kraken/0/private/Ledgers", "denied", 200, "EGeneral:Permission denied"),
        ("/coinbase/v2/accounts", "gone", 404, "not_found"),
        ("/coinbase/v2/accounts", "denied", 403, "invalid_scope"),
        ("/coinbase/api/v3/brokerage/accounts", "gone", 404, "NOT_FOUND"),
        ("/coinbase/api/v3/brokerage/accounts", "denied", 403, '"error_details":"Missing required scopes"'),
    ],
)
def test_a_path_is_taken_away_in_the_words_of_its_exchange(path: str, fault: str, status: int, words: str) -> None:
    async def visit(town: Town) -> None:
        exchange, _, own = path[1:].partition("/")
        await town.control("POST", "faults", {"fault": fault, "exchange": exchange, "path": "/" + own})
        told, body = await town.get(path)

        assert told == status
        assert words in body.decode()
        assert not town.venues[exchange].seen
        assert (await town.get(path + "/more"))[0] == status
        await town.control("DELETE", "faults")
        assert (await town.get(path))[0] == 200

    in_town(visit)


def test_each_fault_spoils_the_answer_in_its_own_way() -> None:
    async def visit(town: Town) -> None:
        async def met(fault: str, **more: Any) -> tuple[int, bytes]:
            await town.control("POST", "faults", {"fault": fault, "times": 1, **more})
            return await town.get("/kraken/x")

        status, body = await met("html")
        assert (status, body[:15]) == (200, b"<!DOCTYPE html>")
        began = time.monotonic()
        assert (await met("delay", value=0.3))[0] == 200
        assert time.monotonic() - began >= 0.3
        with pytest.raises(aiohttp.ClientPayloadError):
            await met("truncate", value=7)
        _, body = await met("duplicate")
        rows = json.loads(body)["rows"]
        assert rows[0] == rows[1]
        assert len(rows) == 2
        handled = len(town.kraken.seen)
        await met("nonce")
        assert len(town.kraken.seen) == handled + 2
        assert town.kraken.seen[-1] == town.kraken.seen[-2]
        with pytest.raises(aiohttp.ClientError):  # aiohttp itself tries a lost GET once more
            await met("reset", times=2)
        assert [each["faults"] for each in await town.control("GET", "requests")][-1] == ["reset"]
        assert (await town.control("GET", "requests"))[-1]["status"] == 0

    in_town(visit)


def test_a_wrong_clock_shows_in_the_date_and_at_the_exchange() -> None:
    async def visit(town: Town) -> None:
        await town.control("POST", "faults", {"fault": "clock", "value": -90, "times": 1})
        async with town.session.get(town.base_url + "/kraken/x") as answer:
            shown = parsedate_to_datetime(answer.headers["Date"]).timestamp()

        assert abs(shown - time.time() + 90) < 20
        assert abs(town.kraken.seen[-1].now - time.time() + 90) < 20

    in_town(visit)


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=12)
JSON = st.recursive(
    st.integers() | st.text() | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSON)
def test_a_doubled_answer_keeps_every_digit(value: Any) -> None:
    def written(each: Any) -> str:
        if isinstance(each, dict):
            return "{" + ",".join(f"{json.dumps(name)}:{written(inner)}" for name, inner in each.items()) + "}"
        if isinstance(each, list):
            return "[" + ",".join(map(written, each)) + "]"
        return format(each, "f") if isinstance(each, Decimal) else json.dumps(each)

    rows = json.loads(doubled(f'{{"rows":[{{"v":{written(value)}}}],"v":[1]}}'.encode()), parse_float=Decimal)

    assert rows["v"] == [1]
    assert len(rows["rows"]) == 2
    if isinstance(value, Decimal):
        assert [Decimal(each["v"]) for each in rows["rows"]] == [value, value]
