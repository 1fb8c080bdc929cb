"""What only Kraken has, on demand: odd rows that its ledgers really hold, and switches of its own."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tallyglass.money import ROUNDED, ZERO, multiply
from tallyglass.sandbox.kraken.account import Account, Funding, Move, Order, moment, unix
from tallyglass.sandbox.kraken.happen import method, pair_of_moves, send, settle, swap
from tallyglass.sandbox.kraken.house import House


def _on_account(happen: Callable[[Account, float], None]) -> Callable[[House, str, float], None]:
    return lambda house, account, now: happen(house.accounts[account], now)


def casing(house: House, _account: str, _now: float) -> None:
    """GetApiKeyInfo changes between camelCase and snake_case."""
    house.casing = "camel" if house.casing == "snake" else "snake"


def no_limits(house: House, _account: str, _now: float) -> None:
    """Call counters count nothing any more: for measuring."""
    house.tier = "none"


def export_data(house: House, _account: str, _now: float) -> None:
    """Every key gets the box for reports too."""
    for key in house.keys.values():
        key.memory["also"] = ["export-data"]


def strict_transfers(house: House, _account: str, _now: float) -> None:
    """WalletTransfer asks for withdraw-funds, as a client's documentation has it."""
    house.wallet_transfer_needs = "withdraw-funds"


def dust(account: Account, now: float) -> None:
    """A dust sweep: many spends, one receive, one refid; the fee stands on the receiving side."""
    small = Decimal("0.0001")
    codes = [code for code in ("SOL", "LINK", "ATOM") if account.balances.get(code, ZERO) >= small]
    moves = [Move(code, -small, subtype="dustsweeping") for code in codes]
    if moves:
        moves.append(Move("ZEUR", Decimal("0.0310"), Decimal("0.0009"), "dustsweeping"))
        swap(account, moment(now), moves, account.ids("dust"))


def failed_withdrawal(account: Account, now: float) -> None:
    """A withdrawal that fails: two rows under one refid, the second with signs turned round, its fee negative."""
    sent = Funding("", now, "ZEUR", Decimal("2.5000"), Decimal("0.1000"), "", method=method("EUR"), key="cold-1")
    if account.free("ZEUR") < Decimal("2.6000"):
        return
    send(account, sent, moment(now), account.ids("failing"))
    sent.status = "Failure"
    back = [Move("ZEUR", sent.amount, -sent.fee)]
    account.write(sent.id, "withdrawal", moment(now + 0.25), back, account.ids("fails"))


def fee_credits(account: Account, now: float) -> None:
    """Fee credits come in, as a deposit."""
    ids = account.ids("credits")
    account.write(ids.id("K"), "deposit", moment(now), [Move("KFEE", Decimal("100.00"))], ids)


def airdrop(account: Account, now: float) -> None:
    """A transfer row without subtype: an airdrop, and no move between wallets."""
    ids = account.ids("airdrop")
    account.write(ids.id("A"), "transfer", moment(now), [Move("LINK", Decimal("1.5"))], ids)


def opt_in(account: Account, now: float) -> None:
    """A half of the bitcoins moves to the opt-in rewards, as `allocation` under one refid."""
    amount = multiply(account.free("XXBT"), Decimal("0.5")).quantize(Decimal("0.00000001"), context=ROUNDED)
    if amount > ZERO:
        ids = account.ids("opt-in")
        account.write(ids.id("E"), "earn", moment(now), pair_of_moves("XXBT", "XBT.M", amount, "allocation"), ids)


def split_fill(account: Account, now: float) -> None:
    """A fill paid from two wallets: a row per wallet under the trade's refid, on the same side."""
    pair, when = account.names.pair("SOL", "EUR"), moment(now)
    ids, price = account.ids("split"), Decimal("120.00")
    order = Order(ids.id("O"), unix(when), pair, "buy", "limit", price, Decimal("0.02"))
    paid = [Move("ZEUR", Decimal("-1.4000"), Decimal("0.0056")), Move("ZEUR", Decimal("-1.0000"), Decimal("0.0040"))]
    figures = (price, Decimal("2.4000"), Decimal("0.0096"))
    settle(account, order, figures, when, ids, [*paid, Move("SOL", order.volume)])


def unknown_type(account: Account, now: float) -> None:
    """A row of a type that no documentation names. What it moves is real."""
    ids = account.ids("unknown")
    account.write(ids.id("U"), "moonrebate", moment(now), [Move("ZEUR", Decimal("0.1200"))], ids)


def unknown_subtype(account: Account, now: float) -> None:
    """A known type with a subtype that no documentation names."""
    ids = account.ids("unknown")
    account.write(ids.id("S"), "staking", moment(now), [Move("ZEUR", Decimal("0.0700"), subtype="lunarbonus")], ids)


ALONG_THE_WAY = {40: "failed_withdrawal", 70: "dust", 90: "opt_in"}
"""After so many acts on the main account, this happens: every account of some years has met it."""

SPECIAL: dict[str, Callable[[House, str, float], None]] = {
    "casing": casing,
    "no_limits": no_limits,
    "export_data": export_data,
    "strict_transfers": strict_transfers,
    **{
        each.__name__: _on_account(each)
        for each in (
            *(dust, failed_withdrawal, fee_credits, airdrop, opt_in, split_fill),
            *(unknown_type, unknown_subtype),
        )
    },
}
