"""The fake Kraken's state: accounts, keys, switches; and one call to it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tallyglass.sandbox.kraken.account import Account
from tallyglass.sandbox.kraken.limits import Lockout, Tier
from tallyglass.sandbox.kraken.names import Names
from tallyglass.sandbox.kraken.params import Params
from tallyglass.sandbox.model import KEY_KINDS, Books, Incoming, Key, Prices

READ = ("query-funds", "query-open-trades", "query-closed-trades", "query-ledger")
"""Query funds; query open orders & trades; query closed orders & trades; query ledger entries."""

_WORDS = {
    "read": READ,
    "trade": ("modify-trades", "close-trades"),
    "withdraw": ("withdraw-funds",),
    "transfer": ("earn-funds",),
}


@dataclass(slots=True)
class House:
    """All that the exchange knows. The switches may be turned while it runs."""

    seed: int
    prices: Prices
    names: Names
    accounts: dict[str, Account]
    keys: dict[str, Key]
    #: How GetApiKeyInfo spells its members: the documentation says camel, recorded answers of others say snake.
    casing: Literal["camel", "snake"] = "camel"
    #: What WalletTransfer asks for: by the documentation query-funds (!), by a client's withdraw-funds.
    wallet_transfer_needs: str = "query-funds"
    #: online, maintenance, cancel_only, post_only.
    mode: str = "online"
    tier: Tier = "pro"
    lockout: Lockout = field(default_factory=Lockout)


@dataclass(frozen=True, slots=True)
class Call:
    """A private call that has passed all checks."""

    house: House
    account: Account
    key: Key
    params: Params
    request: Incoming

    @property
    def now(self) -> float:
        """The exchange's clock."""
        return self.request.now


Answer = Callable[[Call], Any]


def permissions(key: Key) -> list[str]:
    """The words that GetApiKeyInfo tells.

    `key.memory["permissions"]` may name them one by one instead, `key.memory["also"]` adds some, and
    `key.memory["without"]` takes some away: boxes that the owner left empty.
    """
    named = key.memory.get("permissions")
    if named is None:
        named = [word for right, words in _WORDS.items() if right in key.rights for word in words]
    return [word for word in (*named, *key.memory.get("also", ())) if word not in key.memory.get("without", ())]


def make_keys(seed: int, now: float) -> dict[str, Key]:
    """One key of every kind."""
    rights = {"can_trade": {"read", "trade"}, "can_withdraw": {"read", "withdraw"}}
    keys = {}
    for number, kind in enumerate(KEY_KINDS):
        key = Key(kind, _material(seed, kind), rights.get(kind, {"read"}), created=now - 86_400 * (30 + number))
        key.expired, key.dead = kind == "expired", kind == "revoked"
        key.ip_list = ["203.0.113.9"] if kind == "ip_bound_elsewhere" else []
        key.account = "other" if kind == "wrong_account" else "main"
        keys[kind] = key
    return keys


def make_accounts(seed: int, names: Names, books: dict[str, Books]) -> dict[str, Account]:
    """The main account and the other."""
    return {name: Account(name, seed, names, each) for name, each in books.items()}


def _material(seed: int, kind: str) -> dict[str, str]:
    """Key and secret in Kraken's form: 56 and 88 characters of base64."""
    raw = hashlib.shake_256(f"{seed}:kraken:{kind}".encode()).digest(42 + 64)
    return {"key": base64.b64encode(raw[:42]).decode(), "secret": base64.b64encode(raw[42:]).decode()}
