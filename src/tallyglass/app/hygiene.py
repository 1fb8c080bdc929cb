"""Hygiene: what wants the user's hand, from what keeper and store know."""

from __future__ import annotations

from tallyglass.app.session import Session
from tallyglass.exchanges import registry
from tallyglass.hygiene import audit
from tallyglass.hygiene.facts import Facts, KeyFacts
from tallyglass.hygiene.findings import Finding, remember
from tallyglass.store import findings as memory


def findings(session: Session) -> list[Finding]:
    """Everything that wants the user's hand, the worst first, snoozed ones too; and what is so is remembered."""
    facts = gather(session)
    found = audit.findings(facts)
    with session.store.read() as db:
        known, changed = remember(found, memory.kept(db), facts.now)
    if changed:
        with session.store.write() as db:
            memory.keep(db, changed, facts.now)
    return known


def gather(session: Session) -> Facts:
    """Everything that the rules judge. An area adds its own here."""
    keys = [KeyFacts(each, registry.manifest(each.exchange)) for each in session.keeper.connections()]
    return Facts(session.now(), tuple(keys))
