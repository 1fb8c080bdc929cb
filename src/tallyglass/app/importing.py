"""Imports: files that a user has downloaded from an exchange, to fill what its API no longer tells."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from tallyglass.app import proof, transfers
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.syncing import claim
from tallyglass.app.views import ImportView, UndoneView
from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import NotReadable
from tallyglass.store import imports as stored
from tallyglass.store import lease
from tallyglass.store.history import FILES, RawPage
from tallyglass.sync import imports
from tallyglass.sync.imports import Settled

LARGEST = 64 * 1024 * 1024
#: Lines that are not understood and shown at once; all of them are in `unparsed`.
SHOWN = 20
_NAMED = re.compile(r"\(UTC(?P<offset>[+-]{1,2}\d{1,2}(?::?\d\d)?)?\)", re.ASCII)
_OFFSET = re.compile(r"(?:UTC)?(?P<sign>[+-]{1,2})(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?", re.ASCII)


def import_file(session: Session, name: str, path: Path, *, connection: str = "", utc_offset: str = "") -> ImportView:
    """Import a file of the format `name`, which is called after its exchange, into a connection of that exchange.

    The same file, or lines that the exchange or another file has told, add nothing. A file of another format is
    refused, and nothing is stored. `utc_offset`: `+1` for files that do not tell the zone of their times; given anew
    for the same file, it takes the place of what was said before.
    """
    page = _page(session, _connection(session, _format(name), connection), name, path, utc_offset)
    same = _kept(session, page)
    again = same is not None and same.ask.params.get("utc_offset") == page.ask.params.get("utc_offset")
    number = 0 if same is None else same.id
    settled = _settled(session, page.connection, None if again else page, 0 if again else number)
    return _view(settled, page, number if again else 0, path)


def undo_import(session: Session, name: str, path: Path, *, connection: str = "") -> UndoneView:
    """Take back what a file brought. What another file tells, too, stays."""
    page = _page(session, _connection(session, _format(name), connection), name, path, "")
    same = _kept(session, page)
    if same is None:
        text = f"{path.name} was never imported into {page.connection}, or not with this content."
        raise Problem("not_imported", text, "Name the very file that was imported.")
    settled = _settled(session, page.connection, None, same.id)
    return {
        "connection": page.connection,
        "format": name,
        "file": path.name,
        "removed": settled.gone - settled.new,
    }


def _settled(session: Session, connection: str, bring: RawPage | None, drop: int) -> Settled:
    held = claim(session, connection)
    if held is None:
        text = f"{connection} is being synced by another process."
        raise Problem("busy", text, "Wait for it to end, then try again.")
    try:
        settled = imports.settle(session.store, held, session.now, bring=bring, drop=drop)
    except NotReadable as error:
        raise Problem("not_readable", f"{error}.", "Nothing was stored.") from None
    finally:
        due = lease.next_due(session.store, connection)
        lease.release(session.store, held, session.now(), next_due=due, failed=False)
    transfers.refresh(session)
    proof.note(session)
    return settled


def _format(name: str) -> str:
    try:
        registry.exporting(name)
    except registry.UnknownExchange as error:
        raise Problem("unknown_exchange", f"{error}.", "The format is named after its exchange.") from None
    return name


def _connection(session: Session, exchange: str, wanted: str) -> str:
    known = [each for each in session.keeper.connections() if each.exchange == exchange]
    there = ", ".join(each.id for each in known) or "none yet"
    if wanted:
        if wanted not in [each.id for each in known]:
            text = f"No connection {wanted!r} of {exchange}; there are: {there}."
            raise Problem("no_such_connection", text, "See: tallyglass keys")
        return wanted
    if len(known) != 1:
        text = f"Which connection of {exchange} is the file from? There are: {there}."
        fix = "Name it with --connection." if known else f"Connect it first: tallyglass connect {exchange}"
        raise Problem("no_such_connection", text, fix)
    return known[0].id


def _page(session: Session, connection: str, exchange: str, path: Path, utc_offset: str) -> RawPage:
    try:
        with path.open("rb") as file:
            body = file.read(LARGEST + 1)
    except OSError as error:
        text = f"{path} cannot be read: {os.strerror(error.errno or 0)}."
        raise Problem("not_readable", text, "Name the CSV file that you downloaded.") from None
    if len(body) > LARGEST:
        text = f"{path.name} is larger than {LARGEST // 1024**2} MiB."
        raise Problem("not_readable", text, "Export shorter spans, and import them one by one.")
    params = {"file": path.name[:200], "sha256": hashlib.sha256(body).hexdigest()}
    offset = _minutes(utc_offset) if utc_offset else _named(path.name)
    if offset is not None:
        params["utc_offset"] = str(offset)
    return imports.page_of(connection, exchange, body, params, session.now())


def _named(name: str) -> int | None:
    """The zone in the name of a download: `…(UTC+1).csv`, `…(UTC--6)_1a2b.csv`."""
    found = _NAMED.search(name)
    return None if found is None else _minutes(found["offset"] or "+0")


def _minutes(offset: str) -> int:
    parts = _OFFSET.fullmatch(offset)
    minutes = 0 if parts is None else int(parts["hours"]) * 60 + int(parts["minutes"] or 0)
    if parts is None or minutes > 14 * 60:
        raise Problem("usage", f"{offset!r} is no offset from UTC.", "Write it as +1, -6 or +5:30; UTC is +0.")
    return -minutes if "-" in parts["sign"] else minutes


def _kept(session: Session, page: RawPage) -> RawPage | None:
    """This very file, if it was imported before."""
    with session.store.read() as db:
        found = stored.files(db, page.connection)
    alike = (page.stream, page.ask.params["sha256"])
    return next((each for each in found if (each.stream, each.ask.params.get("sha256")) == alike), None)


def _view(settled: Settled, page: RawPage, again: int, path: Path) -> ImportView:
    number = again or max(settled.lines)
    lines, pieces, skipped = settled.lines[number], settled.pieces[number], settled.skipped[number]
    earlier = {key for other, keys in settled.lines.items() if other < number or again for key in keys}
    known = sum(key in settled.recognised or key in earlier for key in lines)
    return {
        "connection": page.connection,
        "format": page.stream.removeprefix(FILES),
        "file": path.name,
        "lines": len(lines) + len(pieces) + skipped,
        "new": len(lines) - known,
        "known": known,
        "skipped": skipped,
        "unparsed": len(pieces),
        "entries": settled.new,
        "odd": [{"line": piece.line, "reason": piece.unparsed.reason} for piece in pieces[:SHOWN]],
    }
