"""Every address of the API: what it tells, what it takes, and the shape of its answer. It only reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallyglass.app import (
    accounts,
    alerts,
    audit,
    deciding,
    egress,
    exchanges,
    history,
    holdings,
    hygiene,
    journal,
    performance,
    pricing,
    reconciling,
    status,
    transfers,
    was_it_me,
    worth,
    worth_history,
)
from tallyglass.app.asking import day_of, history_asked, performance_asked
from tallyglass.app.egress_views import EgressView
from tallyglass.app.key_views import AuditView, KeyView
from tallyglass.app.past_worth import worth_at
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import ExchangeView, GapView, HistoryView, TransfersView, UnparsedView, WorthView
from tallyglass.web.api.pages import Part, part
from tallyglass.web.api.parameters import (
    AFTER,
    AT,
    BENCHMARK,
    CONNECTION,
    FROM,
    LIMIT,
    TO,
    Given,
    Param,
    choice,
    number,
    words,
    yes,
)

Tell = Callable[[Session, Given], object]


@dataclass(frozen=True, slots=True)
class Address:
    """One address below `/api/v1/`."""

    title: str
    #: The type of its answer: the same that the app promises.
    answer: Any
    tell: Tell
    params: tuple[Param, ...] = ()
    #: What a token must be allowed to read.
    scope: str = "worth"
    #: The other shape that it may have.
    otherwise: Any = None


def _worth(session: Session, given: Given) -> WorthView:
    at = given.get("at", "")
    return worth.worth_view(session, worth_at(session, at) if at else None)


def _worth_history(session: Session, given: Given) -> object:
    first, last, every = given.get("from", ""), given.get("to", ""), given.get("every", "day")
    asked = history_asked(first, last, every, given.get("by", ""))
    if every == "hour":
        return worth_history.hours(session, asked.first, asked.last)
    return worth_history.history(session, asked)


def _performance(session: Session, given: Given) -> object:
    asked = performance_asked(*(given.get(name, "") for name in ("period", "from", "to", "benchmark", "by")))
    return performance.performance(session, asked)


def _history(session: Session, given: Given) -> HistoryView:
    asked = history.Question(
        limit=number(given, "limit", 50),
        after=given.get("after", ""),
        connection=given.get("connection", ""),
        kind=given.get("kind", ""),
        asset=given.get("asset", ""),
        since=given.get("from", ""),
        until=given.get("to", ""),
        search=given.get("search", ""),
        pending=yes(given, "pending"),
    )
    return history.history(session, asked)


def _transfers(session: Session, given: Given) -> Part:
    found = transfers.transfers(session)
    shown = part(found["matched"], given, lambda each: each["sent"]["id"])
    return Part({**found, "matched": shown.answer}, shown.next)


def _unparsed(session: Session, given: Given) -> Part:
    return part(history.unparsed(session), given, lambda each: f"{each['connection']}/{each['stream']}/{each['id']}")


def _journal(session: Session, given: Given) -> journal.KeyUsesView:
    limit, connection, after = number(given, "limit", 50), given.get("connection", ""), given.get("after", "")
    return journal.page(session.keeper, limit=limit, connection=connection, after=after)


def _was_it_me(session: Session, given: Given) -> was_it_me.AnswerView:
    if not given.get("exchange") or not given.get("at"):
        raise Problem("usage", "Which exchange, and when?", "Give exchange and at, as the exchange's mail tells them.")
    window = number(given, "window", -1)
    minutes = None if window < 0 else float(window)
    return was_it_me.ask(session, given["exchange"], given["at"], given.get("ip", ""), window=minutes)


_PERIODS: Final = ("24h", "7d", "30d", "90d", "month", "year")
_EVERY: Final = choice("every", "How far the points are apart.", "hour", *worth_history.EVERY)

#: Nobody outside is asked, and prices that are missing stay missing; but `was-it-me` may look what our address is now.
ADDRESSES: Final[Mapping[str, Address]] = {
    "worth": Address("What everything is worth: now, or at a time that is past.", WorthView, _worth, (AT,)),
    "worth/history": Address(
        "Net worth through time.",
        worth_history.WorthHistoryView,
        _worth_history,
        (FROM, TO, _EVERY, choice("by", "The parts, too.", *worth_history.BY)),
        otherwise=worth_history.HoursView,
    ),
    "performance": Address(
        "Gain, returns, drawdown and volatility of a period.",
        performance.PerformanceView,
        _performance,
        (words("period", "A period by its name: 7d, 30d, month, year, all …", "30d"), FROM, TO, BENCHMARK,
         choice("by", "Every asset, too.", "asset")),
    ),
    "prices": Address(
        "What is used as the price of each asset, and what other sources say.",
        list[pricing.PriceView],
        lambda session, given: pricing.prices(session, day=day_of(given.get("at", ""))),
        (Param("at", "A day that is over; else now.", {"type": "string", "format": "date"}, "2026-01-31"),),
    ),
    "holdings": Address(
        "Every asset: where it is, what it cost, what it gained.",
        list[holdings.CostedView],
        lambda session, _: holdings.holdings(session).holdings,
    ),
    "movers": Address(
        "What each asset did, the largest move first.",
        deciding.MoversView,
        lambda session, given: deciding.movers(session, given.get("period", "24h")),
        (choice("period", "Until now.", *_PERIODS),),
    ),
    "targets": Address(
        "How far each asset is from its target.", deciding.TargetsView, lambda session, _: deciding.targets(session)
    ),
    "accounts": Address(
        "What you own where no exchange can be asked.",
        list[accounts.AccountView],
        lambda session, _: accounts.accounts(session),
    ),
    "history": Address(
        "What happened, newest first, page by page.",
        HistoryView,
        _history,
        (LIMIT, AFTER, CONNECTION, choice("kind", "Only entries of this kind.", *history.EVERY_KIND),
         words("asset", "Only what moved this asset.", "BTC"), FROM, TO,
         words("search", "Words of an id, order, transaction, market, note.", "invoice"),
         choice("pending", "What is on its way, or has failed.", "yes")),
        "history",
    ),
    "history/{id}": Address(
        "All about one entry; several where connections share an id.",
        HistoryView,
        lambda session, given: history.entry(session, given["id"]),
        (words("id", "As `history` tells it.", "kraken/LABCDE-FGHIJ-KLMNOP"),),
        "history",
    ),
    "orders": Address(
        "Open orders: what each locks, how far its market is.",
        list[deciding.PlacedView],
        lambda session, _: deciding.orders(session),
        scope="history",
    ),
    "transfers": Address(
        "Coins moved between your own accounts: what is matched, page by page, and what is open.",
        TransfersView,
        _transfers,
        (LIMIT, AFTER),
        "history",
    ),
    "reconcile": Address(
        "Does what the exchanges report equal what their entries add up to?",
        list[GapView],
        lambda session, given: reconciling.reconcile(session, everything=yes(given, "all")),
        (choice("all", "Every asset, not only the gaps.", "yes"),),
        "history",
    ),
    "unparsed": Address(
        "What is kept raw because no parser knows it, page by page.",
        list[UnparsedView],
        _unparsed,
        (LIMIT, AFTER),
        "history",
    ),
    "keys": Address(
        "Every key: grade, rights, addresses, age, what to do next.",
        list[KeyView],
        lambda session, _: hygiene.keys(session),
        scope="keys",
    ),
    "audit": Address(
        "Everything that wants a hand, the worst first, and how every key stands.",
        AuditView,
        lambda session, _: audit.audit(session),
        scope="keys",
    ),
    "egress": Address(
        "Our addresses, what to paste where, and how every key is bound.",
        EgressView,
        lambda session, given: egress.view(session, given.get("exchange", ""), ask=False),
        (words("exchange", "Only this one.", "kraken"),),
        "keys",
    ),
    "journal": Address(
        "Every use of every key, newest first, page by page.",
        journal.KeyUsesView,
        _journal,
        (LIMIT, AFTER, CONNECTION),
        "keys",
    ),
    "journal/verify": Address(
        "Whether every line of the journal is as it was written and none is gone.",
        journal.JournalProofView,
        lambda session, _: journal.verify(session.keeper),
        scope="keys",
    ),
    "was-it-me": Address(
        "Was a use of a key that an exchange's mail tells of ours?",
        was_it_me.AnswerView,
        _was_it_me,
        (words("exchange", "Whose mail it is.", "kraken", required=True),
         words("at", "The time as the mail tells it, with its zone.", "2026-01-31 09:14 UTC", required=True),
         words("ip", "The address that the mail tells.", "203.0.113.7"),
         Param("window", "So many minutes more on both sides.",
               {"type": "integer", "minimum": 0, "maximum": was_it_me.LONGEST_WINDOW}, 10)),
        "keys",
    ),
    "exchanges": Address(
        "The exchanges, what each can prove of a key, and every call that can be made there.",
        list[ExchangeView],
        lambda *_: exchanges.exchanges(),
        scope="keys",
    ),
    "status": Address(
        "Keeper, connections, and when each part of each source was last read.",
        status.StatusView,
        lambda session, _: status.status(session.home, session),
        scope="keys",
    ),
    "alerts": Address(
        "Where alerts go and when, without addresses or secrets.",
        alerts.AlertsView,
        lambda session, _: alerts.overview(session),
        scope="keys",
    ),
}  # fmt: skip
