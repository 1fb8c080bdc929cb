"""Settings: how it looks, what it counts in, our addresses, when it locks itself, and the whole of it as one file."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from tallyglass.app import backup, egress, hygiene, unlocking, worth
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.web.forms import form
from tallyglass.web.pages.page import Frame, Model, Page, Query

#: What the house counts in, offered; any other with a price can be written.
CURRENCIES = ("USD", "EUR", "GBP", "CHF", "JPY", "CAD", "AUD", "BTC", "ETH")
#: After how many minutes without a reader it may lock itself; 0: never.
LOCKS = {0: "never", 15: "after 15 minutes", 60: "after an hour", 240: "after 4 hours", 720: "after 12 hours"}


def settings(session: Session, _query: Query) -> Model:
    """What can be set, as it is set."""
    ways = egress.view(session, ask=False)
    minutes = unlocking.auto_lock(session)
    return {
        "currency": worth.worth(session).currency,
        "currencies": CURRENCIES,
        "addresses": ways["addresses"],
        "lists": [each for each in ways["exchanges"] if each["text"]],
        "minutes": minutes,
        "locks": LOCKS if minutes in LOCKS else {**LOCKS, minutes: f"after {minutes} minutes"},
        "rotation": hygiene.rotation(session),
        "home": str(session.home.path),
    }


def set_currency(session: Session, given: Mapping[str, str]) -> None:
    """What everything is counted in."""
    worth.set_currency(session, given.get("other", "").strip() or given.get("currency", ""))


def set_lock(session: Session, given: Mapping[str, str]) -> None:
    """When it locks itself."""
    unlocking.set_auto_lock(session, _number(given.get("minutes", "")))


def set_rotation(session: Session, given: Mapping[str, str]) -> None:
    """How old a key may get."""
    hygiene.set_rotation(session, _number(given.get("days", "")))


def look(session: Session, _given: Mapping[str, str]) -> None:
    """Ask now what exchanges see of us."""
    egress.look(session)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Problem("usage", f"{text[:40]!r} is no whole number.", "Write it in digits.")
    return int(text)


def buttons(app: FastAPI, frame: Frame) -> None:
    """What each of its forms does."""
    press = _Buttons(frame)
    for name, change in (("currency", set_currency), ("lock", set_lock), ("rotation", set_rotation), ("egress", look)):
        app.post(f"/settings/{name}")(press.changes(change))
    app.post("/settings/backup")(press.backup)


class _Buttons:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def changes(self, change: Callable[[Session, Mapping[str, str]], None]) -> Callable[[Request], object]:
        """A form that changes something; then back to the page."""

        async def press(request: Request) -> Response:
            given = await form(request)

            def do(session: Session) -> Response:
                change(session, given)
                return RedirectResponse("/settings", 303)

            return await asyncio.to_thread(self._frame.done, request, do)

        return press

    async def backup(self, request: Request) -> Response:
        """The whole home as one file, sealed with the passphrase of the home, which is not kept."""
        given = await form(request)
        asked = self._frame.prove(request, "/settings")
        if asked is not None:
            return asked
        return await asyncio.to_thread(
            self._frame.done, request, lambda session: sealed(session, given.get("passphrase", ""))
        )


def sealed(session: Session, passphrase: str) -> Response:
    """A backup, to be kept by the browser."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "backup"
        backup.backup(session.home, file, passphrase)
        content = file.read_bytes()
    name = f"tallyglass-{datetime.now(UTC):%Y-%m-%d}.backup"
    kept = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=kept, media_type="application/octet-stream")


SETTINGS = Page("settings", "/settings", "Settings", settings, live=False, buttons=buttons)
