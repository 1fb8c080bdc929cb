"""What everything is worth: from stored balances and stored prices, without asking anybody."""

from __future__ import annotations

from tallyglass.app.session import Session
from tallyglass.app.views import HoldingView, WorthView, moment
from tallyglass.money import asset, text
from tallyglass.portfolio.worth import Holding, Source, Worth
from tallyglass.portfolio.worth import worth as value
from tallyglass.prices.paths import Quotes
from tallyglass.store import present

DEFAULT_CURRENCY = "USD"


def worth(session: Session) -> Worth:
    """The net worth of this moment, as it is known."""
    connections = session.keeper.connections()
    with session.store.read() as db:
        faults = {(each.source, each.part): each for each in present.list_freshness(db)}
        sources = []
        for connection in connections:
            if connection.state == "dead":
                continue
            balances, seen = present.balances_of(db, connection.id)
            fault = faults.get((connection.id, "balances"))
            sources.append(
                Source(
                    connection.id,
                    balances,
                    seen,
                    fault=fault.fault if fault else "",
                    text=fault.text if fault else "",
                    frozen=connection.state == "frozen",
                )
            )
        quotes = Quotes(present.list_tickers(db), present.newest_rates(db)[1])
        currency = asset(present.setting(db, "currency", DEFAULT_CURRENCY))
    return value(sources, quotes.price, currency, session.now())


def worth_view(session: Session) -> WorthView:
    """`worth --json`."""
    found = worth(session)
    return {
        "total": text(found.total),
        "currency": found.currency,
        "complete": found.complete,
        "as_of": moment(found.as_of) or "",
        "causes": [{"code": cause.code, "about": cause.about, "text": cause.text} for cause in found.causes],
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


def set_currency(session: Session, code: str) -> None:
    """Count everything in another currency from now on."""
    with session.store.write() as db:
        present.set_setting(db, "currency", asset(code.upper()))
