"""Files cut and joined in any way make the same ledger, and what an API tells is taken out once, line by line."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import NotReadable
from tallyglass.ledger.entries import Entry, Leg, computed
from tallyglass.ledger.imports import QUICK, Row, entries, numbered, recognised, united
from tallyglass.money import Amount, Asset, amount

HEADERS = {
    "binance": "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark",
    "kraken": "txid,refid,time,type,subtype,aclass,asset,amount,fee,balance",
    "coinbase": (
        "ID,Timestamp,Transaction Type,Asset,Quantity Transacted,Price Currency,Price at Transaction,Subtotal,"
        "Total (inclusive of fees and/or spread),Fees and/or Spread,Notes"
    ),
}
START = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
second = st.integers(0, 5).map(lambda seconds: (START + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S"))
figure = st.sampled_from(["1", "0.5", "-1", "-0.5", "0.00000001"])
coin = st.sampled_from(["BTC", "ETH", "EUR"])
operation = st.sampled_from(["Buy", "Fee", "Deposit", "Distribution", "Simple Earn Flexible Subscription", "Teleport"])

binance = st.lists(st.tuples(second, operation, coin, figure), max_size=25).map(
    lambda found: [f"1,{when},Spot,{what},{which},{much}," for when, what, which, much in sorted(found)]
)
kraken = st.lists(
    st.tuples(st.integers(0, 6), second, st.sampled_from(["trade", "deposit", "warp"]), coin, figure), max_size=25
).map(
    lambda found: [
        f"L{number},R{event},{when},{what},,currency,{which},{much},0.1,0"
        for number, (event, when, what, which, much) in enumerate(found)
    ]
)
coinbase = st.lists(st.tuples(second, st.sampled_from(["Send", "Receive", "Warp"]), coin, figure), max_size=25).map(
    lambda found: [
        f"id-{number},{when} UTC,{what},{which},{much},EUR,,,,,"
        for number, (when, what, which, much) in enumerate(found)
    ]
)
exports = st.one_of(
    st.tuples(st.just("binance"), binance),
    st.tuples(st.just("kraken"), kraken),
    st.tuples(st.just("coinbase"), coinbase),
)


def read(name: str, lines: list[str]) -> tuple[Row, ...]:
    return registry.exporting(name).rows("\n".join((HEADERS[name], *lines)), None).rows


def ledger(name: str, *files: list[str]) -> list[Entry]:
    made = entries(united(read(name, lines) for lines in files).values())
    return sorted(
        (structs.replace(entry, legs=tuple(sorted(entry.legs, key=str))) for entry in made), key=lambda each: each.id
    )


@given(exports, st.data())
def test_any_two_overlapping_parts_make_the_ledger_of_the_whole(
    export: tuple[str, list[str]], data: st.DataObject
) -> None:
    name, lines = export
    begin, end = sorted(data.draw(st.tuples(st.integers(0, len(lines)), st.integers(0, len(lines)))))
    if name == "binance":  # lines without ids: a part tells its seconds whole, as what is exported by time does
        seconds = [list(group) for _, group in groupby(lines, key=lambda line: line.split(",")[1])]
        begin, end = min(begin, len(seconds)), min(end, len(seconds))
        first, last = list(chain.from_iterable(seconds[:end])), list(chain.from_iterable(seconds[begin:]))
    else:
        first, last = lines[:end], lines[begin:]
    assert ledger(name, first, last) == ledger(name, lines)
    assert ledger(name, last, first) == ledger(name, lines)
    assert ledger(name, lines, lines, first) == ledger(name, lines)


@given(exports)
def test_no_line_is_lost_and_none_counts_twice(export: tuple[str, list[str]]) -> None:
    name, lines = export
    rows = read(name, lines)
    one_by_one = [Entry(str(n), row.entry.time, row.entry.kind, row.entry.legs) for n, row in enumerate(rows)]
    assert computed(ledger(name, lines)) == computed(one_by_one)


times = st.integers(0, 200).map(lambda seconds: START + timedelta(seconds=seconds))
moves = st.tuples(times, st.sampled_from(["BTC", "ETH"]), st.sampled_from(["1", "2"]))


def row(time: datetime, symbol: str, much: str) -> Row:
    leg = Leg(f"{symbol}:{much}", "spot", Asset(symbol), amount(much))
    return Row(1, Entry(f"file:{time.isoformat()}:{symbol}:{much}", time, "reward", (leg,)), alone=True)


def told(number: int, time: datetime, symbol: str, much: str) -> Entry:
    return Entry(f"reward:{number}", time, "reward", (Leg("in", "spot", Asset(symbol), amount(much)),))


def content(entry: Entry) -> tuple[Asset, Amount]:
    return entry.legs[0].asset, entry.legs[0].amount


@given(st.lists(moves, max_size=20), st.lists(moves, max_size=20))
def test_each_line_is_recognised_at_most_once_and_order_does_not_matter(
    lines: list[tuple[datetime, str, str]], api: list[tuple[datetime, str, str]]
) -> None:
    rows = united([[row(*line) for line in lines]])
    theirs = [told(number, *move) for number, move in enumerate(api)]
    known = recognised(rows, theirs)

    known_of = Counter(content(rows[key].entry) for key in known)
    assert known_of <= Counter(map(content, theirs))
    assert known == recognised(dict(reversed(rows.items())), theirs[::-1])
    for key in set(rows) - known:  # one that is left out finds nobody of its like near it whom no other has taken
        left = rows[key].entry
        near = [entry for entry in theirs if abs(entry.time - left.time) <= QUICK and content(entry) == content(left)]
        assert len(near) <= known_of[content(left)]


@given(st.lists(moves, max_size=20))
def test_what_the_api_tells_whole_is_recognised_whole(lines: list[tuple[datetime, str, str]]) -> None:
    rows = united([[row(*line) for line in lines]])
    assert recognised(rows, [told(number, *line) for number, line in enumerate(lines)]) == set(rows)


def test_a_sum_of_legs_is_recognised_but_not_beside_its_parts() -> None:
    out = Entry(
        "withdrawal:1",
        START,
        "withdrawal",
        (Leg("out", "spot", Asset("BTC"), amount("-1")), Leg("fee", "spot", Asset("BTC"), amount("-0.5"), "fee")),
    )

    def line(much: str) -> Row:
        leg = Leg(f"BTC:{much}", "spot", Asset("BTC"), amount(much))
        return Row(1, Entry(f"file:BTC:{much}", START + timedelta(hours=1), "withdrawal", (leg,)), alone=True)

    whole, part = united([[line("-1.5")]]), united([[line("-1"), line("-1.5")]])
    assert recognised(whole, [out]) == set(whole)
    assert len(recognised(part, [out])) == 1


def test_certain_names_let_equal_content_be_new() -> None:
    api = Entry("R1", START, "deposit", (Leg("L1", "spot", Asset("BTC"), amount("1")),))
    ours = [Row(n, structs.replace(api, id=f"R{n}"), frozenset((f"R{n}",)), certain=True) for n in (1, 2)]
    rows = united([ours])

    assert {key[0] for key in recognised(rows, [api])} == {"R1"}
    assert {key[0] for key, _ in numbered(ours)} == {"R1", "R2"}


def test_an_id_is_recognised_as_an_entry_or_a_leg_and_content_helps_where_ids_do_not() -> None:
    def line(number: int, name: str, symbol: str) -> Row:
        entry = Entry(f"tx:{name}", START, "trade", (Leg(name, "spot", Asset(symbol), amount("1")),))
        return Row(number, entry, frozenset((name, f"tx:{name}", f"convert:{name}")))

    rows = united([[line(1, "a", "BTC"), line(2, "b", "ETH"), line(3, "c", "DOT"), line(4, "d", "ADA")]])
    late = START + timedelta(days=9)
    api = [
        Entry("trade:order:1", late, "trade", (Leg("a", "spot", Asset("BTC"), amount("5")),)),
        Entry("convert:b", late, "conversion", (Leg("z", "spot", Asset("ETH"), amount("5")),)),
        Entry("trade:order:2", START, "trade", (Leg("y", "spot", Asset("DOT"), amount("1")),)),
        Entry("trade:order:3", late, "trade", (Leg("x", "spot", Asset("ADA"), amount("1")),)),
    ]
    assert {key[0] for key in recognised(rows, api)} == {"tx:a", "tx:b", "tx:c"}


cells = st.one_of(
    st.text(max_size=12), figure, coin, second, operation, st.sampled_from(["1e999", "-", '"', "=1+1", "R1"])
)


lines_ = st.lists(st.lists(cells, max_size=12).map(",".join), max_size=6)


@given(st.sampled_from(sorted(HEADERS)), st.one_of(lines_, st.just([])), lines_)
def test_any_text_is_read_or_refused_and_no_line_breaks_it(name: str, above: list[str], below: list[str]) -> None:
    content = "\n".join((*above, HEADERS[name], *below))
    try:
        found = registry.exporting(name).rows(content, None)
    except NotReadable:
        return
    for each in found.rows:
        assert len(each.entry.id) < 190
        assert all(0 < len(leg.id) < 190 and leg.amount for leg in each.entry.legs)
    assert len({piece.unparsed.id for piece in found.pieces}) == len(found.pieces)
    assert all(piece.unparsed.raw.isascii() and piece.unparsed.raw.isprintable() for piece in found.pieces)
