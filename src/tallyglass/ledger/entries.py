"""Entries and legs: one event on an account and what it moved, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Literal, get_args

import msgspec

from tallyglass.money import ZERO, Amount, Asset, add

Kind = Literal["trade", "deposit", "withdrawal", "reward", "fee", "transfer", "conversion", "adjustment"]
Role = Literal["principal", "fee"]
Status = Literal["done", "pending", "failed"]
KINDS: frozenset[str] = frozenset(get_args(Kind))
SPOT = "spot"


class Leg(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One movement of one asset on one wallet of the connection.

    A struct, as an entry is: a first sync makes millions of them, and a frozen dataclass takes ten times as long to
    make. `msgspec.structs.replace` makes one with another field. In the store a leg is a JSON array of its fields:
    further ones belong at the end, with a default.
    """

    #: Unique within the entry and the same at every reading: the exchange's own row id where there is one.
    id: str
    #: The wallet inside the exchange account: `spot`, `funding`, `staked`, `earn` …
    account: str
    asset: Asset
    #: Signed: what came in is positive, what went out (fees too) negative. Never zero.
    amount: Amount
    role: Role = "principal"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One event, with an id made of the exchange's own ids, so that reading it twice gives it once.

    Two pages may each bring some legs of one entry (the two rows of a trade); the store joins them by leg id.
    """

    #: Unique within the connection, for example `trade:BTCUSDT:880011` or Kraken's refid.
    id: str
    time: datetime
    kind: Kind
    legs: tuple[Leg, ...]
    #: The exchange's own word for the event, kept for the reader (`tradespot`, `staking_reward`).
    note: str = ""
    #: `done`, or `pending` while the exchange may still change it. Pending legs count in no balance.
    status: Status = "done"
    #: Hash of the blockchain transaction, where there is one: for matching transfers.
    txid: str = ""
    #: What else the exchange tells of the event, for the reader and not for sums: (name, value), names in order, such
    #: as `market`, `order`, `price`, `side`. May come on a page of its own, as an entry of the same id without legs.
    facts: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.time.tzinfo is None:
            raise ValueError(f"entry {self.id}: a time without a zone")
        if self.kind not in KINDS:
            raise ValueError(f"entry {self.id}: unknown kind {self.kind!r}")


def computed(entries: Iterable[Entry]) -> dict[tuple[str, Asset], Amount]:
    """The balance per (account, asset) that the entries add up to; pending and failed ones count nothing."""
    sums: dict[tuple[str, Asset], Amount] = defaultdict(lambda: ZERO)
    for entry in entries:
        if entry.status == "done":
            for leg in entry.legs:
                key = (leg.account, leg.asset)
                sums[key] = add(sums[key], leg.amount)
    return dict(sums)
