"""Transfers: the withdrawal on one account and the deposit on another that are one move of the same coins. Pure.

What is sure is matched; what could be more than one thing stays open, with its candidates and the reason. Nothing here
depends on the order in which movements are given, and a time that is merely nearer never decides: exchanges note the
request or the end, some to the second only.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from tallyglass.ledger.entries import Entry
from tallyglass.ledger.pairing import Edge, Key, Rank, choose
from tallyglass.money import ZERO, Amount, Asset, add, multiply, subtract, total

Pair = tuple[Key, Key]
"""What was sent and what was received: of both, the connection and the entry's id."""

Basis = Literal["user", "hash", "amount", "order"]
"""What a transfer rests on: the user's word; hash and amount; amount and time; as many sent as received, all alike."""

Obstacle = Literal["rivals", "hash", "amount", "apart"]
"""Why a candidate was not taken: others fit as well; another hash; another amount; the user said that it is not."""

MOVES: Final = frozenset(("deposit", "withdrawal"))
"""The kinds of entries that may be a side of a transfer."""

#: One asset under its names: renamed one to one by its makers, so that it may leave under the one and arrive under
#: the other. Names that were given to something new since (LUNA) are left out.
RENAMED: Final = (
    ("BCH", "BCHABC"),
    ("BSV", "BCHSV"),
    ("CELO", "CGLD"),
    ("DAI", "SAI"),
    ("DASH", "DRK"),
    ("EOS", "A"),
    ("FTM", "S"),
    ("KLAY", "KAIA"),
    ("MATIC", "POL"),
    ("RNDR", "RENDER"),
    ("TOMO", "VIC"),
    ("XNO", "NANO", "XRB"),
)
_FAMILY: Final = {name: names[0] for names in RENAMED for name in names}
_LIKELIEST: Final[dict[Obstacle, int]] = {"rivals": 0, "hash": 1, "amount": 2, "apart": 3}
_HEX: Final = re.compile(r"(?:0[xX])?(?P<hash>[0-9a-fA-F]{64})(?:[:_-]\d{1,5})?")
_Near = dict[Key, list[tuple[Key, Obstacle]]]


@dataclass(frozen=True, slots=True)
class Rules:
    """How far two sides of a transfer may lie apart. As rotki has it; Koinly's are 12 h, 0 h, 0.2 and 0."""

    #: How long after the withdrawal the deposit may come …
    window: timedelta = timedelta(hours=20)
    #: … and how long before it, for clocks and exchanges that note a withdrawal when it is done.
    early: timedelta = timedelta(hours=1)
    #: The share of what was sent that may be missing at the other side …
    shortfall: Decimal = Decimal("0.005")
    #: … and the share by which it may be more.
    excess: Decimal = Decimal("0.005")


@dataclass(frozen=True, slots=True)
class Movement:
    """What one deposit or withdrawal moved."""

    connection: str
    id: str
    time: datetime
    asset: Asset
    #: Signed: received is positive, sent is negative.
    amount: Amount
    #: Paid beside it in the same asset, never negative.
    fee: Amount = ZERO
    txid: str = ""

    @property
    def key(self) -> Key:
        """Which entry it is."""
        return self.connection, self.id

    @property
    def sent(self) -> bool:
        """Whether it left the account."""
        return self.amount < ZERO


