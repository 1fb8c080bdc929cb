"""The accounts that a seed grows: covered at every step, cut as the exchange cuts, the same again and again."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from support.paper import PaperVenue, held_by_orders
from tallyglass.money import ZERO, Amount, add
from tallyglass.sandbox.growth import grow
from tallyglass.sandbox.model import Act, Books
from tallyglass.sandbox.world import WorldPrices

NOW = datetime(2026, 11, 18, 9, 41, 7, tzinfo=UTC).timestamp()
SEEDS = st.integers(0, 2**31)


def grown(seed: int, places: int = 8) -> dict[str, PaperVenue]:
    venues = {
        "kraken": PaperVenue("kraken", places=places),
        "binance": PaperVenue("binance", fee_in="received", places=places),
        "coinbase": PaperVenue("coinbase", places=places),
    }
    for venue, account, act in grow(venues, WorldPrices(seed, NOW), seed):
        venues[venue].record(account, act)
    return venues


def lowest(books: Books) -> Amount:
    """The lowest balance that any wallet ever had, act by act."""
    sums: dict[tuple[str, str], Amount] = defaultdict(lambda: ZERO)
    low = ZERO
    for posting in books.postings.values():
        for wallet, asset, amount, _ in posting.legs:
            sums[wallet, asset] = add(sums[wallet, asset], amount)
        low = min(low, *(sums[wallet, asset] for wallet, asset, _, _ in posting.legs), ZERO)
    return low


def decimals(value: Amount) -> int:
    return max(-int(value.normalize().as_tuple().exponent), 0)


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_every_account_can_pay_for_everything_it_ever_does(seed: int) -> None:
    for venue in grown(seed).values():
        for books in venue.books.values():
            assert len(books.postings) > 10
            assert lowest(books) == ZERO


@settings(max_examples=6, deadline=None)
@given(SEEDS)
def test_what_open_orders_hold_is_there(seed: int) -> None:
    prices = WorldPrices(seed, NOW)
    for venue in grown(seed).values():
        orders = [act for account, act in venue.acts if account == "main" and act.kind == "order"]
        assert orders
        for asset, held in held_by_orders(orders).items():
            assert held <= venue.books["main"].balance(asset)
        for order in orders:
            last = prices.last(order.base, order.quote)
            assert order.price < last if order.side == "buy" else order.price > last


@settings(max_examples=6, deadline=None)
@given(SEEDS, st.integers(2, 10))
def test_no_figure_has_more_decimals_than_the_exchange_keeps(seed: int, places: int) -> None:
    for venue in grown(seed, places).values():
        markets = {(each.base, each.quote): each for each in venue.facts.markets}
        for _, act in venue.acts:
            assert max(decimals(act.cost), decimals(act.fee), decimals(act.amount)) <= places
            assert act.amount > ZERO
            if act.quote:
                market = markets[act.base, act.quote]
                assert decimals(act.amount) <= market.amount_decimals
                assert decimals(act.price) <= market.price_decimals


def test_a_trade_costs_amount_times_price_and_the_fee_that_the_facts_say() -> None:
    for name, venue in grown(3).items():
        trades = [act for _, act in venue.acts if act.kind == "trade"]
        assert len(trades) > 50
        for act in trades:
            assert abs(act.cost - act.amount * act.price) <= Decimal("0.000000005")
            received = act.base if act.side == "buy" else act.quote
            assert act.fee_asset == (received if name == "binance" else act.quote)
            basis = act.amount if act.fee_asset == act.base else act.cost
            assert abs(act.fee - basis * venue.facts.fee_rate) <= Decimal("0.000000005")


def test_one_seed_grows_one_world_and_another_seed_another() -> None:
    first, again, different = grown(5), grown(5), grown(6)

    assert [each.acts for each in first.values()] == [each.acts for each in again.values()]
    assert [each.books["main"].truth() for each in first.values()] == [
        each.books["main"].truth() for each in again.values()
    ]
    assert first["kraken"].acts != different["kraken"].acts


def test_transfers_leave_one_exchange_and_reach_another_under_the_same_hash() -> None:
    moved: dict[str, list[tuple[str, Act]]] = defaultdict(list)
    for name, venue in grown(7).items():
        for _, act in venue.acts:
            if act.txid:
                moved[act.txid].append((name, act))
    pairs = [both for both in moved.values() if len(both) == 2]

    assert len(pairs) > 3
    assert all(len(each) <= 2 for each in moved.values())
    for both in pairs:
        (left, out), (right, came) = sorted(both, key=lambda pair: pair[1].time)
        assert (out.kind, came.kind) == ("withdrawal", "deposit")
        assert left != right
        assert (out.base, out.amount) == (came.base, came.amount)
        assert (came.time - out.time).total_seconds() < 3600


def test_an_account_has_years_of_every_kind_of_act_and_ends_shortly_before_now() -> None:
    for venue in grown(8).values():
        for account in venue.books:
            times = [act.time for name, act in venue.acts if name == account]
            assert times == sorted(times)
            assert all(each.microsecond % 1000 == 0 for each in times)
        acts = [act for name, act in venue.acts if name == "main"]
        assert {act.kind for act in acts} == {"trade", "deposit", "withdrawal", "reward", "order", "convert"}
        assert (acts[-1].time - acts[0].time).days > 365
        assert 0 < NOW - acts[-1].time.timestamp() < 2 * 3600
        assert len({act.serial for _, act in venue.acts}) == len(venue.acts)


def test_the_other_account_is_smaller_and_has_nothing_of_the_main_one() -> None:
    for venue in grown(9).values():
        main, other = venue.books["main"], venue.books["other"]
        assert 0 < len(other.postings) < len(main.postings)
        assert not main.postings.keys() & other.postings.keys()


@settings(max_examples=6, deadline=None)
@given(SEEDS)
def test_the_books_are_the_sum_of_their_legs(seed: int) -> None:
    for venue in grown(seed).values():
        for books in venue.books.values():
            told = books.truth()
            sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
            for entry in told["entries"]:
                for leg in entry["legs"]:
                    sums[leg["asset"]] += Decimal(leg["amount"])
            assert told["balances"].keys() == {asset for asset, amount in sums.items() if amount}
            assert all(Decimal(told["balances"].get(asset, "0")) == amount for asset, amount in sums.items())
