"""The fake Kraken: one request in, one answer out."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from tallyglass.sandbox.incidents import Incidents
from tallyglass.sandbox.kraken import auth, limits, shown
from tallyglass.sandbox.kraken.earn import EARN
from tallyglass.sandbox.kraken.exports import EXPORTS
from tallyglass.sandbox.kraken.funds import FUNDS
from tallyglass.sandbox.kraken.happen import record
from tallyglass.sandbox.kraken.house import Answer, Call, House, make_accounts, make_keys, permissions
from tallyglass.sandbox.kraken.margin import MARGIN
from tallyglass.sandbox.kraken.names import REWARD_CODES, Names
from tallyglass.sandbox.kraken.params import Refused, query, read
from tallyglass.sandbox.kraken.public import PUBLIC
from tallyglass.sandbox.kraken.reads import READS
from tallyglass.sandbox.kraken.special import HAPPENINGS, INCIDENTS, SPECIAL
from tallyglass.sandbox.kraken.writes import TAKER, WRITES
from tallyglass.sandbox.model import Act, Books, Facts, Incoming, Key, Outgoing, Prices
from tallyglass.sandbox.world import markets

_PRIVATE: dict[str, Answer] = {**READS, **MARGIN, **EARN, **EXPORTS, **FUNDS, **WRITES}

#: Which words open a call: any one of the sets. What is not named here opens with any key.
_OPENS: dict[str, tuple[frozenset[str], ...]] = {}
for _words, _calls in {
    "query-funds": "Balance BalanceEx TradeVolume DepositStatus Earn/Allocations",
    "query-funds+add-funds": "DepositMethods DepositAddresses",
    "withdraw-funds": "Withdraw WithdrawInfo WithdrawMethods WithdrawAddresses WithdrawCancel",
    "withdraw-funds query-ledger": "WithdrawStatus",
    "earn-funds": "Earn/Allocate Earn/Deallocate",
    "earn-funds query-funds": "Earn/AllocateStatus Earn/DeallocateStatus",
    "query-open-trades": "OpenOrders OpenPositions TradeBalance",
    "query-closed-trades": "ClosedOrders TradesHistory QueryTrades",
    "query-open-trades query-closed-trades": "QueryOrders",
    "query-ledger": "Ledgers QueryLedgers",
    "modify-trades": "AddOrder AddOrderBatch AmendOrder EditOrder",
    "modify-trades close-trades": "CancelOrder CancelOrderBatch CancelAll CancelAllOrdersAfter",
    "export-data": "AddExport ExportStatus RetrieveExport RemoveExport",
    "create-ws-token": "GetWebSocketsToken",
}.items():
    for _call in _calls.split():
        _OPENS[_call] = tuple(frozenset(each.split("+")) for each in _words.split())

_COSTS = {
    "Ledgers": 2,
    "TradesHistory": 2,
    "QueryLedgers": 2,
    **dict.fromkeys(("AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder", "CancelOrder", "CancelOrderBatch"), 0),
}


class Kraken:
    """A fake exchange as `model.Venue` has it. `house` holds the switches: casing, tier, mode and others.

    `specials`: what only Kraken has, by name, as calls that take an account and the time (see `special.py`).
    """

    id = "kraken"
    hosts = ("api.kraken.com",)

    def __init__(self, seed: int, prices: Prices, now: float) -> None:
        names = Names()
        self.books = {"main": Books(), "other": Books()}
        self.keys: dict[str, Key] = make_keys(seed, now)
        self.house = House(seed, prices, names, make_accounts(seed, names, self.books), self.keys)
        self.facts = Facts(
            markets=markets("kraken"),
            decimals={each.symbol: each.decimals for each in names.assets if each.symbol != "KFEE"},
            fee_rate=TAKER,
            fee_in="quote",
            cash="EUR",
            rewards=tuple(REWARD_CODES),
        )

        self.specials = {name: partial(happen, self.house) for name, happen in SPECIAL.items()}
        #: What the main account meets besides its acts.
        self.incidents = Incidents(INCIDENTS)

    def record(self, account: str, act: Act) -> None:
        """Let it happen. The main account meets some of Kraken's oddities on its way."""
        owner, when = self.house.accounts[account], act.time.timestamp()
        record(owner, act)
        if account == "main" and act.kind != "order":
            self.incidents.follow(lambda name: HAPPENINGS[name](self.house, owner, when))

    def cut(self, account: str, before: datetime) -> None:
        """The API forgets all rows older than that; open orders and positions stay."""
        self.house.accounts[account].forget(before.timestamp())

    def open_orders(self) -> list[dict[str, str]]:
        """The main account's."""
        return [shown.open_order(each) for each in self.house.accounts["main"].open.values()]

    def caller(self, request: Incoming) -> str:
        """The public key in the request's header."""
        return request.headers.get("api-key", "")

    def handle(self, request: Incoming) -> Outgoing:
        """Always 200, and errors as texts in an array: that is Kraken's way."""
        try:
            result = self._answer(request)
        except Refused as refused:
            return Outgoing.json({"error": [str(refused)]})
        return result if isinstance(result, Outgoing) else Outgoing.json({"error": [], "result": result})

    def _answer(self, request: Incoming) -> Any:
        version, _, rest = request.path.removeprefix("/").partition("/")
        kind, _, name = rest.partition("/")
        if version == "0" and kind == "public" and request.method == "GET" and name in PUBLIC:
            return PUBLIC[name](self.house, query(request), request.now)
        if version == "0" and kind == "private" and request.method == "POST" and name in _PRIVATE:
            return self._private(request, name)
        raise Refused("EGeneral:Unknown method")

    def _private(self, request: Incoming, name: str) -> Any:
        house = self.house
        house.lockout.check(request.ip, request.now)
        try:
            key = auth.find(self.keys, request)
            params = read(request)
            auth.verify(key, request, params)
        except Refused:
            house.lockout.bad(request.ip, request.now)
            raise
        limits.count_call(key.memory, house.tier, _COSTS.get(name, 1), request.now)
        needed = _OPENS.get(name, ())
        if name == "WalletTransfer":
            needed = (frozenset((house.wallet_transfer_needs,)),)
        if needed and not any(words <= set(permissions(key)) for words in needed):
            raise Refused("EGeneral:Permission denied")
        result = _PRIVATE[name](Call(house, house.accounts[key.account], key, params, request))
        key.memory["last_used"] = request.now
        return result
