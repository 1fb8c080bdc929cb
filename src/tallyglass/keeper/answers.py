"""What the keeper tells, as both ends of the socket know it; and how that goes over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from tallyglass.exchanges.grants import Decision, Reason, Right, State

ConnectionState = Literal["active", "retiring", "frozen", "dead"]
#: The fewest characters of a passphrase: a copy of the vault's file can be guessed at without end.
SHORTEST_PASSPHRASE = 12

#: What a sealed key may hold beside its parts. `MADE`: its secret is the private half of the pair that waits here;
#: `REFERENCE`: where the user keeps it, from where it is fetched anew after each unlock. It is not stored then.
MADE = "tallyglass.made"
REFERENCE = "tallyglass.reference"

#: How a fix ends that is to be seen to have worked.
AGAIN = "Then check again: run the same command once more, or press “Check again” on the page."

VaultState = Literal["empty", "locked", "unlocked"]
Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Health:
    """What a keeper tells of itself, locked or not."""

    state: VaultState
    version: str
    #: The address of the sandbox that stands for every exchange, or None: the real ones.
    sandbox: str | None
    pid: int
    install_id: str
    #: How many seconds of the exchanges' limits pass in one: 1, but before a sandbox in a hurry.
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class SealKey:
    """What a browser needs to seal a secret to the keeper (`sealing` says how). New at each start and each lock."""

    #: X25519, 32 bytes, base64.
    public_key: str
    install_id: str


@dataclass(frozen=True, slots=True)
class Binding:
    """Whether a key works only from certain addresses."""

    bound: Literal["yes", "no", "unknown"] = "unknown"
    #: Empty where the exchange tells only that there is a list.
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """The verdict on a key, as the exchange itself told its rights."""

    exchange: str
    verdict: Decision
    grants: Mapping[Right, State]
    ip: Binding
    created_at: datetime | None
    expires_at: datetime | None
    account: str | None
    #: The name that the user gave the key at the exchange.
    label: str | None
    #: The public part of the key: the id that the exchange shows.
    key_name: str
    reasons: tuple[Reason, ...]
    #: The connection that was made or rechecked; None when nothing is stored.
    connection: str | None = None
    #: Time window that the key's history reads are limited to.
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class OldKey:
    """The key that a rotation has replaced: not used any more, and alive until the exchange is seen to refuse it.

    Or the last one that is gone: of it no secret is left, and this is all that is known.
    """

    key_name: str
    fingerprint: str
    #: When another took its place.
    since: datetime
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    #: As it was told last, and when: an address list explains a refusal, too.
    ip: Binding = Binding()
    told_at: datetime | None = None
    #: When the exchange was last seen to answer it, after its replacement.
    alive_at: datetime | None = None
    #: As of a connection.
    reference: str = ""
    #: Why it was frozen when it was replaced, and what had frozen it; empty: it was in use.
    why: str = ""
    evidence: str = ""
    #: As they were told last.
    grants: Mapping[Right, State] = field(default_factory=dict)
    #: When the exchange was seen to refuse it. None of one that is gone: its owner said so.
    dead_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """One stored key and what is known of it. Never its secret."""

    id: str
    exchange: str
    label: str
    state: ConnectionState
    #: Why it is frozen, retiring or dead.
    why: str
    account: str | None
    #: The public part of the key: the id that the exchange shows.
    key_name: str
    #: What the journal calls the key.
    fingerprint: str
    grants: Mapping[Right, State]
    ip: Binding
    #: When it was stored here.
    admitted_at: datetime
    #: When the key was made, as the exchange tells it.
    created_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None
    #: When the exchange was last asked for its rights.
    checked_at: datetime
    #: The exchange cannot prove that it is read-only: stored on the user's explicit word.
    unproven: bool
    window: Window | None = None
    #: While a rotation is open: the key before.
    old: OldKey | None = None
    #: The last key of this connection that is gone from the vault, for whoever asks later what had been with it.
    gone: OldKey | None = None
    #: What the exchange said of the rights when that froze the key: at most 4 KB, nothing secret. Else empty.
    evidence: str = ""
    #: Where the secret is fetched from at each unlock (`op://…`); empty: it is sealed in the vault.
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Death:
    """Whether a key is dead at the exchange, from its answer to one request with it."""

    connection: str
    key_name: str
    fingerprint: str
    answer: Literal["dead", "alive", "cannot_tell"]
    #: The code of the refusal; empty when the exchange answered.
    code: str
    #: What is so, and how that was told.
    text: str
    fix: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key pair that was made here and waits for the exchange's id: its public half."""

    exchange: str
    algorithm: str
    #: PEM, as it is pasted at the exchange.
    public_key: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """An exchange's raw answer to a read."""

    body: bytes = field(repr=False)
    at: datetime
    ms: int


