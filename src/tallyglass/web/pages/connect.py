"""Connect: every exchange with what can be known of its keys beforehand; the wizard for one; and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tallyglass.app import admission, arriving
from tallyglass.app.admission import Judged, Words
from tallyglass.app.exchanges import exchange as manifest_of
from tallyglass.app.session import Session
from tallyglass.web.pages import rotate
from tallyglass.web.pages.page import Frame, Model, Page, Query
from tallyglass.web.pages.parts import Exchange, exchange, known_exchanges
from tallyglass.web.pages.wizard import Errand, Find, Wizard


@dataclass(frozen=True, slots=True)
class Tile:
    """An exchange, with what a user wants to know before he makes a key there."""

    exchange: Exchange
    #: What the exchange tells of a key, and what it does not.
    proves: str
    silent: str
    #: How far back history reaches, in short and stream by stream.
    reach: str
    history: dict[str, str]
    #: How its keys end.
    ends: str
    #: How often it is connected already.
    connected: int


def connect(session: Session, query: Query) -> Model:
    """The exchanges, or those that a search finds."""
    wanted = query.get("q", "").strip()[:100]
    have = [each.exchange for each in session.keeper.connections() if each.state != "dead"]
    tiles = [_tile(name, have.count(name)) for name, each in known_exchanges().items() if _found(wanted, each)]
    return {"tiles": tiles, "wanted": wanted, "yours": True}


def _found(wanted: str, one: Exchange) -> bool:
    return wanted.lower() in f"{one.name} {one.id}".lower()


def _tile(name: str, connected: int) -> Tile:
    manifest = manifest_of(name)
    history = {stream: reach for stream, reach in manifest.history.items() if stream != "candles"}
    told = [word for word, tells in _told(manifest.tells) if tells]
    silent = [word for word, tells in _told(manifest.tells) if not tells]
    reach = str(manifest.labels.get("reach") or next(iter(history.values()), ""))
    rights = _list(list(manifest.proves))
    proves = f"{rights}; {_list(told)}" if told else rights
    return Tile(exchange(name), proves, _list(silent), reach, history, _ends(manifest), connected)


def _told(tells: Any) -> Iterator[tuple[str, bool]]:
    words = {"ip": "the address list", "expiry": "the end date", "account": "the account", "created": "the age"}
    return ((word, bool(tells.get(name))) for name, word in words.items())


def _ends(manifest: Any) -> str:
    days = manifest.rotation.get("exchange_expiry_days")
    rule = f"{manifest.name} ends every key after {days} days." if days else ""
    return rule or str(manifest.ip.get("without", ""))


def _list(words: list[str]) -> str:
    *most, last = words or [""]
    return f"{', '.join(most)} and {last}" if most else last


def buttons(app: FastAPI, frame: Frame) -> None:
    """The wizard of each exchange, for a new key in an old one's place too; and what comes of a connection."""
    wizard = Wizard(frame)

    @app.get("/connect/{name}")
    async def show(request: Request, name: str) -> Response:
        return await wizard.show(request, _errand(name))

    @app.post("/connect/{name}/pair")
    async def pair(request: Request, name: str) -> Response:
        return await wizard.make_pair(request, _errand(name))

    @app.get("/connect/{name}/addresses")
    async def addresses(request: Request, name: str) -> Response:
        _errand(name)
        return await wizard.addresses(request, name)

    @app.post("/connect/{name}/check")
    async def check(request: Request, name: str) -> Response:
        def ask(session: Session, sealed: str) -> Judged:
            return admission.check(session.keeper, name, sealed)

        return await wizard.check(request, _errand(name), ask)

    @app.post("/connect/{name}/store")
    async def store(request: Request, name: str) -> Response:
        def do(session: Session, sealed: str, words: Words) -> Judged:
            return admission.store(session.keeper, name, sealed, words)

        return await wizard.store(request, _errand(name), do)

    @app.get(CONNECTED.path)
    def connected(request: Request, connection: str) -> Response:
        parts = frame.service.reading(connection)
        return frame.shown(request, CONNECTED, lambda session: _arrived(arriving.arriving(session, connection, parts)))

    rotate.add_to(app, frame)


def _errand(name: str) -> Find:
    """To connect it. 404 for an exchange that there is not."""
    if name not in known_exchanges():
        raise HTTPException(404)
    called = exchange(name).name
    errand = Errand(
        exchange=name,
        title=f"Connect {called}",
        lead="About three minutes. Nothing is stored until the exchange has said what the key may do.",
        path=f"/connect/{quote(name)}",
        store="Store this key",
        command=f"tallyglass connect {name}",
    )
    return lambda _session: errand


def _arrived(found: arriving.Arriving) -> Model:
    return {
        "found": found,
        "currency": found.currency,
        "exchange": exchange(found.exchange),
        "reach": _tile(found.exchange, 1).reach,
    }


CONNECT = Page("connect", "/connect", "Connect an exchange", connect, live=False, under="connections", buttons=buttons)
CONNECTED = Page("connected", "/connected/{connection}", "Connected", lambda _session, _query: {}, under="connections")
