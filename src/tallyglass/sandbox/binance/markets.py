"""The markets and coins that the fake Binance lists, and how it writes amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from tallyglass.money import EXACT, ROUNDED, Amount
from tallyglass.sandbox.bazaar import Listing
from tallyglass.sandbox.model import Facts, MarketFact
from tallyglass.sandbox.world import markets as world_markets

DECIMALS: Final = 8
FEE_RATE: Final = Decimal("0.001")
LEAST: Final = Decimal(1).scaleb(-DECIMALS)
FIAT: Final = ("EUR", "TRY")

#: Coin → (network, its name, withdrawal fee, least withdrawal, confirmations, address pattern).
_NETWORKS: Final[dict[str, tuple[str, str, str, str, int, str]]] = {
    "BTC": ("BTC", "Bitcoin", "0.00001", "0.00002", 1, "^(bc1)[0-9A-Za-z]{39,59}$"),
    "ETH": ("ETH", "Ethereum (ERC20)", "0.00004", "0.0001", 6, "^(0x)[0-9A-Fa-f]{40}$"),
    "SOL": ("SOL", "Solana", "0.001", "0.002", 1, "^[1-9A-HJ-NP-Za-km-z]{32,44}$"),
    "ADA": ("ADA", "Cardano", "0.8", "2", 30, "^(addr1)[0-9A-Za-z]{40,110}$"),
    "DOT": ("DOT", "Polkadot Asset Hub", "0.08", "0.2", 25, "^(1)[0-9A-Za-z]{46,48}$"),
    "XRP": ("XRP", "XRP Ledger", "0.2", "2", 1, "^r[1-9A-HJ-NP-Za-km-z]{25,34}$"),
    "DOGE": ("DOGE", "Dogecoin", "4", "8", 40, "^(D|A|9)[a-km-zA-HJ-NP-Z1-9]{33,34}$"),
    "LTC": ("LTC", "Litecoin", "0.0001", "0.002", 4, "^(L|M)[A-Za-z0-9]{33}$|^(ltc1)[0-9A-Za-z]{39}$"),
    "LINK": ("ETH", "Ethereum (ERC20)", "0.05", "0.1", 6, "^(0x)[0-9A-Fa-f]{40}$"),
    "ATOM": ("ATOM", "Cosmos Hub", "0.02", "0.05", 1, "^(cosmos1)[0-9a-z]{38}$"),
    "PEPE": ("ETH", "Ethereum (ERC20)", "60000", "120000", 6, "^(0x)[0-9A-Fa-f]{40}$"),
    "TRX": ("TRX", "Tron (TRC20)", "1", "2", 1, "^T[1-9A-HJ-NP-Za-km-z]{33}$"),
    "USDT": ("TRX", "Tron (TRC20)", "1", "5", 1, "^T[1-9A-HJ-NP-Za-km-z]{33}$"),
    "USDC": ("ETH", "Ethereum (ERC20)", "0.5", "2", 6, "^(0x)[0-9A-Fa-f]{40}$"),
    "BNB": ("BSC", "BNB Smart Chain (BEP20)", "0.00001", "0.001", 3, "^(0x)[0-9A-Fa-f]{40}$"),
    "EUR": ("FIAT_MONEY", "Euro", "1", "10", 1, ""),
}

COINS: Final = tuple(_NETWORKS)
_IDLE: Final = (
    "1INCH AAVE ALGO APE APT AR ARB AVAX AXS BAT BCH BNT BONK CAKE CHZ COMP CRV DASH DYDX EGLD ENJ ENS EOS ETC FDUSD "
    "FET FIL FLOKI GALA GMX GRT HBAR ICP IMX INJ IOTA JUP KAVA KSM LDO LRC LUNC MANA MASK MATIC NEAR NEO OP ORDI PAXG "
    "POL QNT RENDER ROSE RUNE SAND SEI SHIB SNX STX SUI SUSHI THETA TIA TON UNI VET WIF WLD XLM XTZ YFI ZEC ZIL"
)
#: Listed, never owned: `/api/v3/account` prints them all, in zeros. `LDO` is a coin, no earn receipt.
IDLE: Final = tuple(_IDLE.split())


@dataclass(frozen=True, slots=True)
class Market:
    """One symbol."""

    base: str
    quote: str
    price_decimals: int
    amount_decimals: int
    status: str = "TRADING"

    @property
    def symbol(self) -> str:
        return self.base + self.quote

    @property
    def tick(self) -> Decimal:
        return Decimal(1).scaleb(-self.price_decimals)

    @property
    def step(self) -> Decimal:
        return Decimal(1).scaleb(-self.amount_decimals)

    @property
    def least_cost(self) -> Decimal:
        return Decimal("0.0001") if self.quote == "BTC" else Decimal(5)


MARKETS: Final[dict[str, Market]] = {
    market.symbol: market
    for market in (Market(m.base, m.quote, m.price_decimals, m.amount_decimals) for m in world_markets("binance"))
}


@dataclass(frozen=True, slots=True)
class Listed:
    """What is listed: more than `MARKETS` where a long list was asked for."""

    markets: Mapping[str, Market]
    #: What an account may hold.
    coins: tuple[str, ...]

    @classmethod
    def of(cls, also: Sequence[Listing] = ()) -> Listed:
        """The usual markets and these."""
        facts = [(each.fact, each.status) for each in also]
        more = [Market(f.base, f.quote, f.price_decimals, f.amount_decimals, status) for f, status in facts]
        assets = (asset for market in more for asset in (market.base, market.quote))
        return cls({**MARKETS, **{each.symbol: each for each in more}}, tuple(dict.fromkeys((*COINS, *assets))))


def facts(listed: Listed, also: Sequence[Listing]) -> Facts:
    """What growth must know."""
    return Facts(
        markets=tuple(MarketFact(m.base, m.quote, m.price_decimals, m.amount_decimals) for m in MARKETS.values()),
        decimals=dict.fromkeys(listed.coins, DECIMALS),
        fee_rate=FEE_RATE,
        fee_in="received",
        cash="USDT",
        rewards=("BNB", "SOL", "ETH", "USDT", "DOT"),
        also=tuple(each.fact for each in also),
    )


def eight(amount: Amount) -> str:
    """An amount with the eight decimals of `/api`: a digit more would be lost and is an error."""
    return format(EXACT.quantize(amount, LEAST), "f")


def rounded(value: Decimal, decimals: int = DECIMALS) -> Amount:
    """A quotient or product brought to a number of decimals."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, ROUNDED)


