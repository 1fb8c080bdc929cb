"""A venue on paper: books and nothing else, to see what growth does without any exchange's ways."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from tallyglass.money import ZERO, add, subtract
from tallyglass.sandbox.model import Act, Books, Facts, Incoming, Key, Outgoing
from tallyglass.sandbox.world import ASSETS, markets

FIAT_OF = {"kraken": ("USD", "EUR", "GBP"), "binance": ("EUR",), "coinbase": ("USD", "EUR", "GBP")}


class PaperVenue:
    """Books every act as its docstring in `sandbox.model` says, and keeps the acts."""

    def __init__(self, name: str, *, fee_in: Literal["quote", "received"] = "quote", places: int = 8) -> None:
        self.id = name
        self.hosts: tuple[str, ...] = (f"api.{name}.com",)
        self.facts = Facts(
            markets(name),
            dict.fromkeys((*ASSETS, *FIAT_OF[name]), places),
            Decimal("0.0026"),
            fee_in,
            "USDT" if name == "binance" else "EUR",
            ("ETH", "SOL"),
        )
        self.keys: dict[str, Key] = {
            "read_only": Key("read_only", {"key": f"{name}-key", "secret": "made-up"}, {"read"}),
        }
        self.books = {"main": Books(), "other": Books()}
        self.acts: list[tuple[str, Act]] = []
        self.seen: list[Incoming] = []

    def record(self, account: str, act: Act) -> None:
        self.acts.append((account, act))
        sign = Decimal(1 if act.side == "buy" else -1)
        kinds = {"convert": "conversion"}
        if act.kind == "order":
            return
        if act.kind in ("trade", "convert"):
            legs = [(act.base, sign * act.amount, "principal"), (act.quote, -sign * act.cost, "principal")]
        elif act.kind == "withdrawal":
            legs = [(act.base, -act.amount, "principal")]
        else:
            legs = [(act.base, act.amount, "principal")]
        if act.fee_asset:
            legs.append((act.fee_asset, -act.fee, "fee"))
        self.books[account].post(
            f"{act.kind}:{act.serial}", kinds.get(act.kind, act.kind), act.time, [("spot", *leg) for leg in legs]
        )

    def handle(self, request: Incoming) -> Outgoing:
        self.seen.append(request)
        return Outgoing.json({"rows": [{"n": len(self.seen), "price": "1.10"}], "host": request.host})

    def open_orders(self) -> list[dict[str, str]]:
        return [
            {
                "id": str(act.serial),
                "market": f"{act.base}/{act.quote}",
                "side": act.side,
                "type": "limit",
                "price": str(act.price),
                "amount": str(act.amount),
                "filled": str(act.filled),
                "time": act.time.isoformat(),
            }
            for account, act in self.acts
            if account == "main" and act.kind == "order"
        ]

    def caller(self, request: Incoming) -> str:
        return request.headers.get("api-key", "")


def held_by_orders(acts: Iterable[Act]) -> dict[str, Decimal]:
    """What open orders hold per asset."""
    held: dict[str, Decimal] = {}
    for act in acts:
        rest = subtract(act.amount, act.filled)
        asset, amount = (act.quote, rest * act.price) if act.side == "buy" else (act.base, rest)
        held[asset] = add(held.get(asset, ZERO), amount)
    return held
