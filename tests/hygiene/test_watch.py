"""Prices and drift that are watched: told once, and again only after they had come back; nothing of what is owned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallyglass.hygiene import watch
from tallyglass.hygiene.facts import DriftFact, Facts, WatchFact
from tallyglass.hygiene.findings import remember
from tallyglass.money import Asset, amount
from tallyglass.store.findings import Kept

NOW = datetime(2026, 3, 6, tzinfo=UTC)
ABOVE = WatchFact(Asset("BTC"), "above", amount(100), Asset("USD"))
BELOW = replace(ABOVE, side="below")


def opened(looks: list[Facts]) -> list[bool]:
    """Whether it is open, look by look, each remembering the one before it."""
    known: dict[str, Kept] = {}
    seen = []
    for number, facts in enumerate(looks):
        at = replace(facts, now=NOW + timedelta(minutes=number), known=known)
        found, changed = remember(list(watch.rules(at)), at.known, at.now)
        known = {**known, **{row.id: row for row in changed}}
        seen.append(bool(found))
    return seen


@pytest.mark.parametrize(
    ("level", "prices", "told"),
    [
        (ABOVE, ["99", "100", "99.5", "98.9", "99.5", "101"], [False, True, True, False, False, True]),
        (BELOW, ["101", "100", "100.5", "101.1", "100.5", "99"], [False, True, True, False, False, True]),
    ],
)
def test_a_price_is_told_once_until_it_has_come_back(level: WatchFact, prices: list[str], told: list[bool]) -> None:
    assert opened([Facts(NOW, watched=(replace(level, price=amount(each)),)) for each in prices]) == told


def test_a_price_that_is_not_known_changes_nothing() -> None:
    known = Facts(NOW, watched=(replace(ABOVE, price=amount(120)),))
    unknown = Facts(NOW, watched=(ABOVE,))

    assert opened([unknown, known, unknown]) == [False, True, True]


def test_a_drift_is_told_once_until_it_has_come_back() -> None:
    looks = [
        Facts(NOW, drift=DriftFact(amount(5), None if each is None else amount(each)))
        for each in ("5", "5.1", "4.6", None, "4.5")
    ]

    assert opened(looks) == [False, True, True, True, False]


def test_what_is_told_names_the_price_and_nothing_that_is_owned() -> None:
    facts = Facts(NOW, watched=(replace(ABOVE, price=amount(101)),), drift=DriftFact(amount(5), amount("7.25")))
    price, drift = watch.rules(facts)

    assert price.text == "BTC is above 100 USD, as you wanted to know. It is 101 USD."
    assert price.action == "tallyglass alerts price BTC above 100 USD --off"
    assert "7.25" not in drift.text
    assert (price.severity, drift.severity) == ("notice", "notice")
