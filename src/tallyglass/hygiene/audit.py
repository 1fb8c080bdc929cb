"""The audit: from facts to findings. A rule is a pure function `Facts` → findings; every rule stands in `RULES`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from tallyglass.exchanges.manifest import Manifest
from tallyglass.hygiene import compromise, egress, prices, rotation, watch
from tallyglass.hygiene.facts import EMPTY, FAILING, FORGOTTEN, UNUSED, WALK, Facts, Failing, KeyFacts
from tallyglass.hygiene.findings import Finding
from tallyglass.hygiene.rotation import page, short

Rule = Callable[[Facts], Iterable[Finding]]

#: Faults that no waiting mends: they want the user's hand at once.
_OF_THE_KEY: Final = frozenset(
    (
        *("bad_key", "bad_secret", "key_disabled", "key_expired", "ip_refused", "missing_permission"),
        *("wrong_region", "wrong_product", "ambiguous"),
    )
)


def findings(facts: Facts) -> list[Finding]:
    """Everything that wants the user's hand."""
    return [finding for rule in RULES for finding in rule(facts)]


# -- a key and its rights


def frozen(facts: Facts) -> Iterator[Finding]:
    """A key that is not used until somebody looks at it; after a while, one that is forgotten."""
    for key in facts.keys:
        if key.connection.state == "frozen":
            stolen = compromise.since_when(key.connection.why) is not None
            changed = key.gained or key.connection.evidence
            yield _stolen(facts, key) if stolen else _changed(facts, key) if changed else _stopped(facts, key)


def _stolen(facts: Facts, key: KeyFacts) -> Finding:
    """Its owner says so: it is open until the exchange is seen to refuse the key."""
    text = "It is stopped here, but whoever has a copy of it can use it until it is deleted."
    fix = f"Delete it at {key.manifest.name} ({page(key.manifest)}); then"
    action = f"tallyglass compromised {key.id} --check"
    return Finding("frozen", "urgent", text, fix, facts.now, key.id, action, title="{name} may be in other hands")


def _changed(facts: Facts, key: KeyFacts) -> Finding:
    """Frozen by the keeper: the exchange told other than before."""
    told = f"This key may now {' and '.join(key.gained)}." if key.gained else _sentence(key.connection.why)
    if key.gained and key.connection.ip.bound == "no":
        told += " It works from anywhere."
    text = (
        f"{told} It is frozen here, but whoever has a copy of it can use it. If you did not change it, somebody else "
        "is in your account."
    )
    fix = (
        f"Was it you? At {key.manifest.name}, open {page(key.manifest)}, undo it, then: tallyglass thaw {key.id}. "
        "Was it not you"
    )
    title = "The key of {name} may do more than read" if key.gained else "The key of {name} is not what it was"
    return Finding("frozen", "urgent", text, fix, facts.now, key.id, f"tallyglass compromised {key.id}", title=title)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."


def _stopped(facts: Facts, key: KeyFacts) -> Finding:
    because = key.connection.why.rstrip(".") or "by you"
    before = facts.still(f"frozen:{key.id}")
    since = facts.now if before is None else before.since
    days = (facts.now - since).days
    if facts.now - since >= FORGOTTEN:
        text = f"Frozen for {days} days ({because}), and the key still works at {key.manifest.name}."
        fix = (
            f"Use it again (tallyglass thaw {key.id}), or delete it at {key.manifest.name} ({page(key.manifest)}); then"
        )
        action = f"tallyglass disconnect {key.id}"
        return Finding("frozen", "warning", text, fix, since, key.id, action, title="{name} is frozen and forgotten")
    text, fix = f"Frozen: {because}.", f"Look at the key at {key.manifest.name} ({page(key.manifest)}), then"
    return Finding("frozen", "warning", text, fix, since, key.id, f"tallyglass thaw {key.id}", title="{name} is frozen")


