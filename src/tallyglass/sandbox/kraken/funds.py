"""Money in and out: deposit addresses, withdrawals, moves to the futures wallet, the fee tier, the socket's token."""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from typing import Any

from tallyglass.money import ZERO, Amount, subtract
from tallyglass.sandbox.kraken.account import Funding, Move, moment
from tallyglass.sandbox.kraken.happen import method, send
from tallyglass.sandbox.kraken.house import Answer, Call
from tallyglass.sandbox.kraken.names import AssetName, commas, digits
from tallyglass.sandbox.kraken.params import Refused
from tallyglass.sandbox.kraken.writes import TAKER

#: The address book: any asset may be sent to these names.
_ADDRESS_BOOK = ("cold-1", "my address")
_FEES = {"BTC": "0.00010", "ETH": "0.0015", "EUR": "1.00", "USD": "4.00", "GBP": "1.95"}


def _asset(call: Call, error: str = "EFunding:Unknown asset") -> AssetName:
    found = call.house.names.find_asset(call.params.needed("asset"))
    if found is None:
        raise Refused(error)
    return found


def _fee(asset: AssetName) -> Amount:
    return Decimal(_FEES.get(asset.symbol, "0.1"))


def deposit_methods(call: Call) -> list[dict[str, Any]]:
    """docs.kraken.com get-deposit-methods: wants add-funds beside query-funds."""
    name = method(_asset(call).symbol)
    return [{"method": name, "limit": False, "fee": "0.0000000000", "gen-address": True, "minimum": "0.00010000"}]


def deposit_addresses(call: Call) -> list[dict[str, Any]]:
    """docs.kraken.com get-deposit-addresses."""
    symbol = _asset(call).symbol
    return [{"address": f"sandbox1{call.account.fixed_id(symbol).take(24).lower()}", "expiretm": "0", "new": False}]


def withdraw_methods(call: Call) -> list[dict[str, Any]]:
    """docs.kraken.com get-withdrawal-methods."""
    wanted = call.house.names.find_asset(call.params.text("asset"))
    listed = [wanted] if wanted else [each for each in call.house.names.assets if each.symbol != "KFEE"]
    return [
        {"asset": each.altname, "method": method(each.symbol), "network": method(each.symbol), "minimum": "0.001"}
        for each in listed
    ]


def withdraw_addresses(call: Call) -> list[dict[str, Any]]:
    """docs.kraken.com get-withdrawal-addresses."""
    wanted = call.house.names.find_asset(call.params.text("asset", "XBT"))
    symbol = wanted.symbol if wanted else "BTC"
    return [
        {"address": "sandbox1coldwallet", "asset": symbol, "method": method(symbol), "key": key, "verified": True}
        for key in _ADDRESS_BOOK
    ]


def withdraw_info(call: Call) -> dict[str, str]:
    """docs.kraken.com get-withdrawal-information: what is asked for holds the fee."""
    asset, net = _net(call)
    free = digits(call.account.free(asset.code), asset.decimals)
    fee = digits(_fee(asset), asset.decimals)
    return {"method": method(asset.symbol), "limit": free, "amount": digits(net, asset.decimals), "fee": fee}


def _net(call: Call) -> tuple[AssetName, Amount]:
    asset, amount = _asset(call), call.params.amount("amount")
    if call.params.needed("key") not in _ADDRESS_BOOK:
        raise Refused("EFunding:Unknown withdraw key")
    net = subtract(amount, _fee(asset))
    if net <= ZERO:
        raise Refused("EFunding:Invalid amount")
    return asset, net


def withdraw(call: Call) -> dict[str, str]:
    """docs.kraken.com withdraw-funds. The money leaves the balance at once."""
    asset, net = _net(call)
    if call.params.text("max_fee") and call.params.amount("max_fee") < _fee(asset):
        raise Refused("EFunding:Max fee exceeded")
    if call.params.amount("amount") > call.account.free(asset.code):
        raise Refused("EFunding:Insufficient funds")
    way, key = method(asset.symbol), call.params.text("key")
    sent = Funding("", call.now, asset.code, net, _fee(asset), "", "Initial", method=way, key=key)
    send(call.account, sent, moment(call.now), call.account.ids("withdraw"))
    return {"refid": sent.id}


def withdraw_cancel(call: Call) -> bool:
    """docs.kraken.com cancel-withdrawal: a second row under the same refid, amount and fee turned round."""
    asset = _asset(call)
    sent = call.account.withdrawals.get(call.params.needed("refid"))
    if sent is None or sent.code != asset.code or sent.status != "Initial":
        raise Refused("EFunding:Unknown reference id")
    take_back(call, sent)
    return True


def take_back(call: Call, sent: Funding) -> None:
    """A withdrawal that came to nothing."""
    sent.status, sent.prop = "Failure", "canceled"
    moves = [Move(sent.code, sent.amount, -sent.fee)]
    call.account.write(sent.id, "withdrawal", moment(call.now), moves, call.account.ids("back"))


def wallet_transfer(call: Call) -> dict[str, str]:
    """docs.kraken.com request-wallet-transfer: from spot to the futures wallet of the same owner, one way."""
    asset, amount = _asset(call), call.params.amount("amount")
    if (call.params.needed("from"), call.params.needed("to")) != ("Spot Wallet", "Futures Wallet"):
        raise Refused("EGeneral:Invalid arguments")
    if amount > call.account.free(asset.code):
        raise Refused("EFunding:Insufficient funds")
    ids = call.account.ids("futures")
    refid = ids.funding()
    moves = [Move(asset.code, -amount, subtype="spottofutures")]
    call.account.write(refid, "transfer", moment(call.now), moves, ids)
    return {"refid": refid}


def trade_volume(call: Call) -> dict[str, Any]:
    """docs.kraken.com get-trade-volume: the lowest tier, whatever was traded."""
    pairs = [call.house.names.find_pair(each) for each in commas(call.params.text("pair"))]
    if None in pairs:
        raise Refused("EQuery:Unknown asset pair")
    percent = digits(TAKER * 100, 4)
    fee = {"fee": percent, "minfee": "0.1000", "maxfee": percent, "nextfee": "0.3500", "nextvolume": "10000.0000"}
    tiers = {each.key: {**fee, "tiervolume": "0.0000"} for each in pairs if each}
    volume = {"currency": "ZUSD", "volume": "0.0000"}
    return {**volume, "fees": tiers, "fees_maker": tiers} if tiers else volume


def socket_token(call: Call) -> dict[str, Any]:
    """docs.kraken.com get-websockets-token: for 15 minutes."""
    source = f"{call.house.seed}:token:{call.key.kind}:{call.now}".encode()
    return {"token": base64.b64encode(hashlib.sha256(source).digest()).decode()[:43], "expires": 900}


FUNDS: dict[str, Answer] = {
    "DepositMethods": deposit_methods,
    "DepositAddresses": deposit_addresses,
    "WithdrawMethods": withdraw_methods,
    "WithdrawAddresses": withdraw_addresses,
    "WithdrawInfo": withdraw_info,
    "Withdraw": withdraw,
    "WithdrawCancel": withdraw_cancel,
    "WalletTransfer": wallet_transfer,
    "TradeVolume": trade_volume,
    "GetWebSocketsToken": socket_token,
}
