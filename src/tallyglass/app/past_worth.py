"""Net worth at a time that is past: what was held then by all entries, at the prices of the end of that day."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta

from tallyglass.app import past
from tallyglass.app.past_prices import prices_of
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.worth import worth
from tallyglass.exchanges.streams import Balance
from tallyglass.ledger.own import is_own
from tallyglass.money import Asset
from tallyglass.portfolio.worth import Cause, Source, Worth
from tallyglass.portfolio.worth import worth as value
from tallyglass.prices.paths import Price
from tallyglass.store import days as moved

_DAY = timedelta(days=1)


def worth_at(session: Session, at: str) -> Worth:
    """What all was worth at a time. A day stands for its end; of the running day, that is now.

    Of a moment, the quantities are those of the moment, and the prices those of the end of its day; today has no
    end yet, so that its moments are counted at the end of yesterday. Raises `Problem` for what is no time, or to come.
    """
    until, now = _moment(at), session.now()
    if until.date() > now.date():
        raise Problem("usage", f"{at} is still to come.", "Name a time that is past, or leave out --at.")
    if until >= now:
        return worth(session)
    currency, day = past.refresh(session), min(until.date(), now.date() - _DAY)
    with session.store.read() as db:
        held, named = moved.held_at(db, until, past.left(session, db)), past.naming(session, db)
        if named is not None:
            held = {(owner, named(owner, asset)): each for (owner, asset), each in held.items()}
        prices = prices_of(db, (day, day), {currency, *(asset for _, asset in held)})
        doubts = past.Doubts(session, db).on(until.date())
    balances: dict[str, list[Balance]] = defaultdict(list)
    for (connection, asset), amount in sorted(held.items()):
        balances[connection].append(Balance("", asset, amount))
    against: dict[str, list[Cause]] = defaultdict(list)
    for cause in doubts:
        against[cause.about.partition("/")[0]].append(cause)
    names = sorted(balances.keys() | against.keys())
    sources = [Source(name, balances[name], until, doubts=against[name], stated=is_own(name)) for name in names]

    def price(asset: Asset, currency: Asset) -> Price | None:
        return prices.price(asset, day, currency)

    return value(sources, price, currency, until)


def _moment(text: str) -> datetime:
    """A day as its end, or a time with its zone."""
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), time.max, UTC)
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        fix = "Write a day as 2026-01-31 or a time with its zone, as 2026-01-31T12:00Z."
        raise Problem("usage", f"{text!r} is no time.", fix)
    return found.astimezone(UTC)
