"""Reconciling: what every exchange reports beside what its entries add up to, each gap with its start and its cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from tallyglass.app import proof
from tallyglass.app.causes import Cause
from tallyglass.app.evidence import OPENING, Books, Evidences, books_of, explained
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import GapView, moment
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.ledger.reconcile import Gap, may_owe
from tallyglass.money import ZERO, Amount, Asset, add, text, total
from tallyglass.store import books, history, sums
from tallyglass.store.base import Db

#: Causes that are about to go away, or that tell what is missing: no opening balance should hide them.
_NO_OPENING = frozenset(("unparsed", "pending", "still_read", "stream_unread", "moved", "missing_transfer", "untold"))


def reconcile(session: Session, *, everything: bool = False) -> list[GapView]:
    """The gaps, by connection and asset; with `everything`, every asset. A connection never read is a row, too."""
    rows: list[GapView] = []
    with session.store.read() as db:
        known = Evidences(db)
        for each in books_of(db, session.keeper.connections()):
            if each.as_of is None:
                rows.append(_never_read(each.connection.id))
            chosen = [gap for gap in each.gaps if gap.open or (everything and (gap.reported or gap.computed))]
            rows.extend(_row(known, each, gap) for gap in chosen)
    return rows


def everything(session: Session) -> list[GapView]:
    """Every asset; kept in memory until the store or a key is another: to explain a gap, much of a history is read."""
    stamp = session.store.version(), session.keeper.connections()
    return session.memory.keep("reconcile", stamp, lambda: reconcile(session, everything=True))


def recount(session: Session) -> list[str]:
    """Count every entry anew and put the running sums right; those that were wrong: there should never be any."""
    with session.store.write() as db:
        return [f"{connection} {account} {asset}" for connection, (account, asset) in sums.mend(db)]


def open_balance(session: Session, connection: str, symbol: str, *, anyway: bool = False) -> GapView:
    """Enter what an asset lacks as its opening balance, on the user's word. The row as it is then.

    Raises `Problem` when there is no gap, or, unless `anyway`, when something else explains it.
    """
    with session.store.read() as db:
        one, gap = _gap(db, session, connection, symbol)
        if not gap.open:
            raise Problem("no_gap", f"{connection} {gap.asset} adds up: there is nothing to open.")
        known = Evidences(db)
        cause = explained(known, one, gap)[1]
        said = known.openings(connection)
    if not anyway and cause.code in _NO_OPENING:
        raise Problem("not_opening", f"That is no opening balance. {cause.text}", _insist(cause))
    there = {move.account: move.amount for move in said if move.asset == gap.asset}
    there |= {each.account: add(there.get(each.account, ZERO), each.gap) for each in gap.open}
    if not anyway and any(amount < ZERO and not may_owe(account) for account, amount in there.items()):
        words = f"Less than nothing cannot have been there ({_lacks(gap)}): something went out that no history tells."
        raise Problem("not_opening", words, _insist(cause))
    with session.store.write() as db:
        _write(db, connection, gap.asset, there, session.now())
        row = _row(Evidences(db), *_gap(db, session, connection, symbol))
    proof.note(session)
    return row


def undo_opening(session: Session, connection: str, symbol: str) -> GapView:
    """Take back an opening balance. Raises `Problem` when there is none."""
    with session.store.write() as db:
        gap = _gap(db, session, connection, symbol)[1]
        if not books.remove_entry(db, connection, OPENING + gap.asset):
            raise Problem("no_opening", f"{connection} {gap.asset} has no opening balance of your word.")
        row = _row(Evidences(db), *_gap(db, session, connection, symbol))
    proof.note(session)
    return row


def _write(db: Db, connection: str, coin: Asset, there: Mapping[str, Amount], now: datetime) -> None:
    """The opening balance, wallet by wallet, in place of an earlier one; none where there is nothing."""
    name = OPENING + coin
    legs = tuple(Leg(account, account, coin, amount) for account, amount in there.items() if amount != ZERO)
    first = books.first_entry(db, connection, but=OPENING) or now
    note = f"opening balance, by your word of {now:%Y-%m-%d}"
    entry = Entry(name, min(first, now) - timedelta(seconds=1), "adjustment", legs, note)
    books.remove_entry(db, connection, name)
    history.add_entries(db, connection, [entry] if legs else [], None)


def _gap(db: Db, session: Session, connection: str, symbol: str) -> tuple[Books, Gap]:
    """One asset of one connection. Raises `Problem` for one that does not exist or was never read."""
    chosen = [each for each in session.keeper.connections() if each.id == connection]
    if not chosen:
        raise Problem("no_such_connection", f"No connection {connection!r}.", "See: tallyglass keys")
    for each in books_of(db, chosen):
        if each.as_of is None:
            raise Problem(
                "never_read", f"The balances of {connection} were never read.", f"tallyglass sync {connection}"
            )
        for gap in each.gaps:
            if gap.asset.casefold() == symbol.casefold():
                return each, gap
    raise Problem("no_such_asset", f"{connection} has never had {symbol!r}.", "See: tallyglass reconcile --all")


def _row(known: Evidences, each: Books, gap: Gap) -> GapView:
    said = [move.amount for move in known.openings(each.connection.id) if move.asset == gap.asset]
    found, cause = explained(known, each, gap) if gap.open else (gap, None)
    return _view(each, found, cause, said)


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


def _view(each: Books, gap: Gap, cause: Cause | None, said: list[Amount]) -> GapView:
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
