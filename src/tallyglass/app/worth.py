"""What everything is worth: from stored balances and stored prices, without asking anybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from tallyglass.app import accounts
from tallyglass.app.problems import Problem
from tallyglass.app.proof import doubts
from tallyglass.app.session import Session
from tallyglass.app.views import HoldingView, WorthView, cause_views, moment
from tallyglass.keeper.client import Connection
from tallyglass.money import Amount, Asset, asset, text
from tallyglass.portfolio.worth import Cause, Holding, Source, Worth
from tallyglass.portfolio.worth import worth as value
from tallyglass.prices import stored
from tallyglass.prices.paths import Quotes, Word
from tallyglass.store import history, marks, present
from tallyglass.store.base import Db
from tallyglass.store.marks import Mark

DEFAULT_CURRENCY = "USD"
_USUAL: Final = ("USD", "EUR", "GBP", "CHF", "JPY", "CAD", "AUD", "BTC", "ETH")


def worth(session: Session) -> Worth:
    """The net worth of this moment, as it is known."""
    return session.memory.keep("worth", session.stamp(), lambda: _worth(session))


def _worth(session: Session) -> Worth:
    against, quotes = doubts(session), present_quotes(session)
    connections = [each for each in session.keeper.connections() if each.state != "dead"]
    with session.store.read() as db:
        faults = {(each.source, each.part): each for each in present.list_freshness(db) if each.fault}
        word = stored.word(db)
        sources = [
            _by_what_is_meant(
                _source(db, each, faults.get((each.id, "balances")), against.get(each.id, ())), each.exchange, word
            )
            for each in connections
        ]
        sources += accounts.sources(db, session.now())
        currency = currency_of(db)
    failed = {source: fault.text for (source, part), fault in faults.items() if part in ("tickers", "rates")}
    return value(sources, quotes.price, currency, session.now(), failed)


def currency_of(db: Db) -> Asset:
    """The currency in which everything is counted."""
    return asset(present.setting(db, "currency", DEFAULT_CURRENCY))


def currency(session: Session) -> Asset:
    """The same, for who is not reading."""
    with session.store.read() as db:
        return currency_of(db)


def _source(db: Db, connection: Connection, fault: present.Freshness | None, against: Sequence[Cause]) -> Source:
    balances, seen = present.balances_of(db, connection.id)
    return Source(
        connection.id,
        balances,
        seen,
        fault=fault.fault if fault else "",
        text=fault.text if fault else "",
        frozen=connection.state == "frozen",
        unparsed=history.count_unparsed(db, connection.id, "balances"),
        doubts=against,
    )


def _by_what_is_meant(source: Source, exchange: str, word: Word) -> Source:
    """The same balances, where the user said that the exchange means a coin of its own by a symbol."""
    if not word.apart:
        return source
    named = [replace(each, asset=word.named(each.asset, exchange)) for each in source.balances]
    return replace(source, balances=named)


def present_quotes(session: Session) -> Quotes:
    """The prices of now: of the exchanges in use, and what other sources say of the same."""
    used = {each.exchange for each in session.keeper.connections() if each.state != "dead"}

    def look() -> Quotes:
        with session.store.read() as db:
            return stored.quotes(db, used, session.now().date())

    return session.memory.keep("quotes", (session.store.version(), used, session.now().date()), look)


def present_price(session: Session, db: Db) -> Callable[[Asset], Amount | None]:
    """What one unit of an asset is worth now, whether it is owned or not."""
    quotes, currency = present_quotes(session), currency_of(db)

    def price(asset: Asset) -> Amount | None:
        found = quotes.price(asset, currency)
        return None if found is None else found.value

    return price


def note(session: Session) -> None:
    """Keep what all is worth now, for the history within the day; nothing where nothing is known yet."""
    found = worth(session)
    if any(source.fresh_at for source in found.sources):
        with session.store.write() as db:
            marks.keep(db, found.currency, Mark(found.as_of, found.total, found.complete))


def worth_view(session: Session, found: Worth | None = None) -> WorthView:
    """`worth --json`: of this moment, or what was found of another."""
    found = found or worth(session)
    return {
        "total": text(found.total),
        "stated": text(found.stated),
        "currency": found.currency,
        "complete": found.complete,
        "as_of": moment(found.as_of) or "",
        "causes": cause_views(found.causes),
        "sources": [
            {
                "connection": source.connection,
                "status": source.status(found.as_of),
                "fresh_at": moment(source.fresh_at),
                "text": source.text,
            }
            for source in found.sources
        ],
        "holdings": [_holding(holding) for holding in found.holdings],
    }


def _holding(holding: Holding) -> HoldingView:
    return {
        "asset": holding.asset,
        "amount": text(holding.amount),
        "price": None if holding.price is None else text(holding.price.value),
        "price_source": None if holding.price is None else holding.price.source,
        "price_at": None if holding.price is None else moment(holding.price.at),
        "value": None if holding.value is None else text(holding.value),
        "by": [{"connection": p.connection, "account": p.account, "amount": text(p.amount)} for p in holding.by],
    }


def currencies(session: Session) -> list[str]:
    """The usual currencies to which prices lead, the chosen one first."""
    quotes = present_quotes(session)

    def look() -> list[str]:
        with session.store.read() as db:
            chosen = currency_of(db)
        there = (each for each in _USUAL if quotes.price(asset(DEFAULT_CURRENCY), asset(each)) is not None)
        return list(dict.fromkeys([chosen, *there]))

    return session.memory.keep("currencies", session.store.version(), look)


def currency_named(code: str) -> Asset:
    """A currency as it is written. A `Problem` for what can be none."""
    try:
        return asset(code.upper())
    except ValueError:
        raise Problem("unknown_currency", f"{code[:40]!r} is no currency.", "Name one: USD, EUR, GBP, BTC …") from None


def set_currency(session: Session, code: str) -> None:
    """Count everything in another currency from now on. A `Problem` for one that nothing leads to."""
    wanted, quotes = currency_named(code), present_quotes(session)
    with session.store.write() as db:
        if quotes.price(asset(DEFAULT_CURRENCY), wanted) is None:
            text = f"There is no price that leads from {DEFAULT_CURRENCY} to {wanted}."
            raise Problem("unknown_currency", text, "Name a currency or a coin with a market, and sync once before.")
        present.set_setting(db, "currency", wanted)
