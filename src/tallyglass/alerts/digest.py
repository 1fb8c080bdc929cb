"""The weekly digest: your keys this week, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeyWeek:
    """One key, for a week."""

    name: str
    #: active, retiring, frozen, dead
    state: str
    #: A to F; "" = none.
    grade: str
    uses: int
    #: The addresses that it was used from, where they are known.
    addresses: tuple[str, ...]
    due_at: datetime | None


def write(keys: Sequence[KeyWeek], wants: Sequence[str], since: datetime, now: datetime, worth: str = "") -> str:
    """The digest. `wants`: each open finding on a line; `worth`: only where the user has asked for it."""
    lines = [f"From {since:%d %b} to {now:%d %b %Y} (UTC)."]
    for key in keys:
        used = f"used {key.uses} times" if key.uses != 1 else "used once"
        if key.addresses:
            used += f" from {', '.join(key.addresses)}"
        due = "" if key.due_at is None else f", to be replaced by {key.due_at:%d %b %Y}"
        grade = f", grade {key.grade}" if key.grade else ""
        lines.append(f"- {key.name}: {key.state}{grade}, {used if key.uses else 'not used'}{due}.")
    if not keys:
        lines.append("No key is connected.")
    lines.append("")
    lines += ["What wants your hand:", *(f"- {each}" for each in wants)] if wants else ["Nothing wants your hand."]
    if worth:
        lines += ["", f"Net worth: {worth}."]
    return "\n".join(lines)
