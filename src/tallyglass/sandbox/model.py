"""What a fake exchange is made of: requests and answers, keys, acts that grow an account, and its true books."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from tallyglass.money import ZERO, Amount, add, text


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came over the wire."""

    method: str
    #: The exchange's own host name that it was meant for (`api.kraken.com`).
    host: str
    #: Path as sent, percent-encoded, without the sandbox's own prefix: `/0/private/Balance`.
    path: str
    #: Raw query string, without `?`.
    query: str
    #: Lower-case names.
    headers: Mapping[str, str]
    body: bytes
    ip: str
    #: The exchange's clock, Unix seconds (faults may shift it).
    now: float
    #: `host[:port][/prefix]` forms the client may have signed: Coinbase's `uri` is checked against each.
    signed_as: tuple[str, ...] = ()
    #: Faults of paging: the part of a page that is given, and by how many rows it begins too early.
    share: float = 1.0
    overlap: int = 0
    #: The caller's IPv6 address, for who asks at a host that has no other.
    ip6: str = ""

    def shrunk(self, size: int) -> int:
        """How many rows a page of that size holds."""
        return size if self.share >= 1 else max(int(size * self.share), 1)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer as it goes out."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def json(cls, value: Any, status: int = 200, **headers: str) -> Outgoing:
        """A JSON answer. Decimals must be texts already."""
        body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        return cls(
            status, {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}, body
        )


KEY_KINDS = (
    "read_only",
    "can_trade",
    "can_withdraw",
    "ip_bound_elsewhere",
    "expired",
    "revoked",
    "wrong_account",
)


@dataclass(slots=True)
class Key:
    """One API key. `/_control` may change it while the exchange runs."""

    kind: str
    #: What a user would paste, as the state file prints it: key, secret, and what else the exchange wants.
    fields: dict[str, str]
    #: Of read, trade, withdraw, transfer.
    rights: set[str]
    #: Empty = from anywhere.
    ip_list: list[str] = field(default_factory=list)
    #: Deleted at the exchange.
    dead: bool = False
    expired: bool = False
    account: Literal["main", "other"] = "main"
    created: float = 0.0
    #: The venue's own memory: highest nonce and the like.
    memory: dict[str, Any] = field(default_factory=dict)


ActKind = Literal["trade", "deposit", "withdrawal", "reward", "order", "convert"]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happened to an account, already cut to the venue's decimals and covered by its balance.

    `deposit`, `withdrawal`, `reward`: `base`, `amount`, `fee` (in `base`, on top for a withdrawal, off for the
    rest). `trade`, `order`, `convert`: `amount` of `base` at `price` for `cost` of `quote`, `fee` in `fee_asset`.
    All figures are positive; `side` gives the direction.
    """

    kind: ActKind
    time: datetime
    base: str
    amount: Amount
    quote: str = ""
    side: Literal["buy", "sell"] = "buy"
    price: Amount = ZERO
    cost: Amount = ZERO
    fee: Amount = ZERO
    fee_asset: str = ""
    #: For an open order: what has been filled already (as trades of their own).
    filled: Amount = ZERO
    #: Transaction hash: equal on both sides of a transfer between two exchanges.
    txid: str = ""
    #: A number that is the same at every start with one seed: make ids of it.
    serial: int = 0


@dataclass(frozen=True, slots=True)
class MarketFact:
    """One market of a venue, in common symbols."""

    base: str
    quote: str
    price_decimals: int
    amount_decimals: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What growth must know of a venue to make acts that it could really have had."""

    markets: tuple[MarketFact, ...]
    #: Decimals of each asset's ledger amounts.
    decimals: Mapping[str, int]
    #: Taker fee as a fraction: Decimal("0.0026").
    fee_rate: Decimal
    #: The fee is taken from the quote (Kraken, Coinbase) or from what is received (Binance).
    fee_in: Literal["quote", "received"]
    #: The fiat or stable coin that money arrives in.
    cash: str
    rewards: tuple[str, ...] = ()
    #: Markets that growth leaves alone.
    also: tuple[MarketFact, ...] = ()


