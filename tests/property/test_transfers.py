"""Whatever comes in and goes out: no movement in two transfers, no rule broken, no order that matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tallyglass.ledger.pairing import Key
from tallyglass.ledger.transfers import Decisions, Found, Movement, Rules, Transfer, find
from tallyglass.money import Asset

START = datetime(2026, 3, 14, tzinfo=UTC)
RULES = Rules(timedelta(hours=20), timedelta(hours=1), Decimal("0.05"), Decimal("0.01"))
PLACES, HASHES = ("kraken", "binance", "coinbase"), ("", "", "aa", "bb")
#: Few of each, and near to each other: so that nearly everything competes.
AMOUNTS = tuple(map(Decimal, ("100", "99", "96", "50")))
FEES = (Decimal(0), Decimal(0), Decimal(1))


@st.composite
def some_movements(draw: st.DrawFn, asset: str = "ETH", prefix: str = "", days: int = 0) -> list[Movement]:
    count = draw(st.integers(0, 9))
    return [
        Movement(
            draw(st.sampled_from(PLACES)),
            f"{prefix}{number}",
            START + timedelta(days=days, hours=draw(st.integers(0, 30))),
            Asset(asset),
            draw(st.sampled_from(AMOUNTS)) * draw(st.sampled_from((1, -1))),
            draw(st.sampled_from(FEES)),
            draw(st.sampled_from(HASHES)),
        )
        for number in range(count)
    ]


def said(found: Found) -> set[tuple[Key, Key, str]]:
    return {(each.sent.key, each.received.key, each.basis) for each in found.transfers}


def opened(found: Found) -> set[tuple[Key, tuple[tuple[Key, str], ...]]]:
    return {(e.movement.key, tuple((c.movement.key, c.obstacle) for c in e.candidates)) for e in found.open}


@given(some_movements())
def test_every_movement_is_in_exactly_one_transfer_or_open(movements: list[Movement]) -> None:
    found = find(movements, RULES)
    sides = [side.key for each in found.transfers for side in (each.sent, each.received)]
    places = sides + [each.movement.key for each in found.open]

    assert sorted(places) == sorted(each.key for each in movements)
    for each in found.open:
        names = [candidate.movement.key for candidate in each.candidates]
        assert len(names) == len(set(names)), "a candidate is named once"


@given(some_movements(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_does_not_matter(movements: list[Movement], random: object) -> None:
    shuffled = list(movements)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert find(shuffled, RULES) == find(movements, RULES)


@given(some_movements(), some_movements(asset="DOGE", prefix="other"), some_movements(prefix="later", days=9))
def test_what_has_nothing_to_do_with_it_changes_nothing(
    movements: list[Movement], other: list[Movement], later: list[Movement]
) -> None:
    assume(not {each.txid for each in later} & {each.txid for each in movements} - {""})
    alone, among = find(movements, RULES), find([*later, *movements, *other], RULES)
    ours = {each.key for each in movements}

    assert {each for each in said(among) if each[0] in ours or each[1] in ours} == said(alone)
    assert {each for each in opened(among) if each[0] in ours} == opened(alone)


def keeps_the_rules(each: Transfer) -> bool:
    sent, received = each.sent, each.received
    whole = -sent.amount
    near = any(
        left * (1 - RULES.shortfall) <= came <= left * (1 + RULES.excess)
        for left, came in product((whole, whole - sent.fee), (received.amount, received.amount + received.fee))
    )
    one_hash = sent.txid == received.txid != ""
    in_time = -RULES.early <= received.time - sent.time <= RULES.window
    two_places = sent.connection != received.connection
    return near and sent.amount < 0 < received.amount and (one_hash or (in_time and two_places and not clash(each)))


def clash(each: Transfer) -> bool:
    return each.sent.txid != each.received.txid and "" not in (each.sent.txid, each.received.txid)


@given(some_movements())
def test_no_transfer_breaks_a_rule_and_each_is_the_only_choice_or_one_of_equals(movements: list[Movement]) -> None:
    found = find(movements, RULES)

    for each in found.transfers:
        assert keeps_the_rules(each)
    for one, other in product(found.transfers, found.transfers):
        if one != other and one.basis == other.basis == "amount":
            # Were each exchanged for the other's, both would still fit as well: then it was no choice but a guess.
            swapped = [Transfer(one.sent, other.received, "amount"), Transfer(other.sent, one.received, "amount")]
            exact = [-t.sent.amount == t.received.amount and not t.sent.fee + t.received.fee for t in swapped]
            assert not (all(exact) and all(map(keeps_the_rules, swapped)))


@given(some_movements())
def test_no_pair_that_fits_nothing_else_is_left_open(movements: list[Movement]) -> None:
    found = find(movements, RULES)
    near = {each.movement.key: [c for c in each.candidates if c.obstacle == "rivals"] for each in found.open}

    for key, candidates in near.items():
        if len(candidates) == 1:
            assert len(near[candidates[0].movement.key]) > 1, key


@given(some_movements(), st.data())
@settings(max_examples=200)
def test_the_users_word_always_holds(movements: list[Movement], data: st.DataObject) -> None:
    sent = [each.key for each in movements if each.amount < 0]
    received = [each.key for each in movements if each.amount > 0]
    assume(sent and received)
    pair = st.tuples(st.sampled_from(sent), st.sampled_from(received))
    matched = data.draw(pair)
    apart = data.draw(st.frozensets(pair.filter(lambda each: each != matched), max_size=4))
    found = find(movements, RULES, Decisions(frozenset({matched}), apart))

    assert (*matched, "user") in said(found)
    assert not {(one, other) for one, other, _ in said(found)} & apart
