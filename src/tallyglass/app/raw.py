"""The answer behind an entry, laid out to be read: every character as the exchange sent it, but the space between."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Final, TypedDict

from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import moment
from tallyglass.store import history as stored
from tallyglass.store import search
from tallyglass.store.rows import row_of

#: A string, a bracket or a comma, a number or word.
_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
#: A shorter name may stand in an answer by chance.
_SHORTEST: Final = 5
_MOST_PARTS: Final = 10


class RawView(TypedDict):
    """An answer as the exchange gave it, to the request that asked for it."""

    connection: str
    stream: str
    read: str
    params: dict[str, str]
    received_at: str
    size: int
    #: The parts that name the entry, laid out.
    about: list[str]
    #: All of it, laid out.
    text: str


def raw(session: Session, name: str) -> RawView | None:
    """The answer that told first of an entry, `CONNECTION/ID`; None where nobody did: the user said it himself."""
    connection, _, own = name.partition("/")
    with session.store.read() as db:
        entry = next((each.entry for each in search.by_id(db, own) if each.connection == connection), None)
        if entry is None:
            raise Problem("no_such_entry", f"No entry {name!r}.", "See: tallyglass history --ids")
        page = stored.page_of(db, connection, own)
    if page is None:
        return None
    text = page.body.decode("utf-8", "replace")
    names = {own, own.rpartition(":")[2], entry.txid, *(row_of(leg) for leg in entry.legs)}
    return {
        "connection": connection,
        "stream": page.stream,
        "read": page.ask.read,
        "params": {key: str(value) for key, value in page.ask.params.items()},
        "received_at": moment(page.received_at) or "",
        "size": len(page.body),
        "about": about(text, {each for each in names if len(each) >= _SHORTEST}),
        "text": laid_out(text),
    }


def laid_out(text: str) -> str:
    """JSON with a line for each of its parts; anything else as it is."""
    if not _is_json(text):
        return text
    made, depth, before = list[str](), 0, ""
    for piece in _PIECE.findall(text):
        depth -= piece in "}]"
        line = f"\n{'  ' * depth}"
        if before in ("{", "[", ",") and piece not in "}]":
            made.append(line)
        elif piece in "}]" and before not in ("{", "["):
            made.append(line)
        made.append(": " if piece == ":" else piece)
        depth += piece in "{["
        before = piece
    return "".join(made)


def about(text: str, names: Collection[str]) -> list[str]:
    """The smallest objects of an answer that hold one of these names, or stand under it; of a file, its lines."""
    if not _is_json(text):
        return [line for line in text.splitlines() if any(name in line for name in names)][:_MOST_PARTS]
    return [laid_out(text[begin:end]) for begin, end in sorted(_spans(text, names))][:_MOST_PARTS]


def _spans(text: str, names: Collection[str]) -> Iterator[tuple[int, int]]:
    opened: list[int] = []
    meant: set[int] = set()
    pieces = list(_PIECE.finditer(text))
    for place, piece in enumerate(pieces):
        word = piece.group()
        if word in "{[":
            opened.append(piece.start())
        elif word in "}]":
            begin = opened.pop()
            if begin in meant:
                yield begin, piece.end()
        elif opened and word.strip('"') in names:
            meant.add(_under(pieces, place) or _around(text, opened))


def _under(pieces: list[re.Match[str]], place: int) -> int | None:
    """Where the object begins that stands under this name, if it is one's name."""
    following = [each.group() for each in pieces[place + 1 : place + 3]]
    return pieces[place + 2].start() if following in ([":", "{"], [":", "["]) else None


def _around(text: str, opened: list[int]) -> int:
    """Where the innermost object begins, or the row of a table."""
    in_table = len(opened) > 1 and text[opened[-1]] == text[opened[-2]] == "["
    objects = [each for each in opened if text[each] == "{"]
    return opened[-1] if in_table or not objects else objects[-1]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
