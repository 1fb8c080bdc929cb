"""How a reader wants it: light or dark, amounts shown or hidden. In a cookie that says nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from decimal import Decimal

from tallyglass.app import format as shown

LIGHTS = ("system", "light", "dark")
HIDDEN = "•••••"
_NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Look:
    """One reader's choice."""

    #: One of `LIGHTS`.
    light: str = "system"
    hidden: bool = False

    @classmethod
    def of(cls, cookie: str | None) -> Look:
        """What a cookie says; anything strange is the default."""
        light, _, amounts = (cookie or "").partition(".")
        return cls(light if light in LIGHTS else "system", amounts == "hidden")

    @property
    def cookie(self) -> str:
        """The text of the cookie."""
        return f"{self.light}.{'hidden' if self.hidden else 'shown'}"

    def changed(self, light: str | None, amounts: str | None) -> Look:
        """The choice after a press on one of the switches."""
        look = self if light not in LIGHTS else replace(self, light=light)
        return look if amounts not in ("hidden", "shown") else replace(look, hidden=amounts == "hidden")


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of one page, as its reader may see them: what is hidden never leaves the server."""

    currency: str
    hidden: bool

    def hero(self, value: str) -> tuple[str, str, str]:
        """The one great number in its three sizes."""
        return (HIDDEN, "", "") if self.hidden else shown.hero(value, self.currency)

    def money(self, value: str | Decimal | None) -> str:
        """A value in the reader's currency."""
        return HIDDEN if self.hidden else shown.money(None if value is None else str(value), self.currency)

    def change(self, value: str) -> str:
        """By how much a value changed."""
        return HIDDEN if self.hidden else shown.change("0", value, self.currency)

    def short(self, value: Decimal) -> str:
        """A round value beside a line of a chart."""
        return "•••" if self.hidden else shown.short(value, self.currency)

    def quantity(self, value: str) -> str:
        """An amount of an asset."""
        return HIDDEN if self.hidden else shown.quantity(value)

    def movement(self, value: str) -> str:
        """An amount that came or went."""
        return HIDDEN if self.hidden else shown.movement(value)

    def fact(self, value: str) -> str:
        """What an exchange tells of an event: hidden where it is a number."""
        return HIDDEN if self.hidden and _NUMBER.fullmatch(value) else value

    def raw(self, value: object) -> str:
        """Something in the store's own form."""
        return HIDDEN if self.hidden else json.dumps(value, indent=2, ensure_ascii=False, default=str)

    def price(self, value: str | None) -> str:
        """What one unit costs: known to everybody, so never hidden."""
        return shown.price(value, self.currency)

    def average(self, value: str) -> str:
        """What one unit cost: the reader's own affair."""
        return HIDDEN if self.hidden else shown.price(value, self.currency)

    def units(self, value: str) -> str:
        """About so many units."""
        return HIDDEN if self.hidden else shown.quantity(shown.rounded(value))

    def rate(self, value: str | None) -> str:
        """A price in the terms of a market."""
        return "market" if value is None else shown.quantity(value)
