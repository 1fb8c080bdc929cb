"""What keeps pages live: a stream of the names of what has changed."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import Request
from fastapi.sse import ServerSentEvent

from tallyglass.app.service import Service
from tallyglass.web.auth.gate import Gate

#: How often what has changed is told to pages, and how soon a page's stream ends.
TELL_SECONDS = 0.25


def events(service: Service, gate: Gate) -> Callable[[Request], AsyncIterator[ServerSentEvent]]:
    """The route of the stream."""

    async def stream(request: Request) -> AsyncIterator[ServerSentEvent]:
        """The names of what has changed, each once in a quarter of a second, for as long as the session lasts."""
        with service.listen() as changes:
            # What changed between the making of the page and now is not known: let it look once.
            news = {"worth"}
            while gate.holds(request, in_use=False):
                for name in sorted(news):
                    yield ServerSentEvent(event=name, data="")
                await asyncio.sleep(TELL_SECONDS)
                news = drained(changes)

    return stream


def drained(changes: queue.SimpleQueue[Any]) -> set[str]:
    """What waits in a queue, each thing once. Does not block."""
    found: set[str] = set()
    while True:
        try:
            found.add(changes.get_nowait())
        except queue.Empty:
            return found
