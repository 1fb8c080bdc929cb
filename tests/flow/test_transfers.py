"""Every transfer between the sandbox's exchanges is found, nothing else is taken for one, and the user's word holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import connections, history, syncing, transfers
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import EntryView

EXCHANGES = ("kraken", "binance", "coinbase")
#: Coins of the sandbox arrive within the hour; times are told to the second or finer.
ON_THE_WAY = timedelta(hours=1, seconds=1)

Pairs = set[tuple[str, str]]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=5) as running:
        yield running


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, *EXCHANGES) as opened:
        assert [part for part in syncing.sync(opened) if part["fault"]] == []
        yield opened


def moves(sandbox: Sandbox, exchange: str) -> Iterator[tuple[str, datetime, str, Decimal]]:
    """Of the truth's coins that came or went: id, time, asset, signed amount."""
    for entry in sandbox.truth(exchange)["entries"]:
        if entry["kind"] in ("deposit", "withdrawal"):
            amount = sum(Decimal(leg["amount"]) for leg in entry["legs"] if leg["role"] == "principal")
            if amount:
                moment = datetime.fromisoformat(entry["time"])
                yield f"{exchange}/{entry['id']}", moment, entry["legs"][0]["asset"], Decimal(amount)


def true_transfers(sandbox: Sandbox) -> Pairs:
    """What left one exchange and came to another: the same asset and, to the last of eight digits, the same amount."""
    every = [(exchange, *move) for exchange in EXCHANGES for move in moves(sandbox, exchange)]
    return {
        (sent, received)
        for here, sent, left, asset, amount in every
        for there, received, came, other, arrived in every
        if amount < 0 and here != there and asset == other and arrived == -amount
        if timedelta(seconds=-1) <= came - left <= ON_THE_WAY
    }


def found(session: Session) -> Pairs:
    return {(each["sent"]["id"], each["received"]["id"]) for each in transfers.transfers(session)["matched"]}


def entries(session: Session) -> dict[str, EntryView]:
    listed: dict[str, EntryView] = {}
    after = ""
    while True:
        page = history.history(session, history.Question(limit=1000, after=after))
        listed |= {each["id"]: each for each in page["items"]}
        if page["next"] is None:
            return listed
        after = page["next"]


def told(session: Session, entry: str) -> Any:
    (each,) = (each for each in transfers.transfers(session)["open"] if each["id"] == entry)
    return each


def happened(sandbox: Sandbox, exchange: str, what: str, amount: str, **more: str) -> str:
    """Let some ether come or go now; the id of its entry."""
    (entry,) = sandbox.happen(exchange, what, asset="ETH", amount=amount, **more)["entries"]
    return f"{exchange}/{entry['id']}"


def test_every_true_transfer_is_found_and_nothing_else(session: Session, sandbox: Sandbox) -> None:
    true = true_transfers(sandbox)

    assert len(true) >= 10
    assert found(session) == true


def test_every_movement_is_in_one_transfer_or_open(session: Session, sandbox: Sandbox) -> None:
    view = transfers.transfers(session)
    sides = [side for each in view["matched"] for side in (each["sent"]["id"], each["received"]["id"])]
    shown = sides + [each["id"] for each in view["open"]]

    assert sorted(shown) == sorted(move[0] for exchange in EXCHANGES for move in moves(sandbox, exchange))
    assert all(each["reason"] == "alone" for each in view["open"])


def test_equal_hashes_are_named_where_both_exchanges_tell_them(session: Session) -> None:
    matched = transfers.transfers(session)["matched"]
    both = [each for each in matched if each["sent"]["txid"] and each["received"]["txid"]]

    assert {each["basis"] for each in both} == {"hash"}


def test_history_shows_the_partner_right_after_the_sync(session: Session, sandbox: Sandbox) -> None:
    partners = {name: each["partner"] for name, each in entries(session).items() if each["partner"]}
    true = dict(true_transfers(sandbox))

    assert partners == true | {received: sent for sent, received in true.items()}


