"""When a message goes out: quiet hours over midnight and summer time, the week's moment, patience after failures."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from tallyglass.alerts.quiet import Quiet, Weekly, next_try

VIENNA = "Europe/Vienna"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-10 20:59", None),  # 21:59 there
        ("2026-01-10 21:00", "2026-01-11 06:00"),
        ("2026-01-11 05:59", "2026-01-11 06:00"),
        ("2026-01-11 06:00", None),
        ("2026-07-10 20:00", "2026-07-11 05:00"),  # in summer an hour earlier
        ("2026-03-28 22:00", "2026-03-29 05:00"),  # the night in which the clocks go forward
    ],
)
def test_quiet_over_night_where_the_user_lives(now: str, until: str | None) -> None:
    assert Quiet(time(22), time(7), VIENNA).until(at(now)) == (until and at(until))


def test_quiet_by_day() -> None:
    hours = Quiet(time(9), time(17, 30), "UTC")
    assert hours.until(at("2026-01-10 08:59")) is None
    assert hours.until(at("2026-01-10 17:29")) == at("2026-01-10 17:30")
    assert hours.until(at("2026-01-10 17:30")) is None


def test_the_weeks_moment() -> None:
    monday = Weekly(0, time(8), VIENNA)
    assert monday.last(at("2026-01-12 06:59")) == at("2026-01-05 07:00")
    assert monday.last(at("2026-01-12 07:00")) == at("2026-01-12 07:00")
    assert monday.last(at("2026-01-18 23:00")) == at("2026-01-12 07:00")


def test_patience_doubles_and_has_an_end() -> None:
    now = at("2026-01-12 00:00")
    waits = [next_try(tries, now) - now for tries in range(1, 30)]
    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=6)
