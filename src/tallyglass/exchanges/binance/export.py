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


def _words(*lines: str) -> tuple[str, ...]:
    """Operations, in lower case, parted by commas."""
    return tuple(word.strip() for line in lines for word in line.split(","))


_INTO_EARN: Final[Mapping[str, str]] = {
    **dict.fromkeys(_words("simple earn flexible subscription, simple earn flexible redemption"), EARN),
    **dict.fromkeys(_words("savings purchase, savings principal redemption"), EARN),
    **dict.fromkeys(_words("simple earn locked subscription, simple earn locked redemption"), _LOCKED),
    **dict.fromkeys(_words("pos savings purchase, pos savings redemption"), _LOCKED),
    **dict.fromkeys(_words("staking purchase, staking redemption"), _LOCKED),
    **dict.fromkeys(_words("dot slot auction staking, dot slot auction redemption"), _LOCKED),
}
_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(
        _words(
            "buy, sell, fee, transaction related, transaction buy, transaction spend, transaction sold",
            "transaction revenue, transaction fee, realized profit and loss, realize profit and loss",
        ),
        "trade",
    ),
    **dict.fromkeys(
        _words(
            "binance convert, convert, small assets exchange bnb, large otc trading, otc trading",
            "stablecoins auto-conversion, convert fiat to stablecoin paysafe, auto-invest transaction",
            "asset conversion transfer, futures convert, leverage token redemption",
            "token swap - redenomination/rebranding, token swap - distribution",
            "eth 2.0 staking, eth 2.0 staking withdrawals, wbeth2.0 - staking, beth to wbeth wrapping",
            "sol staking - purchase, rwusd - subscription, rwusd - redemption, bfusd subscription, bfusd redemption",
            "swap farming transaction, liquid swap sell",
            "buy crypto, buy crypto with fiat, buy crypto with card, sell crypto to fiat, sell crypto for fiat",
        ),
        "conversion",
    ),
    **dict.fromkeys(
        _words(
            "distribution, airdrop assets, earn - airdrop distribution, hodler airdrops distribution, megadrop rewards",
            "launchpool interest, launchpool airdrop, launchpool airdrop - system distribution",
            "launchpool airdrop - user claim distribution, launchpool earnings withdrawal",
            "simple earn flexible interest, simple earn flexible airdrop, simple earn flexible - rewards income",
            "simple earn locked rewards, simple earn locked - rewards income",
            "savings interest, savings distribution, pos savings interest, staking rewards, dot slot auction rewards",
            "eth 2.0 staking rewards, bnb vault rewards, bfusd reward, rwusd - distribution",
            "liquid swap rewards, swap farming rewards, pool distribution, super bnb mining",
            "cash voucher, cash voucher distribution, cashback voucher, card cashback, crypto box",
            "mission reward distribution, rewards distribution, campaign related reward, campaign rewards",
            "commission history, commission rebate, commission fee shared with you, referral commission",
            "referral kickback, referrer rebates, referee rebates, futures referral rebate",
            "strategy trading fee rebate",
        ),
        "reward",
    ),
    **dict.fromkeys(_INTO_EARN, "transfer"),
    **dict.fromkeys(
        _words(
            "main and funding account transfer, transfer_in, transfer_out, transfer funds to spot",
            "transfer funds to funding wallet, launchpool subscription/redemption, launchpad subscribe",
        ),
        "transfer",
    ),
    **dict.fromkeys(_words("deposit, fiat deposit"), "deposit"),
    **dict.fromkeys(_words("withdraw, fiat withdraw, fiat withdrawal, binance card spending, send"), "withdrawal"),
    **dict.fromkeys(
        _words("funding fee, insurance fund compensation, margin fee, bnb fee deduction")
        + _words("isolated margin liquidation - fee, cross margin liquidation - fee"),
        "fee",
    ),
    **dict.fromkeys(_words("asset recovery, token swap restitution, leveraged coin consolidation"), "adjustment"),
    "cross margin liquidation - small assets takeover": "adjustment",
}
#: A wallet holds what is left when its loan is paid: borrowing and repaying do not move that.
_LOANS: Final = frozenset(
    _words("margin loan, isolated margin loan, margin repayment, isolated margin repayment")
    + _words("cross margin liquidation - repayment, isolated margin liquidation - repayment")
)
#: In or out, by the sign. Of transfers only those that the remark calls Binance Pay.
_WITH_OTHERS: Final = frozenset(_words("p2p trading, merchant acquiring"))
_PAY: Final = "binance pay"
_FEES: Final = frozenset(("fee", "transaction fee", *(word for word, kind in _KINDS.items() if kind == "fee")))
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
    code(line["coin"])
    change = figure(line["change"])
    wallet, coin = held(line["coin"])
    account = wallet if wallet == EARN else _account(line["account"])
    if word in _LOANS and account.startswith("margin"):
        return None
    kind = _kind(word, line, account)
    if change == ZERO:
        return None
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


def _kind(word: str, line: Line, account: str) -> Kind:
    if word in _WITH_OTHERS or (word == "transfer" and line["remark"].lower().startswith(_PAY)):
        return "withdrawal" if line["change"].startswith("-") else "deposit"
    if word.startswith("transfer between ") and len(word) < 100:
        return "transfer"
    if word == "fee" and account.startswith("futures"):
        return "fee"  # told apart from the profit of its trade, as by the API
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
