"""What one connection reports beside what its entries add up to, and all that may explain where the two differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from tallyglass.app import transfers
from tallyglass.app.causes import Behind, Cause, Evidence, Piece, Waiting, explain
from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Known, enriches
from tallyglass.keeper.client import Connection
from tallyglass.ledger.entries import Entry
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
    may_owe,
    opened,
)
from tallyglass.ledger.transfers import Movement
from tallyglass.money import ZERO, Amount, Asset, subtract, total
from tallyglass.store import books, history, present
from tallyglass.store.base import Db

#: Entries that the user has confirmed begin like this.
OPENING = "opening:"


@dataclass(frozen=True, slots=True)
class Books:
    """What one connection reports, and what its entries add up to."""

    connection: Connection
    #: When the balances were last seen; None = never.
    as_of: datetime | None
    gaps: tuple[Gap, ...]


def books_of(db: Db, connections: Iterable[Connection]) -> Iterator[Books]:
    """Every connection's own, but for those that are gone."""
    sums = books.sums(db)
    for each in connections:
        if each.state == "dead":
            continue
        balances, seen = present.balances_of(db, each.id)
        if seen is None:
            yield Books(each, None, ())
            continue
        reported: dict[Place, Amount] = {(balance.account, balance.asset): balance.total for balance in balances}
        late = books.moves(db, each.id, after=seen - SLACK)
        gaps = by_asset(compare(reported, seen, sums.get(each.id, {}), late))
        yield Books(each, seen, tuple(gaps))


def explained(known: Evidences, each: Books, gap: Gap) -> tuple[Gap, Cause]:
    """The gap with its start, and its cause. What is still to be read would tell of another beginning."""
    evidence = known.of(each)
    if evidence.unread(gap):
        return gap, explain(gap, evidence)
    found = replace(gap, opened=_opened(known.db, each.connection.id, gap))
    cause = explain(found, evidence)
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
    if found is None or found.clean_at is not None or wallet.gap < ZERO or may_owe(wallet.account):
        return found
    short = below_zero(books.moves(db, connection, place=place))
    return Opened(None, min(found.wrong_at, short)) if short else found


class Evidences:
    """What may explain gaps, gathered for a connection when it has one."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self._found: dict[str, Evidence] = {}
        self._openings: dict[str, list[Move]] = {}
        self._unmatched: tuple[Movement, ...] | None = None

    def of(self, each: Books) -> Evidence:
        """All that is known of one connection."""
        name = each.connection.id
        if name not in self._found:
            self._found[name] = self._gather(each)
        return self._found[name]

    def openings(self, connection: str) -> list[Move]:
        """What the user confirmed to have been there before all history."""
        if connection not in self._openings:
            self._openings[connection] = books.own_moves(self.db, connection, OPENING)
        return self._openings[connection]

    def _gather(self, each: Books) -> Evidence:
        one, db = each.connection, self.db
        known, fault = _known(db, each), freshness(db, one.id)
        return Evidence(
            one.id,
            registry.manifest(one.exchange),
            pieces=_pieces(db, one, known),
            waiting=[Waiting(entry.id, _moves(entry)) for entry in books.waiting(db, one.id)],
            behind=list(_behind(db, each, known)),
            reading=_reading(db, each),
            fault=(fault.text, fault.fix) if fault else ("", ""),
            wallets=books.wallets_reported(db, one.id),
            unmatched=self._open,
            window=one.window[0] if one.window else None,
            openings=self.openings(one.id),
        )

    def _open(self) -> tuple[Movement, ...]:
        if self._unmatched is None:
            self._unmatched = tuple(each.movement for each in transfers.look(self.db).open)
        return self._unmatched


def _pieces(db: Db, one: Connection, known: Known) -> list[Piece]:
    reader, apart = registry.clues(one.exchange), enriching(one.exchange)
    return [
        Piece(each.stream, each.piece.reason, tuple(reader.clues(each.piece, known)) if reader else ())
        for each in history.unparsed_of(db, one.id)
        if each.stream not in apart
    ]


def enriching(exchange: str) -> frozenset[str]:
    """The streams of which no gap can come: they tell more of what others tell."""
    return frozenset(each.name for each in registry.history(exchange).streams(Known()) if enriches(each))


def _known(db: Db, each: Books) -> Known:
    one = each.connection
    return Known(
        present.markets_of(db, one.exchange),
        frozenset(gap.asset for gap in each.gaps),
        present.wallets_of(db, one.id),
        frozenset(gap.asset for gap in each.gaps if gap.open),
        frozenset(name for name, there in books.progress(db, one.id).items() if there.done),
    )


def freshness(db: Db, connection: str) -> present.Freshness | None:
    """How the last reading of its history ended."""
    return next((f for f in present.list_freshness(db) if (f.source, f.part) == (connection, "history")), None)


def _reading(db: Db, each: Books) -> bool:
    """Whether no attempt to read the history has ended since the balances were seen."""
    last = freshness(db, each.connection.id)
    if last is None or each.as_of is None:
        return True
    return not last.fault and (last.fresh_at is None or last.fresh_at < each.as_of)


def _behind(db: Db, each: Books, known: Known) -> Iterator[Behind]:
    """The streams that were not read to their end after the balances."""
    one = each.connection
    read = books.progress(db, one.id)
    for stream in registry.history(one.exchange).streams(known):
        if enriches(stream):
            continue
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
