"""A key that may be stolen: what happened since, what is to be done, and the report about it, as Markdown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tallyglass.exchanges.manifest import Manifest
from tallyglass.exchanges.streams import Order
from tallyglass.hygiene.was_it_me import Use
from tallyglass.keeper.client import Connection, OldKey
from tallyglass.ledger.entries import Entry
from tallyglass.money import text

#: What begins the reason of a key that was stopped as compromised.
MARK = "reported as compromised"
#: So long after a replaced key is dead, by proof or by its owner's word, its case is the one that is meant; then it is
#: the key in use again.
REMEMBERED = timedelta(days=14)
#: Beside orders, trades and withdrawals: what else of a ledger somebody may have done.
OTHERS = frozenset(("conversion", "transfer", "adjustment"))


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and whether it is done: None where only the user knows."""

    id: str
    text: str
    done: bool | None = None
    #: What does it or shows it.
    command: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """Everything that is known of the case."""

    #: As it was with the key in question.
    connection: Connection
    manifest: Manifest
    #: From when on somebody else may have used the key.
    since: datetime
    now: datetime
    #: Open orders that were placed since.
    orders: tuple[Order, ...] = ()
    #: What is in the ledger since, the newest first.
    entries: tuple[Entry, ...] = ()
    #: Uses of the key by us since, the oldest first.
    uses: tuple[Use, ...] = ()
    journal_intact: bool = True
    journal: str = ""
    #: The latest end of a time of which the journal tells nothing; None: it tells of every use.
    silent_until: datetime | None = None
    #: Up to when the exchange was read, by part: none of it came later into the ledger.
    read_until: tuple[tuple[str, datetime | None], ...] = field(default=())
    #: The connection as it is, where another key has taken the place of the one in question.
    successor: Connection | None = None
    #: When the exchange was seen to refuse the key in question.
    dead_at: datetime | None = None

    @property
    def trades(self) -> list[Entry]:
        """What was bought and sold."""
        return [each for each in self.entries if each.kind == "trade"]

    @property
    def withdrawals(self) -> list[Entry]:
        """What left, what is about to, and what was kept from it."""
        return [each for each in self.entries if each.kind == "withdrawal"]

    @property
    def others(self) -> list[Entry]:
        """What else somebody may have done."""
        return [each for each in self.entries if each.kind in OTHERS]

    @property
    def stopped(self) -> bool:
        """Whether Tallyglass uses the key no more."""
        return self.connection.state in ("frozen", "dead")

    @property
    def dead(self) -> bool:
        """Whether the exchange was seen to refuse the key."""
        return self.connection.state == "dead"

    @property
    def deleted(self) -> bool | None:
        """Whether the exchange was seen to refuse the key; None: its owner alone can know, its secret is gone here."""
        forgotten = not self.dead and self.successor is not None and self.successor.old is None
        return None if forgotten else self.dead

    @property
    def every_use(self) -> bool:
        """Whether every use of ours since then is listed: then any other was somebody else's."""
        return self.journal_intact and (self.silent_until is None or self.silent_until < self.since)

    @property
    def read_on(self) -> bool:
        """Whether the key that took its place has read everything since."""
        if self.successor is None:
            return False
        begin = self.successor.admitted_at
        return all(until is not None and until >= begin for _, until in self.read_until)


def replaced(known: Connection, now: datetime) -> OldKey | None:
    """The key that was suspected and has been replaced by the one in use: then the case is about that one."""
    if known.state in ("frozen", "dead"):
        return None
    if known.old is not None and suspected(known.old):
        return known.old
    gone = known.gone
    if gone is None or not suspected(gone) or now - (gone.dead_at or gone.since) >= REMEMBERED:
        return None
    return gone


def suspected(key: OldKey) -> bool:
    """Whether its owner reported it, or the keeper froze it since the exchange told other of it than before."""
    return since_when(key.why) is not None or bool(key.evidence)