@dataclass(frozen=True, slots=True)
class Transfer:
    """One move of the same coins, known from both sides."""

    sent: Movement
    received: Movement
    basis: Basis

    @property
    def lost(self) -> Amount:
        """What did not arrive, fees of both sides included; negative where more arrived than was sent."""
        gone = add(self.sent.amount.copy_abs(), self.sent.fee)
        return subtract(gone, subtract(self.received.amount, self.received.fee))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A movement that might be the other side, and what stands against it."""

    movement: Movement
    obstacle: Obstacle


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A movement that stays open. Without candidates it went to, or came from, where no connection looks."""

    movement: Movement
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the user has said: these pairs are transfers, those are not. It outranks everything that is found."""

    matched: frozenset[Pair] = frozenset()
    apart: frozenset[Pair] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """Every movement, in one transfer or open. Newest first."""

    transfers: tuple[Transfer, ...] = ()
    open: tuple[Unmatched, ...] = ()

    def partners(self) -> dict[Key, Key]:
        """The other side of every movement that has one."""
        pairs = [(each.sent.key, each.received.key) for each in self.transfers]
        return dict(pairs) | {received: sent for sent, received in pairs}


def movement(entry: Entry, connection: str) -> Movement | None:
    """What a deposit or withdrawal moved; None for other kinds, for what has not happened and what came back in full.

    The direction is that of the money: a withdrawal of which all was returned is none.
    """
    if entry.kind not in MOVES or entry.status != "done":
        return None
    assets = {leg.asset for leg in entry.legs if leg.role == "principal"}
    if len(assets) != 1:
        return None
    asset = assets.pop()
    moved = total(leg.amount for leg in entry.legs if leg.role == "principal")
    fee = total(leg.amount for leg in entry.legs if leg.role == "fee" and leg.asset == asset)
    if moved == ZERO:
        return None
    return Movement(connection, entry.id, entry.time, asset, moved, max(ZERO, subtract(ZERO, fee)), entry.txid)


def family(asset: Asset) -> str:
    """One name for an asset that has had several."""
    return _FAMILY.get(asset, asset)


def find(movements: Iterable[Movement], rules: Rules | None = None, decisions: Decisions | None = None) -> Found:
    """Match what is sure, keep the rest open."""
    rules, decisions = rules or Rules(), decisions or Decisions()
    known = {each.key: each for each in movements}
    transfers = list(_told(known, decisions))
    free = known.keys() - {key for each in transfers for key in (each.sent.key, each.received.key)}
    edges, near = _weigh((known[key] for key in free), rules, decisions.apart)

    def alike(key: Key) -> Hashable:
        return known[key].connection, known[key].asset, known[key].amount, known[key].fee

    for choice in choose(edges, alike, lambda key: known[key].time):
        sent, received = choice.edge.left, choice.edge.right
        basis: Basis = "order" if choice.in_turn else "amount" if choice.edge.rank[0] else "hash"
        transfers.append(Transfer(known[sent], known[received], basis))
        free -= {sent, received}
    return Found(
        tuple(sorted(transfers, key=lambda each: (each.sent.time, each.sent.key), reverse=True)),
        tuple(sorted((_open(known, key, near, free) for key in free), key=_newest, reverse=True)),
    )


def _newest(each: Unmatched) -> tuple[datetime, Key]:
    return each.movement.time, each.movement.key


def _told(known: Mapping[Key, Movement], decisions: Decisions) -> Iterator[Transfer]:
    """The user's own pairs, as far as their entries are there; of two that speak of one entry, the first by name."""
    used: set[Key] = set()
    for sent, received in sorted(decisions.matched):
        there = sent in known and received in known and sent != received
        if there and not {sent, received} & used:
            used |= {sent, received}
            yield Transfer(known[sent], known[received], "user")


def _weigh(free: Iterable[Movement], rules: Rules, apart: frozenset[Pair]) -> tuple[list[Edge], _Near]:
    """Every pair that may be a transfer, and of each movement those that come near and why they are none."""
    edges: list[Edge] = []
    near: _Near = defaultdict(list)
    for sent, received, same_hash in _pairs((_Side.of(each, rules) for each in free), rules):
        said = _compare(sent, received, same_hash=same_hash)
        if said is None:
            continue
        if isinstance(said, tuple) and (sent.key, received.key) in apart:
            said = "apart"
        if isinstance(said, tuple):
            edges.append(Edge(sent.key, received.key, said))
            said = "rivals"
        near[sent.key].append((received.key, said))
        near[received.key].append((sent.key, said))
    return edges, near


