"""Drawing: the charts of pages, and what a script needs to make them live: heights, and words as they are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from starlette.responses import Response

from tallyglass.app.curve import HEIGHT, Curve, Place
from tallyglass.money import subtract
from tallyglass.web.look import Figures


def tick(day: date, year: bool) -> str:  # noqa: FBT001  (as a template gives it)
    """What stands below a chart: a day, or, within the day, the time."""
    if isinstance(day, datetime):
        return f"{day:%H:%M}"
    return f"{day.day} {day:%b %Y}" if year else f"{day.day} {day:%b}"


def as_heights(curve: Curve | None, fig: Figures, lines: Mapping[str, str]) -> Response:
    """The places of a curve, from the lower left, and the words of each. No money but as text.

    `lines`: what else is drawn, `deposits` or `other`, and what it is called.
    """
    places = () if curve is None else curve.places
    told = {
        "x": [each.x for each in places],
        "value": [_up(each.value) for each in places],
        "whole": _stretches(places, whole=True),
        "doubtful": _stretches(places, whole=False),
        "deposits": [_up(each.deposits) for each in places] if "deposits" in lines else [],
        "other": [None if each.other is None else _up(each.other) for each in places] if "other" in lines else [],
        "words": [_words(each, fig, lines) for each in places],
    }
    return Response(json.dumps(told, ensure_ascii=False), headers={"Content-Type": "application/json"})


def _stretches(places: Sequence[Place], *, whole: bool) -> list[float | None]:
    """The heights of what is complete, or is not; each stretch begins where the one before it ends."""
    so = [each.point.complete is whole for each in places]
    there = zip(places, so, [*so[1:], False], strict=False)
    found = [_up(each.value) if here or following else None for each, here, following in there]
    return found if any(so) else []


def _up(height: Decimal) -> float:
    return float(subtract(Decimal(HEIGHT), height))


def _words(place: Place, fig: Figures, lines: Mapping[str, str]) -> list[str]:
    """The day, the worth, and the other lines by their names."""
    point = place.point
    day = f"{point.at:%H:%M} UTC" if point.at else f"{point.day.day} {point.day:%b %Y}"
    told = [day, fig.money(point.value) + ("" if point.complete else ", partial")]
    if "deposits" in lines:
        told.append(f"{lines['deposits']} {fig.money(point.deposits)}")
    if "other" in lines and point.other is not None:
        told.append(f"{lines['other']} {fig.money(point.other)}")
    return told
