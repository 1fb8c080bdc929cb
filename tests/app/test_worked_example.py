"""The worked example of docs/reconcile.md, by the program."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tallyglass.app.causes import Evidence, Piece, explain
from tallyglass.exchanges import registry
from tallyglass.ledger.reconcile import Gap, Line, Move, Opened, Place, Reading, compare, opened
from tallyglass.money import Amount, Asset, amount, text

PAGE = (Path(__file__).parents[2] / "docs" / "reconcile.md").read_text(encoding="utf-8")
BTC, EUR = Asset("BTC"), Asset("EUR")


def march(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def moves(*told: tuple[int, int, str]) -> list[tuple[datetime, Amount]]:
    return [(march(day, hour), amount(figure)) for day, hour, figure in told]


BITCOIN = moves((2, 10, "0.01"), (4, 15, "-0.001"), (7, 8, "-0.0041"))
EUROS = moves((1, 9, "1000"), (2, 10, "-601.5"), (4, 15, "59.88"))
READINGS = [Reading(march(day), amount(figure)) for day, figure in ((3, "0.01"), (6, "0.0092"), (8, "0.0051"))]
REWARD = Move(march(5, 12), "spot", BTC, amount("0.0002"))


def test_the_figures_of_the_page() -> None:
    line = Line(BITCOIN)

    assert [text(line.at(reading.at)) for reading in READINGS] == ["0.01", "0.009", "0.0049"]
    assert [text(line.gap(reading)) for reading in READINGS] == ["0", "0.0002", "0.0002"]
    assert text(Line(EUROS).at(march(8))) == "458.38"
    for figure in ("0.0092 | 0.01 − 0.001 = 0.009 | +0.0002", "0.0051 | 0.009 − 0.0041 = 0.0049 | +0.0002", "458.38"):
        assert figure in PAGE


def test_its_size_start_and_cause() -> None:
    reported: dict[Place, Amount] = {("spot", BTC): READINGS[-1].total, ("spot", EUR): amount("458.38")}
    sums: dict[Place, Amount] = {("spot", BTC): Line(BITCOIN).at(march(8)), ("spot", EUR): Line(EUROS).at(march(8))}
    bitcoin, euros = compare(reported, march(8), sums, ())
    began = opened(Line(BITCOIN), READINGS)
    gap = Gap(BTC, (bitcoin,), began)

    assert (text(gap.amount), text(euros.gap)) == ("0.0002", "0")
    assert began == Opened(march(3), march(6))
    found = explain(gap, Evidence("kraken", registry.manifest("kraken"), [Piece("ledger", "moonrebate", (REWARD,))]))
    assert (found.code, found.since) == ("unparsed", march(5, 12))


def test_after_an_upgrade_and_a_replay_the_gap_is_gone() -> None:
    assert opened(Line([*BITCOIN, (REWARD.time, REWARD.amount)]), READINGS) is None
