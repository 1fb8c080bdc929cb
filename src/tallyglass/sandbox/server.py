"""The sandbox over HTTP: finds the fake exchange that a request is meant for, and spoils the answer on demand."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Protocol
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import CIMultiDict

from tallyglass.sandbox import closed, withdrawn
from tallyglass.sandbox.control import Control
from tallyglass.sandbox.faults import PAGE, cut, doubled, kept, shuffled
from tallyglass.sandbox.hostile import poisoned
from tallyglass.sandbox.model import Incoming, Outgoing

CONTROL = "_control"
_WORTH_PACKING = 256
_LARGEST_BODY = 1 << 20
#: Parameters that choose one of several lists of one path, and nothing within it.
_CHOOSING = frozenset(("type", "transactionType", "tradeType", "symbol", "asset", "product_id"))


class Site(Protocol):
    """What can answer under hosts of its own: an exchange or a price source."""

    @property
    def id(self) -> str: ...
    @property
    def hosts(self) -> tuple[str, ...]: ...
    def caller(self, request: Incoming) -> str: ...
    def handle(self, request: Incoming) -> Outgoing: ...


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes."""

    site: Site
    host: str
    #: Without the sandbox's own prefix.
    path: str
    query: str
    #: `/kraken`, or nothing when the host said it all.
    prefix: str


class Routes:
    """By the real `Host`, by `X-Original-Host`, or by a first path segment: a site's id or one of its hosts."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._names: dict[str, tuple[Site, str]] = {}
        for site in sites:
            self._names[site.id] = (site, site.hosts[0])
            self._names.update({host: (site, host) for host in site.hosts})

    def find(self, target: str, headers: Mapping[str, str]) -> Route | None:
        """The route of a raw request target (path and query as sent), or None."""
        path, _, query = target.partition("?")
        first, slash, rest = path.lstrip("/").partition("/")
        by_path = self._names.get(first.lower())
        for header in ("x-original-host", "host"):
            found = self._by_host(headers.get(header, ""))
            if found and by_path and by_path[0] is found[0]:
                return Route(*found, slash + rest, query, "/" + first)
            if found:
                return Route(*found, path, query, "")
        return Route(*by_path, slash + rest, query, "/" + first) if by_path else None

    def _by_host(self, value: str) -> tuple[Site, str] | None:
        host = _bare(value).lower()
        return self._names.get(host) if "." in host else None


class Gate:
    """The one handler of the web server."""

    def __init__(self, sites: Iterable[Site], control: Control) -> None:
        self._routes = Routes(sites)
        self._control = control
        #: Under a `repeat`: the answer of each site's list that is given for ever.
        self._repeated: dict[tuple[str, ...], Outgoing] = {}

    def app(self) -> web.Application:
        """To be run by aiohttp."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{tail:.*}", self.answer)
        return app

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Control, or the exchange that the request names, or 404."""
        target = request.raw_path
        body = await request.read()
        path, _, query = target.partition("?")
        if path.startswith(f"/{CONTROL}/"):
            order = path.removeprefix(f"/{CONTROL}")
            return await _send(request, self._control.answer(request.method, order, query, body))
        headers = {name.lower(): value for name, value in request.headers.items()}
        route = self._routes.find(target, headers)
        if route is None:
            return await _send(request, Outgoing.json({"error": "no exchange of the sandbox is meant"}, 404))
        faults = self._control.faults.due(route.site.id, route.path)
        await asyncio.sleep(faults.get("delay", 0))
        seen = self._control.internet.seen(request.remote or "")
        incoming = Incoming(
            *(request.method, route.host, route.path, route.query, headers, body, seen.v4),
            now=time.time() + faults.get("clock", 0),
            signed_as=_signed_as(route, headers),
            share=faults.get("shrink", 1.0),
            overlap=int(faults.get("overlap", 0)),
            ip6=seen.v6,
        )
        answer = self._ask(route.site, incoming, faults)
        self._control.note(incoming, route.site, 0 if answer is None else answer.status, faults)
        if answer is None:
            return _reset(request)
        return await _send(request, answer, faults.get("truncate"), incoming.now)

    def _ask(self, site: Site, request: Incoming, faults: Mapping[str, float]) -> Outgoing | None:
        """The site's answer as far as the faults let it through; None for a connection that is lost."""
        if "reset" in faults:
            return None
        if "status" in faults:
            headers = {"retry-after": str(faults["retry_after"])} if "retry_after" in faults else {}
            status = int(faults["status"])
            body = closed.too_many(site.id, request) if status in (418, 429) else b""
            return Outgoing(status, {"content-type": "application/json" if body else "text/plain", **headers}, body)
        if "html" in faults:
            return Outgoing(int(faults["html"]), {"content-type": "text/html; charset=UTF-8"}, PAGE)
        if "maintenance" in faults:
            return closed.answer(site.id, request)
        if kinds := faults.keys() & set(withdrawn.KINDS):
            return withdrawn.answer(site.id, request, kinds.pop())
        return self._spoiled(site, request, faults)

    def _spoiled(self, site: Site, request: Incoming, faults: Mapping[str, float]) -> Outgoing:
        """What the site answers, and what becomes of it on the way."""
        place = (site.id, request.path, *_which(request))
        if "repeat" not in faults:
            self._repeated.pop(place, None)
        elif place in self._repeated:
            return self._repeated[place]
        answer = site.handle(request)
        if "nonce" in faults:
            answer = site.handle(request)
        if "repeat" in faults:
            self._repeated[place] = answer
        body = answer.body
        if "hostile" in faults:
            body = poisoned(body, int(faults["hostile"]))
        if "duplicate" in faults:
            body = doubled(body)
        if "shuffle" in faults:
            body = shuffled(body)
        if "jump" in faults:
            body = cut(body, faults["jump"])
        return answer if body is answer.body else Outgoing(answer.status, answer.headers, body)


def _which(request: Incoming) -> list[str]:
    """Which of the lists of one path is asked for, wherever in it."""
    asked = parse_qsl(request.query) + parse_qsl(request.body.decode("utf-8", "replace"))
    return sorted(f"{name}={value}" for name, value in asked if name in _CHOOSING)


def _signed_as(route: Route, headers: Mapping[str, str]) -> tuple[str, ...]:
    """What a client may have taken for the host: the real one, or the sandbox's address in any of its forms."""
    sent = headers.get("host", "")
    hosts = (route.host, headers.get("x-original-host", ""), sent, _bare(sent))
    forms = [host + prefix for host in hosts if host for prefix in (route.prefix, "")]
    return tuple(dict.fromkeys(forms))


def _bare(host: str) -> str:
    """Without its port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


async def _send(
    request: web.Request, answer: Outgoing, truncate: float | None = None, now: float | None = None
) -> web.StreamResponse:
    headers: CIMultiDict[Any] = CIMultiDict(answer.headers)
    headers["Date"] = formatdate(time.time() if now is None else now, usegmt=True)
    headers["Server"] = "tallyglass-sandbox"
    body = answer.body
    if len(body) >= _WORTH_PACKING and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, 1, mtime=0)
        headers["Content-Encoding"] = "gzip"
        headers["Vary"] = "Accept-Encoding"
    if truncate is None:
        return web.Response(status=answer.status, headers=headers, body=body)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: kept(len(body), truncate)])
    if request.transport is not None:
        request.transport.close()
    return response


def _reset(request: web.Request) -> web.Response:
    """Hang up without a word, as a broken line does: RST, not FIN."""
    if request.transport is not None:
        line = request.transport.get_extra_info("socket")
        if line is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()