@dataclass(frozen=True, slots=True)
class Ways:
    """How exchanges are reached and what they see of us, as far as the operator has said it (`keeper.ways`)."""

    #: What every exchange sees that has none of its `own`; empty: it is to be asked for.
    addresses: tuple[str, ...] = ()
    #: The proxy to every exchange that is not in `proxies`; empty: the direct way.
    proxy: str = ""
    #: Who may be asked for our address.
    echo: tuple[str, ...] = ()
    #: By exchange.
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    proxies: Mapping[str, str] = field(default_factory=dict)

    def proxy_to(self, exchange: str) -> str:
        """The proxy to an exchange, or nothing for the direct way."""
        return self.proxies.get(exchange, self.proxy)

    def every_proxy(self) -> tuple[str, ...]:
        """All that are named."""
        return tuple(each for each in (self.proxy, *self.proxies.values()) if each)

    def addresses_for(self, exchange: str) -> tuple[str, ...]:
        """What it sees of us, where that is said. With a proxy of its own, only what is said of it itself."""
        mine = self.own.get(exchange, ())
        return mine if mine or exchange in self.proxies else self.addresses


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One use of a key."""

    time: datetime
    #: Empty when a key was only inspected.
    connection: str
    #: The key's fingerprint.
    key: str
    exchange: str
    read: str
    #: The HTTP status as text, the code of a fault, or `none`: no answer is on record.
    status: str
    #: The address that the exchange saw, when known.
    egress_ip: str | None
    ms: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A time of which a whole journal tells nothing: from a backup to the moment when it was restored."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class JournalReport:
    """Whether the journal is as it was written."""

    intact: bool
    lines: int
    #: The number of the first line that is not as it was written, counted from 1.
    first_bad: int | None
    text: str
    #: When its first line was written; None: it has none.
    since: datetime | None = None
    #: Another was put aside before it.
    restarted: bool = False
    #: What lies between backups and their restoring, the earliest first.
    gaps: tuple[Gap, ...] = ()


def plain(value: Any) -> Any:
    """The value as JSON holds it: dataclasses as objects, times as RFC 3339 in UTC."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if hasattr(value, "__dataclass_fields__"):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value


def inspection(row: Mapping[str, Any]) -> Inspection:
    """The inverse of `plain`."""
    return Inspection(**{**_told(row), "reasons": tuple(Reason(**each) for each in row["reasons"])})


def connection(row: Mapping[str, Any]) -> Connection:
    """The inverse of `plain`."""
    return Connection(**_told(row))


def death(row: Mapping[str, Any]) -> Death:
    """The inverse of `plain`."""
    return Death(**_told(row))


def made_key(row: Mapping[str, Any]) -> MadeKey:
    """The inverse of `plain`."""
    return MadeKey(**_told(row))


def journal_row(row: Mapping[str, Any]) -> JournalRow:
    """The inverse of `plain`."""
    return JournalRow(**_told(row))


def ways(row: Mapping[str, Any]) -> Ways:
    """The inverse of `plain`."""
    own = {name: tuple(each) for name, each in row["own"].items()}
    return Ways(tuple(row["addresses"]), row["proxy"], tuple(row["echo"]), own, row["proxies"])


def journal_report(row: Mapping[str, Any]) -> JournalReport:
    """The inverse of `plain`."""
    gaps = tuple(Gap(*(datetime.fromisoformat(each[end]) for end in ("since", "until"))) for each in row["gaps"])
    return JournalReport(**{**row, "since": _time(row["since"]), "gaps": gaps})


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        name: _time(value) if name in ("time", "since") or name.endswith("_at") else value
        for name, value in row.items()
    }
    if "ip" in told:
        told["ip"] = Binding(told["ip"]["bound"], tuple(told["ip"]["addresses"]))
    if told.get("window") is not None:
        told["window"] = (_time(told["window"][0]), _time(told["window"][1]))
    for name in ("old", "gone"):
        if told.get(name) is not None:
            told[name] = OldKey(**_told(told[name]))
    return told


def _is_time(name: str) -> bool:
    return name in ("time", "since") or name.endswith("_at")


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
