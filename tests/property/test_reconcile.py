"""Gaps and their beginnings: exact, found at the right moment, and never where two agree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from tallyglass.ledger.entries import Entry, Leg, computed
from tallyglass.ledger.reconcile import SLACK, Line, Move, Opened, Reading, below_zero, by_asset, compare, opened
from tallyglass.money import ZERO, Amount, Asset, add, amount, subtract, total

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
BTC, EUR = Asset("BTC"), Asset("EUR")
Moves = list[tuple[datetime, Amount]]
amounts = st.decimals(-(10**12), 10**12, places=18).map(amount)
some = amounts.filter(bool)


def at(hour: float) -> datetime:
    return START + hour * HOUR


def line(*figures: str) -> Line:
    """A move at each full hour."""
    return Line((at(hour), amount(figure)) for hour, figure in enumerate(figures))


def told(*figures: str) -> list[Reading]:
    """A reading at each half hour."""
    return [Reading(at(hour + 0.5), amount(figure)) for hour, figure in enumerate(figures)]


@given(st.lists(st.tuples(st.integers(0, 50), amounts)), st.integers(-1, 51), amounts)
def test_a_line_is_the_sum_of_all_up_to_a_moment(moves: list[tuple[int, Amount]], hour: int, start: Amount) -> None:
    through = Line(((at(h), figure) for h, figure in moves), start)

    assert through.at(at(hour)) == add(start, total(figure for h, figure in moves if h <= hour))


def test_a_gap_opened_between_the_last_reading_that_agreed_and_the_first_that_did_not() -> None:
    through = line("5", "-1", "2", "0.5")

    assert opened(through, told("5", "4", "6.25", "6.75")) == Opened(at(1.5), at(2.5))


def test_without_a_gap_now_nothing_has_opened_whatever_was_once() -> None:
    assert opened(line("5", "-1"), told("7", "4")) is None
    assert opened(line("5"), []) is None


def test_a_gap_that_closed_and_opened_again_began_the_second_time() -> None:
    assert opened(line("1", "1", "1", "1"), told("9", "2", "9", "9")) == Opened(at(1.5), at(2.5))


def test_a_gap_that_was_always_there_is_as_old_as_the_first_reading() -> None:
    assert opened(line("1", "1"), told("9", "10")) == Opened(None, at(0.5))


@given(st.lists(st.tuples(st.integers(0, 9), amounts), max_size=30))
def test_a_wallet_falls_below_nothing_at_the_end_of_the_first_moment_that_leaves_it_so(
    happened: list[tuple[int, Amount]],
) -> None:
    moves = [Move(at(hour), "spot", BTC, figure) for hour, figure in sorted(happened, key=lambda each: each[0])]
    through = Line((move.time, move.amount) for move in moves)
    short = [move.time for move in moves if through.at(move.time) < ZERO]

    assert below_zero(moves) == (min(short) if short else None)


@given(st.lists(some, min_size=1, max_size=40), st.data())
def test_the_entry_that_is_missing_is_found_between_two_readings(figures: list[Amount], data: st.DataObject) -> None:
    """The exchange's truth has every move, the ledger lacks one; readings come after each move."""
    lost = data.draw(st.integers(0, len(figures) - 1))
    truth = Line((at(hour), figure) for hour, figure in enumerate(figures))
    ours = Line((at(hour), figure) for hour, figure in enumerate(figures) if hour != lost)
    readings = [Reading(at(hour + 0.5), truth.at(at(hour + 0.5))) for hour in range(len(figures))]
    found = opened(ours, readings)

    assert ours.gap(readings[-1]) == figures[lost]
    assert found is not None
    assert found.clean_at == (at(lost - 0.5) if lost else None)
    assert found.wrong_at == at(lost + 0.5)


@st.composite
def lossy(draw: st.DrawFn) -> tuple[Moves, Moves, list[Reading]]:
    """What the ledger has, what it lacks, and few readings of the truth. Moves often undo each other."""
    small = st.sampled_from(["-2", "-1", "1", "2"]).map(amount)
    happened = draw(st.dictionaries(st.integers(0, 25), st.tuples(small | some, st.booleans()), min_size=1))
    kept = [(at(hour), figure) for hour, (figure, known) in happened.items() if known]
    lost = [(at(hour), figure) for hour, (figure, known) in happened.items() if not known]
    truth = Line(kept + lost)
    hours = sorted(draw(st.sets(st.integers(-1, 26), min_size=1, max_size=8)))
    return kept, lost, [Reading(at(hour + 0.5), truth.at(at(hour + 0.5))) for hour in hours]


