"""Alerts: where they go, when they keep still, what else is to be heard of, and what went out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from tallyglass.app import alert_settings, alerts, worth
from tallyglass.app import watching as prices
from tallyglass.app.session import Session
from tallyglass.web.forms import form
from tallyglass.web.pages.page import Frame, Model, Page, Query

_LATEST = 20
Given = Mapping[str, str]


def overview(session: Session, query: Query) -> Model:
    """All that is set, and the last messages."""
    return _told(session, preview=bool(query.get("preview")))


def _told(session: Session, *, preview: bool = False, link: str = "") -> Model:
    return {
        "set": alerts.overview(session),
        "severities": alerts.EVERY_SEVERITY,
        "weekdays": alert_settings.WEEKDAYS,
        "sent": alerts.sent(session, _LATEST),
        "currency": worth.worth(session).currency,
        "preview": alerts.digest(session) if preview else "",
        "link": link,
    }


def add(session: Session, given: Given) -> None:
    """A channel. Its address is not shown again, to nobody."""
    alerts.add(session, given.get("name", "").strip(), given.get("address", "").strip(), given.get("least", ""))


def remove(session: Session, given: Given) -> None:
    """A channel goes."""
    alerts.remove(session, given.get("name", ""))


def test(session: Session, given: Given) -> None:
    """A message, now: how it went stands among the last ones."""
    alerts.try_out(session, given.get("name", ""))


def quiet(session: Session, given: Given) -> None:
    """When nothing goes out that can wait."""
    if given.get("off"):
        alerts.set_quiet(session, None)
        return
    told = (given.get(name, "") for name in ("begin", "end", "zone"))
    alerts.set_quiet(session, alert_settings.read_quiet(*told))


def digest(session: Session, given: Given) -> None:
    """When the week is summed up."""
    if given.get("off"):
        alerts.set_digest(session, None)
        return
    day, at, zone = (given.get(name, "") for name in ("day", "at", "zone"))
    alerts.set_digest(session, alert_settings.read_weekly(day, at, zone, balances=bool(given.get("balances"))))


def price(session: Session, given: Given) -> None:
    """A price across a level."""
    asset, side, level, currency = (given.get(name, "").strip() for name in ("asset", "side", "price", "currency"))
    watched: prices.WatchView = {"asset": asset, "side": side, "price": level, "currency": currency}
    prices.watch_price(session, watched, off=bool(given.get("off")))


def drift(session: Session, given: Given) -> None:
    """How far an asset may be from its target."""
    prices.watch_drift(session, given.get("points", ""), off=bool(given.get("off")))


#: What each form does; those that let something out ask first who it is.
FORMS: Mapping[str, tuple[Callable[[Session, Given], None], bool]] = {
    "add": (add, True),
    "remove": (remove, False),
    "test": (test, False),
    "quiet": (quiet, False),
    "digest": (digest, True),
    "price": (price, False),
    "drift": (drift, False),
}


def buttons(app: FastAPI, frame: Frame) -> None:
    """Each of its forms."""
    press = _Buttons(frame)
    for name, (change, guarded) in FORMS.items():
        app.post(f"/alerts/{name}")(press.changes(change, guarded=guarded))
    app.post("/alerts/calendar")(press.calendar)


class _Buttons:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def changes(self, change: Callable[[Session, Given], None], *, guarded: bool) -> Callable[[Request], object]:
        """A form that changes something; then back to the page."""

        async def press(request: Request) -> Response:
            given = await form(request)
            asked = self._frame.prove(request, "/alerts") if guarded else None
            if asked is not None:
                return asked

            def do(session: Session) -> Response:
                change(session, given)
                return RedirectResponse("/alerts", 303)

            return await asyncio.to_thread(self._frame.done, request, do)

        return press

    async def calendar(self, request: Request) -> Response:
        """A link for calendar programs: shown once; or none any more."""
        given = await form(request)
        asked = self._frame.prove(request, "/alerts")
        if asked is not None:
            return asked

        scheme = "https" if self._frame.gate.address.secure else "http"

        def build(session: Session) -> Model:
            if given.get("off"):
                alerts.revoke_link(session)
                return _told(session)
            return _told(session, link=f"{scheme}://{request.headers['host']}{alerts.make_link(session)}")

        return await asyncio.to_thread(self._frame.shown, request, ALERTS, build)


ALERTS = Page("alerts", "/alerts", "Alerts", overview, under="settings", live=False, buttons=buttons)
