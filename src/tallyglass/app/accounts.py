"""Own accounts: what the user says to own where no exchange can be asked, typed in or from a file."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, TypedDict, cast

from tallyglass.app import transfers
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import EntryView, entry_view
from tallyglass.exchanges.streams import Balance, midnight
from tallyglass.ledger import own, own_file
from tallyglass.ledger.entries import Kind
from tallyglass.ledger.own import NATURES, STATED, Unsound
from tallyglass.ledger.own_file import OddLines, Said
from tallyglass.money import ZERO, Amount, Asset, text
from tallyglass.portfolio.worth import Source
from tallyglass.prices import refresh
from tallyglass.store import own as stored
from tallyglass.store import sums
from tallyglass.store.base import Db
from tallyglass.store.own import Account

#: A balance that was stated longer ago is told as old. It is not wrong for that: nobody but the user can know.
OLD_AFTER: Final = timedelta(days=120)
LARGEST: Final = 16 * 1024 * 1024
_SEE: Final = "See: tallyglass accounts"


class OwnAssetView(TypedDict):
    """What an account holds of one asset."""

    asset: str
    amount: str
    #: balances or entries
    by: str
    #: The day of the newest of them.
    last_said: str


class AccountView(TypedDict):
    """One row of `accounts`."""

    account: str
    connection: str
    kind: str
    assets: list[OwnAssetView]


class StatedView(TypedDict):
    """One dated balance, as `accounts show` tells it."""

    id: str
    day: str
    asset: str
    balance: str


class WholeAccountView(AccountView):
    """`accounts show`: all that was said of an account, the newest first."""

    balances: list[StatedView]
    entries: list[EntryView]


class SaidView(TypedDict):
    """What came of a balance, an entry or a file."""

    account: str
    connection: str
    #: Balances or entries that were not there before, and balances that say otherwise than before.
    new: int
    changed: int
    known: int
    #: Of what was typed.
    id: str | None


# -- what there is


def accounts(session: Session) -> list[AccountView]:
    """Every account with what it holds."""
    with session.store.read() as db:
        return [_view(db, each) for each in stored.accounts(db)]


def account(session: Session, name: str) -> WholeAccountView:
    """One account with all that was said of it."""
    with session.store.read() as db:
        found = _known(db, name)
        balances = [
            (day, asset, figure) for asset, days in stored.stated(db, found).items() for day, figure in days.items()
        ]
        return {
            **_view(db, found),
            "balances": [
                {"id": own.balance_id(asset, day), "day": f"{day}", "asset": asset, "balance": text(figure)}
                for day, asset, figure in sorted(balances, key=lambda each: each[:2], reverse=True)
            ],
            "entries": [entry_view(each) for each in reversed(stored.typed(db, found))],
        }


def _view(db: Db, found: Account) -> AccountView:
    held, last = _held(db, found), _last_said(db, found)
    by_balances = stored.stated(db, found)
    return {
        "account": found.name,
        "connection": found.connection,
        "kind": found.nature,
        "assets": [
            {
                "asset": asset,
                "amount": text(held.get(asset, ZERO)),
                "by": "balances" if asset in by_balances else "entries",
                "last_said": f"{last[asset]}",
            }
            for asset in sorted(last)
        ],
    }


def _held(db: Db, found: Account) -> dict[Asset, Amount]:
    there = sums.kept(db, found.connection).get(found.connection, {})
    return {asset: each.amount for (_, asset), each in there.items()}


def _last_said(db: Db, found: Account) -> dict[Asset, date]:
    """The newest day of which anything was said, of each asset."""
    last = {asset: max(days) for asset, days in stored.stated(db, found).items()}
    for each in stored.typed(db, found):
        last |= {leg.asset: each.time.date() for leg in each.legs}
    return last


def labels(session: Session) -> dict[str, str]:
    """What the connections of all accounts are called."""
    with session.store.read() as db:
        return {each.connection: each.name for each in stored.accounts(db)}


def sources(db: Db, now: datetime) -> list[Source]:
    """Every account as a valuation sees it: stated, and proven by nobody."""
    return [_source(db, each, now) for each in stored.accounts(db)]


def _source(db: Db, found: Account, now: datetime) -> Source:
    held = {asset: figure for asset, figure in _held(db, found).items() if figure}
    last = _last_said(db, found)
    balances = [Balance(STATED, asset, figure, None) for asset, figure in sorted(held.items())]
    old = [
        f"{asset} was last stated for {last[asset]}"
        for asset in sorted(held.keys() & stored.stated(db, found).keys())
        if now.date() - last[asset] > OLD_AFTER
    ]
    newest = max(last.values(), default=None)
    said = None if newest is None else midnight(newest)
    return Source(found.connection, balances, said, text=", ".join(old), stated=True)


# -- what the user says


def add(session: Session, name: str, kind: str = "wallet") -> AccountView:
    """Make an account."""
    if kind not in NATURES:
        raise Problem("usage", f"No kind of account {kind!r}.", f"There are: {', '.join(NATURES)}.")
    with _sound():
        own.check_name(name)
    made = Account(name, kind)
    with session.store.write() as db:
        if name.casefold() in {each.name.casefold() for each in stored.accounts(db)}:
            raise Problem("account_exists", f"There is an account {name!r} already.", _SEE)
        stored.add(db, made, session.now())
    refresh.bundled(session.store)  # nothing may ever be connected: its currencies have a rate all the same
    return {"account": name, "connection": made.connection, "kind": kind, "assets": []}


def balance(session: Session, name: str, asset: str, figure: str, day: str = "") -> SaidView:
    """Say what an account holds of an asset at the end of a day: of today when none is named."""
    now = session.now()
    with _sound():
        of, amount = own_file.asset_of(asset), own_file.amount_of(figure)
        when = own_file.day_of(day, now) if day else now.date()
    said = Said({of: {when: amount}}, (), {})

    def check(found: Account) -> Said:
        with _sound():
            own.check_balance(found.nature, amount)
        return said

    return {**_say(session, name, check), "id": own.balance_id(of, when)}


@dataclass(frozen=True, slots=True)
class Typed:
    """An entry as it is typed."""

    kind: str
    asset: str
    amount: str
    #: Now, when it is empty.
    time: str = ""
    #: `0.001 BTC`, or `0.001` of the asset itself.
    fee: str = ""
    #: The other side of a trade: `-12000 EUR`.
    against: str = ""


def entry(session: Session, name: str, typed: Typed) -> SaidView:
    """Say that something came to an account or left it. A `Problem` where that was said already."""
    now = session.now()
    with _sound():
        of = own_file.asset_of(typed.asset)
        at = own_file.moment_of(typed.time, now) if typed.time else now.replace(microsecond=0)
        moved = [own.Quantity(own_file.amount_of(typed.amount), of)]
        if typed.against:
            moved.append(own_file.quantity(typed.against, of))
        fee = own_file.quantity(typed.fee, of) if typed.fee else None
        made = own.entry(cast("Kind", typed.kind), at, moved, fee)
    done = _say(session, name, lambda _: Said({}, (made,), {}))
    if not done["new"]:
        raise Problem("already_said", f"{name} has this very entry already.", "A second one needs another --time.")
    return {**done, "id": made.id}


def import_file(session: Session, name: str, path: Path) -> SaidView:
    """Take over a CSV of balances or entries, all of it or nothing. A second time it changes nothing."""
    content = _content(path)
    return _say(session, name, lambda found: own_file.read(content, found.nature, session.now()))


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise Problem("not_readable", f"{path.name} is larger than {LARGEST // 1024**2} MiB.", "Cut it in parts.")
        return body.decode("utf-8-sig")
    except OSError as error:
        raise Problem("not_readable", f"{path} cannot be read: {os.strerror(error.errno or 0)}.") from None
    except UnicodeDecodeError:
        raise Problem("not_readable", f"{path.name} is no text in UTF-8.", "Save it as CSV in UTF-8.") from None


def _say(session: Session, name: str, read: Callable[[Account], Said]) -> SaidView:
    """Take over what is said, in one transaction."""
    with session.store.write() as db:
        found = _known(db, name)
        try:
            said = read(found)
            _check_ways(db, found, said)
        except OddLines as error:
            words = f"Nothing was taken over.\n{error}"
            raise Problem("not_readable", words, "Correct these lines, and import the file again.") from None
        new = changed = known = 0
        before = stored.stated(db, found)
        for asset, days in said.balances.items():
            there = before.get(asset, {})
            fresh, same = days.keys() - there.keys(), days.items() & there.items()
            new, known, changed = new + len(fresh), known + len(same), changed + len(days) - len(fresh) - len(same)
            stored.state(db, found, asset, {**there, **days}, session.now())
        booked = stored.book(db, found, said.entries)
    transfers.refresh(session)
    return _result(found, new=new + booked, changed=changed, known=known + len(said.entries) - booked)


def _result(found: Account, *, new: int = 0, changed: int = 0, known: int = 0, id_: str | None = None) -> SaidView:
    return {
        "account": found.name,
        "connection": found.connection,
        "new": new,
        "changed": changed,
        "known": known,
        "id": id_,
    }


def _check_ways(db: Db, found: Account, said: Said) -> None:
    """An asset has balances or entries: from both together, nobody could tell what is there."""
    typed = {leg.asset for each in stored.typed(db, found) for leg in each.legs}
    stated = stored.stated(db, found).keys()
    told = {leg.asset for each in said.entries for leg in each.legs}
    wrong = {
        **dict.fromkeys(said.balances.keys() & typed, ("entries", "balances")),
        **dict.fromkeys(told & stated, ("balances", "entries")),
    }
    if not wrong:
        return
    words = {
        asset: f"{found.name} has {there} of {asset}, and cannot have {told_now} beside them"
        for asset, (there, told_now) in sorted(wrong.items())
    }
    if said.lines:
        raise OddLines([own_file.Odd(said.lines[asset], each) for asset, each in words.items()])
    raise Problem("two_ways", f"{'. '.join(words.values())}.", _fix(found))


def undo(session: Session, name: str, said: str) -> SaidView:
    """Take back a balance or an entry, by its id."""
    with session.store.write() as db:
        found = _known(db, name)
        wanted = said.removeprefix(f"{found.connection}/")
        if not (_unstate(db, found, wanted, session.now()) or stored.unbook(db, found, wanted)):
            raise Problem("no_such_entry", f"{found.name} has nothing with the id {said!r}.", _fix(found))
    transfers.refresh(session)
    return _result(found, changed=1, id_=wanted)


def _unstate(db: Db, found: Account, wanted: str, now: datetime) -> bool:
    for asset, days in stored.stated(db, found).items():
        for day in days:
            if own.balance_id(asset, day) == wanted:
                stored.state(db, found, asset, {each: days[each] for each in days if each != day}, now)
                return True
    return False


def remove(session: Session, name: str) -> AccountView:
    """Delete an account with all that was said of it: what it was."""
    with session.store.write() as db:
        found = _known(db, name)
        was = _view(db, found)
        stored.remove(db, found)
        transfers.forget(db, found.connection)
    return was


def known_name(session: Session, name: str) -> str:
    """The name of an account as it was given when it was made."""
    with session.store.read() as db:
        return _known(db, name).name


def _known(db: Db, name: str) -> Account:
    there = {each.name.casefold(): each for each in stored.accounts(db)}
    found = there.get(own.label(name).casefold())
    if found is None:
        names = ", ".join(each.name for each in there.values()) or "none yet"
        fix = "Make it with: tallyglass accounts add NAME"
        raise Problem("no_such_account", f"No account {name!r}; there are: {names}.", fix)
    return found


def _fix(found: Account) -> str:
    return f"All that was said of it: tallyglass accounts show {shlex.quote(found.name)}"


@contextmanager
def _sound() -> Iterator[None]:
    """What cannot be so, told as a mistake of whoever typed it."""
    try:
        yield
    except Unsound as error:
        words = str(error)
        raise Problem("usage", f"{words[0].upper()}{words[1:]}.", "See: tallyglass accounts --help") from None
