"""Norges Bank's rates: read by the names of their columns, those of a hundred units brought to one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.norgesbank.parse import parse
from tallyglass.exchanges.streams import Close, Known, NotReadable
from tallyglass.money import Asset

NOK = Asset("NOK")
HEAD = (
    "FREQ;Frequency;BASE_CUR;Base Currency;QUOTE_CUR;Quote Currency;TENOR;Tenor;DECIMALS;CALCULATED;"
    "UNIT_MULT;Unit Multiplier;COLLECTION;Collection Indicator;TIME_PERIOD;OBS_VALUE"
)


def line(base: str, day: str, value: str, power: str = "0", quote: str = "NOK") -> str:
    unit = "Hundreds" if power == "2" else "Units"
    return (
        f"B;Business;{base};A currency;{quote};Norwegian krone;SP;Spot;4;false;{power};{unit};C;"
        f"ECB concertation time 14:15 CET;{day};{value}"
    )


def feed(*lines: str, head: str = HEAD) -> bytes:
    return "\r\n".join((head, *lines, "")).encode()


def test_the_page_offers_one_public_read_with_the_format_fixed() -> None:
    manifest = registry.manifest("norgesbank")
    assert (manifest.tier, set(manifest.reads)) == ("source", {"rates"})
    call = manifest.read("rates").call({"startPeriod": "2026-11-01", "endPeriod": "2026-11-20"})
    assert (call.method, call.host, call.path) == ("GET", "data.norges-bank.no", "/api/data/EXR/B..NOK.SP")
    assert call.query == "format=csv&locale=en&startPeriod=2026-11-01&endPeriod=2026-11-20"


def test_rates_are_of_one_unit_with_every_digit() -> None:
    body = feed(
        line("USD", "2026-11-20", "10.1204"), line("JPY", "2026-11-20", "6.5430", "2"), line("I44", "x", "99.1")
    )
    assert parse("rates", body, Known()).items == (
        Close(Asset("USD"), NOK, date(2026, 11, 20), Decimal("10.1204")),
        Close(Asset("JPY"), NOK, date(2026, 11, 20), Decimal("0.065430")),
    )


def test_thousands_may_have_their_comma() -> None:
    [rate] = parse("rates", feed(line("CHF", "2026-11-20", "1,145.56", "2")), Known()).items
    assert isinstance(rate, Close)
    assert rate.price == Decimal("11.4556")


def test_columns_are_found_by_name_wherever_they_stand() -> None:
    body = "\ufeffOBS_VALUE;NEW;TIME_PERIOD;UNIT_MULT;QUOTE_CUR;BASE_CUR\n11.7;x;2026-11-20;0;NOK;EUR\n".encode()
    assert parse("rates", body, Known()).items == (Close(Asset("EUR"), NOK, date(2026, 11, 20), Decimal("11.7")),)


@pytest.mark.parametrize("value", ["NaN", "", "n/a", "-1", "0", "0.00", "inf", "11,70", "1,145", "1.145,56"])
def test_a_figure_that_is_none_is_an_error(value: str) -> None:
    with pytest.raises(NotReadable, match="line 2"):
        parse("rates", feed(line("USD", "2026-11-20", value)), Known())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b"\xff\xfe\x00",
        feed(head="BASE_CUR;OBS_VALUE"),
        feed(head=HEAD + ";OBS_VALUE"),
        feed(line("USD", "20th of November", "1")),
        feed(line("dollar", "2026-11-20", "1")),
        feed(line("USD", "2026-11-20", "1", "many")),
        feed(line("USD", "2026-11-20", "1", quote="kroner")),
        feed(line("USD", "2026-11-20", "1"), line("USD", "2026-11-20", "2")),
        feed(line("USD", "2026-11-20", "1")) + b"B;Business;USD",
    ],
)
def test_what_is_no_answer_of_this_read_is_refused(body: bytes) -> None:
    with pytest.raises(NotReadable):
        parse("rates", body, Known())


def test_another_read_is_refused_and_an_answer_without_rows_has_no_rates() -> None:
    with pytest.raises(NotReadable, match="no read 'tickers'"):
        parse("tickers", feed(), Known())
    assert parse("rates", feed(), Known()).items == ()


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        items = parse("rates", body, Known()).items
    except NotReadable:
        items = ()
    assert all(isinstance(each, Close) and each.price > 0 for each in items)
