"""The shapes of `egress`: our addresses, what to paste where, and how every key stands."""

from __future__ import annotations

from typing import TypedDict

from tallyglass.app.key_views import ReasonView


class SeenAddressView(TypedDict):
    """An address that was seen of us."""

    #: The proxy; empty for the straight way.
    way: str
    address: str
    since: str | None
    last_at: str | None


class ToPasteView(TypedDict):
    """What one exchange sees of us, and what belongs on its list."""

    exchange: str
    name: str
    proxy: str | None
    addresses: list[str]
    known: str
    since: str | None
    before: list[str]
    #: To paste, in the exchange's own format.
    text: str
    #: What has no room on its list.
    left: list[str]
    max_entries: int | None
    where: str
    #: What the exchange does to keys without a list.
    without: str


class BoundView(TypedDict):
    """A key's list beside our addresses."""

    connection: str
    exchange: str
    verdict: str
    listed: list[str]
    #: Of ours, those that are not on the list.
    missing: list[str]
    #: Of the list, what is not ours.
    others: list[str]
    findings: list[ReasonView]
    #: Why the exchange did not tell; null where it did, or was not asked.
    refused: str | None


class NotToldView(TypedDict):
    """A service that told no address."""

    way: str
    source: str
    version: int
    why: str


class EgressView(TypedDict):
    """`egress`."""

    addresses: list[str]
    seen: list[SeenAddressView]
    exchanges: list[ToPasteView]
    connections: list[BoundView]
    failed: list[NotToldView]