def in_question(known: Connection, now: datetime) -> Connection:
    """The connection as it was with the key that the case is about; mostly as it is."""
    before = replaced(known, now)
    if before is not None:
        return replace(
            known,
            state="dead" if before.dead_at else "frozen",
            why=before.why,
            evidence=before.evidence,
            key_name=before.key_name,
            fingerprint=before.fingerprint,
            grants=before.grants,
            ip=before.ip,
            created_at=before.created_at,
            checked_at=before.told_at or before.since,
            last_used_at=before.last_used_at,
        )
    if known.state == "dead" and known.gone is not None and known.gone.fingerprint == known.fingerprint:
        return replace(known, why=known.gone.why)  # why it was stopped; that it is dead is told beside it
    return known


def since_when(reason: str) -> datetime | None:
    """When a key was stopped as compromised, from the reason that its connection has; None if it was not."""
    match = re.match(rf"{MARK}, (\S+)", reason)
    return datetime.fromisoformat(match[1]) if match else None


def reason(now: datetime) -> str:
    """The reason of a stop: it tells when."""
    return f"{MARK}, {now.astimezone(UTC).isoformat(timespec='seconds').replace('+00:00', 'Z')}"


def steps(incident: Incident) -> list[Step]:
    """What is to be done, in this order."""
    key, at = incident.connection, incident.manifest
    page = at.labels.get("page", "the page of your API keys")
    looked = (
        f"{len(incident.orders)} open orders, {len(incident.trades)} trades, {len(incident.withdrawals)} withdrawals"
    )
    return [
        Step("freeze", "Tallyglass uses the key no more.", incident.stopped, f"tallyglass freeze {key.id}"),
        Step(
            "delete", f"Delete the key {key.key_name} at {at.name}: {page}. Type {at.home} by hand.", incident.deleted
        ),
        *(Step("lock", f"{each}.") for each in at.labels.get("emergency", ())),
        Step(
            "check",
            f"Go through what happened since then ({looked}), here and at {at.name}; cancel what is not yours. "
            f"{unlisted(at)}",
        ),
        Step("keys", f"Delete every other key there that you do not know: {page}."),
        Step("password", f"Change the password at {at.name}, and end all sessions there."),
        Step("2fa", "Set up the second factor anew; look whether a passkey or a phone was added."),
        Step("addresses", "Look for withdrawal addresses that were added."),
        Step(
            "mail", "Change the password of your mail account, and look for filters and forwarding that are not yours."
        ),
        Step(
            "proof",
            "The key is dead: the exchange refuses it.",
            incident.deleted,
            "" if incident.deleted is None else f"tallyglass compromised {key.id} --check",
        ),
        Step("new", "A new key.", incident.successor is not None, f"tallyglass rotate {key.id} --key-file FILE"),
        Step("read", "The new key has read what happened meanwhile.", incident.read_on, f"tallyglass sync {key.id}"),
    ]


def about(incident: Incident) -> str:
    """Which key this is about, where it is not the one in use."""
    key, now = incident.connection, incident.successor
    if now is None:
        return ""
    return (
        f"This is about the key {key.key_name}, which was replaced on {now.admitted_at:%Y-%m-%d}. The key in use, "
        f"{now.key_name}, was not stopped. Do you suspect that one too? Then: tallyglass compromised {key.id} --new-key"
    )


def unlisted(at: Manifest) -> str:
    """What no list here has: of orders, the open ones are read, and the fills of those that are done."""
    where = at.labels.get("orders", "its order history")
    return f"Orders that were placed and cancelled again meanwhile are in no list here: look at {at.name} for {where}."


def gaps(incident: Incident) -> list[str]:
    """What the lists may lack."""
    found = []
    for part, until in incident.read_until:
        if until is None:
            found.append(f"Its {part} were never read.")
        elif until < (incident.dead_at or incident.now):
            found.append(f"Its {part} were last read at {_at(until)}: what came later is not listed.")
    if found and incident.successor:
        found.append(f"The new key reads on: tallyglass sync {incident.connection.id} brings the rest.")
    elif found:
        rotate = f"tallyglass rotate {incident.connection.id}"
        found.append(
            f"A stopped key reads nothing. Look at {incident.manifest.name} itself; with a new key ({rotate}) a sync "
            "brings the rest, and it is listed here."
        )
    return found


