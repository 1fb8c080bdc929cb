"""Templates: everything escaped, everything named, the built files by their hashed names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from tallyglass import __version__
from tallyglass.app import format as shown
from tallyglass.app.problems import Problem
from tallyglass.app.visible import brief
from tallyglass.money import amount
from tallyglass.web.pages.drawing import tick
from tallyglass.web.pages.index import GOES, PAGES, RAIL, TABS
from tallyglass.web.pages.parts import known_exchanges

_MARKED = re.compile(r"\*\*(.+?)\*\*|“(.+?)”")
HERE = Path(__file__).parent
STATIC = HERE / "static"


def static_files() -> Mapping[str, str]:
    """The built files: plain name to hashed name. A `Problem` when the front end was never built."""
    try:
        names: dict[str, str] = json.loads((STATIC / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        text = "The pages' scripts and styles are not built."
        raise Problem("not_built", text, "In a checkout: make setup. A released package has them.") from None
    return names


def environment() -> Environment:
    """What turns templates into pages."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    files = static_files()
    made.globals.update(
        pages=RAIL,
        tabs=TABS,
        goes=GOES,
        known={page.id for page in PAGES},
        version=__version__,
        exchange_ids=lambda: [name for name in known_exchanges() if name != "kraken"],
        static=lambda name: f"/static/{files[name]}",
    )
    made.filters.update(
        age=shown.age,
        ago=lambda time: "never" if time is None else f"{shown.age(time)} ago",
        day=shown.day,
        month=shown.month,
        clock=shown.clock,
        percent=shown.percent,
        amount=amount,
        amounts=lambda told: None if told is None else amount(told),
        tick=tick,
        signed=shown.signed,
        strong=strong,
        until=until,
    )
    return made


def _seen(value: Any) -> Any:
    """Text as a page shows it: brief, and without what nobody would see. What a template escapes itself is whole."""
    return brief(value) if type(value) is str else value


def strong(text: str) -> Markup:
    """A text with what is `**marked**`, or quoted in “”, standing out; everything else of it is escaped."""
    return Markup(_MARKED.sub(r"<b>\1\2</b>", str(escape(brief(text)))))  # noqa: S704  (escaped in the same line)


def until(time: str, now: datetime | None = None) -> str:
    """How long until then: `in 9 d`, `today`, `3 d ago`."""
    left = datetime.fromisoformat(time) - (now or datetime.now(UTC))
    days = left // timedelta(days=1)
    if days == 0:
        return "today"
    return f"in {days} d" if days > 0 else f"{-days} d ago"


def render(templates: Environment, name: str, context: Mapping[str, Any]) -> str:
    """One page."""
    return templates.get_template(name).render(context)