def _terms(coin: str) -> tuple[str, str, str, str, int, str]:
    """Its network; a made-up coin lives where so many do, on Ethereum."""
    return _NETWORKS.get(coin, _NETWORKS["LINK"])


def network(coin: str) -> str:
    """The network that a coin comes and goes by."""
    return _terms(coin)[0]


def withdrawal_terms(coin: str) -> tuple[Amount, Amount]:
    """(fee, least amount)."""
    return Decimal(_terms(coin)[2]), Decimal(_terms(coin)[3])


def network_row(coin: str) -> dict[str, Any]:
    """One entry of `networkList` (sapi: capital/config/getall)."""
    name, title, fee, least, confirmations, pattern = _terms(coin)
    return {
        "network": name,
        "coin": coin,
        "withdrawIntegerMultiple": "0.00000001",
        "isDefault": True,
        "depositEnable": True,
        "withdrawEnable": True,
        "depositDesc": "",
        "withdrawDesc": "",
        "specialTips": "",
        "specialWithdrawTips": "",
        "name": title,
        "resetAddressStatus": False,
        "addressRegex": pattern,
        "memoRegex": "^[0-9]{1,10}$" if coin == "XRP" else "",
        "withdrawFee": fee,
        "withdrawMin": least,
        "withdrawMax": "10000000",
        "withdrawInternalMin": "0.00000001",
        "depositDust": "0.00000001",
        "minConfirm": confirmations,
        "unLockConfirm": confirmations,
        "sameAddress": coin == "XRP",
        "withdrawTag": coin == "XRP",
        "estimatedArrivalTime": 2,
        "busy": False,
        "contractAddressUrl": "",
        "contractAddress": "",
        "denomination": 1,
    }


_POSSIBLE: Final = {
    "icebergAllowed": False,
    "ocoAllowed": False,
    "otoAllowed": False,
    "opoAllowed": False,
    "quoteOrderQtyMarketAllowed": True,
    "allowTrailingStop": False,
    "cancelReplaceAllowed": False,
    "amendAllowed": False,
    "pegInstructionsAllowed": False,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
}


def symbol_row(market: Market) -> dict[str, Any]:
    """One entry of `symbols` (rest-api.md, "Exchange information")."""
    return {
        "symbol": market.symbol,
        "status": market.status,
        "baseAsset": market.base,
        "baseAssetPrecision": DECIMALS,
        "quoteAsset": market.quote,
        "quotePrecision": DECIMALS,
        "quoteAssetPrecision": DECIMALS,
        "baseCommissionPrecision": DECIMALS,
        "quoteCommissionPrecision": DECIMALS,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        **_POSSIBLE,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": eight(market.tick),
                "maxPrice": "10000000.00000000",
                "tickSize": eight(market.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": eight(market.step),
                "maxQty": "90000000000.00000000",
                "stepSize": eight(market.step),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": eight(market.least_cost),
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }
