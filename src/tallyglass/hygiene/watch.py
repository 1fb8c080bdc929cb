"""Watched: prices that the user wants to hear of, and drift from his targets. Nothing of what he owns is told."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from tallyglass.hygiene.facts import DriftFact, Facts, WatchFact
from tallyglass.hygiene.findings import Finding
from tallyglass.money import ZERO, add, multiply, subtract, text

#: It has come back once it is so far on the other side: a price that swings around a level is told once.
_BACK: Final = Decimal("0.01")
_DRIFT_BACK: Final = Decimal("0.1")


def rules(facts: Facts) -> Iterator[Finding]:
    """One finding for each price that is across its level, and one for a drift."""
    for each in facts.watched:
        was = facts.still(f"price_alert:{each.name}") is not None
        if _across(each, was=was):
            yield _price(facts, each)
    if facts.drift is not None:
        was = facts.still("drift_alert:house") is not None
        if _drifted(facts.drift, was=was):
            points = text(facts.drift.limit)
            yield Finding(
                "drift_alert",
                "notice",
                f"An asset is more than {points} points from its target.",
                "See how far, and what would bring it back; Tallyglass itself never trades",
                facts.now,
                action="tallyglass targets",
                title="Your portfolio has drifted",
            )


def _across(each: WatchFact, *, was: bool) -> bool:
    """What is not known now stays as it was."""
    if each.price is None:
        return was
    slack = multiply(each.level, _BACK) if was else ZERO
    if each.side == "above":
        return each.price >= subtract(each.level, slack)
    return each.price <= add(each.level, slack)


def _drifted(each: DriftFact, *, was: bool) -> bool:
    if each.off is None:
        return was
    return each.off > subtract(each.limit, multiply(each.limit, _DRIFT_BACK) if was else ZERO)


def _price(facts: Facts, each: WatchFact) -> Finding:
    now = "" if each.price is None else f" It is {text(each.price)} {each.currency}."
    return Finding(
        "price_alert",
        "notice",
        f"{each.asset} is {each.side} {text(each.level)} {each.currency}, as you wanted to know.{now}",
        "To hear no more of it",
        facts.now,
        action=f"tallyglass alerts price {each.asset} {each.side} {text(each.level)} {each.currency} --off",
        about=each.name,
        title=f"{each.asset} is {each.side} {text(each.level)} {each.currency}",
    )