@given(lossy())
def test_however_often_a_gap_closed_and_opened_something_is_missing_between_the_two_readings_that_are_told(
    given_: tuple[Moves, Moves, list[Reading]],
) -> None:
    kept, lost, readings = given_
    missing = Line(lost)
    found = opened(Line(kept), readings)

    assert (found is None) == (missing.at(readings[-1].at) == ZERO)
    if found is not None:
        since = found.clean_at or START - 2 * HOUR
        assert any(since < time < found.wrong_at for time, _ in lost)
        assert found.clean_at is None or missing.at(found.clean_at) == ZERO
        assert all(missing.at(reading.at) != ZERO for reading in readings if reading.at > since)
        assert min(reading.at for reading in readings if reading.at > since) == found.wrong_at


@given(lossy(), st.randoms(use_true_random=False))
def test_when_all_that_was_missing_has_come_late_and_in_any_order_no_gap_is_left(
    given_: tuple[Moves, Moves, list[Reading]], random: Random
) -> None:
    kept, lost, readings = given_
    random.shuffle(lost)
    for late in range(len(lost) + 1):
        found = opened(Line(kept + lost[:late]), readings)
        assert (found is None) == (total(f for time, f in lost[late:] if time < readings[-1].at) == ZERO)


@given(lossy())
def test_what_a_wallet_lacks_came_in_before_it_first_fell_below_nothing(
    given_: tuple[Moves, Moves, list[Reading]],
) -> None:
    """As long as the truth never does."""
    kept, lost, _ = given_
    truth = Line(kept + lost)
    assume(all(truth.at(time) >= ZERO for time, _ in kept + lost))
    short = below_zero(Move(time, "spot", BTC, figure) for time, figure in sorted(kept))

    assert short is None or any(time <= short for time, _ in lost)


@given(st.lists(st.tuples(st.integers(0, 20), amounts), max_size=30), st.integers(0, 20), st.integers(-300, 300))
def test_a_reading_a_little_off_in_time_agrees_all_the_same(
    moves: list[tuple[int, Amount]], hour: int, seconds: int
) -> None:
    through = Line((at(h), figure) for h, figure in moves)
    reading = Reading(at(hour) + timedelta(seconds=seconds), through.at(at(hour)))

    assert abs(reading.at - at(hour)) <= SLACK
    assert through.gap(reading) == ZERO


def test_a_reading_does_not_agree_with_what_was_long_before_or_after() -> None:
    through = Line([(at(0), amount("1")), (at(1), amount("1")), (at(2), amount("1"))])

    assert through.gap(Reading(at(1.5), amount("1"))) == amount("-1")
    assert through.gap(Reading(at(1.5), amount("3"))) == amount("1")


places = st.tuples(st.sampled_from(["spot", "earn"]), st.sampled_from([BTC, EUR]))


@given(st.lists(st.tuples(st.integers(0, 20), places, some), max_size=30), st.integers(0, 20))
def test_what_is_reported_as_the_entries_have_it_leaves_no_gap(
    happened: Sequence[tuple[int, tuple[str, Asset], Amount]], hour: int
) -> None:
    """At any moment, though the sums are those of all entries."""
    entries = [
        Entry(str(n), at(h), "adjustment", (Leg("1", place[0], place[1], figure),))
        for n, (h, place, figure) in enumerate(happened)
    ]
    now = at(hour + 0.5)
    reported = {place: figure for place, figure in computed(e for e in entries if e.time <= now).items() if figure}
    late = [
        Move(entry.time, leg.account, leg.asset, leg.amount)
        for entry in entries
        if entry.time > now - SLACK
        for leg in entry.legs
    ]
    found = compare(reported, now, computed(entries), late)

    assert [each for each in found if each.gap] == []
    assert {(each.account, each.asset): each.computed for each in found if each.computed} == reported


@given(st.dictionaries(places, amounts), st.dictionaries(places, amounts))
def test_gaps_are_what_is_reported_less_what_is_computed(
    reported: dict[tuple[str, Asset], Amount], sums: dict[tuple[str, Asset], Amount]
) -> None:
    found = by_asset(compare(reported, START, sums, ()))

    assert [gap.asset for gap in found] == sorted({asset for _, asset in reported.keys() | sums.keys()})
    for gap in found:
        ours = total(figure for (_, asset), figure in sums.items() if asset == gap.asset)
        theirs = total(figure for (_, asset), figure in reported.items() if asset == gap.asset)
        assert (gap.reported, gap.computed) == (theirs, ours)
        assert gap.amount == subtract(theirs, ours)
        assert total(each.gap for each in gap.open) == gap.amount


def test_a_wallet_that_has_what_another_lacks_is_open_though_nothing_is_missing() -> None:
    (gap,) = by_asset(compare({("spot", BTC): amount("2")}, START, {("earn", BTC): amount("2")}, ()))

    assert gap.amount == ZERO
    assert [(each.account, each.gap) for each in gap.open] == [("earn", amount("-2")), ("spot", amount("2"))]
