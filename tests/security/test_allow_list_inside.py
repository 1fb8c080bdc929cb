"""The allow-list from inside: even the door's own functions send nothing that no manifest lists. No socket opens."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from support.endpoints import EXCHANGES, Endpoint, filled, walked
from support.keeper import binance_key, kraken_key
from support.sandbox import Sandbox, running_sandbox
from tallyglass.exchanges import registry
from tallyglass.exchanges.manifest import Call, Manifest, NotListed, Read, Stamp, Wire
from tallyglass.keeper.budgets import Refused
from tallyglass.keeper.door import Door, Key

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def endpoints() -> list[Endpoint]:
    return walked()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=5) as running:
        yield running


_watching: list[list[str]] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if _watching and event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        _watching[-1].append(f"{event} {args[1:]!r}")


sys.addaudithook(_watch)  # Python itself tells of each socket; a hook can be silenced but never taken away


@contextmanager
def sockets() -> Iterator[list[str]]:
    """What this process tries to reach while the block runs, told by the interpreter."""
    _watching.append([])
    try:
        yield _watching[-1]
    finally:
        _watching.pop()


KEYS: Mapping[str, Mapping[str, str]] = {
    "kraken": kraken_key(),
    "binance": binance_key(),
    "coinbase": {
        "key": "8c7e6890-45c1-4a4e-9a2b-1f2e3d4c5b6a",
        # the seed of RFC 8032, section 7.1, test 1
        "secret": "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    },
}


def key(name: str, used: list[str] | None = None) -> Key:
    uses = used if used is not None else []
    credentials = registry.signing(name).credentials(KEYS[name])
    return Key("0f0f", credentials, lambda: uses.append("used"))


def inside(url: str, act: Callable[[Door], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        door = Door(url)
        await door.start()
        try:
            await act(door)
        finally:
            await door.close()

    asyncio.run(run())


def test_the_watch_sees_a_socket(sandbox: Sandbox) -> None:
    """The guard of the tests below: a listed read is seen by it, and by the sandbox."""
    before = len(sandbox.requests("kraken"))

    async def one(door: Door) -> None:
        await door.request(registry.manifest("kraken"), "server_time", {})

    with sockets() as seen:
        inside(sandbox.base_url, one)
    assert any(each.startswith("socket.connect") for each in seen)
    assert len(sandbox.requests("kraken")) == before + 1


def test_the_door_sends_no_request_that_no_manifest_lists(sandbox: Sandbox, endpoints: list[Endpoint]) -> None:
    """Whoever gets as far as the last function before the socket still finds the page in the way."""
    before = len(sandbox.requests())
    refused: list[Endpoint] = []

    async def all_of_them(door: Door) -> None:
        for each in endpoints:
            if not each.listed:
                for target in (each.filled, f"{each.filled}?a=1", f"{each.filled}?"):
                    wire = Wire(each.method, each.host, target, {}, b"a=1" * (each.method == "POST"))  # type: ignore[arg-type]
                    with pytest.raises(NotListed):
                        await door._fetch(each.exchange, wire, "")
                refused.append(each)

    with sockets() as seen:
        inside(sandbox.base_url, all_of_them)
    assert (seen, len(sandbox.requests())) == ([], before)
    assert len(refused) > 900


def test_a_call_that_no_manifest_made_is_not_sent(sandbox: Sandbox, endpoints: list[Endpoint]) -> None:
    """A `Call` put together by hand, signed by the exchange's own signer, with a good key."""
    before = len(sandbox.requests())

    async def all_of_them(door: Door) -> None:
        for each in endpoints:
            if not each.listed:
                page = registry.manifest(each.exchange)
                call = Call(each.method, each.host, each.filled, (("amount", "1"),))  # type: ignore[arg-type]
                with pytest.raises(NotListed):
                    await door._once(page, page.read(page.permissions_read), call, key(each.exchange), "")

    with sockets() as seen:
        inside(sandbox.base_url, all_of_them)
    assert (seen, len(sandbox.requests())) == ([], before)


def test_a_page_that_was_forged_opens_nothing(sandbox: Sandbox, endpoints: list[Endpoint]) -> None:
    """The door believes the pages that it finds itself, not the one that it is handed."""
    before = len(sandbox.requests())

    async def all_of_them(door: Door) -> None:
        for each in endpoints:
            if not each.listed:
                page = registry.manifest(each.exchange)
                read = page.read(page.permissions_read)
                forged = replace(read, method=each.method, host=each.host, path=each.filled, cost=0)  # type: ignore[arg-type]
                with pytest.raises(NotListed):
                    await door.request(_with(page, forged), forged.id, {}, key(each.exchange))

    with sockets() as seen:
        inside(sandbox.base_url, all_of_them)
    assert (seen, len(sandbox.requests())) == ([], before)


def _with(page: Manifest, read: Read) -> Manifest:
    return replace(page, reads={**page.reads, read.id: read})


class Turncoat:
    """A signer that makes another request of what it is given."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def sign(self, call: Call, credentials: Mapping[str, str], stamp: Stamp) -> Wire:
        return self._wire


def test_a_signer_cannot_make_another_request(
    sandbox: Sandbox, endpoints: list[Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(sandbox.requests())

    async def all_of_them(door: Door) -> None:
        for each in endpoints:
            if not each.listed:
                wire = Wire(each.method, each.host, each.filled)  # type: ignore[arg-type]
                monkeypatch.setattr(registry, "signing", lambda name, wire=wire: Turncoat(wire))
                page = registry.manifest(each.exchange)
                with pytest.raises(NotListed):
                    await door.request(_with(page, replace(page.read("balances"), cost=0)), "balances", {}, held)

    held = key("kraken")
    with sockets() as seen:
        inside(sandbox.base_url, all_of_them)
    assert (seen, len(sandbox.requests())) == ([], before)


def test_a_free_value_stays_a_value(endpoints: list[Endpoint]) -> None:
    """What a param does take (any plain text) ends in the query or the body, and never in the address."""
    stamp = Stamp(1_795_305_600_000, 1_795_305_600_000_000_000, bytes(32))
    for name in EXCHANGES:
        page, signing = registry.manifest(name), registry.signing(name)
        credentials = signing.credentials(KEYS[name])
        for read in (each for each in page.reads.values() if each.signed):
            free = [each for each in read.params if f"{{{each}}}" not in read.path]
            for each in endpoints[:: 7 if free else len(endpoints)]:
                values = dict.fromkeys(free, f"{each.path}?&#/../@:%2f {each.url}")
                wire = signing.sign(
                    read.call({"account": "a1"} | values if "{" in read.path else values), credentials, stamp
                )
                path, _, query = wire.target.partition("?")
                assert (wire.method, wire.host, path) == (read.method, read.host, filled(read))
                sent = dict(parse_qsl(query or wire.body.decode(), keep_blank_values=True, strict_parsing=bool(values)))
                assert sent.items() >= values.items()
                assert urlsplit(f"https://{wire.host}{wire.target}").fragment == ""


def test_refusals_of_the_way_are_no_way_round(sandbox: Sandbox) -> None:
    """A listed read that the exchange redirects to a write is not followed."""
    sandbox.fault("status", "kraken", "/0/private/BalanceEx", value=302)
    before = len(sandbox.requests())

    async def one(door: Door) -> None:
        with pytest.raises(Refused):
            await door.request(registry.manifest("kraken"), "balances", {}, key("kraken"))

    try:
        inside(sandbox.base_url, one)
    finally:
        sandbox.calm()
    assert [each["path"] for each in sandbox.requests()[before:]] == ["/0/private/BalanceEx"]
