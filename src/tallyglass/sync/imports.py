"""Imported files made into entries, as far as the exchange has not told the same: after each import, sync and replay.

The files are kept, so what they add is always found anew from all of them and from what the exchange tells by now:
whether a file or its events came first makes no difference, and a newer parser reads old files again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone, tzinfo

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Ask, Cursor, Export, NotReadable, Piece, Unparsed
from tallyglass.ledger import imports as pure
from tallyglass.ledger.entries import Entry
from tallyglass.ledger.imports import Key, Row
from tallyglass.store import history, imports, lease
from tallyglass.store.base import Db, Store
from tallyglass.store.columns import EPOCH
from tallyglass.store.history import FILES, RawPage
from tallyglass.sync.report import SyncReport

#: What stands for an import where others name a read of the manifest.
READ = "import"
_STATE = f"{FILES}settled"


@dataclass(frozen=True, slots=True)
class Settled:
    """What all files of a connection hold, by the id of their raw page, and what the exchange tells of it."""

    lines: Mapping[int, tuple[Key, ...]] = field(default_factory=dict)
    pieces: Mapping[int, tuple[Piece, ...]] = field(default_factory=dict)
    skipped: Mapping[int, int] = field(default_factory=dict)
    recognised: frozenset[Key] = frozenset()
    #: Entries that were not there before.
    new: int = 0
    #: Entries that stood under the file which was dropped.
    gone: int = 0


def page_of(connection: str, name: str, body: bytes, params: Mapping[str, str], at: datetime) -> RawPage:
    """A file of the format `name`, to be kept. `params`: what `read` must know besides."""
    return RawPage(0, connection, f"{FILES}{name}", Ask(READ, params), {}, at, body)


def read(page: RawPage) -> Export:
    """What a file holds. Raises `NotReadable`."""
    return registry.exporting(page.stream.removeprefix(FILES)).rows(_text(page.body), _zone(page.ask.params))


def _text(body: bytes) -> str:
    wide = body[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = body.decode("utf-16" if wide else "utf-8")
    except UnicodeDecodeError as error:
        hint = ": it is a ZIP archive, unpack it first" if body[:2] == b"PK" else ""
        raise NotReadable(f"this is no text{hint}") from error
    if "\0" in text:
        raise NotReadable("this is no text")
    return text


def _zone(params: Mapping[str, str]) -> tzinfo | None:
    minutes = params.get("utc_offset")
    return None if minutes is None else timezone(timedelta(minutes=int(minutes)))


def around(held: lease.Lease, store: Store, now: Callable[[], datetime], work: Callable[[], SyncReport]) -> SyncReport:
    """Sync by `work`, and settle what it brought, if any of it is as old as what files tell.

    Until that is done it is noted as not done: what a killed sync has left behind, the next one settles.
    """
    with store.read() as db:
        files = history.file_pages(db, held.name)
        state = history.cursor_of(db, held.name, _STATE)
    if not files:
        return work()
    with store.write() as db:
        unsettle(db, held, now())
    report = work()
    if state.get("settled") != "yes" or _reaches(report, datetime.fromisoformat(state["until"])):
        settle(store, held, now)
    else:
        with store.write() as db:
            _note(db, held, state, now())
    return report


def unsettle(db: Db, held: lease.Lease, now: datetime) -> None:
    """Note, where there are files, that what the exchange told is about to change."""
    if history.file_pages(db, held.name):
        _note(db, held, {**history.cursor_of(db, held.name, _STATE), "settled": "no"}, now)


def _reaches(report: SyncReport, until: datetime) -> bool:
    return any(part.earliest is not None and part.earliest <= until for part in report.parts)


def settle(
    store: Store, held: lease.Lease, now: Callable[[], datetime], *, bring: RawPage | None = None, drop: int = 0
) -> Settled:
    """Let the entries made of files be what all files hold and the exchange has not told.

    `bring`: one more file. `drop`: the raw page of one that is to be forgotten.
    """
    with store.read() as db:
        kept = [page for page in imports.files(db, held.name) if page.id != drop]
    if not kept and bring is None and not drop:
        return Settled()
    exports = {page.id: (page, _again(page)) for page in kept}
    brought = None if bring is None else read(bring)
    with store.write() as db:
        gone = imports.drop(db, held.name, drop) if drop else 0
        if bring is not None and brought is not None:
            exports[history.keep_raw(db, bring)] = (bring, brought)
        settled = replace(_settle(db, held.name, exports, now()), gone=gone)
        times = [row.entry.time for _, export in exports.values() for row in export.rows]
        until = max(times, default=EPOCH) + pure.SLOW
        _note(db, held, {"settled": "yes", "until": until.isoformat()}, now())
    return settled


def _again(page: RawPage) -> Export:
    """A file that was read once; should this version not know its format any more, it is told as not understood."""
    try:
        return read(page)
    except NotReadable as error:
        return Export(
            (),
            (
                Piece(
                    0, Unparsed(f"file:{page.id}", str(error), json.dumps(page.body[:500].decode("utf-8", "replace")))
                ),
            ),
        )


def _settle(db: Db, connection: str, exports: Mapping[int, tuple[RawPage, Export]], now: datetime) -> Settled:
    lines = {number: tuple(key for key, _ in pure.numbered(export.rows)) for number, (_, export) in exports.items()}
    rows = pure.united(export.rows for _, export in exports.values())
    told, names = _told(db, connection, rows), [piece.name for _, export in exports.values() for piece in export.pieces]
    recognised = pure.recognised(rows, told)
    left = {key: row for key, row in rows.items() if key not in recognised}
    new = imports.put(db, connection, _by_page(left, lines))
    known = {leg.id for entry in told for leg in entry.legs}.intersection(names)
    pieces = {
        number: tuple(piece for piece in export.pieces if piece.name not in known)
        for number, (_, export) in exports.items()
    }
    imports.clear_unparsed(db, connection)
    for number, (page, _) in exports.items():
        odd = [piece.unparsed for piece in pieces[number]]
        history.add_unparsed(db, connection, page.stream, odd, raw_page=number, now=now)
    skipped = {number: export.skipped for number, (_, export) in exports.items()}
    return Settled(lines, pieces, skipped, frozenset(recognised), new)


def _told(db: Db, connection: str, rows: Mapping[Key, Row]) -> list[Entry]:
    """What the exchange told around the time of the lines, and whatever bears the name of one."""
    if not rows:
        return []
    times = [row.entry.time for row in rows.values()]
    near = imports.told(db, connection, min(times) - pure.SLOW, max(times) + pure.SLOW)
    found = {entry.id for entry in near} | {leg.id for entry in near for leg in entry.legs}
    names = sorted({name for row in rows.values() for name in row.names} - found)
    return [*near, *imports.told_by_name(db, connection, names)]


def _by_page(rows: Mapping[Key, Row], lines: Mapping[int, tuple[Key, ...]]) -> dict[int, list[Entry]]:
    """The entries, each under the first file that tells of it."""
    page = {
        rows[key].entry.id: number for number in sorted(lines, reverse=True) for key in lines[number] if key in rows
    }
    made: dict[int, list[Entry]] = {}
    for entry in pure.entries(rows.values()):
        made.setdefault(page[entry.id], []).append(entry)
    return made


def _note(db: Db, held: lease.Lease, state: Cursor, now: datetime) -> None:
    lease.hold(db, held, now)
    history.set_cursor(db, held.name, _STATE, state, done=True, now=now)
