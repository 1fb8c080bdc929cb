"""Transfers between connections: found, shown with what stays open, and put right by the user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final, cast

from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import (
    CandidateView,
    MovementView,
    RulesView,
    TransfersView,
    TransferView,
    UnmatchedView,
    moment,
)
from tallyglass.ledger.pairing import Key
from tallyglass.ledger.transfers import Basis, Found, Movement, Obstacle, Pair, Rules, Transfer, Unmatched, family, find
from tallyglass.money import ZERO, NotMoney, amount, asset, divide, multiply, text
from tallyglass.store import present
from tallyglass.store import transfers as stored
from tallyglass.store.base import Db

_HOUR: Final = Decimal(3_600_000_000)
"""In microseconds."""
_MOST_HOURS: Final = 24 * 31
_DEFAULT: Final = {
    "window_hours": "20",
    "early_hours": "1",
    "shortfall_percent": "0.5",
    "excess_percent": "0.5",
}
_SEE: Final = "See: tallyglass transfers --all"
_BASIS: Final[dict[Basis, str]] = {
    "user": "you said so",
    "hash": "same transaction, same amount",
    "amount": "the amount and the time fit, and nothing else does",
    "order": "as many were sent as received, all alike: taken in their order",
}
_OBSTACLE: Final[dict[Obstacle, str]] = {
    "rivals": "fits, but is not the only one that could belong here",
    "hash": "fits, but is another transaction",
    "amount": "the same transaction, but another amount",
    "apart": "you said that it does not belong here",
}


def transfers(session: Session) -> TransfersView:
    """`transfers --json`: what is matched and what is open."""
    refresh(session)
    with session.store.read() as db:
        found = look(db)
        rules = _rules_view(db)
    return {
        "matched": [_transfer(each) for each in found.transfers],
        "open": [_unmatched(each) for each in found.open],
        "rules": rules,
    }


def outdated(db: Db) -> bool:
    """Whether deposits or withdrawals have come, changed or gone since transfers were found."""
    return stored.outdated(db)


def of(session: Session, name: str, symbol: str) -> TransferView | UnmatchedView | None:
    """What has become of one deposit or withdrawal of an asset; None for what is neither, or has not happened."""
    refresh(session)
    key = tuple(name.split("/", 1))
    with session.store.read() as db:
        known = list(stored.movements(db, family(asset(symbol))))
        found = find(known, _rules(_rules_view(db)), stored.decisions(db))
    for each in found.transfers:
        if key in (each.sent.key, each.received.key):
            return _transfer(each)
    return next((_unmatched(each) for each in found.open if each.movement.key == key), None)


def refresh(session: Session) -> None:
    """Find the transfers anew if they are outdated."""
    with session.store.read() as db:
        old = outdated(db)
    if old:
        with session.store.write() as db:
            _refresh(db)


def look(db: Db) -> Found:
    """What is matched and what is open, by the user's rules and words."""
    return find(stored.movements(db), _rules(_rules_view(db)), stored.decisions(db))


def forget(db: Db, connection: str) -> None:
    """After a connection's entries have been deleted: what was said of them goes, too."""
    stored.forget(db, connection)
    _refresh(db)


def _refresh(db: Db) -> Found:
    found = look(db)
    stored.keep(db, found.transfers)
    return found


def match(session: Session, one: str, other: str) -> TransferView:
    """Say that two entries are one transfer, whatever the rules find. `CONNECTION/ID` of both, in any order."""
    with session.store.write() as db:
        pair = _pair(db, one, other)
        for said in stored.decisions(db).matched:
            if said != pair and set(said) & set(pair):
                there, with_ = ("/".join(key) for key in said)
                text_ = f"You have already said that {there} went to {with_}."
                raise Problem("already_matched", text_, f"First: tallyglass transfers reset {there} {with_}")
        stored.decide(db, pair, "matched", session.now())
        found = _refresh(db)
    return next(_transfer(each) for each in found.transfers if (each.sent.key, each.received.key) == pair)


def unmatch(session: Session, one: str, other: str) -> TransfersView:
    """Say that two entries are no transfer, now and after every sync. Gives what has become of both."""
    return _said(session, one, other, matched=False)


def reset(session: Session, one: str, other: str) -> TransfersView:
    """Forget what the user said about two entries: the rules decide again. Gives what has become of both."""
    return _said(session, one, other, matched=None)


