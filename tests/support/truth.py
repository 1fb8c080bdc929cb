"""What a store holds beside what the sandbox's own books say: entry by entry, without holding either whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from support.dump import entries
from support.sandbox import Sandbox
from tallyglass.money import text
from tallyglass.store.base import Store

EXCHANGES = ("kraken", "binance", "coinbase")
#: Coinbase tells the times of its ledger in whole seconds: https://docs.cdp.coinbase.com/coinbase-app/track-apis/transactions
WHOLE_SECONDS = frozenset(("coinbase",))
#: So many are described; a thousand alike help nobody.
_MOST = 5


class _Told(msgspec.Struct):
    """The truth of one exchange, its entries still as JSON."""

    entries: list[msgspec.Raw]


def untrue(store: Store, sandbox: Sandbox, exchange: str, account: str = "main") -> list[str]:
    """Every entry that is missing, made up, there twice or different (kind, time, legs): in words, the first few."""
    answer = sandbox.request("GET", f"/_control/truth/{exchange}?account={account}")
    assert answer.status == 200, answer.status
    coarse = exchange in WHOLE_SECONDS
    true = _marked(msgspec.json.decode(answer.body, type=_Told).entries, coarse=coarse)
    del answer
    wrong: list[str] = []
    seen: set[bytes] = set()
    for stored in entries(store, exchange):
        entry = stored.entry
        if entry.status != "done":
            continue
        legs = [(leg.account, leg.asset, text(leg.amount), leg.role) for leg in entry.legs]
        name = _digest(entry.id)
        if name in seen:
            wrong.append(f"{entry.id} is there twice")
        seen.add(name)
        mark = true.pop(name, None)
        if mark is None:
            wrong.append(f"{entry.id} never happened: {entry}")
        elif mark != _digest(_line(entry.kind, entry.time, legs, coarse=coarse)):
            wrong.append(f"{entry.id} is other than it was: {entry.kind} {entry.time} {sorted(legs)}")
    missing = [f"{len(true)} entries are missing"] if true else []
    return [*missing, *wrong[:_MOST], *([f"and {len(wrong) - _MOST} more"] if len(wrong) > _MOST else [])]


def _marked(raw: Iterable[msgspec.Raw], *, coarse: bool) -> dict[bytes, bytes]:
    """Of each entry a digest of its id and one of all else: a million fit."""
    return {_digest(each["id"]): _digest(_told(each, coarse=coarse)) for each in map(_decoded, raw)}


def _decoded(raw: msgspec.Raw) -> Mapping[str, Any]:
    value: dict[str, Any] = msgspec.json.decode(raw)
    return value


def _told(entry: Mapping[str, Any], *, coarse: bool) -> str:
    legs = [(leg["account"], leg["asset"], leg["amount"], leg["role"]) for leg in entry["legs"]]
    return _line(entry["kind"], datetime.fromisoformat(entry["time"]), legs, coarse=coarse)


def _line(kind: str, time: datetime, legs: Sequence[tuple[str, ...]], *, coarse: bool) -> str:
    told = time.replace(microsecond=0) if coarse else time
    return f"{kind} {told.isoformat()} {sorted(legs)}"


def _digest(words: str) -> bytes:
    return hashlib.blake2b(words.encode(), digest_size=12).digest()
