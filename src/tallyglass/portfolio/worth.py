"""Net worth: holdings times prices, exact; and never complete when something is missing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from tallyglass.exchanges.streams import Balance
from tallyglass.money import ZERO, Amount, Asset, multiply, negate, text, total
from tallyglass.prices.paths import Price

#: A number older than this is no longer the present, even if nothing failed.
STALE_AFTER = timedelta(hours=26)

#: The European Central Bank publishes on working days: over Easter there are five days without a rate.
RATE_STALE_AFTER = timedelta(days=6)

#: Credits that pay an exchange's fees and cannot be sold: owned, shown, worth nothing, missed by nobody.
NOT_MONEY = frozenset((Asset("KFEE"),))

SourceStatus = Literal["fresh", "stale", "failed", "frozen", "never", "yours"]


CauseCode = Literal[
    "source_failed",
    "source_stale",
    "source_frozen",
    "source_never",
    "balance_unparsed",
    "gap",
    "history_failed",
    "history_unparsed",
    "history_unread",
    "price_missing",
    "price_stale",
    "price_source_failed",
    "flow_missing",
    "old_price",
    "ended",
    "disagree",
    "price_jumped",
    "same_symbol",
    "unconfirmed",
]


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why the total is not complete."""

    code: CauseCode
    #: A connection, an asset, or `CONNECTION/ASSET`.
    about: str
    text: str
    #: Since when it is so; None where that is not known, or since ever.
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One connection, or one account of the user's own, as the valuation sees it."""

    connection: str
    balances: Sequence[Balance]
    fresh_at: datetime | None
    #: Empty when the last attempt went well.
    fault: str = ""
    text: str = ""
    frozen: bool = False
    #: Pieces of its balance answers that no parser understood: what they hold is in no number.
    unparsed: int = 0
    #: Why its history does not bear out what it reports.
    doubts: Sequence[Cause] = ()
    #: An account of the user's own: it is as he says, and neither proven nor refuted by anybody.
    stated: bool = False

    def status(self, now: datetime) -> SourceStatus:
        """How far its balances can be trusted to be the present."""
        if self.stated:
            return "yours"
        if self.fresh_at is None:
            return "frozen" if self.frozen else "never"
        if self.frozen:
            return "frozen"
        if self.fault:
            return "failed"
        return "stale" if now - self.fresh_at > STALE_AFTER else "fresh"


