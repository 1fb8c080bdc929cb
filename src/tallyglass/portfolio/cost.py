"""Cost: what is held at its moving average, and where a gain came from. Pure.

One pool for each asset over all own accounts, so that a transfer between them carries its cost along and realises
nothing. What is given away leaves at the average cost; what comes for it costs what was given, fees included. Always:

    unrealised (value - cost) + realised + earned + carried out, over all assets = gain (value - net deposits)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal, InvalidOperation, Overflow
from typing import Final, Literal

from tallyglass.money import ROUNDED, ZERO, Amount, Asset, add, divide, magnitude, subtract, total
from tallyglass.portfolio.days import Closes
from tallyglass.portfolio.moves import Amounts, Move
from tallyglass.portfolio.worth import NOT_MONEY
from tallyglass.prices.routes import PREFERRED

UnknownCode = Literal["price_missing", "not_there", "one_sided"]
"""No price; more was given away than had come in; one thing was swapped for nothing that is told."""

#: Values are kept to this, so that sums of thousands of them stay exact.
_GRAIN: Final = Decimal("1e-24")
_KEPT: Final = Context(prec=100, traps=[InvalidOperation, Overflow])


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why a cost, or a gain, is not known in full: the first event of its kind, and how many there are."""

    code: UnknownCode
    day: date
    entry: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Basis:
    """An asset at its average cost. Money in the user's currency."""

    asset: Asset
    quantity: Amount
    #: Of what is held; None when it is not known. It is known again once all has been given away.
    cost: Amount | None
    #: Proceeds less cost of what was given away; what is paid for nothing, a fee, has no proceeds.
    realised: Amount
    #: What came for nothing, rewards above all, at the value of its day.
    earned: Amount
    #: Value less cost of what went to outside: a gain that is neither here nor realised.
    carried_out: Amount
    #: How much ever came from outside and entered at the value of its day: what it cost elsewhere is not known.
    brought: Amount
    #: What is missing in these figures.
    unknown: tuple[Unknown, ...] = ()

    @property
    def average(self) -> Amount | None:
        """The cost of one unit; None where nothing is held, or its cost is not known."""
        return divide(self.cost, self.quantity) if self.cost is not None and self.quantity else None

    def unrealised(self, value: Amount | None) -> Amount | None:
        """The gain in what is held, given its value now."""
        return None if value is None or self.cost is None else subtract(value, self.cost)


def bases(told: Iterable[Move], currency: Asset, closing: Closes) -> dict[Asset, Basis]:
    """The cost of every asset that ever moved, after moves in order of time (`moves.moves`)."""
    books = Books(currency, closing)
    for move in told:
        books.book(move)
    return books.bases()


@dataclass(slots=True)
class _Pool:
    """All there is of one asset."""

    quantity: Amount = ZERO
    cost: Amount | None = ZERO
    realised: Amount = ZERO
    earned: Amount = ZERO
    carried_out: Amount = ZERO
    brought: Amount = ZERO
    unknown: dict[UnknownCode, Unknown] = field(default_factory=dict)

    @classmethod
    def of(cls, basis: Basis) -> _Pool:
        figures = (basis.quantity, basis.cost, basis.realised, basis.earned, basis.carried_out, basis.brought)
        return cls(*figures, {each.code: each for each in basis.unknown})

    def enter(self, amount: Amount, cost: Amount | None) -> None:
        self.quantity = add(self.quantity, amount)
        self.cost = None if self.cost is None or cost is None else add(self.cost, cost)
        self._settled()

    def leave(self, amount: Amount) -> Amount | None:
        """Take out so much; its cost. Only of what is there is a cost known."""
        there, cost = self.quantity, self.cost
        self.quantity = subtract(there, amount)
        if cost is None or amount > there:
            self.cost = None
            self._settled()
            return None
        share = cost if amount == there else _kept(divide(ROUNDED.multiply(cost, amount), there))
        self.cost = subtract(cost, share)
        return share

    def _settled(self) -> None:
        if self.quantity == ZERO:
            self.cost = ZERO

    def realise(self, cost: Amount | None, proceeds: Amount | None) -> None:
        if cost is not None and proceeds is not None:
            self.realised = add(self.realised, subtract(proceeds, cost))

    def miss(self, code: UnknownCode, move: Move) -> None:
        known = self.unknown.get(code)
        first = known or Unknown(code, move.time.date(), move.entry, 0)
        self.unknown[code] = Unknown(code, first.day, first.entry, first.times + 1)

    def basis(self, name: Asset) -> Basis:
        return Basis(
            name,
            self.quantity,
            self.cost,
            self.realised,
            self.earned,
            self.carried_out,
            self.brought,
            tuple(self.unknown.values()),
        )


