"""Which withdrawal and which deposit are one transfer, which are not, and which are left to the user."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tallyglass.ledger.entries import Entry, Kind, Leg
from tallyglass.ledger.transfers import Decisions, Found, Movement, Rules, find, hash_of, movement
from tallyglass.money import Asset, amount

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
ONE, TWO = "a1" * 32, "b2" * 32
#: A stricter house: nothing may arrive before it was sent, or more than was sent; a fifth may be missing.
STRICT = Rules(timedelta(hours=12), timedelta(0), Decimal("0.20"), Decimal(0))


def move(name: str, figure: str, minutes: float = 0, asset: str = "ETH", **more: str) -> Movement:
    """`place:id`, a signed amount, minutes after noon; `fee` and `txid`."""
    place, _, entry = name.partition(":")
    fee, txid = amount(more.get("fee", "0")), more.get("txid", "")
    return Movement(place, entry, NOON + timedelta(minutes=minutes), Asset(asset), amount(figure), fee, txid)


def pairs(found: Found) -> set[tuple[str, str, str]]:
    return {(":".join(each.sent.key), ":".join(each.received.key), each.basis) for each in found.transfers}


def left(found: Found) -> dict[str, dict[str, str]]:
    """Of every open movement, its candidates and what stands against them."""
    return {
        ":".join(each.movement.key): {":".join(c.movement.key): c.obstacle for c in each.candidates}
        for each in found.open
    }


def test_the_same_transaction_outweighs_what_is_nearer_in_time() -> None:
    found = find(
        [
            move("kraken:in", "2.5", 45, txid=ONE),
            move("binance:far", "-2.5", 0, txid=ONE),
            move("coinbase:near", "-2.5", 44),
        ]
    )

    assert pairs(found) == {("binance:far", "kraken:in", "hash")}
    assert left(found) == {"coinbase:near": {}}


def test_a_hash_may_come_days_late_and_in_another_spelling() -> None:
    found = find([move("kraken:out", "-1", 0, txid=ONE), move("binance:in", "1", 4 * 1440, txid=f"0x{ONE.upper()}:1")])

    assert pairs(found) == {("kraken:out", "binance:in", "hash")}


def test_one_transaction_that_pays_many_is_told_apart_by_amount() -> None:
    outs = [move("kraken:a", "-1", txid=ONE), move("kraken:b", "-2", txid=ONE), move("kraken:c", "-3", txid=ONE)]
    ins = [move("binance:a", "1", 9, txid=ONE), move("coinbase:b", "2", 9, txid=ONE)]

    found = find([*outs, *ins])

    assert pairs(found) == {("kraken:a", "binance:a", "hash"), ("kraken:b", "coinbase:b", "hash")}
    assert left(found) == {"kraken:c": {}}


def test_one_transaction_with_another_amount_stays_open_and_is_shown() -> None:
    found = find([move("kraken:out", "-3", txid=ONE), move("binance:in", "1", 9, txid=ONE)])

    assert pairs(found) == set()
    assert left(found) == {"kraken:out": {"binance:in": "amount"}, "binance:in": {"kraken:out": "amount"}}


def test_one_transaction_in_two_assets_is_no_transfer() -> None:
    assert pairs(find([move("kraken:out", "-3", txid=ONE), move("binance:in", "3", 9, "USDC", txid=ONE)])) == set()


def test_the_same_direction_is_no_transfer() -> None:
    same = [move("kraken:out", "-3", txid=ONE), move("binance:out", "-3", 9, txid=ONE)]
    both = [move("kraken:in", "3", txid=ONE), move("binance:in", "3", 9, txid=ONE)]

    assert pairs(find(same)) == set() == pairs(find(both))


def test_two_known_transactions_are_two_movements_though_all_else_fits() -> None:
    found = find([move("kraken:out", "-3", txid=ONE), move("binance:in", "3", 9, txid=TWO)])

    assert pairs(found) == set()
    assert left(found)["kraken:out"] == {"binance:in": "hash"}


def test_a_remark_in_place_of_a_hash_says_nothing_against_a_match() -> None:
    found = find([move("kraken:out", "-3", txid=ONE), move("binance:in", "3", 9, txid="Off-chain transfer 77")])

    assert pairs(found) == {("kraken:out", "binance:in", "amount")}


def test_a_remark_that_numbers_no_transaction_is_no_hash() -> None:
    for remark in ("Internal transfer", "-"):
        assert (
            pairs(find([move("kraken:out", "-3", txid=remark), move("binance:in", "3", 90 * 1440, txid=remark)]))
            == set()
        )
    numbered = "Off-chain transfer 77"
    assert pairs(find([move("kraken:out", "-3", txid=numbered), move("binance:in", "3", 9 * 1440, txid=numbered)]))


def test_two_that_fit_equally_stay_open_with_both_named() -> None:
    found = find([move("kraken:out", "-0.7"), move("binance:in", "0.7", 1), move("coinbase:in", "0.7", 500)])

    assert pairs(found) == set()
    assert left(found) == {
        "kraken:out": {"binance:in": "rivals", "coinbase:in": "rivals"},
        "binance:in": {"kraken:out": "rivals"},
        "coinbase:in": {"kraken:out": "rivals"},
    }


def test_the_exact_amount_outweighs_one_that_is_near() -> None:
    outs = [move("kraken:a", "-1000", asset="USDC"), move("kraken:b", "-998", 1, asset="USDC")]
    ins = [move("binance:a", "1000", 30, asset="USDC"), move("binance:b", "998", 20, asset="USDC")]

    found = find(outs + ins)

    assert pairs(found) == {("kraken:a", "binance:a", "amount"), ("kraken:b", "binance:b", "amount")}


def test_a_pair_that_is_sure_frees_the_one_that_competed_with_it() -> None:
    outs = [move("kraken:a", "-1000", asset="USDC"), move("coinbase:b", "-998", 1, asset="USDC")]
    ins = [move("binance:a", "1000", 30, asset="USDC"), move("binance:b", "997", 20, asset="USDC")]

    assert pairs(find(outs + ins)) == {("kraken:a", "binance:a", "amount"), ("coinbase:b", "binance:b", "amount")}


def test_as_many_sent_as_received_all_alike_go_in_their_order() -> None:
    outs = [move("kraken:a", "-50"), move("kraken:b", "-50", 60), move("kraken:c", "-50", 61)]
    ins = [move("binance:x", "50", 20), move("binance:y", "50", 75), move("binance:z", "50", 75.5)]

    assert pairs(find(outs + ins)) == {
        ("kraken:a", "binance:x", "order"),
        ("kraken:b", "binance:y", "order"),
        ("kraken:c", "binance:z", "order"),
    }
    assert pairs(find([*outs, *ins[:2]])) == set()
    assert pairs(find([*outs[:2], move("coinbase:c", "-50", 61), *ins])) == set()
    assert pairs(find([*outs, *ins[:2], move("coinbase:z", "50", 75.5)])) == set()


def test_those_that_are_not_alike_do_not_go_in_their_order() -> None:
    near = [move("kraken:a", "-50"), move("kraken:b", "-50.1", 60), move("binance:x", "50.05", 20)]
    other = [move("kraken:a", "-50", txid=ONE), move("kraken:b", "-50", 60), move("binance:x", "50", 20, txid=TWO)]

    assert pairs(find([*near, move("binance:y", "50.05", 75)])) == set()
    found = find([*other, move("binance:y", "50", 75)])
    assert pairs(found) == set()
    assert left(found)["kraken:a"] == {"binance:y": "rivals", "binance:x": "hash"}


@pytest.mark.parametrize(
    ("sent", "fee", "received", "fee_there"),
    [("-64.6", "0.3", "64.3", "0"), ("-100", "0", "99", "1"), ("-64.3", "0.3", "64.3", "0"), ("-10", "2", "7", "1")],
)
def test_fees_may_be_counted_in_or_not(sent: str, fee: str, received: str, fee_there: str) -> None:
    moves = [move("kraken:out", sent, fee=fee), move("binance:in", received, 9, fee=fee_there)]

    assert pairs(find(moves, Rules(shortfall=Decimal(0), excess=Decimal(0)))) == {
        ("kraken:out", "binance:in", "amount")
    }


@pytest.mark.parametrize(
    ("rules", "received", "minutes"),
    [
        (Rules(), "0.995", 20 * 60),
        (Rules(), "1.005", -60),
        (STRICT, "0.8", 12 * 60),
        (STRICT, "1", 0),
    ],
)
def test_what_lies_just_inside_the_rules_is_a_transfer(rules: Rules, received: str, minutes: float) -> None:
    found = find([move("kraken:out", "-1"), move("binance:in", received, minutes)], rules)

    assert pairs(found) == {("kraken:out", "binance:in", "amount")}


@pytest.mark.parametrize(
    ("rules", "received", "minutes"),
    [
        (Rules(), "0.99499999", 5),
        (Rules(), "1.00500001", 5),
        (Rules(), "1", 20 * 60 + 0.001),
        (Rules(), "1", -60.001),
        (STRICT, "0.79999999", 5),
        (STRICT, "1.00000001", 5),
        (STRICT, "1", -0.001),
    ],
)
def test_what_lies_just_outside_the_rules_is_none(rules: Rules, received: str, minutes: float) -> None:
    found = find([move("kraken:out", "-1"), move("binance:in", received, minutes)], rules)

    assert pairs(found) == set()


def test_coins_that_come_back_to_the_account_they_left_are_a_transfer_only_in_one_transaction() -> None:
    assert pairs(find([move("kraken:out", "-1"), move("kraken:in", "1", 9)])) == set()
    assert pairs(find([move("kraken:out", "-1", txid=ONE), move("kraken:in", "1", 9, txid=ONE)])) == {
        ("kraken:out", "kraken:in", "hash")
    }


def test_an_asset_that_was_renamed_is_the_same_and_its_own_name_outweighs() -> None:
    sent = move("kraken:out", "-40", asset="MATIC")
    renamed, same = move("binance:in", "40", 5, asset="POL"), move("coinbase:in", "40", 5, asset="MATIC")

    assert pairs(find([sent, renamed])) == {("kraken:out", "binance:in", "amount")}
    assert pairs(find([sent, renamed, same])) == {("kraken:out", "coinbase:in", "amount")}
    assert pairs(find([sent, move("binance:in", "40", 5, asset="ETH")])) == set()


def test_the_users_word_outranks_hash_and_amount() -> None:
    sent, true, other = (
        move("kraken:out", "-1", txid=ONE),
        move("binance:in", "1", 5, txid=ONE),
        move("coinbase:in", "3"),
    )
    said = Decisions(matched=frozenset({(sent.key, other.key)}))
    parted = Decisions(apart=frozenset({(sent.key, true.key)}))

    assert pairs(find([sent, true, other], decisions=said)) == {("kraken:out", "coinbase:in", "user")}
    assert left(find([sent, true, other], decisions=parted)) == {
        "kraken:out": {"binance:in": "apart"},
        "binance:in": {"kraken:out": "apart"},
        "coinbase:in": {},
    }


def test_a_word_about_an_entry_that_is_gone_changes_nothing() -> None:
    moves = [move("kraken:out", "-1"), move("binance:in", "1", 5)]
    said = Decisions(matched=frozenset({(("kraken", "out"), ("binance", "gone")), (("x", "y"), ("binance", "in"))}))

    assert pairs(find(moves, decisions=said)) == pairs(find(moves)) != set()


def test_of_two_words_about_one_entry_one_holds() -> None:
    sent, one, other = move("kraken:out", "-1"), move("binance:in", "1", 5), move("coinbase:in", "1", 6)
    said = Decisions(matched=frozenset({(sent.key, one.key), (sent.key, other.key)}))

    assert pairs(find([other, sent, one], decisions=said)) == {("kraken:out", "binance:in", "user")}


def test_what_is_lost_on_the_way_is_told_with_all_fees() -> None:
    (transfer,) = find([move("kraken:out", "-1", fee="0.01"), move("binance:in", "0.999", 5, fee="0.002")]).transfers

    assert transfer.lost == Decimal("0.013")


def entry(kind: Kind, *legs: tuple[str, str, str], status: str = "done") -> Entry:
    made = tuple(Leg(str(i), "spot", Asset(a), amount(n), r) for i, (a, n, r) in enumerate(legs))  # type: ignore[arg-type]
    return Entry("E1", NOON, kind, made, status=status, txid=ONE)  # type: ignore[arg-type]


def test_a_movement_is_what_an_entry_moved_with_the_fee_in_the_same_asset() -> None:
    sent = entry("withdrawal", ("TRX", "-5", "principal"), ("TRX", "-1", "fee"), ("BNB", "-0.1", "fee"))

    assert movement(sent, "binance") == Movement("binance", "E1", NOON, Asset("TRX"), amount("-5"), amount("1"), ONE)


@pytest.mark.parametrize(
    "none",
    [
        entry("withdrawal", ("EUR", "-5", "principal"), ("EUR", "5", "principal")),
        entry("deposit", ("EUR", "5", "principal"), status="pending"),
        entry("withdrawal", ("EUR", "-5", "principal"), status="failed"),
        entry("reward", ("ETH", "5", "principal")),
        entry("deposit", ("ETH", "5", "principal"), ("EUR", "7", "principal")),
        entry("withdrawal", ("ETH", "-5", "fee")),
    ],
)
def test_what_came_back_what_has_not_happened_and_what_is_something_else_is_no_movement(none: Entry) -> None:
    assert movement(none, "kraken") is None


def test_hashes_that_are_not_hexadecimal_keep_their_case() -> None:
    assert hash_of(" 4VfydNLYmjkwbLVh ") == "4VfydNLYmjkwbLVh" != hash_of("4vfydnlymjkwblvh")
