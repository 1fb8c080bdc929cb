"""All fake exchanges together, as the program builds them: the promises that the core makes for every one."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from tallyglass.money import ZERO, multiply, total
from tallyglass.sandbox.control import Control
from tallyglass.sandbox.model import KEY_KINDS, Books
from tallyglass.sandbox.run import VENUES, build

NOW = time.time()


@cache
def world() -> Control:
    """One for the tests that only look."""
    return build(2, "small", NOW)[0]


def told(control: Control, path: str, given: Any = None) -> Any:
    method, body = ("GET", b"") if given is None else ("POST", json.dumps(given).encode())
    bare, _, query = path.partition("?")
    answer = control.answer(method, bare, query, body)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def in_order_of_time(books: Books) -> list[tuple[str, str, Decimal]]:
    postings = sorted(books.postings.values(), key=lambda each: each.time)
    return [(wallet, asset, amount) for posting in postings for wallet, asset, amount, _ in posting.legs]


@pytest.mark.parametrize("name", VENUES)
def test_each_exchange_has_both_accounts_and_every_kind_of_key(name: str) -> None:
    venue = world().venues[name]

    assert set(KEY_KINDS) <= venue.keys.keys()
    assert venue.books.keys() == {"main", "other"}
    assert venue.keys["wrong_account"].account == "other"
    assert venue.keys["read_only"].rights == {"read"}
    assert venue.keys["ip_bound_elsewhere"].ip_list == ["203.0.113.9"]
    assert venue.keys["revoked"].dead
    assert venue.keys["expired"].expired


@pytest.mark.parametrize("name", VENUES)
def test_no_wallet_is_ever_overdrawn(name: str) -> None:
    for books in world().venues[name].books.values():
        sums: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        for wallet, asset, amount in in_order_of_time(books):
            sums[wallet, asset] += amount
        # the margin wallets are worth their net: on a loan more may be owed of an asset than is there
        assert min(amount for (wallet, _), amount in sums.items() if not wallet.startswith("margin")) >= ZERO
        assert {key: amount for key, amount in sums.items() if amount} == {
            key: amount for key, amount in books.wallets().items() if amount
        }


@pytest.mark.parametrize("name", VENUES)
def test_open_orders_hold_no_more_than_there_is(name: str) -> None:
    venue = world().venues[name]
    held: dict[str, Decimal] = defaultdict(lambda: ZERO)
    orders = venue.open_orders()
    for order in orders:
        base, _, quote = order["market"].partition("/")
        rest = Decimal(order["amount"]) - Decimal(order["filled"])
        held[quote if order["side"] == "buy" else base] += rest * (
            Decimal(order["price"]) if order["side"] == "buy" else 1
        )

    assert len(orders) >= 3
    assert any(Decimal(order["filled"]) > 0 for order in orders)
    assert all(amount <= venue.books["main"].balance(asset) for asset, amount in held.items())


def test_all_that_is_owned_has_a_price_and_the_worth_is_their_sum() -> None:
    prices = {asset: Decimal(price) for asset, price in told(world(), "/truth")["prices"].items()}
    worth = total(
        multiply(Decimal(amount), prices[asset])
        for name in VENUES
        for asset, amount in told(world(), f"/truth/{name}")["balances"].items()
        if asset != "KFEE"  # Kraken's fee credits are no money
    )

    assert Decimal(told(world(), "/truth")["worth"]) == worth > 10_000


def test_a_seed_and_a_moment_make_one_world() -> None:
    first, again = (build(4, "small", NOW)[0] for _ in range(2))

    for name in VENUES:
        for account in ("main", "other"):
            path = f"/truth/{name}?account={account}"
            assert told(first, path) == told(again, path)
        keys = [{kind: key.fields for kind, key in each.venues[name].keys.items()} for each in (first, again)]
        assert keys[0] == keys[1] != {kind: key.fields for kind, key in world().venues[name].keys.items()}


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("kind", ["deposit", "reward", "withdrawal", "trade", "convert", "order"])
def test_what_is_let_happen_shows_in_the_books(name: str, kind: str) -> None:
    control = build(3, "small", NOW)[0]
    before = told(control, f"/truth/{name}")
    done = told(control, f"/account/{name}", {"add": kind})
    after = told(control, f"/truth/{name}")
    act = done["act"]
    signs = {"deposit": 1, "reward": 1, "trade": 1, "convert": 1, "withdrawal": -1, "order": 0}
    legs = [leg for entry in done["entries"] for leg in entry["legs"]]
    moved = sum(Decimal(leg["amount"]) for leg in legs if leg["asset"] == act["base"] and leg["role"] == "principal")
    changes: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for leg in legs:
        changes[leg["asset"]] += Decimal(leg["amount"])

    assert moved == signs[kind] * Decimal(act["amount"])
    for asset in before["balances"].keys() | after["balances"].keys():
        was, now_is = (Decimal(each["balances"].get(asset, "0")) for each in (before, after))
        assert now_is - was == changes[asset]
    assert len(after["open_orders"]) - len(before["open_orders"]) == (kind == "order")
    assert (len(after["entries"]) > len(before["entries"])) == (kind != "order")
    assert done["entries"] == after["entries"][len(before["entries"]) :]


def test_what_leaves_for_another_exchange_arrives_there_in_full() -> None:
    out: dict[tuple[str, Decimal], str] = {}
    met = 0
    for name in VENUES:
        for entry in told(world(), f"/truth/{name}")["entries"]:
            if entry["kind"] == "withdrawal":
                principal = next(leg for leg in entry["legs"] if leg["role"] == "principal")
                out[principal["asset"], -Decimal(principal["amount"])] = name
    for name in VENUES:
        for entry in told(world(), f"/truth/{name}")["entries"]:
            if entry["kind"] == "deposit":
                leg = entry["legs"][0]
                met += out.get((leg["asset"], Decimal(leg["amount"])), name) != name

    assert met > 3
