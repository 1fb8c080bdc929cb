"""How numbers and times read: nothing lost that is shown in full, nothing rounded to nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.app import allocation
from tallyglass.app import format as shown
from tallyglass.app.views import HoldingView, WorthView
from tallyglass.money import amount, magnitude, multiply, subtract, text, total
from tallyglass.web.look import HIDDEN, Figures, Look
from tallyglass.web.pages.overview import partial
from tallyglass.web.pages.parts import segments

amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=18)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@given(amounts)
def test_a_quantity_keeps_every_digit(value: Decimal) -> None:
    written = text(value)
    assert shown.quantity(written).replace(",", "") == written
    assert amount(shown.movement(written).replace(",", "").replace("−", "-")) == value


@given(amounts)
def test_money_is_right_to_half_a_cent(value: Decimal) -> None:
    read = Decimal(re.sub(r"[$,]", "", shown.money(text(value), "USD")).replace("−", "-"))
    assert magnitude(subtract(read, value)) <= Decimal("0.005")
    whole, decimals, unit = shown.hero(text(value), "USD")
    assert whole + decimals + unit == shown.money(text(value), "USD")


@given(st.decimals(min_value=Decimal("1e-15"), max_value=10**7, allow_nan=False, allow_infinity=False))
def test_a_price_is_never_shown_as_nothing(value: Decimal) -> None:
    read = Decimal(re.sub(r"[$,]", "", shown.price(text(value), "USD")))
    assert magnitude(subtract(read, value)) <= multiply(value, Decimal("0.001"))
    assert re.search(r"\.\d\d", shown.price(text(value), "USD"))


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        ("1234567.895", "USD", "$1,234,567.90"),
        ("-0.5", "EUR", "−€0.50"),
        ("12.3", "CHF", "12.30 CHF"),
        (None, "USD", "unknown"),
        ("0", "GBP", "£0.00"),
    ],
)
def test_money_in_words(value: str | None, currency: str, expected: str) -> None:
    assert shown.money(value, currency) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("77347.6", "$77,347.60"),
        ("1.3177726", "$1.3178"),
        ("9", "$9.00"),
        ("0.00000918", "$0.00000918"),
        ("0", "$0.00"),
    ],
)
def test_prices_in_words(value: str, expected: str) -> None:
    assert shown.price(value, "USD") == expected


@pytest.mark.parametrize(
    ("share", "expected"), [("1", "100.0 %"), ("0.1234", "12.3 %"), ("0.0001", "< 0.1 %"), ("0", "0.0 %")]
)
def test_shares_in_words(share: str, expected: str) -> None:
    assert shown.percent(Decimal(share)) == expected


@given(st.integers(min_value=0, max_value=400 * 86400))
def test_an_age_is_never_younger_than_told(seconds: int) -> None:
    time = (NOW - timedelta(seconds=seconds)).isoformat()
    number, unit = shown.age(time, NOW).split(" ")
    size = {"s": 1, "min": 60, "h": 3600, "d": 86400}[unit]
    assert int(number) * size <= seconds < (int(number) + 1) * size


def worth(**values: tuple[str, str | None]) -> WorthView:
    """A worth of assets given as amount and price, all at one connection."""
    holdings: list[HoldingView] = [
        {
            "asset": asset,
            "amount": held,
            "price": price,
            "price_source": None,
            "price_at": None,
            "value": None if price is None else text(multiply(amount(held), amount(price))),
            "by": [{"connection": "one", "account": "spot", "amount": held}],
        }
        for asset, (held, price) in values.items()
    ]
    return {
        "total": "0",
        "stated": "0",
        "currency": "USD",
        "complete": True,
        "as_of": NOW.isoformat(),
        "causes": [],
        "sources": [],
        "holdings": holdings,
    }


figures = st.decimals(min_value=Decimal("0.00000001"), max_value=10**9, places=8, allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text("ABCDEFGH", min_size=3, max_size=4), st.tuples(figures, figures), max_size=20))
def test_a_bar_is_filled_from_end_to_end(held: dict[str, tuple[Decimal, Decimal]]) -> None:
    found = worth(**{asset: (text(many), text(price)) for asset, (many, price) in held.items()})
    drawn = segments(allocation.by_asset(found))

    assert len(drawn) == len(held) or allocation.FEW <= len(drawn) <= allocation.MOST
    assert all(segment.length >= 1 for segment in drawn)
    if drawn:
        assert magnitude(subtract(total(segment.slice.share for segment in drawn), Decimal(1))) < Decimal("1e-40")
        assert drawn[-1].begin + drawn[-1].length >= 1000
        whole = total(each.slice.value for each in drawn)
        assert [(each.name, each.value) for each in allocation.by_connection(found)] == [("one", whole)]


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([100, 90, 80, 70, 60, 9, 8, 7], ["A0", "A1", "A2", "A3", "A4", "others"]),
        ([20] * 20, ["A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "others"]),
        ([20] * 9, [f"A{number}" for number in range(9)]),
        ([100, 90, 80, 70, 60, 9], ["A0", "A1", "A2", "A3", "A4", "A5"]),
    ],
)
def test_the_rest_of_a_bar_is_small_as_far_as_colours_reach(values: list[int], drawn: list[str]) -> None:
    found = worth(**{f"A{place}": ("1", str(value)) for place, value in enumerate(values)})

    assert [each.name for each in allocation.by_asset(found)] == drawn


def test_debts_and_what_has_no_price_are_no_part_of_the_bar() -> None:
    found = worth(BTC=("1", "100"), USD=("-50", "1"), WHAT=("7", None))

    assert [(each.name, each.share) for each in allocation.by_asset(found)] == [("BTC", Decimal(1))]
    assert allocation.shares(found) == {"BTC": Decimal(1)}
    assert allocation.by_asset(worth()) == []


def test_why_it_is_partial_is_said_in_a_few_words() -> None:
    found = worth()
    found["complete"] = False
    found["sources"] = [{"connection": name, "status": "failed", "fresh_at": None, "text": ""} for name in "abc"]
    found["causes"] = [
        {"code": "source_failed", "about": "a", "text": ""},
        {"code": "source_stale", "about": "b", "text": ""},
        {"code": "price_missing", "about": "WHAT", "text": ""},
    ]
    assert partial(found) == "2 of 3 sources are not current, 1 price is missing"
    found["causes"] = [
        {"code": "history_failed", "about": "a", "text": ""},
        {"code": "history_unparsed", "about": "a", "text": ""},
    ]
    assert partial(found) == "the history of 1 of 3 sources is not whole"
    found["causes"] += [{"code": "gap", "about": f"a/{asset}", "text": ""} for asset in ("BTC", "EUR")]
    assert partial(found) == "2 assets do not add up", "what is missing says more than why"
    found["causes"] = [{"code": "something new", "about": "", "text": ""}]
    assert partial(found) == "not everything is known"
    assert partial(worth()) == ""


@given(st.text(max_size=30))
def test_any_look_cookie_is_read(cookie: str) -> None:
    look = Look.of(cookie)
    assert look.light in ("system", "light", "dark")
    assert Look.of(look.cookie) == look
    assert look.changed(cookie, cookie).light in ("system", "light", "dark")


@given(amounts)
def test_hidden_figures_say_nothing(value: Decimal) -> None:
    hidden = Figures("USD", hidden=True)
    written = text(value)
    assert {hidden.money(written), hidden.quantity(written), hidden.movement(written), hidden.hero(written)[0]} == {
        HIDDEN
    }
