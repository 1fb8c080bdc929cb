"""The door: what is not listed does not go out, and what comes back is bounded."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import json
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from email.utils import formatdate
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.keeper import READ, FakeExchange, Planned, Seen, binance_key, fake_exchange, kraken_key, kraken_rights
from tallyglass.exchanges import registry
from tallyglass.exchanges.grants import Fault
from tallyglass.exchanges.manifest import NotListed, Wire
from tallyglass.keeper import door as doors
from tallyglass.keeper.budgets import PATIENCE, Budgets, Refused
from tallyglass.keeper.door import Door, Key, Resolver, Response, is_public, sandbox_base

KRAKEN, BINANCE = registry.manifest("kraken"), registry.manifest("binance")
T = TypeVar("T")


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with fake_exchange() as made:
        yield made


def inside(sandbox: str | None, act: Callable[[Door], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        door = Door(sandbox)
        await door.start()
        try:
            return await act(door)
        finally:
            await door.close()

    return asyncio.run(run())


def key(fields: Mapping[str, str], used: list[str] | None = None, floor: int = 0) -> Key:
    uses = used if used is not None else []
    return Key("0f0f", fields, lambda: uses.append("used"), floor)


def ask(exchange: FakeExchange, read: str = "key_info", params: Mapping[str, str] | None = None) -> Response:
    """One read of the fake Kraken."""
    return inside(exchange.url, lambda door: door.request(KRAKEN, read, params or {}, key(kraken_key())))


def test_a_listed_read_goes_out_signed_and_comes_back_as_it_is(exchange: FakeExchange) -> None:
    response = ask(exchange)
    assert response.body == kraken_rights(*READ)
    [seen] = exchange.seen
    assert (seen.method, seen.path, seen.headers["x-original-host"]) == (
        "POST",
        "/0/private/GetApiKeyInfo",
        "api.kraken.com",
    )
    assert seen.headers["api-key"] == kraken_key()["key"]
    assert seen.headers["user-agent"].startswith("Tallyglass/")
    assert response.egress_ip == "127.0.0.1"


@pytest.mark.parametrize(
    ("read", "params"),
    [
        ("withdraw", {}),
        ("key_info", {"url": "https://example.org"}),
        ("ledger", {"ofs": "0", "asset": "XBT"}),
        ("ledger", {"ofs": "0\r\nHost: example.org"}),
        ("ledger", {"nonce": "1"}),
        ("../private/AddOrder", {}),
        ("", {}),
        ("markets", {}),
    ],
)
def test_what_is_not_listed_is_refused_before_a_key_is_used(
    exchange: FakeExchange, read: str, params: Mapping[str, str]
) -> None:
    used: list[str] = []
    with pytest.raises(NotListed):
        inside(exchange.url, lambda door: door.request(KRAKEN, read, params, key(kraken_key(), used)))
    assert (used, exchange.seen) == ([], [])


def test_a_placeholder_takes_one_plain_segment_only(exchange: FakeExchange) -> None:
    coinbase = registry.manifest("coinbase")
    read = next(each for each in coinbase.reads.values() if "{" in each.path)
    name = read.path.partition("{")[2].partition("}")[0]
    for value in ("", "..", "a/b", "a%2Fb", "?x", "a b", ".", "a#"):
        with pytest.raises(NotListed):
            inside(exchange.url, lambda door, value=value: door.request(coinbase, read.id, {name: value}, key({})))  # type: ignore[misc]
    assert exchange.seen == []


def test_a_signed_read_does_not_go_out_unsigned_nor_a_public_one_signed(exchange: FakeExchange) -> None:
    with pytest.raises(NotListed):
        inside(exchange.url, lambda door: door.request(KRAKEN, "balances", {}))
    with pytest.raises(NotListed):
        inside(exchange.url, lambda door: door.request(KRAKEN, "server_time", {}, key(kraken_key())))
    assert exchange.seen == []


def test_a_key_that_may_not_be_used_is_not(exchange: FakeExchange) -> None:
    def broken() -> None:
        raise RuntimeError("the journal is broken")

    with pytest.raises(RuntimeError):
        inside(exchange.url, lambda door: door.request(KRAKEN, "balances", {}, Key("0f", kraken_key(), broken)))
    assert exchange.seen == []


def refusal(exchange: FakeExchange, plan: Planned, manifest: str = "kraken") -> Refused:
    path = "/0/private/GetApiKeyInfo" if manifest == "kraken" else "/sapi/v1/account/apiRestrictions"
    exchange.plans[path] = plan
    fields = kraken_key() if manifest == "kraken" else binance_key()
    with pytest.raises(Refused) as refused:
        inside(exchange.url, lambda door: door.request(registry.manifest(manifest), "key_info", {}, key(fields)))
    return refused.value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(exchange: FakeExchange, status: int) -> None:
    refused = refusal(exchange, Planned(status=status, headers={"Location": exchange.url + "/elsewhere"}))
    assert "redirect" in refused.note
    assert exchange.paths() == ["/0/private/GetApiKeyInfo"]


def test_an_answer_without_end_is_cut_off(exchange: FakeExchange) -> None:
    refused = refusal(exchange, Planned(b"[" + b"1," * (17 * 1024 * 1024)))
    assert refused.fault.code == "not_json"
    assert "32 MiB" in refused.note


def test_a_small_answer_that_unpacks_into_a_large_one_is_cut_off(exchange: FakeExchange) -> None:
    packed = gzip.compress(bytes(40 * 1024 * 1024), 1)
    assert len(packed) < 1024 * 1024
    refused = refusal(exchange, Planned(packed, headers={"Content-Encoding": "gzip"}))
    assert refused.fault.code in ("not_json", "down")


def test_an_answer_that_does_not_come_is_not_waited_for(
    exchange: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "SECONDS", 0.3)
    refused = refusal(exchange, Planned(delay=1.5))
    assert (refused.fault.code, refused.fault.retry) == ("down", True)
    assert "0.3 s" in refused.note


def test_a_connection_that_breaks_says_nothing_of_what_was_sent(exchange: FakeExchange) -> None:
    broken = Planned(b"{}", headers={"Content-Length": "1000", "Connection": "close"})
    for manifest in ("kraken", "binance"):
        refused = refusal(exchange, broken, manifest)
        assert refused.fault.code in ("down", "not_json")
        told = f"{refused.note} {refused.fault.said} {refused!r} {refused.__cause__!r}"
        assert "signature" not in told
        assert "CANARY" not in told


def test_an_exchange_that_echoes_the_request_gives_nothing_away(exchange: FakeExchange) -> None:
    def echo(seen: Seen) -> Planned:
        text = f"bad: {seen.headers['x-mbx-apikey']} {seen.query['signature'][0]}"
        return Planned(json.dumps({"code": -1022, "msg": text}).encode(), 400)

    exchange.plans["/sapi/v1/account/apiRestrictions"] = echo
    with pytest.raises(Refused) as refused:
        inside(exchange.url, lambda door: door.request(BINANCE, "key_info", {}, key(binance_key())))
    assert refused.value.fault.code == "bad_secret"
    assert exchange.seen[0].query["signature"][0] not in refused.value.fault.said
    assert binance_key()["key"] not in refused.value.fault.said


def test_what_an_exchange_says_is_told_without_key_secret_and_signature() -> None:
    sent = Wire("GET", "x.example", "/a?b=1&signature=" + "5e" * 32, {"API-Sign": "c2ln" * 22})
    said = f"no: {'5e' * 32} {'c2ln' * 22} {kraken_key()['key']} {kraken_key()['secret']} end {'x' * 300}"
    told = doors._clean(said, sent, key(kraken_key()))
    assert told.startswith("no: … … … … end xxx")
    assert len(told) == 200


def test_what_an_exchange_says_cannot_steer_a_terminal() -> None:
    sent = Wire("GET", "x.example", "/a")
    told = doors._clean("no \x1b[2J\u202e\x07way\r\n", sent, None)

    assert told.isprintable()
    assert "no" in told
    assert "way" in told


def test_the_real_exchange_is_asked_over_tls_at_public_addresses_only() -> None:
    """Without a sandbox there is no way to this computer, whatever a name leads to."""
    with pytest.raises(OSError, match="not a public address"):
        asyncio.run(Resolver(loopback=False).resolve("localhost", 443))


def test_a_sandbox_leads_nowhere_but_to_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def elsewhere(*_: object, **__: object) -> list[tuple[Any, ...]]:
        return [(2, 1, 6, "", ("192.0.2.7", 80))]

    async def resolve() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", elsewhere)
        await Resolver(loopback=True).resolve("localhost", 80)

    with pytest.raises(OSError, match=r"192\.0\.2\.7"):
        asyncio.run(resolve())


@pytest.mark.parametrize("mixed", [("1.1.1.1", "127.0.0.1"), ("10.0.0.1", "1.1.1.1")])
def test_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch, mixed: tuple[str, ...]
) -> None:
    async def found(*_: object, **__: object) -> list[tuple[Any, ...]]:
        return [(2, 1, 6, "", (each, 443)) for each in mixed]

    async def resolve() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        await Resolver(loopback=False).resolve("api.kraken.com", 443)

    with pytest.raises(OSError, match="not a public address"):
        asyncio.run(resolve())


def test_one_family_of_addresses_is_used_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(*_: object, **__: object) -> list[tuple[Any, ...]]:
        return [(10, 1, 6, "", ("2606:4700::1", 443, 0, 0)), (2, 1, 6, "", ("1.1.1.1", 443))]

    async def resolve() -> list[str]:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
        return [each["host"] for each in await Resolver(loopback=False).resolve("api.kraken.com", 443)]

    assert asyncio.run(resolve()) == ["1.1.1.1"]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
        *("224.0.0.1", "255.255.255.255", "198.51.100.7", "240.0.0.1", "::1", "::", "fe80::1", "fd00::1", "ff02::1"),
        *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:db8::1"),
    ],
)
def test_addresses_that_are_not_of_the_open_internet(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_no_more_public_when_it_is_wrapped(address: ipaddress.IPv4Address) -> None:
    wrapped = f"::ffff:{address}", str(ipaddress.IPv6Address((0x64FF9B << 96) | int(address)))
    assert {is_public(each) for each in wrapped} == {is_public(str(address))}


@pytest.mark.parametrize("address", ["1.1.1.1", "104.16.0.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("http://example.org", "http://192.168.1.5:8080", "ftp://127.0.0.1", "http://127.0.0.1@example.org"),
        *("http://localhost.example.org", "http://user:pass@127.0.0.1", "http://127.0.0.1?x=1", "127.0.0.1:80", ""),
        *("http://0.0.0.0", "http://127.0.0.1.example.org"),
    ],
)
def test_a_sandbox_elsewhere_is_not_believed(address: str) -> None:
    with pytest.raises(ValueError, match="on this computer"):
        sandbox_base(address)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8900", "https://localhost:1/", "http://[::1]:8900"])
def test_a_sandbox_here_is(address: str) -> None:
    assert sandbox_base(address) == address.rstrip("/")


def test_nonces_rise_in_the_order_of_arrival_however_many_ask_at_once(exchange: FakeExchange) -> None:
    floor = time.time_ns() + 10**12

    async def many(door: Door) -> None:
        await asyncio.gather(*(door.request(KRAKEN, "key_info", {}, key(kraken_key(), floor=floor)) for _ in range(12)))

    exchange.plans["/0/private/GetApiKeyInfo"] = Planned(kraken_rights(*READ), delay=0.01)
    inside(exchange.url, many)
    nonces = [int(each.form["nonce"][0]) for each in exchange.seen]
    assert nonces == sorted(set(nonces))
    assert nonces[0] > floor
    assert len(nonces) == 12


def test_a_nonce_that_came_too_late_is_tried_once_more(exchange: FakeExchange) -> None:
    late = Planned(b'{"error":["EAPI:Invalid nonce"]}')
    exchange.plans["/0/private/GetApiKeyInfo"] = lambda _: late if len(exchange.seen) == 1 else Planned(kraken_rights())
    used: list[str] = []
    inside(exchange.url, lambda door: door.request(KRAKEN, "key_info", {}, key(kraken_key(), used)))
    first, second = (int(each.form["nonce"][0]) for each in exchange.seen)
    assert second > first
    assert used == ["used", "used"]  # each attempt is a use of the key
    exchange.plans["/0/private/GetApiKeyInfo"] = late
    assert refusal(exchange, late).fault.code == "nonce"
    assert len(exchange.seen) == 4


def binance_clock(exchange: FakeExchange, ahead: float) -> None:
    """A Binance whose clock is ahead of ours: it refuses what is older than 5 s, or more than 1 s in its future."""

    def plan(seen: Seen) -> Planned:
        now = time.time() + ahead
        headers = {"Date": formatdate(now, usegmt=True)}
        if -1000 <= now * 1000 - int(seen.query["timestamp"][0]) <= 5000:
            return Planned(b'{"ok":true}', headers=headers)
        text = b'{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'
        return Planned(text, 400, headers)

    exchange.plans["/sapi/v1/account/apiRestrictions"] = plan


@pytest.mark.parametrize("ahead", [-25.0, -3.0, 12.0, 28.0])
def test_a_clock_that_is_a_little_off_is_put_right(exchange: FakeExchange, ahead: float) -> None:
    binance_clock(exchange, ahead)

    async def twice(door: Door) -> None:
        for _ in range(2):
            await door.request(BINANCE, "key_info", {}, key(binance_key()))

    inside(exchange.url, twice)
    assert len(exchange.seen) == 3  # refused, put right, and right from then on


@pytest.mark.parametrize("ahead", [3600.0, -7200.0])
def test_a_clock_that_is_far_off_is_told_and_not_hidden(exchange: FakeExchange, ahead: float) -> None:
    binance_clock(exchange, ahead)
    with pytest.raises(Refused) as refused:
        inside(exchange.url, lambda door: door.request(BINANCE, "key_info", {}, key(binance_key())))
    assert refused.value.fault.code == "clock"
    assert refused.value.offset_ms is not None
    assert abs(refused.value.offset_ms - ahead * 1000) < 2000
    assert len(exchange.seen) == 1


def test_an_exchange_that_says_stop_is_not_asked_again_until_it_may_be(exchange: FakeExchange) -> None:
    exchange.plans["/sapi/v1/account/apiRestrictions"] = Planned(
        b'{"code":-1003,"msg":"Too many requests."}', 429, {"Retry-After": "90"}
    )

    async def twice(door: Door) -> list[Fault]:
        faults = []
        for _ in range(2):
            with pytest.raises(Refused) as refused:
                await door.request(BINANCE, "key_info", {}, key(binance_key()))
            faults.append(refused.value.fault)
        return faults

    first, second = inside(exchange.url, twice)
    assert (first.code, first.retry_after) == ("rate_limited", 90)
    assert second.code == "rate_limited"
    assert 80 <= (second.retry_after or 0) <= 90
    assert len(exchange.seen) == 1


@given(st.lists(st.floats(min_value=0, max_value=30), min_size=1, max_size=60))
def test_no_more_goes_out_than_the_budget_allows(pauses: list[float]) -> None:
    """However the requests come: in any window there are no more than the capacity and what was refilled meanwhile."""
    now = [1000.0]
    budgets, read = Budgets(lambda: now[0]), KRAKEN.read("ledger")
    bucket = KRAKEN.buckets[read.bucket]
    sent: list[float] = []
    for pause in pauses:
        now[0] += pause
        wait = budgets._reserve(KRAKEN, read, "0f0f")
        if wait > PATIENCE:
            budgets._give_back(KRAKEN, read, "0f0f")
        else:
            sent.append(now[0] + wait)
    for first, start in enumerate(sent):
        for last in range(first, len(sent)):
            allowed = bucket.capacity + (sent[last] - start) * bucket.refill
            assert (last - first + 1) * read.cost <= allowed + 1e-6


def test_keys_have_budgets_of_their_own_where_the_exchange_counts_per_key() -> None:
    budgets, read = Budgets(lambda: 0.0), KRAKEN.read("ledger")
    for _ in range(7):
        assert budgets._reserve(KRAKEN, read, "one") == 0
    assert budgets._reserve(KRAKEN, read, "one") > 0
    assert budgets._reserve(KRAKEN, read, "two") == 0


def test_budgets_are_hurried_before_a_sandbox_only() -> None:
    def paces(door: Door) -> float:
        first = door._budgets._now()
        time.sleep(0.05)
        return (door._budgets._now() - first) / 0.05

    assert paces(Door("http://127.0.0.1:8900", pace=100)) > 50
    assert paces(Door(None, pace=100)) < 5
