"""Reconciling: what every exchange reports beside what its entries add up to, each gap with its start and its cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tallyglass.app import transfers
from tallyglass.app.causes import Behind, Cause, Evidence, Piece, Waiting, explain
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import GapView, moment
from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Known
from tallyglass.keeper.client import Connection
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.ledger.reconcile import (
    SLACK,
    Difference,
    Gap,
    Line,
    Move,
    Opened,
    Place,
    below_zero,
    by_asset,
    compare,
    opened,
)
from tallyglass.ledger.transfers import Movement
from tallyglass.money import ZERO, Amount, Asset, add, subtract, text, total
from tallyglass.store import books, history, present
from tallyglass.store.base import Db

#: Entries that the user has confirmed begin like this.
OPENING = "opening:"
#: Causes that are about to go away, or that tell what is missing: no opening balance should hide them.
_NO_OPENING = frozenset(("unparsed", "pending", "still_read", "stream_unread", "moved", "missing_transfer", "untold"))


@dataclass(frozen=True, slots=True)
class _Books:
    """What one connection reports, and what its entries add up to."""

    connection: Connection
    #: When the balances were last seen; None = never.
    as_of: datetime | None
    gaps: tuple[Gap, ...]
    openings: tuple[Move, ...]


def reconcile(session: Session, *, everything: bool = False) -> list[GapView]:
    """The gaps, by connection and asset; with `everything`, every asset. A connection never read is a row, too."""
    rows: list[GapView] = []
    with session.store.read() as db:
        known = _Evidences(db)
        for each in _books(db, session.keeper.connections()):
            if each.as_of is None:
                rows.append(_never_read(each.connection.id))
            chosen = [gap for gap in each.gaps if gap.open or (everything and (gap.reported or gap.computed))]
            rows.extend(_row(known, each, gap) for gap in chosen)
    return rows


def count_gaps(session: Session) -> int:
    """How many assets of how many connections do not add up, though what tells of them has been read."""
    with session.store.read() as db:
        return sum(_settled(db, each) for each in _books(db, session.keeper.connections()))


def _settled(db: Db, each: _Books) -> int:
    """The gaps of a connection that no history still to be read may close."""
    gaps = [gap for gap in each.gaps if gap.open]
    if not gaps:
        return 0
    behind = list(_behind(db, each, _known(db, each)))
    unread = behind if _reading(db, each) else [stream for stream in behind if stream.read_at is None]
    return sum(not any(stream.may_lack(gap) for stream in unread) for gap in gaps)


def open_balance(session: Session, connection: str, symbol: str, *, anyway: bool = False) -> GapView:
    """Enter what an asset lacks as its opening balance, on the user's word. The row as it is then.

    Raises `Problem` when there is no gap, or, unless `anyway`, when something else explains it.
    """
    with session.store.read() as db:
        one, gap = _gap(db, session, connection, symbol)
        if not gap.open:
            raise Problem("no_gap", f"{connection} {gap.asset} adds up: there is nothing to open.")
        cause = _explain(_Evidences(db), one, gap)[1]
    if not anyway and cause.code in _NO_OPENING:
        raise Problem("not_opening", f"That is no opening balance. {cause.text}", _insist(cause))
    there = {move.account: move.amount for move in one.openings if move.asset == gap.asset}
    there |= {each.account: add(there.get(each.account, ZERO), each.gap) for each in gap.open}
    if not anyway and any(amount < ZERO for amount in there.values()):
        words = f"Less than nothing cannot have been there ({_lacks(gap)}): something went out that no history tells."
        raise Problem("not_opening", words, _insist(cause))
    with session.store.write() as db:
        _write(db, connection, gap.asset, there, session.now())
        return _row(_Evidences(db), *_gap(db, session, connection, symbol))


def undo_opening(session: Session, connection: str, symbol: str) -> GapView:
    """Take back an opening balance. Raises `Problem` when there is none."""
    with session.store.write() as db:
        gap = _gap(db, session, connection, symbol)[1]
        if not books.remove_entry(db, connection, OPENING + gap.asset):
            raise Problem("no_opening", f"{connection} {gap.asset} has no opening balance of your word.")
        return _row(_Evidences(db), *_gap(db, session, connection, symbol))


def _write(db: Db, connection: str, coin: Asset, there: Mapping[str, Amount], now: datetime) -> None:
    """The opening balance, wallet by wallet, in place of an earlier one; none where there is nothing."""
    name = OPENING + coin
    legs = tuple(Leg(account, account, coin, amount) for account, amount in there.items() if amount != ZERO)
    first = books.first_entry(db, connection, but=OPENING) or now
    note = f"opening balance, by your word of {now:%Y-%m-%d}"
    entry = Entry(name, min(first, now) - timedelta(seconds=1), "adjustment", legs, note)
    books.remove_entry(db, connection, name)
    history.add_entries(db, connection, [entry] if legs else [], None)


def _gap(db: Db, session: Session, connection: str, symbol: str) -> tuple[_Books, Gap]:
    """One asset of one connection. Raises `Problem` for one that does not exist or was never read."""
    chosen = [each for each in session.keeper.connections() if each.id == connection]
    if not chosen:
        raise Problem("no_such_connection", f"No connection {connection!r}.", "See: tallyglass keys")
    for each in _books(db, chosen):
        if each.as_of is None:
            raise Problem(
                "never_read", f"The balances of {connection} were never read.", f"tallyglass sync {connection}"
            )
        for gap in each.gaps:
            if gap.asset.casefold() == symbol.casefold():
                return each, gap
    raise Problem("no_such_asset", f"{connection} has never had {symbol!r}.", "See: tallyglass reconcile --all")


def _books(db: Db, connections: Iterable[Connection]) -> Iterator[_Books]:
    sums = books.sums(db)
    for each in connections:
        if each.state == "dead":
            continue
        balances, seen = present.balances_of(db, each.id)
        if seen is None:
            yield _Books(each, None, (), ())
            continue
        reported: dict[Place, Amount] = {(balance.account, balance.asset): balance.total for balance in balances}
        late = books.moves(db, each.id, after=seen - SLACK)
        gaps = by_asset(compare(reported, seen, sums.get(each.id, {}), late))
        yield _Books(each, seen, tuple(gaps), tuple(books.own_moves(db, each.id, OPENING)))


def _row(known: _Evidences, each: _Books, gap: Gap) -> GapView:
    return _view(each, *_explain(known, each, gap)) if gap.open else _view(each, gap, None)


def _explain(known: _Evidences, each: _Books, gap: Gap) -> tuple[Gap, Cause]:
    """The gap with its start, and its cause."""
    found = replace(gap, opened=_opened(known.db, each.connection.id, gap))
    cause = explain(found, known.of(each))
    # What is still to be read would tell of another beginning.
    return (gap if cause.code == "still_read" else found), cause


def _opened(db: Db, connection: str, gap: Gap) -> Opened | None:
    """When a gap opened: when the first of its wallets did."""
    found = [one for each in gap.open if (one := _opened_in(db, connection, each)) is not None]
    if not found:
        return None
    clean = [each.clean_at for each in found]
    known = [at for at in clean if at is not None]
    return Opened(min(known) if len(known) == len(clean) else None, min(each.wrong_at for each in found))


def _opened_in(db: Db, connection: str, wallet: Difference) -> Opened | None:
    """When the gap of one wallet opened: by its readings; where none was ever clean, by what it had never received."""
    place = wallet.account, wallet.asset
    readings = books.readings(db, connection, place)
    moves = [
        (move.time, move.amount) for move in books.moves(db, connection, after=readings[0].at - SLACK, place=place)
    ]
    until = total(amount for time, amount in moves if time <= readings[-1].at)
    found = opened(Line(moves, subtract(wallet.computed, until)), readings)
    if found is None or found.clean_at is not None or wallet.gap < ZERO:
        return found
    short = below_zero(books.moves(db, connection, place=place))
    return Opened(None, min(found.wrong_at, short)) if short else found


class _Evidences:
    """What may explain gaps, gathered for a connection when it has one."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self._found: dict[str, Evidence] = {}
        self._unmatched: tuple[Movement, ...] | None = None

    def of(self, each: _Books) -> Evidence:
        """All that is known of one connection."""
        name = each.connection.id
        if name not in self._found:
            self._found[name] = self._gather(each)
        return self._found[name]

    def _gather(self, each: _Books) -> Evidence:
        one, db = each.connection, self.db
        known, fault = _known(db, each), _freshness(db, one.id)
        return Evidence(
            one.id,
            registry.manifest(one.exchange),
            pieces=_pieces(db, one, known),
            waiting=[Waiting(entry.id, _moves(entry)) for entry in books.waiting(db, one.id)],
            behind=list(_behind(db, each, known)),
            reading=_reading(db, each),
            fault=(fault.text, fault.fix) if fault else ("", ""),
            wallets=books.wallets_reported(db, one.id),
            unmatched=self._open(),
            window=one.window[0] if one.window else None,
            openings=each.openings,
        )

    def _open(self) -> tuple[Movement, ...]:
        if self._unmatched is None:
            self._unmatched = tuple(each.movement for each in transfers.look(self.db).open)
        return self._unmatched


