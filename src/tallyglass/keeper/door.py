"""The door: the only way out. What goes through is a read that the manifest lists, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from yarl import URL

from tallyglass import __version__
from tallyglass.exchanges import registry
from tallyglass.exchanges.grants import Fault
from tallyglass.exchanges.manifest import Call, Manifest, NotListed, Read, Stamp, Wire
from tallyglass.keeper.answers import Ways
from tallyglass.keeper.budgets import PATIENCE, Budgets, Refused

#: For one request, and for all of a read with its waiting; the client waits a little longer.
SECONDS = 30.0
LONGEST = 55.0
LARGEST = 32 * 1024 * 1024
#: An offset between two clocks that is worth putting right without asking, in milliseconds.
_FORGIVEN = 30_000


@dataclass(frozen=True, slots=True)
class Key:
    """A key for one use."""

    fingerprint: str
    credentials: Mapping[str, str] = field(repr=False)
    #: Called right before each use of the key; when it raises, the key is not used.
    begin: Callable[[], object]
    #: No nonce of this key was ever at or above this.
    floor: int = 0
    #: Called before a second use with the refusal of the first.
    again: Callable[[Refused], object] = lambda _: None


@dataclass(frozen=True, slots=True)
class Response:
    """What came back."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: datetime
    ms: int
    #: The address that it was sent from, if that is a public one.
    egress_ip: str | None


class Resolver(AbstractResolver):
    """Names to addresses: public ones only, of one family (IPv4 where there is a choice). In a sandbox: loopback."""

    def __init__(self, *, loopback: bool, family: socket.AddressFamily = socket.AF_UNSPEC) -> None:
        self._loopback = loopback
        self._family = family

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - ours holds
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=self._family, type=socket.SOCK_STREAM)
        first = socket.AF_INET if any(each[0] == socket.AF_INET for each in found) else socket.AF_INET6
        addresses = [(each[0], str(each[4][0])) for each in found if each[0] == first]
        for _, address in addresses:
            if not (is_loopback(address) if self._loopback else is_public(address)):
                raise OSError(f"{host} leads to {address}, which is not a public address")
        flags = socket.AI_NUMERICHOST
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=flags)
            for kind, address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


