"""What only Coinbase has, on demand: odd rows that its ledger really holds, and switches of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from tallyglass.money import ROUNDED, Amount
from tallyglass.sandbox.coinbase.account import Account, Row
from tallyglass.sandbox.coinbase.catalog import MARKETS
from tallyglass.sandbox.coinbase.events import arrive, send_detail, trade
from tallyglass.sandbox.coinbase.limits import Limits
from tallyglass.sandbox.model import Act

Special = Callable[[Account, datetime], None]
_FAR = timedelta(days=3650)


def specials(accounts: Mapping[str, Account], limits: Limits) -> dict[str, Callable[[str, float], None]]:
    """Each by its name, to be called with an account's name and the time."""

    def on(happen: Special) -> Callable[[str, float], None]:
        return lambda account, now: happen(accounts[account], datetime.fromtimestamp(int(now * 1000) / 1000, UTC))

    def no_limits(_account: str, _now: float) -> None:
        limits.off = True

    return {"no_limits": no_limits, **{happen.__name__: on(happen) for happen in _ROWS}}


def _row(account: Account, kind: str, currency: str, figure: str, now: datetime, **detail: Any) -> Row:
    return account.add_row(account.wallet(currency, since=now), kind, Decimal(figure), now, detail=detail)


def _book(account: Account, row: Row, kind: str, wallet: str = "spot") -> None:
    account.books.post(f"tx:{row.id}", kind, row.time, [(wallet, row.wallet.currency, row.amount, "principal")])


def unknown_type(account: Account, now: datetime) -> None:
    """A row of a type that no list names."""
    _book(account, _row(account, "quarterly_surprise", "USDC", "1.234567", now), "adjustment")


def earn_payout(account: Account, now: datetime) -> None:
    """A reward for watching a lesson."""
    _book(account, _row(account, "earn_payout", "ATOM", "0.75", now), "reward")


def lesson_send(account: Account, now: datetime) -> None:
    """The same as it was told before: a send from a user of Coinbase."""
    sender = {"id": account.ids.uuid("coinbase"), "name": "Coinbase", "resource": "user"}
    row = _row(
        account, "send", "ATOM", "0.5", now, network={"status": "off_blockchain", "name": "cosmos"}, **{"from": sender}
    )
    _book(account, row, "deposit")


def subscription(account: Account, now: datetime) -> None:
    """The monthly price of Coinbase One, and a part of it back."""
    _book(account, _row(account, "subscription", "USD", "-4.99", now), "fee")
    _book(account, _row(account, "subscription_rebate", "USD", "1.25", now), "fee")


def one_sided_trade(account: Account, now: datetime) -> None:
    """A conversion of which only one row is there."""
    trade_id = account.ids.uuid("one-sided", account.name, account.number())
    row = _row(account, "trade", "USDC", "3.5", now, trade={"id": trade_id, "payment_method_name": "USD Wallet"})
    account.books.post(f"convert:{trade_id}", "conversion", now, [("spot", "USDC", row.amount, "principal")])


def late_trade(account: Account, now: datetime) -> None:
    """A conversion whose two rows differ by a second."""
    trade_id = account.ids.uuid("late", account.name, account.number())
    about = {"id": trade_id, "fee": {"amount": "0.00", "currency": "USD"}, "payment_method_name": "USD Wallet"}
    for currency, figure, late in (("USD", "-2.00", 0), ("USDC", "2", 1)):
        row = _row(account, "trade", currency, figure, now + timedelta(seconds=late), trade=about)
        account.books.post(f"convert:{trade_id}", "conversion", row.time, [("spot", currency, row.amount, "principal")])


def sideless_fill(account: Account, now: datetime) -> None:
    """A fill whose v2 rows do not say on which side it was."""
    price = account.prices.last("ETH", "USD")
    step = Decimal(1).scaleb(-MARKETS["ETH-USD"].amount_decimals)
    size: Amount = Decimal("0.01").quantize(step, context=ROUNDED)
    cost = (price * size).quantize(Decimal("0.01"), context=ROUNDED)
    trade(account, Act("trade", now, "ETH", size, "USD", "buy", price, cost, Decimal("0.05"), "USD", serial=-7))
    account.orders.items[-1].hides_side = True


def old_row(account: Account, now: datetime) -> None:
    """A row as it was printed before 2024: local time, `details`, `updated_at`, a description."""
    local = now.astimezone(timezone(timedelta(hours=-7))).isoformat(timespec="seconds")
    more = {
        "created_at": local,
        "updated_at": local,
        "description": None,
        "instant_exchange": False,
        "details": {"title": "Received Litecoin", "subtitle": "From Litecoin address"},
        "network": {"status": "confirmed", "hash": account.ids.hex(32, "old", account.number()), "name": "litecoin"},
        "from": {"resource": "litecoin_network"},
    }
    _book(account, _row(account, "send", "LTC", "0.4", now, **more), "deposit")


def vault_withdrawal(account: Account, now: datetime) -> None:
    """A part of the vault comes back into the wallet: one row in each."""
    figure = Decimal("0.01")
    vault = account.wallet("BTC", "vault")
    out = account.add_row(vault, "vault_withdrawal", -figure, now)
    _book(account, out, "transfer", "vault")
    _book(account, _row(account, "vault_withdrawal", "BTC", "0.01", now), "transfer")


def failed_send(account: Account, now: datetime) -> None:
    """A send that failed: it is shown for ever, and never counts."""
    detail = send_detail(account, "BTC", Decimal("0.0001"), account.number())
    wallet = account.wallet("BTC", since=now)
    account.add_row(wallet, "send", Decimal("-0.0021"), now, detail=detail, status="failed")


def pending_send(account: Account, now: datetime) -> None:
    """A send that waits until `confirm_sends`."""
    detail = send_detail(account, "BTC", Decimal("0.0001"), account.number())
    wallet = account.wallet("BTC", since=now)
    row = account.add_row(wallet, "send", Decimal("-0.0011"), now, detail=detail, status="pending")
    account.pending.append((now + _FAR, row))


def confirm_sends(account: Account, now: datetime) -> None:
    """All that is on its way arrives."""
    arrive(account, now + 2 * _FAR)


def short_pages(account: Account, _now: datetime) -> None:
    """v2 pages hold a third of what was asked for, from now on."""
    account.short_pages = True


def proof_required(account: Account, _now: datetime) -> None:
    """Orders and fills are withheld until the user proves himself, from now on."""
    account.proof_required = True


_ROWS: tuple[Special, ...] = (
    unknown_type,
    earn_payout,
    lesson_send,
    subscription,
    one_sided_trade,
    late_trade,
    sideless_fill,
    old_row,
    vault_withdrawal,
    failed_send,
    pending_send,
    confirm_sends,
    short_pages,
    proof_required,
)