def _pieces(db: Db, one: Connection, known: Known) -> list[Piece]:
    reader = registry.clues(one.exchange)
    return [
        Piece(each.stream, each.piece.reason, tuple(reader.clues(each.piece, known)) if reader else ())
        for each in history.unparsed_of(db, one.id)
    ]


def _known(db: Db, each: _Books) -> Known:
    one = each.connection
    assets = frozenset(gap.asset for gap in each.gaps)
    return Known(present.markets_of(db, one.exchange), assets, present.wallets_of(db, one.id))


def _freshness(db: Db, connection: str) -> present.Freshness | None:
    """How the last reading of its history ended."""
    return next((f for f in present.list_freshness(db) if (f.source, f.part) == (connection, "history")), None)


def _reading(db: Db, each: _Books) -> bool:
    """Whether no attempt to read the history has ended since the balances were seen."""
    last = _freshness(db, each.connection.id)
    if last is None or each.as_of is None:
        return True
    return not last.fault and (last.fresh_at is None or last.fresh_at < each.as_of)


def _behind(db: Db, each: _Books, known: Known) -> Iterator[Behind]:
    """The streams that were not read to their end after the balances."""
    one = each.connection
    read = books.progress(db, one.id)
    for stream in registry.history(one.exchange).streams(known):
        there = read.get(stream.name)
        if there is None:
            yield Behind(stream.name, "was never read", _assets(stream.name, known))
        elif not there.done:
            yield Behind(stream.name, "is not read to its end", _assets(stream.name, known))
        elif each.as_of is not None and there.updated_at < each.as_of:
            words = f"was last read at {there.updated_at:%Y-%m-%d %H:%M} UTC"
            yield Behind(stream.name, words, _assets(stream.name, known), there.updated_at)


