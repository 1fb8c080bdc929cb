"""The daily round: the keeper asks for the rights of every key by itself, whether anybody reads with it or not."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from tallyglass.keeper.answers import Connection
from tallyglass.keeper.errors import KeeperError, Locked
from tallyglass.keeper.life import Life
from tallyglass.keeper.shelf import Shelf

#: An exchange that could not be asked is asked again after this share of the time between two checks.
_AGAIN = 1 / 24

log = logging.getLogger("tallyglass.keeper")


class Rounds:
    """Rechecks each key in use before its verdict is `every` old; of an open rotation, tries the old key's death."""

    def __init__(self, shelf: Callable[[], Shelf], life: Life, every: timedelta) -> None:
        self._shelf = shelf
        self._life = life
        self._every = every
        #: Connection and which of its keys → when it was last tried.
        self._tried: dict[tuple[str, bool], datetime] = {}

    async def run(self) -> None:
        """For ever; a locked keeper rests."""
        while True:
            await asyncio.sleep(max(self._every.total_seconds() / 96, 0.05))
            try:
                due = list(self._due(datetime.now(UTC)))
            except Locked:
                continue
            for connection, old in due:
                await self._ask(connection, old=old)

    def _due(self, now: datetime) -> Iterator[tuple[str, bool]]:
        for each in self._shelf().connections():
            asked = {False: each.checked_at if each.state in ("active", "retiring") else None}
            asked[True] = (each.old.alive_at or each.old.since) if each.old else None
            for old, last in asked.items():
                tried = self._tried.get((each.id, old))
                waited = tried is None or abs(now - tried) >= self._every * _AGAIN
                if last is not None and waited and abs(now - last) >= self._every * _share(each, last):
                    yield each.id, old

    async def _ask(self, connection: str, *, old: bool) -> None:
        self._tried[connection, old] = datetime.now(UTC)
        try:
            if old:
                await self._life.prove_dead(connection, old=True)
            else:
                await self._life.recheck(connection)
        except KeeperError as error:
            log.info("not rechecked", extra={"what": error.code})
        except Exception as error:  # noqa: BLE001 - the next round must come; a message may hold a secret, its type cannot
            log.error("a round failed", extra={"what": type(error).__name__})  # noqa: TRY400 - see above


def _share(connection: Connection, last: datetime) -> float:
    """Between 0.70 and 0.95, another each time: exchanges do not see all keys of all users at one moment."""
    return 0.70 + 0.25 * zlib.crc32(f"{connection.id} {connection.fingerprint} {last}".encode()) / 2**32