def _open(known: Mapping[Key, Movement], key: Key, near: _Near, free: set[Key]) -> Unmatched:
    here = known[key]
    there = [Candidate(known[other], obstacle) for other, obstacle in near.get(key, ()) if other in free]
    there.sort(key=lambda each: (_LIKELIEST[each.obstacle], abs(each.movement.time - here.time), each.movement.key))
    return Unmatched(here, tuple(there))


@dataclass(frozen=True, slots=True)
class _Side:
    """A movement with what it is compared by, worked out once."""

    key: Key
    connection: str
    time: datetime
    asset: Asset
    sent: bool
    hash: str
    #: Whether the hash is one, and not an exchange's remark (`Off-chain transfer 123`), which says nothing elsewhere.
    is_hash: bool
    #: What may have travelled, with the least and the most that may stand at the other side. Two where there is a fee:
    #: some exchanges count it into what they say was sent, or leave it out of what they say was received.
    amounts: tuple[tuple[Amount, Amount, Amount], ...]

    @classmethod
    def of(cls, each: Movement, rules: Rules) -> _Side:
        whole = each.amount.copy_abs()
        other = subtract(whole, each.fee) if each.sent else add(whole, each.fee)
        least, most = subtract(Decimal(1), rules.shortfall), add(Decimal(1), rules.excess)
        txid = hash_of(each.txid)
        return cls(
            each.key,
            each.connection,
            each.time,
            each.asset,
            each.sent,
            txid,
            bool(txid) and " " not in txid,
            tuple((travelled, multiply(travelled, least), multiply(travelled, most)) for travelled in {whole, other}),
        )


def _pairs(free: Iterable[_Side], rules: Rules) -> Iterator[tuple[_Side, _Side, bool]]:
    """Each sent beside each received with the same hash, or on another connection within the time; each pair once."""
    by_hash: dict[tuple[str, str], list[_Side]] = defaultdict(list)
    by_asset: dict[str, list[_Side]] = defaultdict(list)
    sent: list[_Side] = []
    for each in free:
        if each.sent:
            sent.append(each)
        else:
            by_asset[family(each.asset)].append(each)
            if each.hash:
                by_hash[family(each.asset), each.hash].append(each)
    for some in by_asset.values():
        some.sort(key=_time)
    for each in sent:
        name = family(each.asset)
        if each.hash:
            yield from ((each, other, True) for other in by_hash.get((name, each.hash), ()))
        some = by_asset.get(name, [])
        first = bisect_left(some, each.time - rules.early, key=_time)
        last = bisect_right(some, each.time + rules.window, key=_time)
        for other in some[first:last]:
            if other.connection != each.connection and not (each.hash and each.hash == other.hash):
                yield each, other, False


def _time(side: _Side) -> datetime:
    return side.time


def _compare(sent: _Side, received: _Side, *, same_hash: bool) -> Rank | Obstacle | None:
    """How much is missing of the evidence; what stands against it; None for a pair that has nothing in common."""
    exact = _alike(sent, received)
    if exact is None:
        return "amount" if same_hash else None
    if not same_hash and sent.is_hash and received.is_hash:
        return "hash"
    return (not same_hash, sent.asset != received.asset, not exact)


def _alike(sent: _Side, received: _Side) -> bool | None:
    """Whether the amounts are the same (True), within the tolerance (False), or neither (None)."""
    near = None
    for left, least, most in sent.amounts:
        for arrived, *_ in received.amounts:
            if left == arrived:
                return True
            if least <= arrived <= most:
                near = False
    return near


def hash_of(txid: str) -> str:
    """A transaction's hash in one spelling: with or without `0x`, an output's number behind it, in any case.

    Empty for what names no transaction: a dash, a remark without a number.
    """
    trimmed = txid.strip()
    found = _HEX.fullmatch(trimmed)
    if found:
        return found["hash"].lower()
    names = any(map(str.isdigit if " " in trimmed else str.isalnum, trimmed))
    return trimmed if names else ""