def dead(facts: Facts) -> Iterator[Finding]:
    """A connection whose key is gone, and that has no other."""
    for key in facts.keys:
        if key.connection.state == "dead":
            text = f"{key.manifest.name} refuses this key: it is dead, and nothing new is read. The history stays."
            fix = f"Disconnect it (tallyglass disconnect {key.id}), or give it a new key"
            yield Finding("key_dead", "notice", text, fix, facts.now, key.id, _rotate(key), title="{name} has no key")


def unproven(facts: Facts) -> Iterator[Finding]:
    """A key that was stored on the user's word."""
    for key in _living(facts):
        if key.connection.unproven:
            text = f"{key.manifest.name} could not prove that this key is read-only."
            fix = f"Replace it by a key with only {boxes(key.manifest)} ticked"
            title = "The key of {name} is not proven read-only"
            yield Finding("unproven", "warning", text, fix, facts.now, key.id, _rotate(key), title=title)


def unbound(facts: Facts) -> Iterator[Finding]:
    """A key that works from anywhere."""
    for key in _living(facts):
        if key.connection.ip.bound == "no" and not _came_with_a_freeze(facts, key):
            text = f"Whoever has a copy of it can use it, wherever he is. {key.manifest.ip.get('without', '')}".strip()
            title, guide = "The key of {name} works from anywhere", f"tallyglass guide {key.manifest.id}"
            yield Finding("ip_unbound", "warning", text, "Bind it", facts.now, key.id, guide, title=title)


def _came_with_a_freeze(facts: Facts, key: KeyFacts) -> bool:
    """Whether it is unbound by the change for which the keeper froze it: that finding tells it, and is enough."""
    frozen = key.connection.state == "frozen" and bool(key.connection.evidence)
    return frozen and facts.still(f"ip_unbound:{key.id}") is None


def limited(facts: Facts) -> Iterator[Finding]:
    """A key that sees only a part of the history."""
    for key in _living(facts):
        begin, end = key.connection.window or (None, None)
        if begin is not None or end is not None:
            parts = [f"{word} {at:%Y-%m-%d}" for word, at in (("from", begin), ("to", end)) if at is not None]
            text = f"This key reads history {' '.join(parts)} only: what lies outside is missing."
            fix = f"At {key.manifest.name}, open {page(key.manifest)}, edit this key and take the limit away; then"
            title = "The key of {name} sees only a part of the history"
            sync = f"tallyglass sync {key.id} --full"
            yield Finding("history_limited", "notice", text, fix, facts.now, key.id, sync, title=title)


# -- unused and doubtful


def unused(facts: Facts) -> Iterator[Finding]:
    """A key in nobody's service."""
    for key in facts.keys:
        if key.connection.state == "active" and facts.now - key.used_at >= UNUSED:
            text = f"This key was not used for {(facts.now - key.used_at).days} days: it is only a risk."
            title = "The key of {name} is not used"
            yield Finding("key_unused", "warning", text, *_remove(facts, key), title=title)


def empty(facts: Facts) -> Iterator[Finding]:
    """An account that needs no key: nothing is there, and nothing has happened for long."""
    for key in facts.keys:
        last = max(filter(None, (key.last_entry_at, key.connection.admitted_at)))
        if key.connection.state == "active" and key.holds is False and facts.now - last >= EMPTY:
            when = f"since {key.last_entry_at:%Y-%m-%d}" if key.last_entry_at else "ever"
            text = f"Nothing is on this account, and nothing has happened on it {when}: it needs no key."
            title = "{name} is an empty account"
            yield Finding("account_empty", "notice", text, *_remove(facts, key), title=title)


def failing(facts: Facts) -> Iterator[Finding]:
    """A connection that fails and will not mend itself."""
    for key in facts.keys:
        worst = min(key.failing, key=lambda each: (each.fault not in _OF_THE_KEY, each.since), default=None)
        end = rotation.ends_at(key.connection, key.manifest)
        if key.connection.state != "active" or worst is None or (end is not None and end <= facts.now):
            continue
        if worst.fault in _OF_THE_KEY or facts.now - worst.since >= FAILING:
            yield _fails(facts, key, worst)