def test_what_the_user_says_holds_through_sync_and_replay_until_he_takes_it_back(
    session: Session, sandbox: Sandbox
) -> None:
    parted = min(pair for pair in found(session) if pair[1].startswith("coinbase/"))
    matched = (happened(sandbox, "binance", "withdrawal", "0.05"), happened(sandbox, "coinbase", "deposit", "0.03"))
    syncing.sync(session)
    assert matched not in found(session)

    now = transfers.unmatch(session, *reversed(parted))
    view = transfers.match(session, *reversed(matched))
    assert {each["id"] for each in now["open"]} == set(parted)
    assert (view["sent"]["id"], view["received"]["id"], view["basis"]) == (*matched, "user")
    syncing.sync(session, "coinbase", full=True)
    syncing.replay(session)
    assert matched in found(session)
    assert parted not in found(session)
    shown = entries(session)
    assert shown[matched[0]]["partner"] == matched[1]
    assert shown[parted[0]]["partner"] is None
    assert told(session, parted[0])["candidates"][0]["obstacle"] == "apart"
    others = (move for exchange in EXCHANGES for move in moves(sandbox, exchange) if move[2] == "ETH" and move[3] > 0)
    with pytest.raises(Problem, match="already said"):
        transfers.match(session, matched[0], next(name for name, *_ in others if name != matched[1]))

    transfers.reset(session, *parted)
    transfers.reset(session, *matched)
    assert parted in found(session)
    assert matched not in found(session)
    assert entries(session)[parted[1]]["partner"] == parted[0]


def test_two_deposits_that_fit_leave_the_withdrawal_open_until_the_user_parts_one(
    session: Session, sandbox: Sandbox
) -> None:
    txid = "5e" * 32  # a hash is not a unique id: one transaction may pay two deposits
    sent = happened(sandbox, "kraken", "withdrawal", "0.0525", txid=txid)
    deposits = [happened(sandbox, exchange, "deposit", "0.0525", txid=txid) for exchange in ("binance", "coinbase")]
    syncing.sync(session)

    open_ = told(session, sent)
    assert open_["reason"] == "ambiguous"
    assert sorted(each["id"] for each in open_["candidates"]) == sorted(deposits)
    assert "tallyglass transfers match" in open_["fix"]
    assert not {side for pair in found(session) for side in pair} & {sent, *deposits}

    transfers.unmatch(session, sent, deposits[0])
    assert (sent, deposits[1]) in found(session)


def test_a_pair_that_cannot_be_a_transfer_is_refused_with_the_reason(session: Session) -> None:
    view = transfers.transfers(session)
    matched = view["matched"]
    one, other = matched[0]["sent"]["id"], matched[1]["sent"]["id"]
    euro = next(each["id"] for each in view["open"] if each["asset"] == "EUR" and each["amount"].startswith("-"))

    with pytest.raises(Problem, match="Both were sent"):
        transfers.match(session, one, other)
    with pytest.raises(Problem, match="EUR is not"):
        transfers.match(session, euro, matched[0]["received"]["id"])
    with pytest.raises(Problem, match="no deposit or withdrawal"):
        transfers.match(session, one, "kraken/nothing")
    with pytest.raises(Problem, match="said nothing"):
        transfers.reset(session, matched[0]["received"]["id"], one)


def test_rules_are_the_users_and_are_checked(session: Session) -> None:
    before = found(session)

    transfers.set_rules(session, {"window_hours": "0", "early_hours": "0"})
    assert {each["basis"] for each in transfers.transfers(session)["matched"]} <= {"hash", "user"}
    for name, value in (("window_hours", "-1"), ("window_hours", "ten"), ("shortfall_percent", "101"), ("x", "1")):
        with pytest.raises(Problem, match="is no number"):
            transfers.set_rules(session, {name: value})
    transfers.set_rules(session, {"window_hours": "20", "early_hours": "1"})

    assert found(session) == before


def test_a_forgotten_connection_leaves_no_partners_behind(session: Session, sandbox: Sandbox) -> None:
    assert any(each["partner"] for each in entries(session).values())
    connections.disconnect(session, "binance", forget_history=True)

    partners = {each["partner"] for each in entries(session).values()} - {None}
    assert partners
    assert not {each for each in partners if str(each).startswith("binance/")}
    assert transfers.transfers(session)["matched"]
