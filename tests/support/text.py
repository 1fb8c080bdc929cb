"""The words of a page, as its reader sees them."""

from __future__ import annotations

import html
import re

_UNSEEN = re.compile(r"<(script|style).*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


def words(page: str) -> str:
    """All text of a page, in one line."""
    return " ".join(html.unescape(_TAG.sub(" ", _UNSEEN.sub(" ", page))).split())