def _said(session: Session, one: str, other: str, *, matched: bool | None) -> TransfersView:
    with session.store.write() as db:
        pair = _pair(db, one, other)
        if matched is None:
            if not stored.undecide(db, pair):
                raise Problem("nothing_said", "You have said nothing about these two.", _SEE)
        else:
            stored.decide(db, pair, "matched" if matched else "apart", session.now())
        found = _refresh(db)
        rules = _rules_view(db)
    return {
        "matched": [_transfer(each) for each in found.transfers if {each.sent.key, each.received.key} & set(pair)],
        "open": [_unmatched(each) for each in found.open if each.movement.key in pair],
        "rules": rules,
    }


def _pair(db: Db, one: str, other: str) -> Pair:
    """The two movements that are meant: the sent one first."""
    known = {each.key: each for each in stored.movements(db)}
    first, second = _known(known, one), _known(known, other)
    if first.sent == second.sent:
        both = "sent" if first.sent else "received"
        raise Problem("no_transfer", f"Both were {both}.", "A transfer is a withdrawal here and a deposit there.")
    if family(first.asset) != family(second.asset):
        raise Problem("no_transfer", f"{first.asset} is not {second.asset}.", "A transfer moves one asset.")
    return (first.key, second.key) if first.sent else (second.key, first.key)


def _known(known: Mapping[Key, Movement], name: str) -> Movement:
    connection, _, entry = name.partition("/")
    found = known.get((connection, entry))
    if found is None:
        raise Problem(
            "no_such_entry",
            f"{name!r} is no deposit or withdrawal that has happened.",
            f"Give it as CONNECTION/ID. {_SEE}",
        )
    return found


def rules(session: Session) -> RulesView:
    """How far two sides may lie apart."""
    with session.store.read() as db:
        return _rules_view(db)


def set_rules(session: Session, changes: Mapping[str, str]) -> RulesView:
    """Change some of the rules, by their names in `RulesView`, and find the transfers anew (`20` or `20h`, `5%`)."""
    plain = {name: value.removesuffix(_unit(name)).strip() for name, value in changes.items()}
    for name, value in plain.items():
        _check(name, value)
    with session.store.write() as db:
        for name, value in plain.items():
            present.set_setting(db, f"transfers.{name}", text(amount(value)))
        _refresh(db)
        return _rules_view(db)


def _unit(name: str) -> str:
    return "h" if name.endswith("_hours") else "%"


def _check(name: str, value: str) -> None:
    most = _MOST_HOURS if _unit(name) == "h" else 100
    try:
        fits = ZERO <= amount(value) <= most
    except NotMoney:
        fits = False
    if name not in _DEFAULT or not fits:
        raise Problem("usage", f"{name.replace('_', ' ')}: {value[:40]!r} is no number from 0 to {most}.", _SEE)


def _rules_view(db: Db) -> RulesView:
    said = {name: present.setting(db, f"transfers.{name}", usual) for name, usual in _DEFAULT.items()}
    return cast("RulesView", said)


def _rules(view: RulesView) -> Rules:
    def hours(value: str) -> timedelta:
        return timedelta(microseconds=int(multiply(amount(value), _HOUR)))

    def share(value: str) -> Decimal:
        return divide(amount(value), Decimal(100))

    return Rules(
        hours(view["window_hours"]),
        hours(view["early_hours"]),
        share(view["shortfall_percent"]),
        share(view["excess_percent"]),
    )


def _transfer(found: Transfer) -> TransferView:
    return {
        "sent": _movement(found.sent),
        "received": _movement(found.received),
        "lost": text(found.lost),
        "basis": found.basis,
        "text": _BASIS[found.basis],
    }


def _unmatched(found: Unmatched) -> UnmatchedView:
    here = _movement(found.movement)
    candidates: list[CandidateView] = [
        {**_movement(each.movement), "obstacle": each.obstacle, "text": _OBSTACLE[each.obstacle]}
        for each in found.candidates
    ]
    rivals = sum(each["obstacle"] == "rivals" for each in candidates)
    fix = f"If it is: tallyglass transfers match {here['id']} {candidates[0]['id']}" if candidates else ""
    if rivals:
        reason, told = "ambiguous", "More than one pairing fits." if rivals == 1 else f"{rivals} others fit equally."
    elif candidates:
        reason, told = "doubtful", f"One comes near: {candidates[0]['text']}."
    else:
        other = "deposit" if found.movement.sent else "withdrawal"
        reason, told = "alone", f"No {other} of {found.movement.asset} on another connection fits."
    return {**here, "reason": reason, "text": told, "fix": fix, "candidates": candidates}


def _movement(found: Movement) -> MovementView:
    return {
        "id": "/".join(found.key),
        "time": moment(found.time) or "",
        "connection": found.connection,
        "asset": found.asset,
        "amount": text(found.amount),
        "fee": text(found.fee),
        "txid": found.txid or None,
    }
