"""Our addresses beside a key's list, and the text that belongs there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from tallyglass.exchanges import registry
from tallyglass.exchanges.manifest import Manifest
from tallyglass.hygiene import egress
from tallyglass.hygiene.egress import Ours
from tallyglass.hygiene.facts import Egress, Facts, KeyFacts
from tallyglass.keeper.client import Binding, Connection, Ways
from tallyglass.store import egress as memory
from tallyglass.store.base import Store
from tallyglass.store.egress import Seen

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HERE, THERE, SIX = "203.0.113.7", "198.51.100.20", "2001:db8::7"


def key(exchange: str, ip: Binding, checked: datetime = NOON) -> KeyFacts:
    connection = Connection(
        *(exchange, exchange, "", "active", "", None, "K1", "0f0f", {}, ip),
        *(NOON - 9 * HOUR, None, None, None, checked, False),
    )
    return KeyFacts(connection, registry.manifest(exchange))


def seen(
    address: str, since: datetime = NOON, ended: datetime | None = None, way: str = "", *, sure: bool = True
) -> Seen:
    return Seen(way, address, since, ended or since, sure, ended)


MOVED = Egress(seen=(seen(THERE, NOON + HOUR), seen(HERE, NOON - HOUR, NOON + HOUR)))


def found(facts: Egress, *keys: KeyFacts) -> list[tuple[str, str, str]]:
    told = egress.rules(Facts(NOON + 2 * HOUR, keys, egress=facts))
    return [(each.code, each.severity, each.connection) for each in told]


@pytest.mark.parametrize(
    ("bound", "listed", "verdict"),
    [
        ("yes", (HERE,), "ours"),
        ("yes", (f"{HERE}/32",), "ours"),
        ("yes", (f" {HERE} ",), "ours"),
        ("yes", (HERE, THERE), "others_too"),
        ("yes", ("203.0.113.0/24",), "others_too"),
        ("yes", (HERE, "no address at all"), "others_too"),
        ("yes", (THERE,), "elsewhere"),
        ("yes", ("no address at all",), "elsewhere"),
        ("yes", (SIX,), "elsewhere"),
        ("yes", (HERE, "0.0.0.0/0"), "unbound"),
        ("yes", (HERE, "::/0"), "unbound"),
        ("yes", (), "hidden"),
        ("no", (), "unbound"),
        ("unknown", (), "cannot_tell"),
    ],
)
def test_a_list_beside_ours(bound: str, listed: tuple[str, ...], verdict: str) -> None:
    assert egress.bond(Binding(bound, listed), Ours((HERE,), "sure")).verdict == verdict  # type: ignore[arg-type]


def test_without_our_own_addresses_a_list_cannot_be_judged() -> None:
    assert egress.bond(Binding("yes", (HERE,)), Ours()).verdict == "cannot_tell"
    assert egress.bond(Binding("yes", (HERE,)), Ours((THERE, "192.0.2.1"), "doubtful")).verdict == "cannot_tell"


def test_of_several_machines_each_must_be_on_the_list() -> None:
    bond = egress.bond(Binding("yes", (HERE,)), Ours((HERE, THERE), "said"))
    assert (bond.verdict, bond.missing) == ("elsewhere", (THERE,))


def test_an_address_that_has_changed_is_told_of_before_the_key_fails() -> None:
    assert found(MOVED, key("kraken", Binding("yes", (HERE,)))) == [("egress_changed", "urgent", "kraken")]
    [finding] = egress.rules(Facts(NOON, (key("kraken", Binding("yes", (HERE,))),), egress=MOVED))
    for piece in (THERE, HERE, "Settings → API", "IP address restriction", f"take away {HERE}"):
        assert piece in finding.text + finding.fix


def test_it_is_settled_when_the_list_holds_the_new_address() -> None:
    assert found(MOVED, key("kraken", Binding("yes", (THERE,)))) == []
    assert found(MOVED, key("kraken", Binding("yes", (THERE, HERE)))) == [("ip_others", "notice", "kraken")]


@pytest.mark.parametrize(("exchange", "bound"), [("binance", "yes"), ("coinbase", "unknown")])
def test_where_the_list_is_not_shown_the_change_is_open_until_the_key_has_worked_since(
    exchange: str, bound: str
) -> None:
    before = key(exchange, Binding(bound), NOON)  # type: ignore[arg-type]
    since = key(exchange, Binding(bound), NOON + HOUR)  # type: ignore[arg-type]
    assert found(MOVED, before) == [("egress_changed", "warning", exchange)]
    assert found(MOVED, since) == []


def test_a_key_that_is_bound_to_nobody_minds_no_change() -> None:
    assert found(MOVED, key("binance", Binding("no"))) == []


def test_a_list_that_was_never_ours_says_so() -> None:
    facts = Egress(seen=(seen(HERE),))
    assert found(facts, key("kraken", Binding("yes", (THERE,)))) == [("ip_elsewhere", "urgent", "kraken")]


def test_a_key_that_is_frozen_is_left_alone() -> None:
    frozen = key("kraken", Binding("yes", (HERE,)))
    frozen = replace(frozen, connection=replace(frozen.connection, state="frozen"))
    assert found(MOVED, frozen) == []


def test_services_that_differ_are_not_believed_and_told_of_once() -> None:
    facts = Egress(seen=(seen(HERE, sure=False), seen(THERE, sure=False)))
    keys = key("kraken", Binding("yes", (HERE,))), key("binance", Binding("yes"))
    assert found(facts, *keys) == [("egress_unsure", "warning", "")]


def test_what_one_service_alone_said_is_no_former_address() -> None:
    lie = seen("192.0.2.66", NOON, NOON + HOUR, sure=False)
    assert egress.ours(Egress(seen=(seen(THERE), lie, seen(HERE, NOON - HOUR, NOON))), "kraken").before == (HERE,)


def test_what_the_operator_says_is_so_and_a_proxy_has_addresses_of_its_own() -> None:
    ways = Ways(("192.0.2.1",), proxies={"kraken": "http://10.0.0.5:3128"})
    facts = Egress(ways, (seen(THERE, way="http://10.0.0.5:3128"), seen(SIX, way="http://10.0.0.5:3128"), seen(HERE)))
    assert egress.ours(facts, "binance") == Ours(("192.0.2.1",), "said")
    assert egress.ours(facts, "kraken").addresses == (THERE, SIX)
    assert egress.bond(Binding("yes", (THERE,)), egress.ours(facts, "kraken")).verdict == "ours"


def test_the_direct_way_leaves_by_ipv4_where_there_is_a_choice() -> None:
    assert egress.ours(Egress(seen=(seen(SIX), seen(HERE))), "kraken").addresses == (HERE,)
    assert egress.ours(Egress(seen=(seen(SIX),)), "kraken").addresses == (SIX,)


@pytest.mark.parametrize(
    ("body", "version", "address"),
    [
        (b"9.9.9.9\n", 4, "9.9.9.9"),
        (b"2620:FE::FE\n", 6, "2620:fe::fe"),
        (b"9.9.9.9", 6, None),
        (b"10.0.0.1", 4, None),
        (b"127.0.0.1", 4, None),
        (b"<html>9.9.9.9</html>", 4, None),
        (b"9.9.9.9, 1.1.1.1", 4, None),
        (b"\xff", 4, None),
        (b"", 4, None),
        (b" " * 100 + b"9.9.9.9", 4, None),
    ],
)
def test_an_answer_is_one_address_of_the_open_internet_or_nothing(
    body: bytes, version: int, address: str | None
) -> None:
    assert egress.told(body, version, real=True) == address


def test_two_services_must_tell_the_same() -> None:
    assert egress.agreed([{HERE}, {HERE}]) == {HERE: True}
    assert egress.agreed([{HERE}, {THERE}]) == {HERE: False, THERE: False}
    assert egress.agreed([{HERE}, set()]) == {HERE: False}
    assert egress.agreed([]) == {}


def limited(separator: str, most: int, *, cidr: bool) -> Manifest:
    return replace(registry.manifest("kraken"), ip={"separator": separator, "max_entries": most, "cidr": cidr})


def test_the_text_has_the_exchanges_separator_and_no_more_than_it_takes() -> None:
    three = ("203.0.113.8", "203.0.113.9", THERE)
    assert egress.copy(limited(" ", 3, cidr=True), three) == egress.Copy(f"203.0.113.8 203.0.113.9 {THERE}")
    assert egress.copy(limited("\n", 2, cidr=True), three) == egress.Copy(f"{THERE}\n203.0.113.8/31")
    assert egress.copy(limited(",", 2, cidr=False), three) == egress.Copy("203.0.113.8,203.0.113.9", (THERE,))


@given(st.lists(st.integers(0, 40), min_size=1, unique=True), st.integers(1, 20))
def test_drawn_together_they_are_never_more_than_ours(last: list[int], most: int) -> None:
    mine = {ip_address(f"203.0.113.{each}") for each in last}
    found = egress.copy(limited(",", most, cidr=True), [str(each) for each in sorted(mine)])
    entries = [*found.text.split(","), *found.left]
    assert {each for entry in entries for each in ip_network(entry)} == mine
    assert len(found.text.split(",")) <= most


# -- what is remembered


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(create_engine("sqlite://", creator=lambda: sqlite3.connect(tmp_path / "a.db")))
    made.migrate()
    yield made
    made.close()


def test_an_address_lasts_until_another_of_its_family_is_seen_in_its_place(store: Store) -> None:
    looks = [{HERE: True, SIX: True}, {HERE: True}, {THERE: False}, {}, {HERE: True}]
    for quarters, told in enumerate(looks):
        with store.write() as db:
            memory.note(db, "", told, NOON + quarters * HOUR / 4)
    with store.read() as db:
        kept = [(each.address, each.since, each.last_at, each.ended_at) for each in memory.seen(db)]
    at = [NOON + quarters * HOUR / 4 for quarters in range(5)]
    assert kept == [
        (HERE, at[4], at[4], None),
        (THERE, at[2], at[2], at[4]),
        (SIX, at[0], at[0], None),
        (HERE, at[0], at[1], at[2]),
    ]


def test_what_was_lost_from_sight_begins_anew_and_is_the_same_address_still(store: Store) -> None:
    looks = {0: {THERE: True}, 10: {HERE: True}, 20: {HERE: True}, 90: {HERE: True}, 100: {HERE: False}}
    for minutes, told in looks.items():
        with store.write() as db:
            memory.note(db, "", told, NOON + minutes * HOUR / 60)
    at = {minutes: NOON + minutes * HOUR / 60 for minutes in looks}
    with store.read() as db:
        kept = memory.seen(db)
    assert [(each.since, each.last_at, each.sure) for each in kept if each.address == HERE] == [
        (at[90], at[100], False),
        (at[10], at[20], True),
    ]
    mine = egress.ours(Egress(seen=kept), "kraken")
    assert (mine.addresses, mine.since, mine.before) == ((HERE,), at[10], (THERE,))
