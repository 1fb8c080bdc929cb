"""The web app: its routes, and what stands before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.sse import EventSourceResponse
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from tallyglass.app import accounts, alerts, hygiene
from tallyglass.app.problems import Problem, Told, Trouble
from tallyglass.app.service import Service
from tallyglass.app.session import Session
from tallyglass.keeper.client import Locked, Unreachable
from tallyglass.web import rendering
from tallyglass.web.api import problems, routes
from tallyglass.web.auth.gate import Gate
from tallyglass.web.forms import form as form_of
from tallyglass.web.live import events
from tallyglass.web.look import Figures, Look
from tallyglass.web.pages import needs
from tallyglass.web.pages.index import PAGES
from tallyglass.web.pages.overview import OVERVIEW
from tallyglass.web.pages.page import Model, Page
from tallyglass.web.pages.parts import names_of
from tallyglass.web.security import Door, Guard

LOOK_SECONDS = 365 * 24 * 3600


def create_app(service: Service, gate: Gate, *, port: int) -> ASGIApp:
    """The whole web app of one home. Nothing passes but what the guard lets by and, past the door, who has a session.

    Raises `Problem` when the front end was never built.
    """
    site = Site(service, gate, port)
    app = FastAPI(title="Tallyglass", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.mount("/static", _Static(directory=rendering.STATIC))
    for page in PAGES:
        app.get(page.path, name=page.id)(site.shows(page))
        page.buttons(app, site)
    app.get("/enter")(site.enter)
    app.get("/healthz")(site.healthz)
    app.get("/calendar.ics")(site.calendar)
    app.get("/calendar/{token}.ics")(site.subscribed)
    app.get("/events", response_class=EventSourceResponse)(events(service, gate))
    app.post("/leave")(site.leave)
    app.post("/look")(site.choose_look)
    app.post("/sync")(site.sync)
    app.post("/later")(site.put_off)
    app.post("/walked")(site.walked)
    routes.add_to(app, service.session)
    app.add_exception_handler(HTTPException, site.http_error)
    return Guard(Door(app, gate), port=port)


class Site:
    """The routes. Those that ask the keeper or the store are plain functions: they run in threads."""

    def __init__(self, service: Service, gate: Gate, port: int) -> None:
        self.service = service
        self._gate = gate
        self._look = f"tallyglass-look-{port}"
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
        currency = model["worth"]["currency"] if "worth" in model else ""
        name = "empty" if not (keys or model.get("yours")) and page.id in ("overview", "connections") else page.id
        return self._page(request, name, page, {**model, **_counted(stands)}, currency=currency)

    def _trouble(self, request: Request, page: Page, error: Trouble) -> Response:
        code = getattr(error, "code", "")
        if isinstance(error, Locked) or code == "locked":
            return self._page(request, "locked", page, {"needed": 0, "key_count": None})
        if isinstance(error, Unreachable) or code == "keeper_down":
            return self._page(request, "down", page, {"needed": 0, "key_count": None})
        status = 400 if isinstance(error, Problem) else 500
        model = {**self._counts(), "text": error.text, "fix": error.fix}
        return self._page(request, "problem", page, model, status=status)

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
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        frame = {
            "page": page,
            "path": path,
            "look": look,
            "fig": Figures(currency, look.hidden),
            "sandbox": self.service.sandbox,
            "state": self.service.state,
            "syncing": self.service.syncing,
        }
        return HTMLResponse(rendering.render(self._templates, f"{name}.html", {**frame, **model}), status)

    def http_error(self, request: Request, error: Exception) -> Response:
        """An address that leads nowhere, or a method that no page takes."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if request.url.path.startswith(routes.BELOW):
            return problems.problem(
                status, "no_such_address", "The API has no such address, or it is not asked so.", "See docs/api.md."
            )
        if request.method != "GET" or status != 404:
            return Response(status_code=status)
        if not self._gate.holds(request.cookies.get(self._gate.cookie), in_use=False):
            return self._page(request, "enter", None, {"tried": False}, status=404)
        model = {**self._counts(), "text": "There is no such page.", "fix": ""}
        return self._page(request, "problem", None, model, status=404)

    def _counts(self) -> dict[str, int | None]:
        """What the frame says of the keys; nothing where the keeper tells nothing."""
        try:
            return _counted(hygiene.standing(self.service.session()))
        except Told:
            return {"needed": 0, "key_count": None}

    # -- coming and going

    def enter(self, request: Request) -> Response:
        """The one-time link of the terminal; without a good one, a page that says where to find it."""
        mine = request.cookies.get(self._gate.cookie)
        key = request.query_params.get("key", "")
        session = self._gate.enter(key) if key else None
        if session is not None:
            self._gate.leave(mine)
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._gate.cookie, session, httponly=True, samesite="strict", path="/")
            return answer
        if self._gate.holds(mine):
            return RedirectResponse("/", 303)
        return self._page(request, "enter", None, {"tried": bool(key)}, status=403 if key else 200)

    def leave(self, request: Request) -> Response:
        """End the session."""
        self._gate.leave(request.cookies.get(self._gate.cookie))
        answer = RedirectResponse("/enter", 303)
        answer.delete_cookie(self._gate.cookie, path="/", httponly=True, samesite="strict")
        return answer

    def healthz(self) -> Response:
        """For whoever watches over the program: it answers. No more is told."""
        return Response(status_code=204)

    # -- actions

    async def choose_look(self, request: Request) -> Response:
        """Light or dark, amounts shown or hidden."""
        form = await form_of(request)
        look = Look.of(request.cookies.get(self._look)).changed(form.get("light"), form.get("amounts"))
        answer = _back(form)
        answer.set_cookie(self._look, look.cookie, LOOK_SECONDS, httponly=True, samesite="strict", path="/")
        return answer

    async def sync(self, request: Request) -> Response:
        """Sync everything, in the background."""
        if self.service.state == "unlocked":
            self.service.sync_now()
        return Response(status_code=204) if "hx-request" in request.headers else _back(await form_of(request))

    async def put_off(self, request: Request) -> Response:
        """A finding, until later."""
        return await self._done(request, needs.put_off)

    async def walked(self, request: Request) -> Response:
        """An exchange's own page of keys, looked through."""
        return await self._done(request, needs.walked)

    async def _done(self, request: Request, do: Callable[[Session, dict[str, str]], None]) -> Response:
        """What a form asks for; then back to the page that it stood on, or the page that says why not."""
        form = await form_of(request)
        try:
            await asyncio.to_thread(lambda: do(self.service.session(), form))
        except Told as error:
            return await asyncio.to_thread(self._trouble, request, OVERVIEW, error)
        return _back(form)


def _counted(stands: hygiene.Standing) -> dict[str, int | None]:
    return {"needed": len(stands.awake), "key_count": len(stands.keys)}


def _back(form: dict[str, str]) -> RedirectResponse:
    """To the page that the form stood on, if it is one of ours."""
    back = form.get("back", "")
    ours = {page.path for page in PAGES}
    return RedirectResponse(back if back.partition("?")[0] in ours else "/", 303)


class _Static(StaticFiles):
    """Built files carry a hash of their content in their name: they never change."""

    def file_response(self, *args: Any, **more: Any) -> Response:
        answer = super().file_response(*args, **more)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer
