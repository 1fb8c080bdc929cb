"""What every request must pass before any page sees it, and what every answer carries. Plain ASGI."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

LARGEST_BODY = 256 * 1024
READING = ("GET", "HEAD")


class Guard:
    """Refuses what no page of ours would send: a foreign host name (DNS rebinding), a foreign origin (CSRF)."""

    def __init__(self, app: ASGIApp, *, port: int) -> None:
        self._app = app
        self._hosts = frozenset((f"127.0.0.1:{port}", f"localhost:{port}"))
        self._origins = frozenset(f"http://{host}" for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
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
        if int(headers.get("content-length", "0") or 0) > LARGEST_BODY:
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
