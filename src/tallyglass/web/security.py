"""What every request must pass before any page sees it, and what every answer carries. Plain ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallyglass.app.problems import Told
from tallyglass.web.address import Address
from tallyglass.web.api import problems, routes, scopes
from tallyglass.web.auth.gate import Gate

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)

#: `no-referrer` would make browsers send `Origin: null` with our own forms.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

LARGEST_BODY = 256 * 1024
READING = ("GET", "HEAD")
#: For a year browsers come by TLS only: said where they do.
TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


class Guard:
    """Refuses what no page of ours would send: a foreign host name (DNS rebinding), a foreign origin (CSRF)."""

    def __init__(self, app: ASGIApp, address: Address) -> None:
        self._app = app
        self._hosts = address.hosts
        self._origins = address.origins
        self._headers = {**HEADERS, **(TLS_ONLY if address.secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self.refusal(scope["method"], Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await refusal(scope, receive, send_with_headers)

    def refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        """The answer to a request that must not get through; None for one that may."""
        if headers.getlist("host") != headers.getlist("host")[:1] or headers.get("host", "") not in self._hosts:
            return PlainTextResponse("This program answers on its own address only.\n", 421)
        if "transfer-encoding" in headers:
            return PlainTextResponse("Say how long it is.\n", 411)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or len(length) > 12 or int(length) > LARGEST_BODY:
            return PlainTextResponse("That is too large.\n", 413)
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if method in READING:
            navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
            allowed = site in (None, "same-origin", "none") or navigates
        elif site is not None:
            allowed = site in ("same-origin", "none") and origin in (None, *self._origins)
        else:
            # No browser of today; or an old one, which then sends the origin.
            allowed = origin in (None, *self._origins)
        return None if allowed else PlainTextResponse("Another page may not ask this.\n", 403)


class Door:
    """Lets in who has a session. What is not named here is closed, so that a new route is closed too."""

    OPEN = ("/enter", "/healthz", "/seal-key")
    #: What asks for more than a session by itself, or for nothing.
    OPEN_BELOW = ("/static/", "/calendar/", "/enter/")

    def __init__(self, app: ASGIApp, gate: Gate, scopes: Callable[[str], frozenset[str]]) -> None:
        """`scopes` tells what a token reads; it may raise `Told`."""
        self._app = app
        self._gate = gate
        self._scopes = scopes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self.OPEN or scope["path"].startswith(self.OPEN_BELOW):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        # What a page or a program asks by itself, without its reader, does not keep a session alive.
        of_api = scope["path"].startswith(routes.BELOW)
        by_itself = of_api or "hx-request" in request.headers or scope["path"] == "/events"
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if of_api and kind.lower() == "bearer":
            refusal = await asyncio.to_thread(self._refusal, scope, token.strip())
            await (refusal or self._app)(scope, receive, send)
        elif self._gate.holds(request, in_use=not by_itself):
            await self._app(scope, receive, send)
        elif of_api:
            await problems.problem(401, "no_session", "There is no session.", routes.ENTER)(scope, receive, send)
        elif by_itself or scope["method"] not in READING:
            await PlainTextResponse("Your session has ended.\n", 401)(scope, receive, send)
        else:
            await RedirectResponse("/enter", 303)(scope, receive, send)

    def _refusal(self, scope: Scope, token: str) -> Response | None:
        """The answer to a token that does not lead there; None for one that does. It reads, and only the API."""
        try:
            found = self._scopes(token)
        except Told as error:
            return problems.refusal(error)
        if not found:
            return problems.problem(401, "no_token", "This token opens nothing.", "Make one: tallyglass token make")
        if scope["method"] not in READING or not scopes.allows(scope["path"], found):
            text = f"This token reads: {', '.join(sorted(found))}."
            return problems.problem(403, "token_scope", text, "Make one that may, or ask for what this one may.")
        return None
