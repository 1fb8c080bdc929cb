"""What a key may do, as the exchange tells it; what is decided of it; and what went wrong when it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Right = Literal["read", "trade", "withdraw", "transfer", "manage"]
State = Literal["granted", "absent", "unknown"]
RIGHTS: tuple[Right, ...] = ("read", "trade", "withdraw", "transfer", "manage")
DANGEROUS: tuple[Right, ...] = ("trade", "withdraw", "transfer", "manage")


@dataclass(frozen=True, slots=True)
class Grants:
    """The rights of one key. Made by an exchange's `permissions.grants`, which fails closed: what it does not
    recognise is `unknown`, never `absent`.
    """

    read: State = "unknown"
    trade: State = "unknown"
    withdraw: State = "unknown"
    transfer: State = "unknown"
    manage: State = "unknown"
    #: The addresses the key is bound to; empty = proven unbound; None = the exchange does not tell.
    ip_bound: tuple[str, ...] | None = None
    #: True when the key is bound though its list cannot be seen (Binance tells only yes or no); None: not told.
    ip_restricted: bool | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    #: The exchange's id of the account (or portfolio) behind the key.
    account_id: str | None = None
    #: The name the user gave the key at the exchange.
    label: str | None = None
    #: Time window that the key's history reads are limited to, as (from, to).
    window: tuple[datetime | None, datetime | None] | None = None
    #: Per right, the exchange's own words that gave it or are missing (`modify-trades`, `enableMargin`).
    #: They are looked up in the manifest's `[labels.boxes]`.
    words: Mapping[Right, tuple[str, ...]] = field(default_factory=dict)
    #: Words that this version has never seen: reported to the user as they are.
    strange: tuple[str, ...] = ()

    def state(self, right: Right) -> State:
        """The state of one right by name."""
        state: State = getattr(self, right)
        return state


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing to tell the user: a stable code, what is so, and what to do."""

    code: str
    text: str
    fix: str


Decision = Literal["accepted", "refused", "unproven"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy decides of a key, with every reason."""

    decision: Decision
    grants: Grants
    reasons: tuple[Reason, ...] = ()


FaultCode = Literal[
    "bad_key",  # the exchange does not know this key
    "bad_secret",  # the signature is wrong: the secret does not belong to the key
    "ip_refused",  # the key is bound to other addresses
    "clock",  # the computer's clock is off
    "nonce",  # another program uses the key, or used a higher nonce
    "key_expired",
    "key_disabled",
    "wrong_region",
    "wrong_product",  # a key of another product of the same company
    "missing_permission",
    "not_active_yet",
    "ambiguous",  # the exchange mixes causes: `causes` lists them
    "not_opened",  # no such product (futures, margin …) or market any more: nothing is there to be read
    "gone",  # the row that a request names as its place is no longer there: the stream begins anew, where it can
    "rate_limited",
    "banned",  # this address is shut out for a time
    "down",  # not reachable, 5xx, maintenance
    "not_json",  # HTML or truncated JSON where JSON belongs
    "bad_request",  # the exchange refuses the question itself: our mistake, or a market that is gone
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """An exchange's refusal, told apart. Made by an exchange's `permissions.fault`; carries no secret."""

    code: FaultCode
    #: The exchange's own words, at most 200 characters, for the reader.
    said: str = ""
    #: Each possible cause, where the exchange mixes them (Binance -2015).
    causes: tuple[FaultCode, ...] = ()
    #: Whether asking again later can help without the user's hand.
    retry: bool = False
    retry_after: int | None = None
