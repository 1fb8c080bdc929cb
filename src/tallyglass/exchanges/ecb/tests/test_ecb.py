"""The ECB's reference rates: read by the names of their columns, with no hole passed over in silence."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.ecb.parse import Rate, parse, rates
from tallyglass.exchanges.streams import Known, NotReadable, Ticker
from tallyglass.money import asset

HEAD = "KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,OBS_CONF,TITLE"


def line(currency: str, day: str, value: str, status: str = "A") -> str:
    title = f'"{currency}/Euro, 2:15 pm (C.E.T.)"'
    return f"EXR.D.{currency}.EUR.SP00.A,D,{currency},EUR,SP00,A,{day},{value},{status},F,{title}"


def feed(*lines: str, head: str = HEAD) -> bytes:
    return "\r\n".join((head, *lines, "")).encode()


def test_the_page_offers_one_public_read_with_the_format_fixed() -> None:
    manifest = registry.manifest("ecb")
    assert manifest.tier == "source"
    assert manifest not in registry.exchanges()
    assert set(manifest.reads) == {"rates"}
    call = manifest.read("rates").call({"startPeriod": "2026-11-01", "endPeriod": "2026-11-20"})
    assert (call.method, call.host, call.path) == ("GET", "data-api.ecb.europa.eu", "/service/data/EXR/D..EUR.SP00.A")
    assert call.query == "format=csvdata&startPeriod=2026-11-01&endPeriod=2026-11-20"
    assert not manifest.read("rates").signed


def test_rates_keep_every_digit_and_the_order_of_the_feed() -> None:
    body = feed(
        line("USD", "2026-11-19", "1.0840"), line("USD", "2026-11-20", "1.0851"), line("JPY", "2026-11-20", "1")
    )
    assert rates(body) == [
        Rate(date(2026, 11, 19), asset("USD"), Decimal("1.0840")),
        Rate(date(2026, 11, 20), asset("USD"), Decimal("1.0851")),
        Rate(date(2026, 11, 20), asset("JPY"), Decimal(1)),
    ]
    assert str(rates(body)[0].per_euro) == "1.0840"


def test_columns_are_found_by_name_wherever_they_stand() -> None:
    body = b"\xef\xbb\xbfOBS_VALUE,NEW,TIME_PERIOD,CURRENCY\n0.8421,x,2026-11-20,GBP\n"
    assert rates(body) == [Rate(date(2026, 11, 20), asset("GBP"), Decimal("0.8421"))]


@pytest.mark.parametrize("value", ["NaN", ""])
@pytest.mark.parametrize("status", ["H", "M", "L"])
def test_a_day_that_the_feed_marks_as_missing_is_left_out(value: str, status: str) -> None:
    body = feed(line("USD", "2026-12-25", value, status), line("USD", "2026-12-28", "1.09"))
    assert [rate.day for rate in rates(body)] == [date(2026, 12, 28)]


@pytest.mark.parametrize("value", ["NaN", "", "n/a", "-1", "0", "inf", "1,05"])
def test_a_figure_that_is_missing_or_odd_without_a_mark_is_an_error(value: str) -> None:
    with pytest.raises(NotReadable, match="line 2"):
        rates(feed(line("USD", "2026-11-20", f'"{value}"')))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b'{"error": "no"}',
        b"\xff\xfe\x00",
        feed(head="CURRENCY,TIME_PERIOD"),
        feed(head="CURRENCY,CURRENCY,TIME_PERIOD,OBS_VALUE"),
        feed(line("USD", "20th of November", "1.08")),
        feed(line("dollar", "2026-11-20", "1.08")),
        feed(line("USD", "2026-11-20", "1.08")) + b"EXR.D.USD.EUR.SP00.A,D,USD",
    ],
)
def test_what_is_no_answer_of_this_read_is_refused(body: bytes) -> None:
    with pytest.raises(NotReadable):
        rates(body)


def test_an_answer_without_rows_has_no_rates() -> None:
    assert rates(feed()) == []
    assert parse("rates", feed(), Known()).items == ()


def test_the_newest_day_becomes_prices_of_one_euro() -> None:
    body = feed(
        line("HRK", "2022-12-30", "7.5365"),
        line("USD", "2026-11-19", "1.0840"),
        line("USD", "2026-11-20", "1.0851"),
        line("GBP", "2026-11-20", "0.8421"),
    )
    assert parse("rates", body, Known()).items == (
        Ticker(asset("EUR"), asset("USD"), Decimal("1.0851")),
        Ticker(asset("EUR"), asset("GBP"), Decimal("0.8421")),
    )


def test_another_read_is_refused() -> None:
    with pytest.raises(NotReadable, match="no read 'tickers'"):
        parse("tickers", feed(), Known())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["USD", "JPY", "GBP", "CHF"]),
            st.dates(date(1999, 1, 4), date(2030, 1, 1)),
            st.decimals("0.00001", "99999", places=5),
        ),
        max_size=30,
    )
)
def test_what_is_written_is_read(rows: list[tuple[str, date, Decimal]]) -> None:
    body = feed(*(line(currency, day.isoformat(), str(value)) for currency, day, value in rows))
    assert rates(body) == [Rate(day, asset(currency), value) for currency, day, value in rows]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        found = rates(body)
    except NotReadable:
        return
    assert all(rate.per_euro > 0 for rate in found)
