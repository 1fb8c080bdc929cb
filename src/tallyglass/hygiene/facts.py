"""What is known when findings are looked for: gathered by the app, judged by the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from tallyglass.exchanges.manifest import Manifest
from tallyglass.keeper.client import Connection, JournalReport

#: How old a key may get where the user says nothing, and at most, in days.
ROTATION_DAYS = 180
MOST_ROTATION_DAYS = 365


@dataclass(frozen=True, slots=True)
class Failing:
    """A part of a connection that could not be read when last tried."""

    #: balances, orders, history
    part: str
    #: The code of the fault.
    fault: str
    #: Since the first failure in a row.
    since: datetime
    text: str
    fix: str


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What is known of one connection."""

    connection: Connection
    manifest: Manifest
    #: Whether anything is there by the newest balances; None = never read.
    holds: bool | None = None
    #: The time of the newest entry, and when history was last read; None = none, never.
    last_entry_at: datetime | None = None
    history_at: datetime | None = None
    failing: tuple[Failing, ...] = ()
    #: Connections that are the same account, by what the exchange tells or by the entries that they share.
    twins: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The connection's."""
        return self.connection.id


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the house. An area adds what its rules need as a field with a default."""

    now: datetime
    keys: tuple[KeyFacts, ...] = ()
    #: None = not looked at.
    journal: JournalReport | None = None
    #: How old the user lets a key get, in days.
    rotation_days: int = ROTATION_DAYS
    #: Exchange → when the user last walked through its page of keys.
    walked: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    #: Id of a finding → since when it is open.
    since: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
