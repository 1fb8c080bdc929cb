"""Prices: what wants the user's hand, since no source or no agreement among them settles it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tallyglass.hygiene.facts import Facts, PriceFact
from tallyglass.hygiene.findings import Finding, Severity

#: Code → title, what is so, what to do, the command; `{about}` is an asset or a source, `{detail}` what is known.
_WORDS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "price_disagrees": (
        "The sources disagree on the price of {about}",
        "What they say of {about} lies far apart: {detail}.",
        "Look which is right; if none is, give a price of your own",
        "tallyglass prices set {about} PRICE CURRENCY",
    ),
    "price_missing": (
        "{about} has no price",
        "No source tells a price of {about}: its value is in no total.",
        "Say which coin it is, or give a price of your own",
        "tallyglass prices set {about} PRICE CURRENCY",
    ),
    "price_jumped": (
        "The price of {about} jumped",
        (
            "One source alone tells a price of {about}, and it is more than three times what it was, or less than a "
            "third ({detail})."
        ),
        "Look whether that is so; if not, give a price of your own",
        "tallyglass prices set {about} PRICE CURRENCY",
    ),
    "price_unconfirmed": (
        "Prices that nobody bears out",
        (
            "One source alone tells the price of {detail}. Others could be asked for a second opinion, and did not "
            "answer: whether it is right is not known, and no total that it is in is complete."
        ),
        "Wait: they are asked at every sync. Or give a price of your own",
        "tallyglass prices set ASSET PRICE CURRENCY",
    ),
    "price_alone": (
        "Prices that one source alone tells",
        "Nobody else that is asked tells the price of {detail}: what that source says is believed.",
        "Compare it with what you know. What is used, and by whom",
        "tallyglass prices",
    ),
    "price_refused": (
        "No price of {about} where one should be",
        "A source told zero, less, or nothing at all for {about} ({detail}), and that is no price.",
        "Nothing to do: the last price is kept, with its age, or that of others is used. To see which",
        "tallyglass prices",
    ),
    "same_symbol": (
        "{about} may be two coins",
        "Exchanges tell prices of {about} that are more than twice apart: they may mean different coins ({detail}).",
        (
            "If it is one coin, say so; if not, name the coin of one exchange (tallyglass prices identify "
            "{about}@EXCHANGE coingecko:ID)"
        ),
        "tallyglass prices same {about}",
    ),
    "which_coin": (
        "Which coin is {about}?",
        "Several coins have the symbol {about}: {detail}. None of them is taken on a guess.",
        "Say which one you hold",
        "tallyglass prices identify {about} coingecko:ID",
    ),
    "price_source_failed": (
        "{about} gives no prices",
        "The prices of {about} could not be read: {detail}",
        "Wait: it is tried at every sync. To do without it",
        "tallyglass prices sources --off {about}",
    ),
}


def rules(facts: Facts) -> Iterator[Finding]:
    """One finding for each doubt."""
    for each in facts.prices:
        title, text, fix, action = (words.format(about=each.about, detail=each.detail) for words in _WORDS[each.code])
        yield Finding(each.code, _severity(each), text, fix, facts.now, action=action, about=each.about, title=title)


def _severity(fact: PriceFact) -> Severity:
    """What keeps a total from being complete is a warning; the rest is to know."""
    return "warning" if fact.doubtful else "notice"
