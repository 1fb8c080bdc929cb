"""The web app: its routes, and what stands before them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from fastapi.sse import EventSourceResponse
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp

from tallyglass.app import accounts, alerts, history, hygiene, tokens, worth
from tallyglass.app import journal as uses
from tallyglass.app.passkeys import Passkeys
from tallyglass.app.problems import Told, Trouble
from tallyglass.app.service import Service
from tallyglass.app.session import Session
from tallyglass.keeper.client import Locked, Unreachable
from tallyglass.web import rendering
from tallyglass.web.api import problems, routes
from tallyglass.web.auth.coming import Coming, to_proof
from tallyglass.web.auth.gate import Gate
from tallyglass.web.built import Built
from tallyglass.web.forms import form as form_of
from tallyglass.web.live import events
from tallyglass.web.look import Figures, Look
from tallyglass.web.pages import needs
from tallyglass.web.pages.index import PAGES
from tallyglass.web.pages.overview import OVERVIEW
from tallyglass.web.pages.page import Model, Page
from tallyglass.web.pages.parts import names_of
from tallyglass.web.security import Door, Guard

#: No address of ours has these in its words.
_STRANGE = re.compile(r"[\x00-\x20\x7f\\]")
#: What stays as it is in the path of an address that was sent.
AS_SENT = "/%:@!$&'()*+,;=~"
LOOK_SECONDS = 365 * 24 * 3600
#: What the frame says while nothing is known.
UNCOUNTED: Model = {"badges": {}, "key_count": None, "journal": None}


def create_app(service: Service, gate: Gate) -> ASGIApp:
    """The whole web app of one home. Nothing passes but what the guard lets by and, past the door, who has a session.

    Raises `Problem` when the front end was never built.
    """
    site = Site(service, gate)
    app = site.app
    app.mount("/static", Built(directory=rendering.STATIC))
    for page in PAGES:
        app.get(page.path, name=page.id)(site.shows(page))
        page.buttons(app, site)
    app.get("/healthz")(site.healthz)
    app.get("/calendar.ics")(site.calendar)
    app.get("/calendar/{token}.ics")(site.subscribed)
    app.get("/events", response_class=EventSourceResponse)(events(service, gate))
    Coming(site).add_to(app)
    app.post("/look")(site.choose_look)
    app.post("/sync")(site.sync)
    app.post("/later")(site.put_off)
    app.post("/walked")(site.walked)
    routes.add_to(app, service.session, gate.cookie)
    app.add_exception_handler(HTTPException, site.http_error)
    return Guard(Door(app, gate, lambda token: tokens.scopes(service.session(), token)), gate.address)


class Site:
    """The routes. Those that ask the keeper or the store are plain functions: they run in threads."""

    def __init__(self, service: Service, gate: Gate) -> None:
        self.service = service
        self.gate = gate
        address = gate.address
        self.passkeys = Passkeys(address.name, address.origins, gate.clock)
        self.app = FastAPI(title="Tallyglass", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        self._look = f"{gate.cookie}-look"
        self._templates = rendering.environment()

    def calendar(self) -> Response:
        """Due dates, for a calendar."""
        try:
            feed = alerts.dues(self.service.session())
        except Told as error:
            raise HTTPException(503, error.text) from None
        return Response(feed, media_type="text/calendar", headers={"Content-Disposition": "attachment"})

    def subscribed(self, token: str) -> Response:
        """The same for a calendar program, which has no session: by a link of its own, and by no other."""
        try:
            known = alerts.opens(self.service.session(), token)
        except Told as error:
            raise HTTPException(503, error.text) from None
        if not known:
            raise HTTPException(404)
        return self.calendar()

    # -- pages

    def shows(self, page: Page) -> Callable[[Request], Response]:
        """The route of a page."""

        def show(request: Request) -> Response:
            return self.shown(request, page, lambda session: page.build(session, request.query_params))

        return show

    def done(self, request: Request, do: Callable[[Session], Response]) -> Response:
        """What was asked for, or the page that says why not."""
        try:
            return do(self.service.session())
        except Told as error:
            return self._trouble(request, OVERVIEW, error)

    def shown(self, request: Request, page: Page, build: Callable[[Session], Model]) -> Response:
        """A page with what `build` gives it, or the page that says why not."""
        try:
            session = self.service.session()
            model = build(session)
            stands = model.get("stands") or hygiene.standing(session)
        except Told as error:
            return self._trouble(request, page, error)
        keys = stands.keys
        model["names"] = names_of(keys, accounts.labels(session))
        currency = model["worth"]["currency"] if "worth" in model else model.get("currency", "")
        if currency:
            model["currencies"] = worth.currencies(session)
        name = "empty" if not (keys or model.get("yours")) and page.id in ("overview", "connections") else page.id
        return self._page(request, name, page, {**model, **_counted(session, stands)}, currency=currency)

    def figures(self, request: Request, currency: str) -> Figures:
        """Figures as this reader wants to see them."""
        return Figures(currency, Look.of(request.cookies.get(self._look)).hidden)

    def trouble(self, request: Request, error: Trouble) -> Response:
        """The page that says why not."""
        return self._trouble(request, OVERVIEW, error)

    def _trouble(self, request: Request, page: Page, error: Trouble) -> Response:
        code = getattr(error, "code", "")
        if code == "new":
            return RedirectResponse("/begin", 303)
        if isinstance(error, Locked) or code == "locked":
            return self._page(request, "locked", page, dict(UNCOUNTED))
        if isinstance(error, Unreachable) or code == "keeper_down":
            return self._page(request, "down", page, dict(UNCOUNTED))
        model = {**self._counts(), "text": error.text, "fix": error.fix}
        return self._page(request, "problem", page, model, status=problems.status_of(error))

    def _page(
        self,
        request: Request,
        name: str,
        page: Page | None,
        model: dict[str, Any],
        *,
        currency: str = "",
        status: int = 200,
    ) -> Response:
        look = Look.of(request.cookies.get(self._look))
        path = quote(request.scope["raw_path"], safe="/%:@!$&'()*+,;=~") + (
            f"?{request.url.query}" if request.url.query else ""
        )
        frame = {
            "page": page,
            "path": path,
            "back": path if request.method == "GET" or page is None else page.path,
            "look": look,
            "fig": self.figures(request, currency),
            "sandbox": self.service.sandbox,
            "state": self.service.state,
            "syncing": self.service.syncing,
            "passkeys_of": self.passkeys.name,
            "sessions": lambda: self.gate.sessions(request),
            "proven": lambda: self.gate.proven(request),
        }
        return HTMLResponse(rendering.render(self._templates, f"{name}.html", {**frame, **model}), status)

    def http_error(self, request: Request, error: Exception) -> Response:
        """An address that leads nowhere, or a method that no page takes."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if request.url.path.startswith(routes.BELOW):
            return problems.unknown(status, getattr(error, "headers", None))
        if request.method != "GET" or status != 404:
            return Response(status_code=status)
        if not self.gate.holds(request, in_use=False):
            return Response(status_code=404)
        model = {**self._counts(), "text": "There is no such page.", "fix": ""}
        return self._page(request, "problem", None, model, status=404)

    def plain(self, request: Request, name: str, model: Model, *, status: int = 200) -> Response:
        """A page that stands alone, for somebody who may have no session; or a piece of one."""
        return self._page(request, name, None, model, status=status)

    def _counts(self) -> Model:
        """What the frame says of the house; nothing where the keeper tells nothing."""
        try:
            session = self.service.session()
            return _counted(session, hygiene.standing(session))
        except Told:
            return dict(UNCOUNTED)

    def ours(self, back: str) -> str:
        """This address if it is a page of ours, else the overview's: no form and no link leads away."""
        path, _, query = back.partition("?")
        asked = {"type": "http", "method": "GET", "path": path, "headers": []}
        known = any(route.matches(asked)[0] is Match.FULL for route in self.app.routes if isinstance(route, APIRoute))
        behind_the_door = path not in Door.OPEN and not path.startswith((*Door.OPEN_BELOW, routes.BELOW))
        return back if known and behind_the_door and not _STRANGE.search(query) else "/"

    # -- who it is

    def prove(self, request: Request, back: str) -> Response | None:
        """Nothing, if the reader has just proved who he is; else the way to where he can, which leads on to `back`."""
        return None if self.gate.proven(request) else to_proof(back)

    def healthz(self) -> Response:
        """For whoever watches over the program: it answers. No more is told."""
        return Response(status_code=204)

    # -- actions

    async def choose_look(self, request: Request) -> Response:
        """Light or dark, amounts shown or hidden."""
        form = await form_of(request)
        look = Look.of(request.cookies.get(self._look)).changed(form.get("light"), form.get("amounts"))
        answer = self._back(form)
        secure = self.gate.address.secure
        answer.set_cookie(self._look, look.cookie, LOOK_SECONDS, httponly=True, samesite="strict", secure=secure)
        return answer

    def _back(self, form: dict[str, str]) -> RedirectResponse:
        """To the page that the form stood on."""
        return RedirectResponse(self.ours(form.get("back", "")), 303)

    async def sync(self, request: Request) -> Response:
        """Sync everything, in the background."""
        if self.service.state == "unlocked":
            self.service.sync_now()
        return Response(status_code=204) if "hx-request" in request.headers else self._back(await form_of(request))

    async def put_off(self, request: Request) -> Response:
        """A finding, until later."""
        return await self.changed(request, needs.put_off)

    async def walked(self, request: Request) -> Response:
        """An exchange's own page of keys, looked through."""
        return await self.changed(request, needs.walked)

    async def changed(self, request: Request, do: Callable[[Session, dict[str, str]], None]) -> Response:
        """What a form asks for; then back to the page that it stood on, or the page that says why not."""
        form = await form_of(request)
        try:
            await asyncio.to_thread(lambda: do(self.service.session(), form))
        except Told as error:
            return await asyncio.to_thread(self._trouble, request, OVERVIEW, error)
        return self._back(form)


def _counted(session: Session, stands: hygiene.Standing) -> Model:
    return {
        "badges": {"connections": len(stands.awake), "orders": history.count_orders(session)},
        "key_count": len(stands.keys),
        "journal": uses.verified(session),
    }
