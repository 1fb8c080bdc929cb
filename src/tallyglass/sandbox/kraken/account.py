"""One account at the fake Kraken: its ledger, trades, orders and transfers, and the true books beside them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tallyglass.money import ROUNDED, ZERO, Amount, add, divide, multiply, subtract, total
from tallyglass.sandbox.kraken.names import Names, PairName
from tallyglass.sandbox.kraken.timeline import Timeline
from tallyglass.sandbox.model import Books


@dataclass(slots=True)
class Row:
    """One ledger row: `balance` is what its code holds after it, old balance + amount − fee."""

    id: str
    refid: str
    time: float
    type: str
    subtype: str
    code: str
    amount: Amount
    fee: Amount
    balance: Amount = ZERO


@dataclass(slots=True)
class Trade:
    """One fill, as TradesHistory tells it."""

    id: str
    order_id: str
    time: float
    pair: PairName
    side: str
    ordertype: str
    price: Amount
    cost: Amount
    fee: Amount
    volume: Amount
    number: int
    maker: bool
    ledgers: tuple[str, ...]
    #: On margin: what the position it opened or closes keeps as security, and that position.
    margin: Amount = ZERO
    position: Position | None = None

    @property
    def opens(self) -> bool:
        """It is the fill that its position is named after."""
        return self.position is not None and self.position.id == self.id


@dataclass(slots=True, eq=False)
class Position:
    """A position on margin, named after the fill that opened it; as OpenPositions tells it while it is open."""

    id: str
    order_id: str
    time: float
    pair: PairName
    side: str
    cost: Amount
    fee: Amount
    volume: Amount
    leverage: int
    #: What closed it: the trades, and what they come to.
    closings: list[Trade] = field(default_factory=list)
    #: Gain or loss of the closed part, before fees.
    net: Amount = ZERO

    @property
    def closed(self) -> Amount:
        """How much of the volume is closed."""
        return total(trade.volume for trade in self.closings)

    @property
    def margin(self) -> Amount:
        """What is kept as security for the part that is still open."""
        part = divide(subtract(self.volume, self.closed), self.volume)
        return ROUNDED.quantize(divide(multiply(self.cost, part), Decimal(self.leverage)), Decimal("0.00001"))


@dataclass(slots=True)
class Order:
    """An order, open or done."""

    id: str
    opened: float
    pair: PairName
    side: str
    ordertype: str
    price: Amount
    volume: Amount
    executed: Amount = ZERO
    cost: Amount = ZERO
    fee: Amount = ZERO
    price2: Amount = ZERO
    status: str = "open"
    closed: float = 0.0
    reason: str | None = None
    userref: int = 0
    cl_ord_id: str = ""
    oflags: str = "fciq"
    time_in_force: str = "gtc"
    #: Above 1: on margin.
    leverage: int = 0
    trades: list[str] = field(default_factory=list)

    @property
    def time(self) -> float:
        """A done order's place in the history."""
        return self.closed or self.opened

    def hold(self) -> tuple[str, Amount]:
        """The code and the amount that the open rest of the order keeps back."""
        rest = subtract(self.volume, self.executed)
        if self.side == "sell":
            return self.pair.base.code, rest
        return self.pair.quote.code, multiply(rest, self.price)


@dataclass(slots=True)
class Funding:
    """One deposit or withdrawal, as DepositStatus and WithdrawStatus tell it."""

    id: str
    time: float
    code: str
    amount: Amount
    fee: Amount
    txid: str
    status: str = "Success"
    prop: str = ""
    method: str = ""
    info: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """A report that was ordered."""

    id: str
    report: str
    description: str
    format: str
    fields: str
    start: float
    end: float
    ordered: float


@dataclass(frozen=True, slots=True)
class Move:
    """One row to be written: what one code gains or loses."""

    code: str
    amount: Amount
    fee: Amount = ZERO
    subtype: str = ""