def _fails(facts: Facts, key: KeyFacts, worst: Failing) -> Finding:
    days = (facts.now - worst.since).days
    for_long = f"for {days} days" if days > 1 else f"since {worst.since:%Y-%m-%d %H:%M} UTC"
    text = f"Its {worst.part} could not be read {for_long}: {worst.text}"
    sync = f"tallyglass sync {key.id}"
    return Finding("failing", "warning", text, worst.fix, facts.now, key.id, sync, title="{name} cannot be read")


def doubled(facts: Facts) -> Iterator[Finding]:
    """An account that is connected twice."""
    for key in _living(facts):
        if key.twins:
            others = " and ".join(key.twins)
            text = f"{key.id} leads to the same account as {others}: what is there counts twice."
            title = "{name} is connected twice"
            yield Finding("duplicate_account", "warning", text, *_remove(facts, key), title=title)


def walk(facts: Facts) -> Iterator[Finding]:
    """Once in a quarter: look through each exchange's own page for keys that are not known."""
    by_exchange: dict[str, list[KeyFacts]] = {}
    for key in _living(facts):
        by_exchange.setdefault(key.manifest.id, []).append(key)
    for exchange, keys in by_exchange.items():
        first = min(key.connection.admitted_at for key in keys)
        if facts.now - facts.walked.get(exchange, first) >= WALK:
            yield _walk(facts, keys[0].manifest, facts.walked.get(exchange))


def _walk(facts: Facts, manifest: Manifest, last: datetime | None) -> Finding:
    when = f"was {(facts.now - last).days} days ago" if last else "has not been yet"
    text = (
        f"Only {manifest.name} can show every key of your account, and your last look {when}. "
        "A key that you do not know is how a thief stays."
    )
    ours = ", ".join(short(key.connection.key_name) for key in facts.keys if key.manifest.id == manifest.id)
    fix = f"At {manifest.name}, open {page(manifest)} and delete every key that you do not know (ours: {ours}); then"
    action, title = f"tallyglass audit --walked {manifest.id}", f"Look through your keys at {manifest.name}"
    return Finding("walk_due", "notice", text, fix, facts.now, action=action, about=manifest.id, title=title)


# -- the house


def journal(facts: Facts) -> Iterator[Finding]:
    """A journal that is not as it was written: no use of a key can be vouched for."""
    text = "" if facts.journal is None or facts.journal.intact else facts.journal.text
    if facts.journal is None:  # not read again now: what was found stays found
        before = facts.still("journal_broken:house")
        told = [each.text for key in facts.keys for each in key.failing if each.fault == "journal_broken"]
        text = before.text if before else next(iter(told), "")
    if text:
        fix = (
            "Keep a copy of the home folder and find out who can write in it. Freeze the keys that you doubt "
            "(tallyglass freeze). Then put the journal aside and begin a new one"
        )
        restart, title = "tallyglass journal restart", "The journal is not as it was written"
        yield Finding("journal_broken", "urgent", text, fix, facts.now, action=restart, title=title)


# -- words


def boxes(manifest: Manifest) -> str:
    """The boxes that a read-only key has ticked, in the exchange's words."""
    return ", ".join(f"“{box}”" for box in manifest.labels.get("tick", ())) or "what lets it read"


def _living(facts: Facts) -> Iterator[KeyFacts]:
    return (key for key in facts.keys if key.connection.state != "dead")


def _rotate(key: KeyFacts) -> str:
    return f"tallyglass rotate {key.id}"


def _remove(facts: Facts, key: KeyFacts) -> tuple[str, datetime, str, str]:
    """How to be rid of a key, since when, which, by which command."""
    fix = f"Delete it at {key.manifest.name} ({page(key.manifest)}), then here; its history stays"
    return fix, facts.now, key.id, f"tallyglass disconnect {key.id}"


#: In the order in which they are looked for. Another area's rules are added here.
RULES: Final[tuple[Rule, ...]] = (
    *(journal, frozen, dead, unproven, unbound, egress.rules, rotation.due, rotation.unfinished, limited),
    *(unused, empty, failing, doubled, walk, prices.rules, watch.rules),
)