def report(incident: Incident) -> str:
    """The incident report, for the user's own file, the exchange's support, or the police."""
    key, at = incident.connection, incident.manifest
    lines = [
        f"# Incident: the API key of {_plain(key.label or key.id)} at {at.name}",
        "",
        f"Written {_at(incident.now)} by Tallyglass. All times are UTC.",
        "",
        "| | |",
        "|---|---|",
        *_facts(_about(incident)),
        "",
        "## What happened since then",
        "",
        *(f"**{each}**" for each in gaps(incident)),
        "",
        _plain(unlisted(at)),
        *_section("Open orders placed since", [_order(each) for each in incident.orders]),
        *_section("Trades", [_entry(each) for each in incident.trades]),
        *_section("Withdrawals", [_entry(each) for each in incident.withdrawals]),
        *_section("Conversions, transfers and adjustments", [_entry(each) for each in incident.others]),
        "## What Tallyglass did with the key since then",
        "",
        ("The journal is as it was written: " if incident.journal_intact else "**The journal proves nothing:** ")
        + incident.journal,
        "Every other use was somebody else's."
        if incident.every_use
        else "**Other uses may have been ours too:** there was a time of which the journal proves nothing.",
        *_section("Uses", [_use(each) for each in incident.uses]),
        "## What is to be done",
        "",
        *(_step(each) for each in steps(incident)),
        "",
    ]
    return "\n".join(lines)


def _about(incident: Incident) -> list[tuple[str, str]]:
    """What is known of the key and of what was done."""
    key, stopped, now = incident.connection, since_when(incident.connection.why), incident.successor
    rights = ", ".join(f"{right} {state}" for right, state in key.grants.items())
    return [
        ("Connection", key.id),
        ("Exchange", incident.manifest.name),
        ("Key", key.key_name),
        ("Account", key.account or "not told"),
        ("Rights, as the exchange told them", rights or "not on record"),
        ("Rights last checked", _at(key.checked_at)),
        (
            "Works from",
            ", ".join(key.ip.addresses) or {"yes": "listed addresses", "no": "anywhere"}.get(key.ip.bound, "not told"),
        ),
        ("Key made", _at(key.created_at) if key.created_at else "not told"),
        ("Perhaps in other hands since", _at(incident.since)),
        ("Stopped here", _at(stopped) if stopped else "yes" if incident.stopped else "NO"),
        ("Refused by the exchange", "yes, proven by a request" if incident.dead else "not proven yet"),
        *([("Replaced by", now.key_name), ("Replaced", _at(now.admitted_at))] if now else []),
    ]


def _section(title: str, rows: Sequence[str]) -> list[str]:
    return ["", f"### {title}: {len(rows) or 'none'}", "", *(f"- {each}" for each in rows), ""]


def _facts(rows: Sequence[tuple[str, str]]) -> Iterable[str]:
    return [f"| {name} | {_plain(value)} |" for name, value in rows]


def _order(order: Order) -> str:
    price = "" if order.price is None else f" at {text(order.price)}"
    told = f"{order.side} {text(order.amount)} {order.market}, {order.type}{price}, filled {text(order.filled)}"
    return f"{_at(order.time)} `{_code(order.id)}` {_plain(told)}"


def _entry(entry: Entry) -> str:
    legs = ", ".join(f"{text(leg.amount)} {leg.asset}{' fee' if leg.role == 'fee' else ''}" for leg in entry.legs)
    more = [f"{name} {value}" for name, value in entry.facts]
    more += [f"transaction {entry.txid}"] if entry.txid else []
    more += [entry.status] if entry.status != "done" else []
    told = f"{entry.kind} {legs}" + (f" ({', '.join(more)})" if more else "")
    return f"{_at(entry.time)} `{_code(entry.id)}` {_plain(told)}"


def _use(use: Use) -> str:
    where = use.egress_ip or "an address not on record"
    return f"{_at(use.time)} {_plain(use.read)}, answer {_plain(use.status)}, from {_plain(where)}"


def _step(step: Step) -> str:
    command = f" `{step.command}`" if step.command and not step.done else ""
    return f"- [{'x' if step.done else ' '}] {_plain(step.text)}{command}"


def _plain(value: str) -> str:
    """Text that an exchange or a user wrote, as Markdown that is nothing but text."""
    return re.sub(r"([\\`*_{}\[\]<>|#~!&])", r"\\\1", " ".join(value.split()))


def _code(value: str) -> str:
    return " ".join(value.replace("`", "'").split())


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
