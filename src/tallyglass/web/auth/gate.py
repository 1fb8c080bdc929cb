"""Who may look: a one-time link from the terminal, then a session that ends when unused."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

LINK_SECONDS = 15 * 60
IDLE_SECONDS = 12 * 3600
ABSOLUTE_SECONDS = 7 * 24 * 3600


@dataclass(slots=True)
class _Session:
    begun: float
    seen: float


class Gate:
    """Links and sessions, in memory: a restart ends them all. Only hashes are kept."""

    def __init__(self, port: int, clock: Callable[[], float] = time.monotonic) -> None:
        #: Cookies know no ports: the name does.
        self.cookie = f"tallyglass-{port}"
        self._clock = clock
        self._links: dict[str, float] = {}
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()
        #: Called whenever a reader asks for something.
        self.used: Callable[[], None] = lambda: None

    def link(self) -> str:
        """A new key for a link: good once, for a quarter of an hour."""
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._links[_digest(key)] = self._clock() + LINK_SECONDS
        return key

    def enter(self, key: str) -> str | None:
        """A new session for a link's key; None for one that is used, old or made up."""
        with self._lock:
            until = self._links.pop(_digest(key), None)
            if until is None or self._clock() > until:
                return None
            session = secrets.token_urlsafe(32)
            self._sessions[_digest(session)] = _Session(self._clock(), self._clock())
            return session

    def holds(self, session: str | None, *, in_use: bool = True) -> bool:
        """Whether a session lives. Its reader's own requests keep it alive (`in_use`)."""
        if not session:
            return False
        with self._lock:
            found = self._sessions.get(_digest(session))
            if found is None:
                return False
            now = self._clock()
            if now - found.seen > IDLE_SECONDS or now - found.begun > ABSOLUTE_SECONDS:
                del self._sessions[_digest(session)]
                return False
            if in_use:
                found.seen = now
                self.used()
            return True

    def leave(self, session: str | None) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(_digest(session or ""), None)

    def close(self) -> None:
        """End all sessions and links: what streams to a page ends too."""
        with self._lock:
            self._sessions.clear()
            self._links.clear()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
