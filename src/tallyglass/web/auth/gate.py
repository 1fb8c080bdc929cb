"""Who may look: a one-time link or another proof, then a session that ends when unused. Wrong tries are slowed."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request

from tallyglass.web.address import Address
from tallyglass.web.auth.browsers import described
from tallyglass.web.auth.pace import Pace

LINK_SECONDS = 15 * 60
IDLE_SECONDS = 12 * 3600
ABSOLUTE_SECONDS = 7 * 24 * 3600
#: For so long who has just proved who he is need not do so again.
PROVEN_SECONDS = 10 * 60


@dataclass(slots=True)
class _Session:
    name: str
    browser: str
    begun: float
    seen: float

    def lives(self, now: float) -> bool:
        return now - self.seen <= IDLE_SECONDS and now - self.begun <= ABSOLUTE_SECONDS


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as its reader sees it. `name` tells it from others, and opens nothing."""

    name: str
    browser: str
    begun: datetime
    seen: datetime
    mine: bool


class Gate:
    """Links and sessions, in memory: a restart ends them all. Only hashes are kept.

    A session begins with a proof of who its reader is, and with each further proof it begins anew, under a new key.
    """

    def __init__(self, address: Address, clock: Callable[[], float] = time.monotonic) -> None:
        self.address = address
        self.cookie = address.cookie
        self.pace = Pace(clock)
        self.clock = clock
        self._links: dict[str, float] = {}
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()
        #: Called whenever a reader asks for something.
        self.used: Callable[[], None] = lambda: None

    def link(self) -> str:
        """A new key for a link: good once, for a quarter of an hour."""
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._links[_digest(key)] = self.clock() + LINK_SECONDS
        return key

    def opens(self, key: str) -> bool:
        """Whether this is a link's key; it is used up. No to one that is used, old or made up."""
        with self._lock:
            until = self._links.pop(_digest(key), None)
        return until is not None and self.clock() <= until

    def begin(self, request: Request) -> str:
        """A new session for whoever sent this, who has just proved who he is. His session before ends."""
        session, now = secrets.token_urlsafe(32), self.clock()
        browser = described(request.headers.get("user-agent", ""))
        self.leave(request)
        with self._lock:
            self._end_the_old()
            self._sessions[_digest(session)] = _Session(secrets.token_hex(6), browser, now, now)
            self.used()
        return session

    def holds(self, request: Request, *, in_use: bool = True) -> bool:
        """Whether this comes from a session that lives. Its reader's own requests keep it alive (`in_use`)."""
        with self._lock:
            found = self._alive(request)
            if found is not None and in_use:
                found.seen = self.clock()
                self.used()
            return found is not None

    def proven(self, request: Request) -> bool:
        """Whether this comes from a session whose reader has proved within ten minutes who he is."""
        with self._lock:
            found = self._alive(request)
            return found is not None and self.clock() - found.begun <= PROVEN_SECONDS

    def sessions(self, request: Request) -> list[SessionView]:
        """Every session that lives, the one last used first; `mine` is the one that asks."""
        now, mine = datetime.now(UTC), self._key(request)
        with self._lock:
            self._end_the_old()
            ticks = self.clock()
            found = [
                SessionView(
                    each.name,
                    each.browser,
                    now - timedelta(seconds=ticks - each.begun),
                    now - timedelta(seconds=ticks - each.seen),
                    key == mine,
                )
                for key, each in self._sessions.items()
            ]
        return sorted(found, key=lambda each: each.seen, reverse=True)

    def leave(self, request: Request) -> None:
        """End the session that asks."""
        with self._lock:
            self._sessions.pop(self._key(request), None)

    def end(self, name: str) -> None:
        """End the session of this name, if there is one."""
        with self._lock:
            self._sessions = {key: each for key, each in self._sessions.items() if each.name != name}

    def end_others(self, request: Request) -> None:
        """End every session but the one that asks, and every link that was not used."""
        mine = self._key(request)
        with self._lock:
            self._sessions = {key: each for key, each in self._sessions.items() if key == mine}
            self._links.clear()

    def close(self) -> None:
        """End all sessions and links: what streams to a page ends too."""
        with self._lock:
            self._sessions.clear()
            self._links.clear()

    def _key(self, request: Request) -> str:
        return _digest(request.cookies.get(self.cookie, ""))

    def _alive(self, request: Request) -> _Session | None:
        found = self._sessions.get(self._key(request))
        return found if found is not None and found.lives(self.clock()) else None

    def _end_the_old(self) -> None:
        now = self.clock()
        self._sessions = {key: each for key, each in self._sessions.items() if each.lives(now)}


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
