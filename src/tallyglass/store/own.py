"""Own accounts: which there are, the balances that the user stated, and the entries that come of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, delete, select

from tallyglass.ledger import own
from tallyglass.ledger.entries import Entry
from tallyglass.ledger.own import Nature, Stated
from tallyglass.money import Amount, Asset
from tallyglass.store import booking, rows, upsert
from tallyglass.store.own_tables import own_accounts, own_balances
from tallyglass.store.tables import entries


@dataclass(frozen=True, slots=True)
class Account:
    """An account that the user keeps himself."""

    name: str
    nature: Nature

    @property
    def connection(self) -> str:
        """The one that its entries belong to."""
        return own.connection_of(self.name)


def accounts(db: Connection) -> list[Account]:
    """Every account, by name."""
    return [Account(row.name, row.nature) for row in db.execute(select(own_accounts).order_by(own_accounts.c.name))]


def add(db: Connection, account: Account, now: datetime) -> None:
    """Make an account."""
    db.execute(own_accounts.insert().values(name=account.name, nature=account.nature, created_at=now))


def stated(db: Connection, account: Account) -> dict[Asset, dict[date, Amount]]:
    """Of each asset, the balances that were stated, the oldest first."""
    table = own_balances.c
    query = select(own_balances).where(table.account == account.name).order_by(table.asset, table.day)
    found: dict[Asset, dict[date, Amount]] = defaultdict(dict)
    for row in db.execute(query):
        found[Asset(row.asset)][row.day] = row.amount
    return dict(found)


def state(db: Connection, account: Account, asset: Asset, after: Stated, now: datetime) -> None:
    """Let these be all the balances of an asset, and its entries be those that come of them."""
    before = stated(db, account).get(asset, {})
    here = (own_balances.c.account == account.name, own_balances.c.asset == asset)
    gone = [day for day in before if day not in after]
    for day in gone:
        db.execute(delete(own_balances).where(*here, own_balances.c.day == day))
    said = [
        {"account": account.name, "asset": asset, "day": day, "amount": amount, "said_at": now}
        for day, amount in after.items()
        if before.get(day) != amount
    ]
    upsert.upsert(db, own_balances, said, updated=("amount", "said_at"))
    change = own.difference(own.balances(asset, before), own.balances(asset, after))
    booking.remove(db, account.connection, change.gone)
    booking.book(db, account.connection, change.new, None)


def typed(db: Connection, account: Account) -> list[Entry]:
    """The entries that were typed, the oldest first."""
    query = rows.selected().where(entries.c.connection == account.connection).order_by(entries.c.time, entries.c.pk)
    found = [rows.stored(row).entry for row in db.execute(query)]
    return [each for each in found if not own.is_balance(each.id)]


def book(db: Connection, account: Account, found: Iterable[Entry]) -> int:
    """Book typed entries; how many were not there before."""
    return booking.book(db, account.connection, list(found), None).new


def unbook(db: Connection, account: Account, entry_id: str) -> bool:
    """Remove a typed entry; whether it was there."""
    return booking.remove(db, account.connection, [entry_id]) > 0


def remove(db: Connection, account: Account) -> None:
    """Delete an account with all that was said of it."""
    booking.forget(db, account.connection)
    db.execute(delete(own_balances).where(own_balances.c.account == account.name))
    db.execute(delete(own_accounts).where(own_accounts.c.name == account.name))
