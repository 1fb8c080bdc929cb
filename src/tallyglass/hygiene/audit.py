"""The audit: from facts to findings. A rule is a pure function `Facts` → findings; every rule stands in `RULES`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tallyglass.exchanges.manifest import Manifest
from tallyglass.hygiene import rotation
from tallyglass.hygiene.facts import Facts
from tallyglass.hygiene.findings import Finding

Rule = Callable[[Facts], Iterable[Finding]]


def findings(facts: Facts) -> list[Finding]:
    """Everything that wants the user's hand."""
    return [finding for rule in RULES for finding in rule(facts)]


def frozen(facts: Facts) -> Iterator[Finding]:
    """A key that is not used until somebody looks at it."""
    for key in facts.keys:
        if key.connection.state == "frozen":
            text = f"Frozen: {key.connection.why.rstrip('.') or 'by you'}."
            fix = f"Look at the key at {key.manifest.name}, then"
            yield Finding("frozen", "warning", text, fix, facts.now, key.id, f"tallyglass thaw {key.id}")


def unproven(facts: Facts) -> Iterator[Finding]:
    """A key that was stored on the user's word."""
    for key in facts.keys:
        if key.connection.unproven:
            text = f"{key.manifest.name} could not prove that this key is read-only."
            fix = f"Replace it by a key with only {boxes(key.manifest)} ticked"
            yield Finding("unproven", "warning", text, fix, facts.now, key.id, _guide(key.manifest))


def unbound(facts: Facts) -> Iterator[Finding]:
    """A key that works from anywhere."""
    for key in facts.keys:
        if key.connection.ip.bound == "no":
            text = f"The key works from anywhere. {key.manifest.ip.get('without', '')}".strip()
            yield Finding("ip_unbound", "warning", text, "Bind it", facts.now, key.id, _guide(key.manifest))


def due(facts: Facts) -> Iterator[Finding]:
    """A key that is old enough to be replaced."""
    for key in facts.keys:
        if facts.now >= rotation.due_at(key.connection, key.manifest, facts.rotation_days):
            text, fix = "The key is due to be replaced.", "A new one"
            yield Finding("rotation_due", "warning", text, fix, facts.now, key.id, _guide(key.manifest))


def boxes(manifest: Manifest) -> str:
    """The boxes that a read-only key has ticked, in the exchange's words."""
    return ", ".join(f"“{box}”" for box in manifest.labels.get("tick", ())) or "what lets it read"


def _guide(manifest: Manifest) -> str:
    return f"tallyglass guide {manifest.id}"


#: In the order in which findings of one severity and age are shown. Another area's rules are added here.
RULES: Final[tuple[Rule, ...]] = (frozen, unproven, unbound, due)