def listed(manifest: Manifest, read_id: str, params: Mapping[str, str], *, signed: bool) -> tuple[Read, Call]:
    """The read and its request, if the manifest allows them. Raises `NotListed`."""
    read = manifest.read(read_id)
    if read.signed != signed:
        raise NotListed(f"{manifest.id}: {read_id!r} is {'made with a key' if read.signed else 'public'}")
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(read.host)
        raise NotListed(f"{manifest.id}: {read_id!r} names an address where a host belongs")
    return read, read.call(params)


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet, also when it is wrapped in an IPv6 one."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def is_loopback(host: str) -> bool:
    """Whether a host, as a name or an address, is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def sandbox_base(address: str) -> str:
    """The address of a sandbox, checked. Raises `ValueError` unless it is http(s) to loopback."""
    parts = urlsplit(address)
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if parts.scheme not in ("http", "https") or not plain or not is_loopback(parts.hostname or ""):
        raise ValueError("TALLYGLASS_SANDBOX must be an http address on this computer, such as http://127.0.0.1:8900")
    return address.rstrip("/")


class _Answer(aiohttp.ClientResponse):
    """An answer that remembers our end of its connection: what the other side sees, unless something translates."""

    left_from: str | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        name = connection.transport.get_extra_info("sockname") if connection.transport else None
        self.left_from = str(name[0]) if isinstance(name, tuple) else None
        return await super().start(connection)


class Door:
    """Opens at `start`, within the event loop that it is used from."""

    def __init__(
        self,
        sandbox: str | None = None,
        family: socket.AddressFamily = socket.AF_UNSPEC,
        *,
        pace: float = 1.0,
        ways: Ways | None = None,
    ) -> None:
        """`pace` hurries the budgets, before a sandbox only: no real exchange is ever asked faster than it allows."""
        self.ways = ways or Ways()
        if sandbox and not all(is_loopback(urlsplit(each).hostname or "") for each in self.ways.every_proxy()):
            raise ValueError("before a sandbox a proxy must be on this computer: what goes there may be in the clear")
        self._sandbox = sandbox_base(sandbox) if sandbox else None
        self._resolver = Resolver(loopback=sandbox is not None, family=family)
        self._budgets = Budgets(pace=pace if sandbox else 1.0)
        self._turns: dict[str, asyncio.Lock] = {}
        self._nonces: dict[str, int] = {}
        #: Host → how far its clock is ahead of ours, in milliseconds, once it has complained.
        self._offsets: dict[str, int] = {}
        #: Addresses of ours that requests were seen to leave from.
        self.seen: set[str] = set()
        self._session: aiohttp.ClientSession

    async def start(self) -> None:
        """Get ready to connect; connects to nothing yet."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies; unlike the default context, keeps no key log
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not (self._sandbox or "").startswith("http:"):  # which shows no certificate
            context.load_default_certs()
        connector = aiohttp.TCPConnector(
            ssl=context, resolver=self._resolver, happy_eyeballs_delay=None, ttl_dns_cache=60, limit=20
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=SECONDS, connect=10),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"Tallyglass/{__version__}"},
            response_class=_Answer,
            trust_env=False,
            requote_redirect_url=False,
        )

    async def close(self) -> None:
        await self._session.close()

    @property
    def pace(self) -> float:
        """How many seconds of the budgets pass in one of ours."""
        return self._budgets.pace

    def named(self, manifest: Manifest) -> str | None:
        """The only address that this exchange sees, where the operator has said it."""
        addresses = self.ways.addresses_for(manifest.id)
        return addresses[0] if len(addresses) == 1 and not self._sandbox else None

    async def request(
        self, manifest: Manifest, read_id: str, params: Mapping[str, str], key: Key | None = None, *, way: str = ""
    ) -> Response:
        """Make one listed read. Raises `NotListed` before anything is sent, or `Refused`.

        It leaves by the exchange's own way out, or by that of the exchange `way`; where that is a proxy, by no other.
        """
        read, call = listed(manifest, read_id, params, signed=key is not None)
        proxy = self.ways.proxy_to(way or manifest.id)
        try:
            async with asyncio.timeout(LONGEST), self._turn(manifest, read, key):
                return await self._twice(manifest, read, call, key, proxy)
        except TimeoutError:
            note = f"The request did not come to an end within {LONGEST:g} s."
            raise Refused(Fault("down", retry=True), note) from None

    async def _twice(self, manifest: Manifest, read: Read, call: Call, key: Key | None, proxy: str) -> Response:
        try:
            return await self._once(manifest, read, call, key, proxy)
        except Refused as refused:
            if not self._worth_again(call.host, refused):
                raise
            if key is not None:
                key.again(refused)
        await self._budgets.take(manifest, read, key.fingerprint if key else "")
        return await self._once(manifest, read, call, key, proxy)

    @contextlib.asynccontextmanager
    async def _turn(self, manifest: Manifest, read: Read, key: Key | None) -> AsyncIterator[None]:
        """Within the budget; and, where nonces must rise, one after another."""
        await self._budgets.take(manifest, read, key.fingerprint if key else "")
        if key is None or manifest.nonce != "monotonic":
            yield
            return
        lock = self._turns.setdefault(key.fingerprint, asyncio.Lock())
        try:
            async with asyncio.timeout(PATIENCE):
                await lock.acquire()
        except TimeoutError:
            fault = Fault("rate_limited", retry=True, retry_after=int(PATIENCE))
            raise Refused(fault, "Other requests of this key are still under way.") from None
        try:
            yield
        finally:
            lock.release()

    async def _once(self, manifest: Manifest, read: Read, call: Call, key: Key | None, proxy: str) -> Response:
        if key is not None:
            key.begin()
        wire = self._wire(manifest, call, key)
        before = time.time()
        response = await self._fetch(manifest.id, wire, proxy)
        if response.egress_ip:
            self.seen.add(response.egress_ip)
        fault, note = _fault(manifest, read, response)
        if fault is None:
            return response
        if fault.code in ("rate_limited", "banned"):
            wait = self._budgets.block(manifest, read, key.fingerprint if key else "", fault)
            fault = replace(fault, retry_after=wait)
        offset = _offset(response.headers, (before + time.time()) / 2)
        clean = replace(fault, said=_clean(fault.said, wire, key))
        raise Refused(clean, note, offset_ms=offset, egress_ip=response.egress_ip)

    def _worth_again(self, host: str, refused: Refused) -> bool:
        """One more time: for a nonce that came too late, and for a clock that can be put right."""
        offset = refused.offset_ms
        clock = "clock" in (refused.fault.code, *refused.fault.causes)
        if clock and offset is not None and abs(offset) <= _FORGIVEN:
            changed = abs(offset - self._offsets.get(host, 0)) > 1_000
            self._offsets[host] = offset
            return changed or refused.fault.code == "clock"
        return refused.fault.code == "nonce"

    def _wire(self, manifest: Manifest, call: Call, key: Key | None) -> Wire:
        if key is None:
            return Wire(call.method, call.host, f"{call.path}?{call.query}" if call.params else call.path)
        nonce = max(self._nonces.get(key.fingerprint, key.floor) + 1, time.time_ns())
        self._nonces[key.fingerprint] = nonce
        stamp = Stamp(int(time.time() * 1000) + self._offsets.get(call.host, 0), nonce, os.urandom(32))
        wire = registry.signing(manifest.id).sign(call, key.credentials, stamp)
        if (wire.method, wire.host, wire.target.partition("?")[0]) != (call.method, call.host, call.path):
            raise NotListed(f"{manifest.id}: signing made another request of it")
        return wire

    async def _fetch(self, exchange: str, wire: Wire, proxy: str) -> Response:
        """Send it, if it is a line of the page as it lies in its folder: whoever got this far is asked once more."""
        if not registry.manifest(exchange).lists(wire.method, wire.host, wire.target.partition("?")[0]):
            raise NotListed(f"{exchange}: the manifest lists no such request")
        headers, started = dict(wire.headers), time.monotonic()
        if self._sandbox:
            url = URL(self._sandbox + wire.target, encoded=True)
            headers["X-Original-Host"] = wire.host
        else:
            url = URL(f"https://{wire.host}{wire.target}", encoded=True)
        try:
            async with self._session.request(
                wire.method, url, headers=headers, data=wire.body or None, allow_redirects=False, proxy=proxy or None
            ) as answer:
                egress = answer.left_from if isinstance(answer, _Answer) and not proxy else None
                body = await _body(answer)
                told = {name.lower(): value for name, value in answer.headers.items()}
        except TimeoutError:
            raise Refused(Fault("down", retry=True), f"{wire.host} did not answer within {SECONDS:g} s.") from None
        except aiohttp.ClientPayloadError:
            raise Refused(Fault("not_json", retry=True), f"The answer of {wire.host} broke off.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Refused(Fault("down", retry=True), _why(wire.host, error)) from None
        ms = round((time.monotonic() - started) * 1000)
        known = egress is not None and (self._sandbox is not None or is_public(egress))
        return Response(answer.status, told, body, datetime.now(UTC), ms, egress if known else None)


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(256 * 1024):
        body += chunk
        if len(body) > LARGEST:
            raise Refused(
                Fault("not_json"), f"The answer is larger than {LARGEST // 1024 // 1024} MiB; it was cut off."
            )
    return bytes(body)


def _fault(manifest: Manifest, read: Read, response: Response) -> tuple[Fault | None, str]:
    """The refusal in an answer, and a note where it is not the exchange's own."""
    status = response.status
    if 300 <= status < 400:
        return Fault("unknown"), f"The answer was a redirect ({status}); redirects are never followed."
    if manifest.tier == "native":
        fault = registry.permissions(manifest.id).fault(read.id, status, response.headers, response.body)
        if fault is not None:
            return fault, f"The status was {status}." if fault.code == "down" and not fault.said else ""
    if 200 <= status < 300:
        return None, ""
    after = response.headers.get("retry-after", "")
    seconds = int(after) if after.isascii() and after.isdigit() and len(after) < 7 else None
    if status in (418, 429):
        return Fault("rate_limited", retry=True, retry_after=seconds), ""
    if status >= 500:
        return Fault("down", retry=True, retry_after=seconds), f"The status was {status}."
    return Fault("bad_request"), f"The status was {status}."


def _offset(headers: Mapping[str, str], ours: float) -> int | None:
    """How far their clock is ahead of ours, in milliseconds, good to half a second (`Date` has whole ones)."""
    try:
        theirs = parsedate_to_datetime(headers["date"]).timestamp() + 0.5
    except (KeyError, ValueError, TypeError):
        return None
    return round((theirs - ours) * 1000)


def _clean(said: str, wire: Wire, key: Key | None) -> str:
    """The exchange's words, printable, without anything of the request that could be secret, should it echo that."""
    said = "".join(each if each.isprintable() else " " for each in said)  # they may reach a terminal
    sent = [*wire.headers.values(), *(value for _, value in parse_qsl(urlsplit(wire.target).query))]
    hidden = [*(key.credentials.values() if key else ()), *(each for each in sent if len(each) >= 16)]
    for each in sorted(hidden, key=len, reverse=True):
        if len(each) >= 4:
            said = said.replace(each, "…")
    return said[:200]


def _why(host: str, error: Exception) -> str:
    """What went wrong on the way, without the address that was asked for: it may hold a signature."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"The certificate of {host} is not valid: somebody may be in between. Nothing was sent."
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"The proxy to {host} refuses the way ({error.status}). Nothing was sent."
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"The proxy to {host} cannot be reached. Nothing was sent: no other way is taken."
    if isinstance(error, aiohttp.ClientConnectorError):
        inner = error.os_error
        return f"No connection to {host}: {inner.strerror or inner.args[0] if inner.args else type(inner).__name__}."
    return f"The connection to {host} broke ({type(error).__name__})."
