"""What Coinbase lists: its currencies and its markets."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tallyglass.money import Amount
from tallyglass.sandbox.model import Facts, MarketFact
from tallyglass.sandbox.world import markets


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency as the v2 lists describe it. Coinbase's codes are the common symbols for all that is listed here."""

    code: str
    name: str
    #: Decimals that v2 prints.
    exponent: int
    color: str
    #: Block chain that sends go over; '' for fiat.
    network: str
    sort_index: int

    @property
    def fiat(self) -> bool:
        return not self.network


def _currencies(*rows: tuple[str, str, int, str, str]) -> dict[str, Currency]:
    return {row[0]: Currency(*row, sort_index=100 + index) for index, row in enumerate(rows)}


CURRENCIES = _currencies(
    ("BTC", "Bitcoin", 8, "#F7931A", "bitcoin"),
    ("ETH", "Ethereum", 8, "#627EEA", "ethereum"),
    ("SOL", "Solana", 9, "#9945FF", "solana"),
    ("ADA", "Cardano", 6, "#0033AD", "cardano"),
    ("DOT", "Polkadot", 10, "#E6007A", "polkadot"),
    ("ATOM", "Cosmos", 6, "#2E3148", "cosmos"),
    ("XRP", "XRP", 6, "#222222", "ripple"),
    ("DOGE", "Dogecoin", 8, "#BA9F33", "dogecoin"),
    ("LTC", "Litecoin", 8, "#A6A9AA", "litecoin"),
    ("LINK", "Chainlink", 8, "#2A5ADA", "ethereum"),
    ("PEPE", "Pepe", 8, "#3D9A3A", "ethereum"),
    ("USDC", "USDC", 6, "#2775CA", "base"),
    ("USDT", "Tether", 6, "#22A079", "ethereum"),
    ("EUR", "Euro", 2, "#0066CF", ""),
    ("GBP", "British Pound", 2, "#0066CF", ""),
    ("USD", "US Dollar", 2, "#0066CF", ""),
)

#: Currencies that pad the lists of wallets: nobody here ever touched them.
NEVER_USED = _currencies(
    ("XLM", "Stellar Lumens", 7, "#000000", "stellar"),
    ("BCH", "Bitcoin Cash", 8, "#8DC351", "bitcoincash"),
    ("ETH2", "Ethereum 2", 8, "#8E76FF", "ethereum2"),
    ("CBETH", "Coinbase Wrapped Staked ETH", 8, "#3773F5", "ethereum"),
)
#: Listed, in no market here, and worth about what another currency is.
_LIKE = {"ETH2": "ETH", "CBETH": "ETH"}
LISTED = CURRENCIES | NEVER_USED

#: Taker and maker fee of the tier "Advanced 1" (`transaction_summary` prints them).
TAKER: Amount = Decimal("0.006")
MAKER: Amount = Decimal("0.004")

FACTS = Facts(
    markets=markets("coinbase"),
    decimals={code: currency.exponent for code, currency in CURRENCIES.items()},
    fee_rate=TAKER,
    fee_in="quote",
    cash="USD",
    rewards=("ETH", "SOL", "ADA", "DOT", "ATOM", "USDC"),
)

MARKETS: dict[str, MarketFact] = {f"{market.base}-{market.quote}": market for market in FACTS.markets}

#: One book serves dollars and USDC: the product in USDC → the one in dollars whose prices it has.
ALIASES = {f"{m.base}-USDC": f"{m.base}-USD" for m in FACTS.markets if m.quote == "USD" and m.base != "USDT"}


def priced_as(currency: str) -> str:
    """The currency whose price stands for that of another."""
    return _LIKE.get(currency, currency)


#: The fiat currency of every `native_amount`.
NATIVE = "USD"
