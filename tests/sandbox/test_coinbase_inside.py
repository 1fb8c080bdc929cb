"""The fake Coinbase without a network: what the clock, the seed and many rows do to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.coinbase import NOW, V3, ask, made, rows, token
from tallyglass.sandbox.coinbase import Coinbase, moving, public, trading, v2, v3
from tallyglass.sandbox.coinbase.timeline import Timeline
from tallyglass.sandbox.model import Act, Incoming

START = datetime.fromtimestamp(NOW, UTC)


_ROUTES = [*v3.ROUTES, *v2.ROUTES, *public.ROUTES, *trading.ROUTES, *moving.ROUTES]
_PARAMETERS = {
    *("limit", "cursor", "order", "starting_after", "ending_before", "order_status", "start_date", "end_date"),
    *("start_sequence_timestamp", "sort_by", "product_id", "granularity", "start", "end", "currency", "offset"),
}
_MEMBERS = {
    *("client_order_id", "product_id", "side", "order_configuration", "limit_limit_gtc", "market_market_ioc"),
    *("base_size", "quote_size", "limit_price", "order_id", "order_ids", "price", "size", "funds", "value"),
    *("currency", "source_portfolio_uuid", "target_portfolio_uuid", "from_account", "to_account", "amount"),
    *("type", "to", "idem", "payment_method", "commit", "name"),
}


def deposit(venue: Coinbase, amount: str, serial: int, when: datetime = START, asset: str = "USD") -> None:
    venue.record("main", Act("deposit", when, asset, Decimal(amount), serial=serial))


def trade(venue: Coinbase, serial: int, when: datetime) -> None:
    price = Decimal("2500.25")
    size, cost, fee = Decimal("0.0200"), Decimal("50.01"), Decimal("0.30")
    venue.record("main", Act("trade", when, "ETH", size, "USD", "buy", price, cost, fee, "USD", serial=serial))


def _open_to_everything() -> Coinbase:
    venue = made()
    venue.keys["can_trade"].rights |= {"withdraw", "transfer"}
    venue.specials["no_limits"]("main", NOW)
    deposit(venue, "100000", 1)
    trade(venue, 2, START)
    return venue


_FUZZED = _open_to_everything()


def test_v3_has_so_many_requests_a_second_for_a_user_and_says_what_is_left() -> None:
    venue = made()
    answers = [ask(venue, f"{V3}/key_permissions", kind=kind) for kind in ("read_only", "can_trade") * 15]
    assert {each.status for each in answers} == {200}
    assert [answers[at].headers["x-ratelimit-remaining"] for at in (0, 29)] == ["29", "0"]
    assert ask(venue, f"{V3}/key_permissions").status == 429
    assert ask(venue, f"{V3}/key_permissions", kind="wrong_account").status == 200
    assert ask(venue, "/v2/user").status == 200
    assert ask(venue, f"{V3}/key_permissions", NOW + 1).status == 200


def test_v3_has_fewer_for_an_address_without_a_key_and_v2_counts_hours() -> None:
    venue = made()
    assert [ask(venue, f"{V3}/time", signed=False).status for _ in range(11)] == [200] * 10 + [429]
    assert [ask(venue, "/v2/time", signed=False).status for _ in range(10_001)][-2:] == [200, 429]
    refused = json.loads(ask(venue, "/v2/time", signed=False).body)
    assert refused["errors"][0]["id"] == "rate_limit_exceeded"
    assert ask(venue, "/v2/time", NOW + 3600, signed=False).status == 200


def test_a_clock_that_is_off_shuts_the_door() -> None:
    venue = made()
    fields = venue.keys["read_only"].fields
    path = f"{V3}/key_permissions"
    for off, status in ((-4, 200), (4, 200), (-60, 401), (200, 401)):
        claims = {"uri": f"GET api.coinbase.com{path}", "nbf": int(NOW), "exp": int(NOW) + 120}
        bearer = {"authorization": f"Bearer {token(fields, claims)}"}
        moved = Incoming("GET", "api.coinbase.com", path, "", bearer, b"", "127.0.0.1", NOW + off)
        assert venue.handle(moved).status == status, off


def test_one_seed_makes_one_exchange() -> None:
    def told(venue: Coinbase) -> list[bytes]:
        deposit(venue, "1000", 1)
        trade(venue, 5, START + timedelta(minutes=1))
        paths = [f"{V3}/accounts", f"{V3}/orders/historical/fills", "/v2/accounts/USD/transactions", "/v2/accounts"]
        return [ask(venue, path, NOW + 600).body for path in paths]

    one, same, other = made(), made(), made(4)
    assert {kind: key.fields for kind, key in one.keys.items()} == {kind: key.fields for kind, key in same.keys.items()}
    assert not {key.fields["key"] for key in one.keys.values()} & {key.fields["key"] for key in other.keys.values()}
    assert told(one) == told(same) != told(other)


def test_coins_on_their_way_in_count_when_they_arrive() -> None:
    venue = made()
    [row] = rows(venue, "LTC", 25)
    assert (row["status"], "hash" in row["network"]) == ("pending", False)
    assert venue.books["main"].balance("LTC") == 0
    later = NOW + 4 * 3600
    row = json.loads(ask(venue, f"/v2/accounts/LTC/transactions/{row['id']}", later).body)["data"]
    assert (row["status"], row["network"]["status"]) == ("completed", "confirmed")
    assert row["network"]["hash"]
    assert venue.books["main"].balance("LTC") == Decimal(row["amount"]["amount"])
    assert f"tx:{row['id']}" in venue.books["main"].postings


def test_fills_of_one_order_in_one_second_are_one_entry() -> None:
    venue = made()
    deposit(venue, "1000", 1)
    whole_second = START.replace(microsecond=0)
    trade(venue, 5, whole_second)
    trade(venue, 10, whole_second + timedelta(minutes=1))
    entries = [name for name in venue.books["main"].postings if name.startswith("trade:")]
    fills = json.loads(ask(venue, f"{V3}/orders/historical/fills").body)["fills"]
    assert len(fills) == 4
    assert len({each["order_id"] for each in fills}) == 2
    # the second order's parts are two seconds apart
    assert len(entries) == 3


@settings(max_examples=30, deadline=None)
@given(
    offsets=st.lists(st.integers(0, 20), min_size=1, max_size=40),
    limit=st.integers(1, 12),
    order=st.sampled_from(["asc", "desc"]),
)
def test_every_row_is_on_exactly_one_page_whatever_their_times(offsets: list[int], limit: int, order: str) -> None:
    venue = made()
    for serial, offset in enumerate(offsets, 1):
        deposit(venue, "1.25", serial, START + timedelta(seconds=offset))
    found = rows(venue, "USD", limit, order)
    assert len({each["id"] for each in found}) == len(found) == len(offsets)
    times = [each["created_at"] for each in found]
    assert times == sorted(times, reverse=order == "desc")


@dataclass(slots=True)
class Dot:
    time: datetime
    n: int


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(-1, 51), st.integers(1, 9))
def test_a_timeline_keeps_order_and_finds_its_places(seconds: list[int], bound: int, limit: int) -> None:
    line: Timeline[Dot] = Timeline()
    for number, second in enumerate(seconds):
        line.add(Dot(START + timedelta(seconds=second), number))
    assert [(each.time, each.n) for each in line.items] == sorted((each.time, each.n) for each in line.items)
    moment = START + timedelta(seconds=bound)
    assert line.since(moment) == sum(second < bound for second in seconds)
    assert [line.index((each.time, each.n)) for each in line.items] == list(range(len(line)))
    seen: list[Dot] = []
    high, more = len(line), True
    while more:
        found, more = line.back(high, limit, 0, lambda dot: dot.n % 2 == 0)
        seen += found
        high = line.index((found[-1].time, found[-1].n)) if found else 0
    assert seen == [each for each in reversed(line.items) if each.n % 2 == 0]


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1e3"])
def test_a_limit_that_is_no_number_is_refused_and_zero_is_the_default(limit: str) -> None:
    status = ask(made(), f"{V3}/accounts?limit={limit}").status
    assert status == (200 if limit == "0" else 400)


def test_next_uri_is_a_path_with_a_plain_query() -> None:
    venue = made()
    for serial in range(1, 4):
        deposit(venue, "2", serial)
    page = json.loads(ask(venue, "/v2/accounts/USD/transactions?limit=2").body)
    path, _, query = page["pagination"]["next_uri"].partition("?")
    assert path == "/v2/accounts/USD/transactions"
    assert dict(parse_qsl(query)) == {"limit": "2", "starting_after": page["data"][-1]["id"]}


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | st.sampled_from(["1e40", "0.01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(_MEMBERS)), inner, max_size=4),
    max_leaves=8,
)


_FIGURES = st.sampled_from(["0.01", "20", "3000", "1e-7", "1e11", "999999999999999", "0", "-1", "NaN"]) | st.just(5)
_NEARLY = st.fixed_dictionaries(
    {
        "client_order_id": st.text(min_size=1, max_size=6),
        "product_id": st.sampled_from(["ETH-USD", "BTC-USDC", "ETH-BTC", "DOGE-EUR"]),
        "side": st.sampled_from(["BUY", "SELL"]),
        "order_configuration": st.dictionaries(
            st.sampled_from(["market_market_ioc", "limit_limit_gtc", "limit_limit_fok", "stop_limit_stop_limit_gtc"]),
            st.dictionaries(st.sampled_from(["base_size", "quote_size", "limit_price"]), _FIGURES, min_size=1),
            min_size=1,
            max_size=1,
        ),
        "type": st.just("send"),
        "to": st.just("0xabc"),
        "amount": _FIGURES,
        "currency": st.sampled_from(["ETH", "USD", "XLM"]),
        "from_account": st.sampled_from(["USD", "USDC"]),
        "to_account": st.sampled_from(["USD", "USDC"]),
    }
)
_BODIES = (
    _NEARLY.map(json.dumps)
    | st.dictionaries(st.sampled_from(sorted(_MEMBERS)), _JSON, max_size=6).map(json.dumps)
    | st.text()
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_whatever_is_asked_there_is_an_answer_and_money_stays_whole(data: st.DataObject) -> None:
    venue = _FUZZED
    route = data.draw(st.sampled_from(_ROUTES))
    parts = [
        data.draw(st.sampled_from(["ETH", "USD", "x", "BTC-USD", "%00"])) if part == "{}" else part
        for part in route.path.split("/")
    ]
    query = data.draw(
        st.dictionaries(st.sampled_from(sorted(_PARAMETERS)), st.text(max_size=6) | st.just("99"), max_size=3)
    )
    body = data.draw(_BODIES)
    path = "/".join(parts)
    claims = {"uri": f"{route.method} api.coinbase.com{path}", "nbf": int(NOW), "exp": int(NOW) + 120}
    headers = {"authorization": f"Bearer {token(venue.keys['can_trade'].fields, claims)}"}
    asked = Incoming(
        *(route.method, "api.coinbase.com", path, urlencode(query), headers, body.encode("utf-8", "replace")),
        *("127.0.0.1", NOW),
    )
    answer = venue.handle(asked)
    assert answer.status in (200, 201, 400, 403, 404)
    json.loads(answer.body)
    held = {(row["currency"]): row for row in json.loads(ask(venue, f"{V3}/accounts?limit=250").body)["accounts"]}
    for currency, row in held.items():
        free, hold = Decimal(row["available_balance"]["value"]), Decimal(row["hold"]["value"])
        assert free >= 0
        assert free + hold == venue.books["main"].balance(currency)


@given(st.text() | st.binary().map(lambda raw: raw.hex() + ".." + raw.hex()) | st.just("a.b.c"))
def test_whatever_is_sent_as_a_token_is_refused(bearer: str) -> None:
    asked = Incoming(
        *("GET", "api.coinbase.com", f"{V3}/accounts", "", {"authorization": f"Bearer {bearer}"}, b"", "", NOW)
    )
    assert _FUZZED.handle(asked).status == 401
    assert isinstance(_FUZZED.caller(asked), str)