def _assets(stream: str, known: Known) -> frozenset[Asset]:
    """What a stream tells of, by the market or the wallet in its name; none = of anything."""
    about = stream.partition(":")[2]
    if about in known.markets:
        market = known.markets[about]
        return frozenset((market.base, market.quote))
    return frozenset(coin for wallet, coin in known.wallets.items() if about and wallet.endswith(about))


def _moves(entry: Entry) -> tuple[Move, ...]:
    return tuple(Move(entry.time, leg.account, leg.asset, leg.amount) for leg in entry.legs)


def _never_read(connection: str) -> GapView:
    return {
        "connection": connection,
        "asset": None,
        "reported": None,
        "computed": None,
        "gap": None,
        "since": None,
        "clean_at": None,
        "as_of": None,
        "cause": "never_read",
        "text": "Its balances were never read.",
        "fix": f"tallyglass sync {connection}",
        "opening": None,
        "accounts": [],
    }


def _view(each: _Books, gap: Gap, cause: Cause | None) -> GapView:
    said = [move.amount for move in each.openings if move.asset == gap.asset]
    since = None if cause is None or gap.opened is None else cause.since or gap.opened.wrong_at
    return {
        "connection": each.connection.id,
        "asset": gap.asset,
        "reported": text(gap.reported),
        "computed": text(gap.computed),
        "gap": text(gap.amount),
        "since": moment(since),
        "clean_at": moment(gap.opened.clean_at) if gap.opened else None,
        "as_of": moment(each.as_of),
        "cause": cause.code if cause else None,
        "text": cause.text if cause else "",
        "fix": cause.fix if cause else "",
        "opening": text(total(said)) if said else None,
        "accounts": [
            {
                "account": part.account,
                "reported": text(part.reported),
                "computed": text(part.computed),
                "gap": text(part.gap),
            }
            for part in gap.accounts
        ],
    }


def _insist(cause: Cause) -> str:
    return f"{cause.fix.rstrip('.')}. Or insist: --anyway"


def _lacks(gap: Gap) -> str:
    return ", ".join(f"{each.account} {text(each.gap)} {gap.asset}" for each in gap.open)
