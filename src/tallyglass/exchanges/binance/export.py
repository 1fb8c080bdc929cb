"""Binance's exported transaction history: one line per asset moved, without any id.

The file repeats no id of the API, so entries get ids of their time and content. Older files have the column `UTC_Time`;
newer ones have `Time`, in a zone that stands only in the name of the file: `…(UTC+1).csv`. Binance documents neither:
operations and accounts are those that users' files have shown, and any other is kept as not understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final

from tallyglass.exchanges.binance.assets import EARN, FUNDING, held
from tallyglass.exchanges.exports import Line, NotUnderstood, code, figure, lines, read, time_of
from tallyglass.exchanges.streams import Export, NotReadable
from tallyglass.ledger.entries import SPOT, Entry, Kind, Leg, Role
from tallyglass.ledger.imports import Row
from tallyglass.money import ZERO, Amount, Asset, negate, text

_MOVED: Final = ("account", "operation", "coin", "change")
_HEADERS: Final = (("utc_time", *_MOVED), ("time", *_MOVED))
_WHAT: Final = "a transaction history of Binance"
_LOCKED: Final = "earn-locked"

_ACCOUNTS: Final = {
    "spot": SPOT,
    "funding": FUNDING,
    "p2p": FUNDING,
    "earn": EARN,
    "savings": EARN,
    "usd-mfutures": "futures-usd-m",
    "usdt-futures": "futures-usd-m",
    "coin-mfutures": "futures-coin-m",
    "crossmargin": "margin",
    "margin": "margin",
    "isolatedmargin": "margin-isolated",
    "options": "options",
    "card": "card",
    "pool": "pool",
}

_TRADES: Final = (
    *("buy", "sell", "transaction related", "transaction buy", "transaction spend", "transaction sold"),
    *("transaction revenue", "fee", "transaction fee"),
)
_CONVERSIONS: Final = (
    *("binance convert", "convert", "small assets exchange bnb", "large otc trading", "otc trading"),
    *(
        "eth 2.0 staking",
        "stablecoins auto-conversion",
        "auto-invest transaction",
        "token swap - redenomination/rebranding",
    ),
    *("buy crypto", "buy crypto with fiat", "buy crypto with card", "sell crypto to fiat"),
)
_REWARDS: Final = (
    *("distribution", "airdrop assets", "hodler airdrops distribution", "megadrop rewards", "launchpool interest"),
    *("launchpool airdrop", "launchpool airdrop - system distribution", "launchpool earnings withdrawal"),
    *(
        "simple earn flexible interest",
        "simple earn flexible airdrop",
        "simple earn locked rewards",
        "savings interest",
    ),
    *(
        "savings distribution",
        "pos savings interest",
        "staking rewards",
        "eth 2.0 staking rewards",
        "bnb vault rewards",
    ),
    *("cash voucher distribution", "cashback voucher", "card cashback", "mission reward distribution", "crypto box"),
    *("commission history", "commission rebate", "commission fee shared with you", "referral commission"),
    *("referral kickback", "rewards distribution", "liquid swap rewards", "pool distribution", "super bnb mining"),
)
_INTO_EARN: Final[Mapping[str, str]] = {
    **dict.fromkeys(("simple earn flexible subscription", "simple earn flexible redemption"), EARN),
    **dict.fromkeys(("savings purchase", "savings principal redemption"), EARN),
    **dict.fromkeys(("simple earn locked subscription", "simple earn locked redemption"), _LOCKED),
    **dict.fromkeys(("pos savings purchase", "pos savings redemption"), _LOCKED),
    **dict.fromkeys(("staking purchase", "staking redemption"), _LOCKED),
}
_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(_TRADES, "trade"),
    **dict.fromkeys(("realized profit and loss", "realize profit and loss"), "trade"),
    **dict.fromkeys(_CONVERSIONS, "conversion"),
    **dict.fromkeys(_REWARDS, "reward"),
    **dict.fromkeys(_INTO_EARN, "transfer"),
    **dict.fromkeys(("main and funding account transfer", "transfer_in", "transfer_out"), "transfer"),
    **dict.fromkeys(("deposit", "fiat deposit"), "deposit"),
    **dict.fromkeys(("withdraw", "fiat withdraw", "fiat withdrawal", "binance card spending"), "withdrawal"),
    **dict.fromkeys(("asset recovery", "insurance fund compensation", "token swap restitution"), "adjustment"),
    "funding fee": "fee",
}
_FEES: Final = frozenset(("fee", "transaction fee", "funding fee"))
#: Lines of one second are one event; of the other kinds each line is one.
_TOGETHER: Final = frozenset(("trade", "conversion", "transfer"))


def rows(text: str, zone: tzinfo | None) -> Export:
    """The lines of a file. Raises `NotReadable`, also for a file whose times are in a zone that nobody tells."""
    found = lines(text, *_HEADERS, what=_WHAT)
    utc = not found or "utc_time" in found[0].cells
    if not utc and zone is None:
        raise NotReadable(
            "the times of this file are in a zone that stands only in the name it was downloaded under, "
            "such as `(UTC+1)`: say it with --utc-offset"
        )
    clock, column = (UTC, "utc_time") if utc or zone is None else (zone, "time")
    return read(found, lambda line: _row(line, time_of(line[column], clock)))


def _row(line: Line, time: datetime) -> Row | None:
    word = " ".join(line["operation"].lower().split())
    kind = _kind(word)
    code(line["coin"])
    change = figure(line["change"])
    if change == ZERO:
        return None
    wallet, coin = held(line["coin"])
    account = wallet if wallet == EARN else _account(line["account"])
    legs = [_leg(account, coin, change, fee=word in _FEES)]
    if word in _INTO_EARN and account not in (EARN, _LOCKED):
        # Older files tell only this side. Where the other has a line, too, it makes the same leg.
        legs.append(_leg(_INTO_EARN[word], coin, negate(change), fee=False))
    elif word in _INTO_EARN:
        legs = [_leg(_INTO_EARN[word], coin, change, fee=False)]
    together = kind in _TOGETHER
    group = f"{kind}:{word}" if kind in ("conversion", "transfer") else f"{kind}:{account}"
    name = group if together else f"{group}:{coin}:{text(change)}"
    return Row(
        line.number,
        Entry(f"file:{time:%Y-%m-%dT%H:%M:%S}:{name}", time, kind, tuple(legs), line["operation"]),
        alone=not together,
    )


def _kind(word: str) -> Kind:
    if word.startswith("transfer between ") and len(word) < 100:
        return "transfer"
    if word not in _KINDS:
        raise NotUnderstood(f"unknown operation: {word[:60]!r}")
    return _KINDS[word]


def _account(word: str) -> str:
    try:
        return _ACCOUNTS[word.lower().replace(" ", "")]
    except KeyError:
        raise NotUnderstood(f"unknown account: {word[:40]!r}") from None


def _leg(account: str, coin: Asset, change: Amount, *, fee: bool) -> Leg:
    # What pays a fee back is no fee: fees are what went out.
    role: Role = "fee" if fee and change < ZERO else "principal"
    return Leg(f"{account}:{coin}:{text(change)}{':fee' if fee else ''}", account, coin, change, role)
