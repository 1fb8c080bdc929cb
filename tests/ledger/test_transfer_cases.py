"""Transfers as rotki, Koinly and bitcoin.tax see them: all of their cases right, none matched that should stay open.

With the project checked out beside a folder of shared cases, all of those; else what Koinly's help page states.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tallyglass.ledger.transfers import Movement, Rules, find
from tallyglass.money import ZERO, Asset, amount

SHARED = Path(__file__).parents[3] / "shared" / "cases" / "tax" / "transfer_matching.json"
START = datetime(2026, 3, 14, tzinfo=UTC)
KOINLY = {"window_h": 12, "max_shortfall": "0.20", "deposit_not_larger": True, "withdrawal_first": True}


def leg(name: str, direction: str, quantity: str, t: int = 0) -> dict[str, Any]:
    return {"id": name, "place": name, "direction": direction, "t": t, "asset": "ETH", "quantity": quantity}


def case(name: str, sent: str, received: str, t: int, *match: list[str]) -> dict[str, Any]:
    legs = [leg("w", "out", sent), leg("d", "in", received, t)]
    return {"id": name, "settings": KOINLY, "legs": legs, "expected_match": list(match)}


OWN = [
    case("a fifth may be missing", "0.10", "0.08", 600, ["w", "d"]),
    case("two thirds may not", "0.15", "0.05", 600),
    case("no deposit before its withdrawal", "1", "1", -600),
    case("no deposit larger than its withdrawal", "1", "1.01", 600),
    case("twelve hours", "1", "0.95", 12 * 3600, ["w", "d"]),
    case("and not a second more", "1", "0.95", 12 * 3600 + 1),
]


def cases() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(SHARED.read_bytes())["cases"] if SHARED.exists() else []
    return OWN + found


def rules(told: dict[str, Any]) -> Rules:
    """The settings in our words: where a project has one tolerance, it holds for both sides."""
    usual = Rules()
    tolerance = Decimal(told.get("amount_tolerance", usual.shortfall))
    return Rules(
        timedelta(hours=told["window_h"]) if "window_h" in told else usual.window,
        timedelta(hours=0 if told.get("withdrawal_first") else told.get("wrong_side_h", 1)),
        Decimal(told.get("max_shortfall", tolerance)),
        ZERO if told.get("deposit_not_larger") else tolerance,
    )


def movement(told: dict[str, Any]) -> Movement:
    figure = amount(told["quantity"])
    return Movement(
        told["place"],
        told["id"],
        START + timedelta(seconds=told["t"]),
        Asset(told["asset"]),
        -figure if told["direction"] == "out" else figure,
        amount(told.get("fee", "0")),
        told.get("hash") or "",
    )


@pytest.mark.parametrize("told", cases(), ids=lambda told: told["id"])
def test_what_belongs_together_is_matched_and_nothing_else(told: dict[str, Any]) -> None:
    movements = [movement(each) for each in told["legs"]]
    found = find(movements, rules(told["settings"]))
    pairs = {frozenset((each.sent.id, each.received.id)) for each in found.transfers}

    assert pairs == {frozenset(pair) for pair in told["expected_match"]}
    assert {each.movement.id for each in found.open} == {m.id for m in movements} - {name for p in pairs for name in p}


def test_two_that_fit_equally_stay_open_with_both_as_candidates() -> None:
    found = find(map(movement, (leg("x", "out", "0.3"), leg("a", "in", "0.3"), leg("b", "in", "0.3"))))

    assert found.transfers == ()
    near = {each.movement.id: [(c.movement.id, c.obstacle) for c in each.candidates] for each in found.open}
    assert near == {"x": [("a", "rivals"), ("b", "rivals")], "a": [("x", "rivals")], "b": [("x", "rivals")]}
