"""The windows of time that /sapi histories look at, each with its own defaults and its own refusal."""

from __future__ import annotations

from typing import Final

from tallyglass.sandbox.binance.errors import Refusal, missing
from tallyglass.sandbox.binance.routes import Call

DAY: Final = 86_400_000
"""A day in milliseconds, as all times here."""


_TOO_WIDE: Final = {-6021: "Query time range too large", -3011: "Your input date is invalid."}


def sent(call: Call, names: tuple[str, str]) -> tuple[int | None, int | None]:
    """Start and end as sent, in milliseconds."""
    first, last = call.params.time(names[0]), call.params.time(names[1])
    return None if first is None else first // 1000, None if last is None else last // 1000


TIMES: Final = ("startTime", "endTime")


def capital(call: Call, days: int = 90) -> tuple[int, int]:
    """Deposits and withdrawals: `startTime` defaults to 90 days ago, `endTime` to now; at most 90 days, else -4047."""
    first, last = sent(call, TIMES)
    start = call.ms - days * DAY if first is None else first
    end = call.ms if last is None else last
    if not 0 <= end - start <= days * DAY:
        raise Refusal(-4047, f"Time interval must be within 0-{days} days")
    return start, end


def earn(call: Call) -> tuple[int, int]:
    """Simple Earn: at most 30 days, else -6021; neither: the last 30 days; one of them: 30 days from or up to it."""
    first, last = sent(call, TIMES)
    width = 30 * DAY
    if first is None and last is None:
        return call.ms - width, call.ms
    start = first if first is not None else (last or 0) - width
    end = last if last is not None else start + width
    if end - start > width:
        raise Refusal(-6021, "Query time range too large")
    return start, end


def at_most(call: Call, days: int) -> tuple[int | None, int | None]:
    """Open without bounds; one bound reaches `days`; both at most that, else -1127."""
    first, last = sent(call, TIMES)
    if first is not None and last is not None and last - first > days * DAY:
        raise Refusal(-1127, f"More than {days * 24} hours between startTime and endTime.")
    if first is None and last is not None:
        first = last - days * DAY
    elif last is None and first is not None:
        last = first + days * DAY
    return first, last


def mandatory(call: Call, days: int) -> tuple[int, int]:
    """Both must be sent, at most `days` apart, else -1127."""
    first, last = sent(call, TIMES)
    if first is None or last is None:
        raise missing("startTime" if first is None else "endTime")
    if last - first > days * DAY:
        raise Refusal(-1127, f"More than {days * 24} hours between startTime and endTime.")
    return first, last


def recent(call: Call, names: tuple[str, str], days: int, reach: int | None = None) -> tuple[int, int]:
    """Neither: the last `days`; a start alone reaches to now. Nothing from before `reach` days is shown."""
    first, last = sent(call, names)
    end = call.ms if last is None else last
    start = first if first is not None else (call.ms if last is None else last) - days * DAY
    return start if reach is None else max(start, call.ms - reach * DAY), end


def within(
    call: Call,
    names: tuple[str, str],
    days: int,
    *,
    shown: int | None = None,
    reach: int | None = None,
    code: int = -1127,
) -> tuple[int, int]:
    """At most `days`, else a refusal; neither: the last `shown` (or `days`); one of them: `days` from or up to it.

    Nothing from before `reach` days is shown.
    """
    first, last = sent(call, names)
    if first is None and last is None:
        first = call.ms - (shown or days) * DAY
    end = last if last is not None else min((first or 0) + days * DAY, call.ms)
    start = first if first is not None else end - days * DAY
    if end - start > days * DAY:
        raise Refusal(code, _TOO_WIDE.get(code, f"More than {days * 24} hours between startTime and endTime."))
    return start if reach is None else max(start, call.ms - reach * DAY), end
