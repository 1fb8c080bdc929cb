"""What is known when findings are looked for: gathered by the app, judged by the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from tallyglass.exchanges.grants import DANGEROUS, Right
from tallyglass.exchanges.manifest import Manifest
from tallyglass.keeper.client import Connection, JournalReport, Ways
from tallyglass.money import Amount, Asset, text
from tallyglass.store.egress import Seen
from tallyglass.store.findings import Kept

#: How old a key may get where the user says nothing, and at most, in days.
ROTATION_DAYS: Final = 180
MOST_ROTATION_DAYS: Final = 365
#: So long before a key is due, or ends, it is said.
AHEAD: Final = timedelta(days=14)
#: A key that was not used for so long is in nobody's service.
UNUSED: Final = timedelta(days=30)
#: An account in which so long nothing was, and nothing happened, needs no key.
EMPTY: Final = timedelta(days=90)
#: What failed for so long does not mend itself.
FAILING: Final = timedelta(days=3)
#: A key that has been frozen for so long is forgotten.
FORGOTTEN: Final = timedelta(days=14)
#: A quarter: how often to walk through an exchange's own page of keys.
WALK: Final = timedelta(days=91)


@dataclass(frozen=True, slots=True)
class Failing:
    """A part of a connection that could not be read when last tried."""

    #: balances, orders, history
    part: str
    #: The code of the fault.
    fault: str
    #: When the first failure in a row was seen.
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
    #: The time of the newest entry; None = there is none.
    last_entry_at: datetime | None = None
    failing: tuple[Failing, ...] = ()
    #: Older connections to the same account, by what the exchange tells or by the entries that they share.
    twins: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The connection's."""
        return self.connection.id

    @property
    def used_at(self) -> datetime:
        """When it was last used; one that never was, when it was connected."""
        return self.connection.last_used_at or self.connection.admitted_at

    @property
    def gained(self) -> tuple[Right, ...]:
        """What it may do and must not."""
        return tuple(right for right in DANGEROUS if self.connection.grants.get(right) == "granted")


@dataclass(frozen=True, slots=True)
class Egress:
    """What is known of our addresses."""

    #: What the operator has said.
    ways: Ways = field(default_factory=Ways)
    #: What was seen from outside, the newest first.
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceFact:
    """Something that is wrong with the price of an asset, or with a source of prices."""

    #: price_disagrees, price_missing, price_jumped, price_refused, same_symbol, which_coin; of a source:
    #: price_source_failed; of several assets, which stand in `detail`: price_unconfirmed, price_alone
    code: str
    about: str
    #: What the sources say, the coins that it may be, what went wrong.
    detail: str = ""
    #: The price that is used is open to doubt by it.
    doubtful: bool = True


@dataclass(frozen=True, slots=True)
class WatchFact:
    """A price that the user wants to hear of."""

    asset: Asset
    side: Literal["above", "below"]
    level: Amount
    currency: Asset
    #: None where it is not known, or open to doubt.
    price: Amount | None = None

    @property
    def name(self) -> str:
        """What tells it apart."""
        return f"{self.asset}-{self.side}-{text(self.level)}-{self.currency}"


@dataclass(frozen=True, slots=True)
class DriftFact:
    """How far from the targets the user lets his portfolio get, and how far it is, in points."""

    limit: Amount
    #: None where it cannot be told.
    off: Amount | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the house. An area adds what its rules need as a field with a default."""

    now: datetime
    keys: tuple[KeyFacts, ...] = ()
    #: None = not read again now.
    journal: JournalReport | None = None
    #: How old the user lets a key get, in days.
    rotation_days: int = ROTATION_DAYS
    #: Exchange → when the user last walked through its page of keys.
    walked: Mapping[str, datetime] = field(default_factory=dict)
    #: What is remembered of every finding, by its id, open or closed.
    known: Mapping[str, Kept] = field(default_factory=dict)
    egress: Egress = field(default_factory=Egress)
    prices: tuple[PriceFact, ...] = ()
    watched: tuple[WatchFact, ...] = ()
    drift: DriftFact | None = None

    def still(self, finding: str) -> Kept | None:
        """A finding that was open at the last look."""
        row = self.known.get(finding)
        return None if row is None or row.closed_at is not None else row
