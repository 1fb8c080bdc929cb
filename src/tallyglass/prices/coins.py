"""Coins: which one at a source of prices an asset is. Told by facts or by the user, never guessed by its symbol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tallyglass.exchanges.streams import Coin
from tallyglass.money import Asset
from tallyglass.prices.routes import COINGECKO
from tallyglass.store import identities
from tallyglass.store.base import Db

#: What the sources that go by coins count in.
DOLLAR: Final = Asset("USD")
#: What other coins are priced in: these are asked for, whoever owns them.
COMMON: Final = frozenset(map(Asset, ("USDT", "USDC", "BTC")))

_MAJORS = """
BTC=bitcoin ETH=ethereum USDT=tether USDC=usd-coin BNB=binancecoin XRP=ripple SOL=solana ADA=cardano DOGE=dogecoin
TRX=tron DOT=polkadot LTC=litecoin BCH=bitcoin-cash LINK=chainlink ATOM=cosmos XLM=stellar AVAX=avalanche-2
SHIB=shiba-inu PEPE=pepe TON=the-open-network UNI=uniswap ETC=ethereum-classic XMR=monero ZEC=zcash DASH=dash
FIL=filecoin ALGO=algorand ICP=internet-computer HBAR=hedera-hashgraph VET=vechain NEAR=near APT=aptos ARB=arbitrum
OP=optimism SUI=sui SEI=sei-network INJ=injective-protocol TIA=celestia AAVE=aave MKR=maker GRT=the-graph
SAND=the-sandbox MANA=decentraland AXS=axie-infinity XTZ=tezos POL=polygon-ecosystem-token RUNE=thorchain KSM=kusama
COMP=compound-governance-token CRV=curve-dao-token SNX=havven YFI=yearn-finance BAT=basic-attention-token
ENJ=enjincoin CHZ=chiliz FLOW=flow EGLD=elrond-erd-2 THETA=theta-token DAI=dai TUSD=true-usd PAXG=pax-gold
EURC=euro-coin PYUSD=paypal-usd WBTC=wrapped-bitcoin LDO=lido-dao KAVA=kava BONK=bonk WIF=dogwifcoin
"""
#: The majors, by the ids of CoinGecko: what every exchange means by these symbols.
MAJORS: Final[Mapping[str, str]] = dict(pair.split("=") for pair in _MAJORS.split())


def coins_of(db: Db, assets: Iterable[Asset]) -> dict[Asset, str]:
    """The coin that each asset is, as far as is known: said by the user, a major, the only one of its symbol."""
    said = {each.asset: each.coin for each in identities.list_identities(db) if each.source == COINGECKO}
    found: dict[Asset, str] = {}
    unsaid: list[Asset] = []
    for asset in assets:
        coin = said.get(asset) or MAJORS.get(asset)
        if coin is not None:
            found[asset] = coin
        elif "@" not in asset:
            unsaid.append(asset)
    listed = candidates(db, unsaid)
    return found | {asset: coins[0].id for asset, coins in listed.items() if len(coins) == 1}


def candidates(db: Db, assets: Iterable[Asset]) -> dict[Asset, list[Coin]]:
    """All coins that are listed under the symbol of each of these assets."""
    symbols = {asset: asset.partition("@")[0] for asset in assets}
    listed = identities.coins_of(db, COINGECKO, symbols.values())
    return {asset: listed[symbol] for asset, symbol in symbols.items()}