class Books:
    """The pools of all assets, from nothing or from where they stood."""

    def __init__(self, currency: Asset, closing: Closes, start: Mapping[Asset, Basis] | None = None) -> None:
        self._pools = {name: _Pool.of(basis) for name, basis in (start or {}).items()}
        self._currency = currency
        self._closing = closing
        self._ranks = {currency: 0, **{Asset(name): rank for rank, name in enumerate(PREFERRED, 1) if name != currency}}

    def bases(self) -> dict[Asset, Basis]:
        """Where the pools stand."""
        return {name: pool.basis(name) for name, pool in sorted(self._pools.items())}

    def book(self, move: Move) -> None:
        """One event, not before the last one."""
        if move.kind == "swap":
            self._swap(move)
            return
        if move.kind == "flow":
            self._flow(move)
        elif move.kind == "renamed":
            self._rename(move)
        else:
            self._result(move, move.amounts)
        self._result(move, move.fees)

    def _flow(self, move: Move) -> None:
        for name, amount in move.amounts:
            pool, value = self._pool(name), self._value(name, amount, move)
            if amount > ZERO:
                pool.brought = add(pool.brought, amount)
                pool.enter(amount, value)
                continue
            cost = self._leave(pool, amount, move)
            if value is not None and cost is not None:
                pool.carried_out = add(pool.carried_out, subtract(value, cost))

    def _result(self, move: Move, amounts: Amounts) -> None:
        for name, amount in amounts:
            pool = self._pool(name)
            if amount > ZERO:
                value = self._value(name, amount, move)
                pool.enter(amount, value)
                pool.earned = add(pool.earned, value or ZERO)
                continue
            pool.realise(self._leave(pool, amount, move), ZERO)

    def _rename(self, move: Move) -> None:
        costs = [self._leave(self._pool(name), amount, move) for name, amount in move.amounts if amount < ZERO]
        for name, amount in move.amounts:
            if amount > ZERO:
                self._pool(name).enter(amount, _sum(costs))

    def _swap(self, move: Move) -> None:
        given, received = _signed(move.amounts, -1), _signed(move.amounts, 1)
        paid = _signed(move.fees, -1)
        self._result(move, _signed(move.fees, 1))
        fees = [self._value(name, amount, move) for name, amount in paid]
        proceeds, costs = self._agreed(given, received, _sum(fees), move.time.date())
        code: UnknownCode = "price_missing" if given and received else "one_sided"
        for (name, _), value in (*zip(given, proceeds, strict=True), *zip(received, costs, strict=True)):
            if value is None:
                self._pool(name).miss(code, move)
        self._pay(given, proceeds, move)
        for (name, amount), value in zip(received, costs, strict=True):
            self._pool(name).enter(amount, value)
        self._pay(paid, fees, move)  # last: a fee may take from what came

    def _pay(self, amounts: Amounts, proceeds: _Values, move: Move) -> None:
        for (name, amount), value in zip(amounts, proceeds, strict=True):
            pool = self._pool(name)
            pool.realise(self._leave(pool, amount, move), value)

    def _agreed(self, given: Amounts, received: Amounts, fees: Amount | None, day: date) -> tuple[_Values, _Values]:
        """What each side of a swap counts as: the proceeds of what was given, the costs of what was received.

        The side nearer to money says what the swap was worth, else what was given; if it has no price, the other.
        A fee in a third asset makes what is bought dearer, or what is sold earn less.
        """
        out = [self._price(name, amount, day) for name, amount in given]
        back = [self._price(name, amount, day) for name, amount in received]
        gave, got = (_sum(out) if given else None), (_sum(back) if received else None)
        if not given or not received or fees is None or (gave is None and got is None):
            return [None for _ in given], [None for _ in received]
        sold = gave is None or (got is not None and self._rank(received) < self._rank(given))
        if sold and got is not None:
            return _split(subtract(got, fees), out), _split(got, back)
        worth = gave or ZERO
        return _split(worth, out), _split(add(worth, fees), back)

    def _rank(self, side: Amounts) -> int:
        """How far from money: the user's currency first, then what markets are quoted in."""
        return max(self._ranks.get(name, len(PREFERRED) + 1) for name, _ in side)

    def _pool(self, name: Asset) -> _Pool:
        return self._pools.setdefault(name, _Pool())

    def _price(self, name: Asset, amount: Amount, day: date) -> Amount | None:
        """What so much of an asset is worth, without its sign."""
        if name == self._currency:
            return magnitude(amount)
        if name in NOT_MONEY:
            return ZERO
        price = self._closing(name, day)
        return None if price is None else _kept(ROUNDED.multiply(magnitude(amount), price))

    def _value(self, name: Asset, amount: Amount, move: Move) -> Amount | None:
        """The same; that there is no price is noted."""
        value = self._price(name, amount, move.time.date())
        if value is None:
            self._pool(name).miss("price_missing", move)
        return value

    @staticmethod
    def _leave(pool: _Pool, amount: Amount, move: Move) -> Amount | None:
        if magnitude(amount) > pool.quantity:
            pool.miss("not_there", move)
        return pool.leave(magnitude(amount))


_Values = list[Amount | None]


def _signed(amounts: Amounts, sign: int) -> Amounts:
    return tuple((name, amount) for name, amount in amounts if (amount > ZERO) == (sign > 0))


def _sum(values: _Values) -> Amount | None:
    known = [value for value in values if value is not None]
    return total(known) if len(known) == len(values) else None


def _split(worth: Amount, values: _Values) -> _Values:
    """A sum, in proportion to values; the last gets what rounding leaves."""
    if len(values) == 1:
        return [worth]
    whole = _sum(values)
    if not whole:
        return [None for _ in values]
    parts = [_kept(divide(ROUNDED.multiply(worth, value or ZERO), whole)) for value in values[:-1]]
    return [*parts, subtract(worth, total(parts))]


def _kept(value: Amount) -> Amount:
    return value.quantize(_GRAIN, context=_KEPT)
