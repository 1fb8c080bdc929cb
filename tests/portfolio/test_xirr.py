"""The money-weighted return: what spreadsheets give, to the digit; and none where there is none."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Context, Decimal, localcontext

import pytest
import pyxirr
from hypothesis import assume, given
from hypothesis import strategies as st

from tallyglass.money import add, amount, multiply, negate, total
from tallyglass.portfolio.xirr import xirr

START = date(2024, 1, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


def dated(*told: tuple[str, str]) -> list[tuple[date, Decimal]]:
    return [(date.fromisoformat(when), amount(figure)) for when, figure in told]


@pytest.mark.parametrize(
    ("payments", "rate"),
    [
        # The example that spreadsheets' handbooks have for XIRR.
        (
            dated(
                ("2008-01-01", "-10000"),
                ("2008-03-01", "2750"),
                ("2008-10-30", "4250"),
                ("2009-02-15", "3250"),
                ("2009-04-01", "2750"),
            ),
            "0.3733625335",
        ),
        # Portfolio Performance's two; of the second no more than four digits are sure there.
        (dated(("2010-01-01", "-200"), ("2010-12-31", "210")), "0.0501407476"),
        (
            dated(
                ("2002-11-30", "-4398"),
                ("2007-06-11", "200"),
                ("2008-05-11", "270"),
                ("2009-05-01", "280"),
                ("2010-06-01", "280"),
                ("2011-05-02", "300"),
                ("2012-04-30", "330"),
                ("2012-12-06", "14508"),
            ),
            "0.1445",
        ),
    ],
)
def test_what_spreadsheets_give(payments: list[tuple[date, Decimal]], rate: str) -> None:
    found = xirr(payments).annual.value

    assert found is not None
    assert float(found) == pytest.approx(float(rate), abs=1e-8 if len(rate) > 6 else 1e-4)


def test_a_year_s_rate_is_the_whole_and_a_day_s_is_not() -> None:
    year, night = (
        xirr([(day(0), amount(-100)), (day(365), amount(110))]),
        xirr([(day(0), amount(-2)), (day(1), amount(3))]),
    )

    assert (year.annual.value, year.whole.value) == (amount("0.1"), amount("0.1"))
    assert night.whole.value == amount("0.5")
    assert night.annual.value is not None
    assert night.annual.value > 10**64


@pytest.mark.parametrize(
    ("payments", "why"),
    [
        ([], "nothing_there"),
        ([(0, "0"), (4, "0")], "one_day"),
        ([(0, "-100"), (0, "120")], "one_day"),
        ([(0, "-100"), (5, "-20")], "no_sign_change"),
        ([(0, "-100"), (300, "150"), (600, "-100")], "no_rate"),
    ],
)
def test_where_there_is_none_it_says_why(payments: list[tuple[int, str]], why: str) -> None:
    found = xirr((day(number), amount(figure)) for number, figure in payments)

    assert (found.annual.value, found.annual.why, found.whole.why) == (None, why, why)
    assert found.annual.text


def test_of_two_rates_the_one_on_the_side_of_the_gain() -> None:
    """-100, +230, -132: 10 % and 20 % a year both make it even."""
    found = xirr([(day(0), amount(-100)), (day(365), amount(230)), (day(730), amount(-132))]).annual.value

    assert found is not None
    assert float(found) == pytest.approx(0.1, abs=1e-12)


def test_two_rates_that_lie_close_together_are_not_passed_over() -> None:
    """The present value is below zero between -68.7 and -81.0 percent a year, and nowhere else."""
    payments = dated(
        ("2020-01-01", "73.24"),
        ("2020-01-03", "62.26"),
        ("2020-01-04", "59.13"),
        ("2020-01-05", "-53.06"),
        ("2020-03-01", "353.10"),
        ("2022-12-01", "52.83"),
        ("2023-09-28", "-52.94"),
        ("2024-07-26", "9.69"),
    )
    found = xirr(payments).annual.value

    assert found is not None
    assert float(found) == pytest.approx(-0.6875, abs=1e-4)


def times(polynomial: list[Decimal], factor: list[Decimal]) -> list[Decimal]:
    product = [amount(0)] * (len(polynomial) + len(factor) - 1)
    for here, one in enumerate(polynomial):
        for there, other in enumerate(factor):
            product[here + there] = add(product[here + there], multiply(one, other))
    return product


growths = st.decimals("0.2", "5", places=3).filter(lambda growth: growth != 1)
pairs = st.tuples(st.decimals("-3", "3", places=2), st.decimals("0.01", "4", places=2))


@given(
    st.lists(growths, max_size=5, unique=True),
    st.lists(pairs, max_size=2),
    st.sampled_from([1, -1]),
    st.integers(1, 200),
)
def test_of_rates_that_are_known_beforehand_it_is_the_nearest_on_the_side_of_the_gain(
    growing: list[Decimal], none: list[tuple[Decimal, Decimal]], sign: int, apart: int
) -> None:
    """Payments made so that these rates, and no others, make them come out even, however often they change direction.

    Each factor has one root: what one unit becomes until the next payment; or none: (x - a)² + b > 0.
    """
    payments = [amount(sign)]
    for growth in growing:
        payments = times(payments, [negate(growth), amount(1)])
    for centre, above in none:
        payments = times(payments, [add(multiply(centre, centre), above), multiply(amount(-2), centre), amount(1)])
    payments.reverse()  # x is what one unit grows to, not what it is worth before
    assume(len({each > 0 for each in payments if each}) == 2)
    likely = total(payments) > 0
    sides = ([each for each in growing if (each > 1) == side] for side in (likely, not likely))
    nearest = [min(side) if min(side) > 1 else max(side) for side in sides if side]
    found = xirr((day(apart * place), each) for place, each in enumerate(payments)).whole

    if not nearest:
        assert (found.value, found.why) == (None, "no_rate")
        return
    with localcontext(Context(prec=60, traps=[])):
        assert found.value is not None
        grown: Decimal = nearest[0] ** (len(payments) - 1)
        assert abs(found.value + 1 - grown) < max(grown, Decimal(1)) * Decimal("1e-9")


@pytest.mark.parametrize("often", [2, 3, 4, 6])
def test_rates_that_are_one_are_found(often: int) -> None:
    """(x - 1.1)², and so on: the present value does no more than touch zero, or crosses it without a slope."""
    payments = [amount(1)]
    for _ in range(often):
        payments = times(payments, [amount("-1.1"), amount(1)])
    found = xirr((day(365 * place), each) for place, each in enumerate(reversed(payments))).annual.value

    assert found is not None
    assert float(found) == pytest.approx(0.1, abs=1e-4)


figures = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6, places=2)
payments_in = st.lists(st.tuples(st.integers(0, 3650), figures), min_size=1, max_size=40)
ends = st.decimals(min_value=1, max_value=10**7, places=2)


@given(payments_in, ends)
def test_the_rate_makes_the_payments_come_out_even(paid: list[tuple[int, Decimal]], end: Decimal) -> None:
    payments = [*((number, each) for number, each in paid), (4000, end)]
    rate = xirr((day(number), each) for number, each in payments).annual.value
    assume(rate is not None and Decimal("-0.9") < rate < 10)
    assert rate is not None

    with localcontext(Context(prec=60, traps=[])):
        present = [each * (1 + rate) ** (Decimal(-number) / 365) for number, each in payments]
        whole = sum((abs(each) for each in present), Decimal(0))
        assert abs(sum(present, Decimal(0))) <= whole * Decimal("1e-18")


@given(st.lists(st.tuples(st.integers(0, 3650), ends), min_size=1, max_size=40), ends)
def test_another_hand_gives_the_same(paid: list[tuple[int, Decimal]], end: Decimal) -> None:
    """With money that comes in first and is valued in the end there is one rate and no other."""
    payments = [*((day(number), each.copy_negate()) for number, each in paid), (day(3651), end)]
    ours, theirs = xirr(payments).annual.value, pyxirr.xirr(payments)
    assume(theirs is not None)

    assert ours is not None
    assert float(ours) == pytest.approx(theirs, rel=1e-6, abs=1e-6)


@given(payments_in, ends, st.decimals(min_value="0.001", max_value=1000, places=3))
def test_payments_of_any_size_have_the_same_rate(paid: list[tuple[int, Decimal]], end: Decimal, scale: Decimal) -> None:
    payments = [*((day(number), each) for number, each in paid), (day(4000), end)]
    small = xirr(payments).annual
    large = xirr((when, multiply(each, scale)) for when, each in payments).annual

    assert small.why == large.why
    if small.value is not None and large.value is not None:
        assert float(large.value) == pytest.approx(float(small.value), rel=1e-12, abs=1e-12)
