"""Performance: known cases, what must hold for any portfolio, and figures that say when they are not complete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyglass.money import ZERO, Amount, add, amount, divide, multiply, subtract, total
from tallyglass.portfolio.performance import Doubt, Performance, Period, performance, period
from tallyglass.portfolio.returns import DayPoint, chain, gain
from tallyglass.portfolio.risk import Drawdown, drawdown, volatility

START = date(2024, 1, 1)
MOON = (("price_missing", "MOON"),)


def day(number: int) -> date:
    return START + timedelta(days=number)


def point(number: int, value: str, flow: str = "0", causes: tuple[tuple[str, str], ...] = ()) -> DayPoint:
    return DayPoint(day(number), amount(value), amount(flow), complete=not causes, causes=causes)


def whole(points: Sequence[DayPoint]) -> Performance:
    found = performance(points, Period(None, points[-1].day))
    assert found is not None
    return found


def rate(points: Sequence[DayPoint]) -> float:
    found = whole(points).time_weighted.value
    assert found is not None
    return float(found)


def test_portfolio_performance_s_example_over_three_holding_periods() -> None:
    """177.94 falls to 160.26; 84 come in and it is 264.57; 67 come in and it is 426.82: 25.58 %."""
    points = [point(0, "177.94"), point(1, "160.26"), point(2, "264.57", "84"), point(3, "426.82", "67")]
    found = performance(points, Period(day(0), day(3)))

    assert found is not None
    assert [round(float(link.factor), 4) for link in found.chain.links] == [0.9006, 1.0831, 1.2873]
    assert found.time_weighted.value is not None
    assert round(float(found.time_weighted.value), 4) == 0.2558
    assert (found.start, found.end, found.net_deposits, found.gain) == (
        amount("177.94"),
        amount("426.82"),
        amount(151),
        amount("97.88"),
    )


def test_what_comes_in_counts_from_the_start_of_its_day_and_what_goes_out_to_its_end() -> None:
    """1000 become 1010 on the day they come; half is sold at 510 on a day that rose from 1010 to 1020."""
    points = [point(0, "1010", "1000"), point(1, "510", "-510")]

    assert [float(link.factor) for link in whole(points).chain.links] == [1.01, pytest.approx(1020 / 1010)]


def test_nothing_and_out_of_nothing() -> None:
    empty = whole([point(0, "0"), point(1, "0")])
    fallen_from_heaven = whole([point(0, "0"), point(1, "50"), point(2, "55")])

    assert (empty.time_weighted.why, empty.money_weighted.annual.why) == ("nothing_there", "one_day")
    assert fallen_from_heaven.gain == amount(55)
    assert fallen_from_heaven.time_weighted.value == amount("0.1")


def test_all_taken_out_and_begun_anew() -> None:
    points = [point(0, "100", "100"), point(1, "0", "-110"), point(2, "0"), point(3, "99", "90")]

    assert rate(points) == pytest.approx(1.1 * 1.1 - 1)
    assert whole(points).gain == amount(19)


def test_all_lost_is_minus_one_for_ever() -> None:
    points = [point(0, "100", "100"), point(1, "0"), point(2, "200", "100")]

    assert rate(points) == -1
    assert whole(points).volatility.why == "below_zero"


def test_of_less_than_nothing_there_is_no_rate() -> None:
    found = whole([point(0, "-20", "0"), point(1, "-30", "0"), point(2, "50", "0")])

    assert (found.time_weighted.value, found.time_weighted.why) == (None, "below_zero")
    assert found.gain == amount(50)


def test_a_short_gap_in_prices_is_no_loss_and_is_told() -> None:
    whole_days = [point(0, "100", "100"), point(1, "104"), point(2, "106"), point(3, "110")]
    gap = [whole_days[0], point(1, "4", causes=MOON), point(2, "6", causes=MOON), whole_days[3]]

    assert rate(gap) == pytest.approx(rate(whole_days))
    assert whole(gap).drawdown is None
    assert not whole(gap).complete
    assert whole(gap).causes == (Doubt("price_missing", "MOON", day(1), day(2), 2),)


def test_what_flows_into_a_gap_counts_at_its_end() -> None:
    points = [point(0, "100", "100"), point(1, "60", "50", causes=MOON), point(2, "165")]

    assert rate(points) == pytest.approx(0.1)
    assert whole(points).net_deposits == amount(150)


def test_an_end_that_is_not_complete_counts_as_it_is_and_is_told() -> None:
    points = [point(0, "100", "100"), point(1, "90", causes=MOON)]

    assert rate(points) == pytest.approx(-0.1)
    assert whole(points).causes == (Doubt("price_missing", "MOON", day(1), day(1), 1),)


def test_a_start_that_is_not_complete_is_told_and_what_lies_outside_is_not() -> None:
    points = [point(0, "90", "100", causes=MOON), point(1, "100"), point(2, "110"), point(3, "9", causes=MOON)]
    partial, clean = performance(points, Period(day(0), day(2))), performance(points, Period(day(1), day(2)))

    assert partial is not None
    assert clean is not None
    assert [each.code for each in partial.causes] == ["price_missing"]
    assert clean.complete


def test_a_day_without_a_reason_and_days_that_are_missing() -> None:
    bare = DayPoint(day(1), amount(100), complete=False)
    found = performance([point(0, "100", "100"), bare, point(4, "100")], Period(None, day(5)))

    assert found is not None
    assert found.to == day(4)
    assert found.causes == (
        Doubt("day_missing", "", day(2), day(3), 2),
        Doubt("day_missing", "", day(5), day(5), 1),
        Doubt("day_partial", "", day(1), day(1), 1),
    )


def test_a_start_without_a_value_is_taken_from_before_and_told() -> None:
    found = performance([point(0, "100", "100"), point(3, "120")], Period(day(1), day(3)))

    assert found is not None
    assert (found.after, found.gain) == (day(0), amount(20))
    assert [each.code for each in found.causes] == ["day_missing"]


def test_before_the_first_day_nothing_was_there() -> None:
    points = [point(10, "100", "100"), point(11, "105")]
    found = performance(points, Period(day(0), day(11)))

    assert performance(points, Period(day(0), day(9))) is None
    assert performance([], Period(None, day(9))) is None
    assert found is not None
    assert (found.after, found.start, found.complete) == (day(9), ZERO, True)
    assert found.gain == amount(5)


def test_fees_and_rewards_of_the_period() -> None:
    points = [
        DayPoint(day(0), amount(98), amount(100), amount(-2)),
        DayPoint(day(1), amount(100), ZERO, amount(-1), amount(3)),
    ]
    later = performance(points, Period(day(0), day(1)))

    assert (whole(points).fees, whole(points).rewards) == (amount(-3), amount(3))
    assert later is not None
    assert (later.fees, later.rewards) == (amount(-1), amount(3))


@pytest.mark.parametrize(
    ("name", "after", "to"),
    [
        ("24h", date(2024, 3, 13), date(2024, 3, 14)),
        ("7d", date(2024, 3, 7), date(2024, 3, 14)),
        ("30d", date(2024, 2, 13), date(2024, 3, 14)),
        ("month", date(2024, 2, 29), date(2024, 3, 14)),
        ("year", date(2023, 12, 31), date(2024, 3, 14)),
        ("all", None, date(2024, 3, 14)),
        ("400d", date(2023, 2, 8), date(2024, 3, 14)),
        ("2023", date(2022, 12, 31), date(2023, 12, 31)),
        ("2024", date(2023, 12, 31), date(2024, 3, 14)),
        ("2024-02", date(2024, 1, 31), date(2024, 2, 29)),
        ("2023-12", date(2023, 11, 30), date(2023, 12, 31)),
    ],
)
def test_periods(name: str, after: date | None, to: date) -> None:
    assert period(name, date(2024, 3, 14)) == Period(after, to)


@pytest.mark.parametrize("name", ["", "week", "0d", "-3d", "24", "2025", "2024-13", "2024-00", "99999d", "0000"])
def test_what_is_no_period_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"no period|still to come"):
        period(name, date(2024, 3, 14))


def test_a_period_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        Period(day(3), day(3))


def test_the_deepest_fall_and_when_it_was_made_good() -> None:
    """As Portfolio Performance has it: from 2 to 0.5 is 75 %, and the fall to 1.5 later is less."""
    told = ["1", "2", "2", "0.5", "1", "2", "1.5", "3"]
    index = [(day(number), amount(each)) for number, each in enumerate(told)]

    assert drawdown(index) == Drawdown(amount("0.75"), day(2), day(3), day(5))
    assert drawdown(index[:5]) == Drawdown(amount("0.75"), day(2), day(3), None)
    assert drawdown(index[:3]) is None
    assert drawdown([]) is None


def test_volatility_as_portfolio_performance_tests_its_own() -> None:
    """Its figure is for six days; ours for a year of them."""
    returns = ["0.005", "-0.00333333333333333333", "-0.005", "0.01", "0.01", "-0.005"]
    points = [point(0, "1000")]
    for number, each in enumerate(returns, 1):
        grown = multiply(points[-1].value, add(amount(1), amount(each)))
        points.append(DayPoint(day(number), grown))
    found = volatility(chain(points[0], points[1:]).links).value

    assert found is not None
    assert float(found) == pytest.approx(0.017736692475 / 6**0.5 * 365**0.5, rel=1e-9)


def test_volatility_knows_no_days_without_money_nor_spans_of_several() -> None:
    daily = [point(0, "100", "100"), point(1, "102"), point(2, "101")]
    idle = [point(-2, "0"), point(-1, "0"), *daily]
    gap = [*daily, point(3, "1", causes=MOON), point(4, "150")]

    assert whole(idle).volatility == whole(daily).volatility
    assert whole(gap).volatility == whole(daily).volatility
    assert whole([point(0, "100", "100")]).volatility.why == "too_few_days"


values = st.decimals(min_value=1, max_value=10**6, places=2)


@st.composite
def portfolios(draw: st.DrawFn) -> list[DayPoint]:
    """Days that always have something; what goes out was there."""
    points = []
    value = draw(values)
    points.append(DayPoint(day(0), value, draw(values)))
    for number in range(1, draw(st.integers(2, 25))):
        value = draw(values)
        flow = draw(st.one_of(st.just(ZERO), values, values.map(Decimal.copy_negate)))
        points.append(DayPoint(day(number), value, flow))
    return points


@settings(max_examples=50)
@given(portfolios(), st.data())
def test_two_periods_in_a_row_make_the_whole(points: list[DayPoint], data: st.DataObject) -> None:
    split = data.draw(st.integers(1, len(points) - 1))
    base = DayPoint(day(-1), ZERO)
    first, second = points[:split], points[split:]
    rates = [chain(base, points), chain(base, first), chain(first[-1], second)]
    growth = [float(each.links[-1].index) for each in rates]

    assert growth[0] == pytest.approx(growth[1] * growth[2], rel=1e-9, abs=0)
    assert gain(base, points) == add(gain(base, first), gain(first[-1], second))


def test_periods_that_meet_at_a_day_that_is_not_complete_both_say_so() -> None:
    """100 in; a price is missing on the second day, when 50 come in; 160 in the end."""
    points = [point(0, "100", "100"), point(1, "60", "50", MOON), point(2, "160")]
    across = performance(points, Period(day(0), day(2)))
    parts = [performance(points, Period(day(number), day(number + 1))) for number in (0, 1)]

    assert across is not None
    assert [link.factor for link in across.chain.links] == [divide(amount(160), amount(150))]
    for part in parts:
        assert part is not None
        assert [(each.code, each.first) for each in part.causes] == [("price_missing", day(1))]
    assert parts[1] is not None
    assert parts[1].time_weighted.why == "price_missing"


@settings(max_examples=50)
@given(portfolios(), st.decimals(min_value="0.001", max_value=1000, places=3))
def test_a_portfolio_of_any_size_has_the_same_rates(points: list[DayPoint], scale: Decimal) -> None:
    scaled = [DayPoint(each.day, multiply(each.value, scale), multiply(each.flow, scale)) for each in points]
    small, large = whole(points), whole(scaled)

    assert large.gain == multiply(small.gain, scale)
    for one, other in (
        (small.time_weighted, large.time_weighted),
        (small.money_weighted.whole, large.money_weighted.whole),
    ):
        assert one.why == other.why
        if one.value is not None and other.value is not None:
            assert float(one.value) == pytest.approx(float(other.value), rel=1e-9, abs=1e-9)


@settings(max_examples=50)
@given(portfolios(), st.data())
def test_what_comes_and_goes_on_one_day_costs_its_fee_and_nothing_else(
    points: list[DayPoint], data: st.DataObject
) -> None:
    """The fee lowers the value of that day and all after it."""
    when = data.draw(st.integers(0, len(points) - 1))
    fee = data.draw(st.decimals(min_value=0, max_value="0.5", places=2))
    passing = [_less(each, fee, paid=number == when) if number >= when else each for number, each in enumerate(points)]
    plain, found = whole(points), whole(passing)

    assert found.net_deposits == plain.net_deposits
    assert (found.gain, found.fees) == (subtract(plain.gain, fee), subtract(plain.fees, fee))
    if not fee:
        assert found == plain


def _less(each: DayPoint, fee: Amount, *, paid: bool) -> DayPoint:
    return DayPoint(each.day, subtract(each.value, fee), each.flow, subtract(ZERO, fee) if paid else ZERO)


@settings(max_examples=50)
@given(portfolios(), portfolios())
def test_gain_and_deposits_of_parts_add_up(one: list[DayPoint], other: list[DayPoint]) -> None:
    length = min(len(one), len(other))
    both = [
        DayPoint(left.day, add(left.value, right.value), add(left.flow, right.flow))
        for left, right in zip(one[:length], other[:length], strict=True)
    ]
    parts = [whole(one[:length]), whole(other[:length])]

    assert whole(both).gain == total(each.gain for each in parts)
    assert whole(both).net_deposits == total(each.net_deposits for each in parts)
