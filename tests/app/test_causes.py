"""Why a gap is there: what explains it to the last digit is named first, and nothing is blamed that cannot be it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallyglass.app.causes import Behind, Evidence, Piece, Waiting, explain
from tallyglass.exchanges import registry
from tallyglass.ledger.reconcile import Difference, Gap, Move, Opened
from tallyglass.ledger.transfers import Movement
from tallyglass.money import Asset, amount

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BTC, EUR = Asset("BTC"), Asset("EUR")
#: Everything agreed a day ago.
LATELY = Opened(NOON - DAY, NOON)
#: Nothing ever agreed.
EVER = Opened(None, NOON)
NOTHING = Evidence("kraken", registry.manifest("kraken"), wallets=frozenset(("spot", "earn")))


def gap(figure: str, opened: Opened = LATELY, **wallets: str) -> Gap:
    """Of BTC: in spot, or as named."""
    parts = wallets or {"spot": figure}
    return Gap(
        BTC,
        tuple(Difference(name, BTC, amount("10"), amount("10") - amount(part)) for name, part in parts.items()),
        opened,
    )


def move(figure: str, asset: Asset = BTC, account: str = "spot", day: int = 0) -> Move:
    return Move(NOON - DAY / 2 + day * DAY, account, asset, amount(figure))


def piece(*moves: Move, reason: str = "unknown type 'moon'") -> Piece:
    return Piece("ledger", reason, moves)


def sent(figure: str, *, connection: str = "binance", day: float = -0.5, asset: Asset = BTC) -> Movement:
    """A withdrawal, or with a positive figure a deposit."""
    return Movement(connection, "x:1", NOON + day * DAY, asset, amount(figure))


def test_a_piece_that_moved_just_what_is_missing_is_the_cause_and_tells_the_moment() -> None:
    known = replace(
        NOTHING,
        pieces=[piece(move("0.5")), piece(move("3", EUR), reason="another")],
        behind=[Behind("ledger", "was never read")],
        unmatched=lambda: [sent("-0.5")],
    )
    found = explain(gap("0.5"), known)

    assert (found.code, found.since) == ("unparsed", NOON - DAY / 2)
    assert "unknown type 'moon'" in found.text
    assert "another" not in found.text
    assert "tallyglass unparsed" in found.fix


def test_several_pieces_explain_a_gap_together_from_the_first_of_them() -> None:
    found = explain(gap("0.5"), replace(NOTHING, pieces=[piece(move("0.7")), piece(move("-0.2", day=-3))]))

    assert (found.code, found.since) == ("unparsed", NOON - 3.5 * DAY)


def test_a_piece_may_explain_what_lies_in_the_wrong_wallet() -> None:
    moved = piece(move("-2"), move("2", account="earn"))
    found = explain(gap("", spot="-2", earn="2"), replace(NOTHING, pieces=[moved]))

    assert found.code == "unparsed"


def test_a_piece_that_explains_only_a_part_comes_after_a_stream_that_was_not_read() -> None:
    known = replace(NOTHING, pieces=[piece(move("0.1"))])

    assert explain(gap("0.5"), known).code == "unparsed"
    assert explain(gap("0.5"), known).since is None
    assert explain(gap("0.5"), replace(known, behind=[Behind("ledger", "was never read")])).code == "stream_unread"


def test_a_piece_that_tells_of_another_asset_is_not_the_cause_but_one_that_tells_nothing_may_be() -> None:
    assert explain(gap("0.5"), replace(NOTHING, pieces=[piece(move("0.5", EUR))])).code == "untold"
    assert explain(gap("0.5"), replace(NOTHING, pieces=[piece()])).code == "unparsed"


def test_what_is_on_its_way_is_the_cause_when_it_is_just_what_is_missing() -> None:
    waiting = [Waiting("W1", (move("-0.5"),)), Waiting("W2", (move("-0.3"),))]
    known = replace(NOTHING, waiting=waiting)

    assert "kraken/W1" in explain(gap("-0.5"), known).text
    assert "W2" not in explain(gap("-0.5"), known).text
    assert explain(gap("-0.8"), known).code == "pending"
    assert explain(gap("-0.4"), known).code == "untold"


def test_a_stream_that_was_not_read_is_blamed_with_what_the_exchange_said() -> None:
    known = replace(
        NOTHING,
        behind=[Behind("deposits", "was never read"), Behind("trades:ETHEUR", "was never read", frozenset((EUR,)))],
        fault=("Kraken is down.", "Try again later."),
    )
    found = explain(gap("0.5"), known)

    assert found.code == "stream_unread"
    assert "`deposits` was never read" in found.text
    assert "Kraken is down" in found.text
    assert "ETHEUR" not in found.text
    assert found.fix == "Try again later. Then: tallyglass sync kraken"


def test_while_its_history_is_being_read_nothing_else_is_said() -> None:
    behind = [Behind("ledger", "is not read to its end")]
    own = Behind("trades:ETHEUR", "was never read", frozenset((EUR,)))

    assert explain(gap("0.5"), replace(NOTHING, behind=behind, reading=True)).code == "still_read"
    assert explain(gap("0.5"), replace(NOTHING, behind=behind)).code == "stream_unread"
    assert explain(gap("0.5"), replace(NOTHING, behind=[own], reading=True)).code == "untold"


def test_a_stream_of_other_assets_is_not_blamed_and_one_of_this_asset_before_all() -> None:
    other = Behind("trades:ETHEUR", "was never read", frozenset((EUR,)))
    own = Behind("trades:BTCEUR", "was never read", frozenset((BTC, EUR)))

    assert explain(gap("0.5"), replace(NOTHING, behind=[other])).code == "untold"
    both = explain(gap("0.5"), replace(NOTHING, behind=[other, Behind("dust", "was never read"), own]))
    assert "BTCEUR" in both.text
    assert "dust" not in both.text


def test_a_stream_that_was_read_after_the_gap_had_opened_is_not_blamed() -> None:
    old = Behind("deposits", "was last read yesterday", read_at=NOON - DAY)
    late = replace(old, read_at=NOON + DAY)

    assert explain(gap("0.5"), replace(NOTHING, behind=[old])).code == "stream_unread"
    assert explain(gap("0.5"), replace(NOTHING, behind=[late])).code == "untold"
    assert explain(gap("0.5", EVER), replace(NOTHING, behind=[late])).code == "history_limit"


def test_a_wallet_that_is_never_reported() -> None:
    far = Gap(BTC, (Difference("futures", BTC, amount("0"), amount("1")),), LATELY)

    assert explain(far, NOTHING).code == "wallet_unread"
    assert "1 BTC in futures" in explain(far, NOTHING).text
    assert explain(far, replace(NOTHING, wallets=frozenset(("spot", "futures")))).code == "untold"


def test_what_one_wallet_has_and_another_lacks_is_a_move_that_nobody_told() -> None:
    found = explain(gap("", spot="-2", earn="2"), NOTHING)

    assert found.code == "moved"
    assert "earn +2" in found.text


@pytest.mark.parametrize(
    ("figure", "other", "code"),
    [
        ("0.5", sent("-0.5"), "missing_transfer"),
        ("0.499", sent("-0.5"), "missing_transfer"),
        ("-0.5", sent("0.5"), "missing_transfer"),
        ("-0.5", sent("0.499"), "missing_transfer"),
        ("-0.5", sent("-0.5"), "untold"),
        ("0.5", sent("-0.4"), "untold"),
        ("0.5", sent("-0.5", connection="kraken"), "untold"),
        ("0.5", sent("-0.5", asset=EUR), "untold"),
        ("0.5", sent("-0.5", day=-30), "untold"),
        ("0.5", sent("-0.5", day=1), "untold"),
    ],
)
def test_what_left_another_account_and_never_arrived(figure: str, other: Movement, code: str) -> None:
    found = explain(gap(figure), replace(NOTHING, unmatched=lambda: [other]))

    assert found.code == code
    assert found.since == (other.time if code == "missing_transfer" else None)


def test_a_gap_from_the_beginning_is_older_than_what_can_be_read() -> None:
    found = explain(gap("0.5", EVER), NOTHING)

    assert found.code == "history_limit"
    assert "How far back Kraken tells: tallyglass exchanges" in found.text
    assert "tallyglass reconcile open kraken BTC" in found.fix


def test_less_than_nothing_is_no_opening_balance() -> None:
    found = explain(gap("-0.5", EVER), NOTHING)

    assert found.code == "history_limit"
    assert "reconcile open" not in found.fix


def test_a_key_that_reads_only_from_a_day_on_says_since_when() -> None:
    found = explain(gap("0.5", EVER), replace(NOTHING, window=NOON - 90 * DAY))

    assert (found.code, found.since) == ("history_limit", NOON - 90 * DAY)
    assert "2026-02-03" in found.text


def test_an_opening_balance_that_history_has_overtaken() -> None:
    known = replace(NOTHING, openings=[move("2", day=-900)])

    assert explain(gap("-0.5", EVER), known).code == "opening"
    assert "--undo" in explain(gap("-0.5", EVER), known).fix
    assert explain(gap("-0.5"), known).code == "untold"


def test_a_change_of_which_nobody_tells() -> None:
    found = explain(gap("-0.5"), NOTHING)

    assert found.code == "untold"
    assert "-0.5 BTC" in found.text
    assert "2026-05-03 12:00" in found.text
    assert "--full" in found.fix
