"""Money is exact: whatever an exchange prints comes out as it went in."""

from __future__ import annotations

from decimal import Decimal, Inexact, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.money import NotMoney, add, amount, asset, divide, multiply, subtract, text, total

figures = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**29), max_value=10**29, places=18)


@given(figures)
def test_a_figure_of_thirty_digits_and_eighteen_decimals_survives(value: Decimal) -> None:
    assert amount(text(value)) == value
    assert "e" not in text(value).lower()


@given(figures, figures)
def test_sums_and_differences_are_each_others_inverse(one: Decimal, other: Decimal) -> None:
    assert subtract(add(one, other), other) == one


@given(st.lists(figures, max_size=50))
def test_the_order_of_a_sum_does_not_matter(values: list[Decimal]) -> None:
    assert total(values) == total(reversed(values))


@given(figures, figures)
def test_products_lose_nothing(one: Decimal, other: Decimal) -> None:
    with localcontext(prec=200):
        assert multiply(one, other) == one * other


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), True, None, "", " ", "NaN", "Infinity", "1,5", "1 000", "0x10", "१", "1e9999", "9" * 200],
)
def test_what_is_no_exact_number_is_refused(value: object) -> None:
    with pytest.raises(NotMoney):
        amount(value)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [("1e-8", "0.00000001"), ("1500.00", "1500"), ("-0.0", "0"), ("+.5", "0.5"), ("1E+3", "1000"), ("0010", "10")],
)
def test_plain_digits(given_text: str, shown: str) -> None:
    assert text(amount(given_text)) == shown


def test_a_lost_digit_is_an_error_and_not_a_rounding() -> None:
    with pytest.raises(Inexact):
        multiply(amount("1." + "1" * 80), amount("1." + "1" * 80))


def test_a_quotient_ends_after_fifty_digits() -> None:
    assert divide(amount(1), amount(3)) == Decimal("0." + "3" * 50)
    with pytest.raises(ZeroDivisionError):
        divide(amount(1), amount("0.00"))


@pytest.mark.parametrize("name", ["", "  ", "B\x00TC", "X" * 65, "a\nb"])
def test_what_cannot_be_an_asset_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="asset"):
        asset(name)