@dataclass(slots=True)
class Posting:
    """An entry of the true books, as `/_control/truth` tells it."""

    id: str
    kind: str
    time: datetime
    #: (wallet, asset in common symbols, signed amount, role). Zero amounts are left out.
    legs: list[tuple[str, str, Amount, str]]


class Books:
    """The sandbox's own book-keeping of one account: what is really owned, independent of the tracker's code."""

    def __init__(self) -> None:
        self.postings: dict[str, Posting] = {}
        self._sums: dict[tuple[str, str], Amount] = {}

    def post(self, entry_id: str, kind: str, time: datetime, legs: Sequence[tuple[str, str, Amount, str]]) -> None:
        """Book legs under an id; a second call with the same id adds legs to the same entry."""
        real = [leg for leg in legs if leg[2]]
        posting = self.postings.get(entry_id)
        if posting is None:
            self.postings[entry_id] = Posting(entry_id, kind, time, real)
        else:
            posting.time = min(posting.time, time)
            posting.legs.extend(real)
        sums = self._sums
        for wallet, asset, amount, _ in real:
            key = (wallet, asset)
            sums[key] = add(sums[key], amount) if key in sums else amount

    def balance(self, asset: str, wallet: str = "spot") -> Amount:
        """What a wallet holds of an asset."""
        return self._sums.get((wallet, asset), ZERO)

    def wallets(self) -> dict[tuple[str, str], Amount]:
        """All (wallet, asset) ever touched."""
        return dict(self._sums)

    def balances(self) -> dict[str, Amount]:
        """What the account owns per asset, over all wallets; assets that came to zero are left out."""
        sums: dict[str, Amount] = {}
        for (_, asset), amount in self._sums.items():
            sums[asset] = add(sums.get(asset, ZERO), amount)
        return {asset: amount for asset, amount in sums.items() if amount != ZERO}

    def truth(self) -> dict[str, Any]:
        """Balances and entries as `/_control/truth/{exchange}` prints them."""
        return {
            "balances": {asset: text(amount) for asset, amount in sorted(self.balances().items())},
            "entries": [
                {
                    "id": p.id,
                    "kind": p.kind,
                    "time": p.time.isoformat().replace("+00:00", "Z"),
                    "legs": [{"account": w, "asset": a, "amount": text(n), "role": r} for w, a, n, r in p.legs],
                }
                for p in self.postings.values()
            ],
        }


@dataclass(frozen=True, slots=True)
class Bar:
    """What a market did in a while."""

    open: Amount
    high: Amount
    low: Amount
    close: Amount

    def of(self, change: Callable[[Amount], Amount]) -> Bar:
        """The same with each of its prices changed."""
        return Bar(change(self.open), change(self.high), change(self.low), change(self.close))


class Prices(Protocol):
    """The world's prices: the same everywhere, so that the true worth is one number."""

    def usd(self, asset: str) -> Amount:
        """The price of one unit in US dollars, exact."""

    def last(self, base: str, quote: str) -> Amount:
        """The last price on the market base/quote, which every venue that lists it has."""

    def told(self, source: str, base: str, quote: str) -> Amount:
        """The same as a source tells it: what all may read is a lie where one was ordered."""

    def bar(self, source: str, market: tuple[str, str], start: int, end: int) -> Bar | None:
        """What a source tells that a market did between two moments (milliseconds); None where it did not trade."""


class Venue(Protocol):
    """A fake exchange. Written from the exchange's documentation, sharing no code with the tracker's connector."""

    id: str
    hosts: tuple[str, ...]
    facts: Facts
    #: Every key by kind.
    keys: dict[str, Key]
    #: `main` and `other` (behind the key kind `wrong_account`).
    books: dict[str, Books]

    def record(self, account: str, act: Act) -> None:
        """Let it happen: book it, and remember what the API will show of it."""

    def handle(self, request: Incoming) -> Outgoing:
        """Answer one request."""

    def open_orders(self) -> list[dict[str, str]]:
        """The main account's open orders: id, market (`BTC/EUR`), side, type, price, amount, filled, time."""

    def caller(self, request: Incoming) -> str:
        """The public part of the key that the request names, or ''. For the request log; never a secret."""