Pricing = Callable[[Asset, Asset], Price | None]
"""The price of an asset in a currency, or None."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one wallet of one connection holds of an asset."""

    connection: str
    account: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class Holding:
    """One asset over all connections."""

    asset: Asset
    amount: Amount
    price: Price | None
    #: None without a price: unknown, not zero.
    value: Amount | None
    by: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Worth:
    """What everything is worth together."""

    total: Amount
    currency: Asset
    as_of: datetime
    holdings: tuple[Holding, ...]
    causes: tuple[Cause, ...]
    sources: tuple[Source, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, nothing is old, and every balance is borne out by its history."""
        return not self.causes

    @property
    def stated(self) -> Amount:
        """How much of the total rests on the user's word alone."""
        yours = {source.connection for source in self.sources if source.stated}
        return total(
            multiply(part.amount, holding.price.value)
            for holding in self.holdings
            if holding.price is not None
            for part in holding.by
            if part.connection in yours
        )


def worth(
    sources: Sequence[Source],
    price: Pricing,
    currency: Asset,
    now: datetime,
    failed: Mapping[str, str] = MappingProxyType({}),
) -> Worth:
    """Value every holding; list every reason why the sum may not be the whole.

    `failed`: the sources of prices whose last refresh went wrong, each with the words for it.
    """
    holdings = tuple(sorted(_holdings(sources, price, currency), key=_largest_first))
    causes = (
        *_source_causes(sources, now),
        *_price_causes(holdings, currency, now),
        *_failed_prices(holdings, failed),
    )
    value = total(holding.value for holding in holdings if holding.value is not None)
    return Worth(value, currency, now, holdings, causes, tuple(sources))


def _holdings(sources: Sequence[Source], price: Pricing, currency: Asset) -> Iterable[Holding]:
    parts: dict[Asset, list[Part]] = {}
    for source in sources:
        for balance in source.balances:
            if balance.total != ZERO:
                parts.setdefault(balance.asset, []).append(Part(source.connection, balance.account, balance.total))
    for asset, by in parts.items():
        amount = total(part.amount for part in by)
        found = price(asset, currency)
        value = None if found is None else multiply(amount, found.value)
        yield Holding(asset, amount, found, value, tuple(by))


def _largest_first(holding: Holding) -> tuple[bool, Amount, str]:
    return (holding.value is None, negate(holding.value or ZERO), holding.asset)


def _source_causes(sources: Sequence[Source], now: datetime) -> Iterable[Cause]:
    for source in sources:
        status = source.status(now)
        if status == "never":
            text = source.text or "has not been read yet"
            yield Cause("source_never", source.connection, f"{source.connection}: no balances yet ({text})")
        elif status == "frozen":
            since = f"its numbers are as of {_moment(source.fresh_at)}" if source.fresh_at else "it has no numbers yet"
            yield Cause("source_frozen", source.connection, f"{source.connection} is frozen: {since}")
        elif status == "failed":
            text = (
                f"{source.connection} did not answer ({source.text}): its numbers are as of {_moment(source.fresh_at)}"
            )
            yield Cause("source_failed", source.connection, text)
        elif status == "stale":
            text = f"{source.connection} was last read at {_moment(source.fresh_at)}"
            yield Cause("source_stale", source.connection, text)
        if source.unparsed:
            rows = "one piece" if source.unparsed == 1 else f"{source.unparsed} pieces"
            text = f"{source.connection}: {rows} of its balances could not be read and are not counted"
            yield Cause("balance_unparsed", source.connection, f"{text} (tallyglass unparsed)")
        yield from source.doubts


def _price_causes(holdings: Sequence[Holding], currency: Asset, now: datetime) -> Iterable[Cause]:
    for holding in holdings:
        if holding.price is None and holding.asset in NOT_MONEY:
            continue
        yield from _doubts(holding)
        if holding.price is None:
            text = f"no market leads from {holding.asset} to {currency}: its value is unknown and not counted"
            yield Cause("price_missing", holding.asset, text)
        elif holding.price.at is not None and now - holding.price.at > STALE_AFTER:
            text = f"the price of {holding.asset} is as of {_moment(holding.price.at)}"
            yield Cause("price_stale", holding.asset, text)
        elif holding.price.day is not None and now.date() - holding.price.day > RATE_STALE_AFTER:
            text = f"{holding.asset} is counted at the official rate of {holding.price.day}"
            yield Cause("price_stale", holding.asset, text)


def _doubts(holding: Holding) -> Iterable[Cause]:
    """What the price itself says against it."""
    if holding.price is None:
        return
    asset, others = holding.asset, ", ".join(f"{each.source} {text(each.value)}" for each in holding.price.others)
    beside = f" ({holding.price.source} {text(holding.price.value)}; {others})" if others else ""
    words: Mapping[str, tuple[CauseCode, str]] = {
        "old_price": ("old_price", f"{asset} is counted at an older price"),
        "ended": ("ended", f"{asset} is counted at its last price: nobody tells one any more"),
        "disagree": ("disagree", f"what the sources say of the price of {asset} differs too much{beside}"),
        "price_jumped": ("price_jumped", f"the price of {asset} jumped, and no second source bears it out"),
        "unconfirmed": (
            "unconfirmed",
            f"{holding.price.source} alone tells the price of {asset}: the second opinions on it could not be had",
        ),
        "same_symbol": ("same_symbol", f"exchanges may mean different coins by {asset}: their prices differ{beside}"),
    }
    for mark in holding.price.marks:
        yield Cause(words[mark][0], asset, words[mark][1])


def _failed_prices(holdings: Sequence[Holding], failed: Mapping[str, str]) -> Iterable[Cause]:
    used = {step.source for holding in holdings if holding.price is not None for step in holding.price.steps}
    for source in sorted(used & set(failed)):
        text = f"the prices of {source} could not be refreshed ({failed[source]}): older ones are used"
        yield Cause("price_source_failed", source, text)


def _moment(time: datetime | None) -> str:
    return "never" if time is None else time.strftime("%Y-%m-%d %H:%M UTC")