class Account:
    """One account. Everything that happens goes through `write`, which keeps ledger and true books in step."""

    def __init__(self, name: str, seed: int, names: Names, books: Books) -> None:
        self.name = name
        self.names = names
        self.books = books
        self.ledger: Timeline[Row] = Timeline()
        self.trades: Timeline[Trade] = Timeline()
        self.closed: Timeline[Order] = Timeline()
        #: The same orders by their opening time.
        self.closed_by_opening: Timeline[Order] = Timeline(lambda order: order.opened)
        self.open: dict[str, Order] = {}
        self.deposits: Timeline[Funding] = Timeline()
        self.withdrawals: Timeline[Funding] = Timeline()
        #: Open positions on margin.
        self.positions: dict[str, Position] = {}
        self.balances: dict[str, Amount] = {}
        #: Code of an earning wallet → rewards credited to it, net.
        self.rewarded: dict[str, Amount] = {}
        #: Strategy id → until when its last allocation is under way: Earn calls take a moment.
        self.moving: dict[str, float] = {}
        self.exports: dict[str, Export] = {}
        self.last_time = 0.0
        self._seed = seed
        self._count = 0

    def ids(self, kind: str, serial: int = 0) -> Ids:
        """Makes the ids of one event. Events without a serial are counted."""
        if not serial:
            self._count += 1
        return Ids(f"{self._seed}:{self.name}:{kind}:{serial or f'n{self._count}'}")

    def fixed_id(self, name: str) -> Ids:
        """Ids that belong to the account itself, the same whenever asked."""
        return Ids(f"{self._seed}:{self.name}:{name}")

    def write(self, refid: str, type_: str, when: datetime, moves: list[Move], ids: Ids) -> list[Row]:
        """Write one row per move and book them as one true entry. Rows of one call share refid and time.

        A rollover has an entry of its own: its refid is that of the position, which may be weeks old.
        """
        legs: list[tuple[str, str, Amount, str]] = []
        rows = []
        for move in moves:
            symbol, wallet = self.names.split(move.code)
            legs.append((wallet, symbol, move.amount, "principal"))
            legs.append((wallet, symbol, -move.fee, "fee"))
            row = Row(ids.id("L"), refid, unix(when), type_, move.subtype, move.code, move.amount, move.fee)
            self._append(row)
            rows.append(row)
        entry = rows[0].id if type_ == "rollover" else refid
        self.books.post(entry, kind_of(type_, moves[0].subtype), when, legs)
        return rows

    def _append(self, row: Row) -> None:
        change = subtract(row.amount, row.fee)
        self.balances[row.code] = row.balance = add(self.balances.get(row.code, ZERO), change)
        place = self.ledger.add(row)
        self.last_time = max(self.last_time, row.time)
        if place == len(self.ledger) - 1:
            return
        for later in self.ledger.after(place + 1):  # a late row: what follows it stands higher or lower
            if later.code == row.code:
                row.balance = subtract(row.balance, subtract(later.amount, later.fee))
                later.balance = add(later.balance, change)

    def forget(self, before: float) -> None:
        """The history from before that moment is told no more; balances, open orders and positions stay."""
        for line in (self.ledger, self.trades, self.closed, self.closed_by_opening, self.deposits, self.withdrawals):
            line.forget(lambda item: item.time >= before)

    def close(self, order: Order) -> None:
        """An order leaves the book for the history."""
        self.open.pop(order.id, None)
        self.closed.add(order)
        self.closed_by_opening.add(order)

    def newest_closed(self) -> Order | None:
        """The order that was done last."""
        return next(self.closed.after(len(self.closed) - 1), None) if len(self.closed) else None

    def reopen(self, order: Order, volume: Amount) -> None:
        """The order that was done last is for more than was known, and open."""
        for line in (self.closed, self.closed_by_opening):
            line.remove(order)
        order.volume, order.status, order.closed = volume, "open", 0.0
        self.open[order.id] = order

    def before(self, when: datetime, seconds: int) -> datetime:
        """A little before a time, yet not before what has already happened."""
        last = datetime.fromtimestamp(self.last_time, tz=UTC)
        return min(max(last, when - timedelta(seconds=seconds)), when)

    def held(self) -> dict[str, Amount]:
        """What open orders keep back, per code."""
        sums: dict[str, Amount] = {}
        for order in self.open.values():
            code, amount = order.hold()
            sums[code] = add(sums.get(code, ZERO), amount)
        return sums

    def free(self, code: str) -> Amount:
        """What could be spent of a code now."""
        return subtract(self.balances.get(code, ZERO), self.held().get(code, ZERO))


class Ids:
    """Cuts ids out of random-looking text of A-Z and 2-7, the same for the same source."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._text = ""
        self._step = 0

    def take(self, count: int) -> str:
        """So many letters."""
        while len(self._text) < count:
            digest = hashlib.blake2b(f"{self._source}:{self._step}".encode(), digest_size=60).digest()
            self._text += base64.b32encode(digest).decode()
            self._step += 1
        taken, self._text = self._text[:count], self._text[count:]
        return taken

    def id(self, letter: str) -> str:
        """An order (O), trade (T) or ledger (L) id, or an earn strategy (ES)."""
        text = self.take(16)
        return f"{letter}{text[:5]}-{text[5:10]}-{text[10:]}"

    def funding(self) -> str:
        """The reference of a deposit or withdrawal: `FT`, five, a dash, twenty-two, in mixed case."""
        text = self.take(27)
        mixed = "".join(c.lower() if i % 3 else c for i, c in enumerate(text))
        return f"FT{mixed[:5]}-{mixed[5:]}"

    def number(self, below: int) -> int:
        """A whole number."""
        return int.from_bytes(self.take(12).encode(), "big") % below


_KINDS = {
    type_: kind
    for kind, types in {
        "trade": ("trade", "margin", "settled", "nfttrade"),
        "conversion": ("spend", "receive", "conversion", "sale"),
        "deposit": ("deposit",),
        "withdrawal": ("withdrawal",),
        "reward": ("staking", "reward", "dividend", "invite bonus"),
        "fee": ("rollover", "nftcreatorfee"),
        "transfer": ("transfer", "custodytransfer"),
        "adjustment": ("adjustment", "credit", "nftrebate"),
    }.items()
    for type_ in types
}
_EARN_MOVES = frozenset(("allocation", "deallocation", "autoallocation", "migration"))


def kind_of(type_: str, subtype: str) -> str:
    """What a ledger type means in the true books. A type that Kraken does not document is an adjustment."""
    if subtype == "delistingconversion":
        return "conversion"
    if subtype == "airdrop" and type_ in ("deposit", "transfer"):
        return "reward"
    if type_ == "earn":
        return "transfer" if subtype in _EARN_MOVES else "reward"
    return _KINDS.get(type_, "adjustment")


def unix(when: datetime) -> float:
    """Unix seconds; exact to the microsecond when printed."""
    return when.timestamp()


def moment(seconds: float) -> datetime:
    """The time of a Unix second, cut to 4 decimals as the ledger of many years shows them."""
    return datetime.fromtimestamp(float(Decimal(str(seconds)).quantize(Decimal("0.0001"), context=ROUNDED)), tz=UTC)
