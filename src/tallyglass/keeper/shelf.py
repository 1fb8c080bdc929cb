"""The shelf: an open vault as the connections in it, with the journal that it vouches for and that vouches for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tallyglass.keeper import answers, made, supplied
from tallyglass.keeper.answers import Connection
from tallyglass.keeper.errors import NoSuchConnection, VaultAltered, VaultUnwritten, WrongWorld
from tallyglass.keeper.journal import Head, Journal
from tallyglass.keeper.supplied import Supplied
from tallyglass.keeper.vault import Header, Vault

_ANCHOR = "@journal"
Row = Mapping[str, Any]


class Shelf:
    """Of an unlocked keeper.

    Each writing of the vault has a number that rises by one, and holds the journal's end. The line of the journal about
    a change names the number and comes after it. So a vault whose number is lower than one that the journal names is an
    older one, put back, and is refused. In the other order a crash between the two would look the same; in this one it
    leaves a change without its line, and that last change before a crash is all that an older vault could undo unseen.
    The journal's end that it holds never goes back (`Journal.anchor`) but when the user begins a new journal.
    """

    def __init__(self, folder: Path, vault: Vault, stopped: dict[str, Row], *, sandbox: bool) -> None:
        """`stopped`: connections that are frozen though it could not be written.

        Raises `VaultAltered`, and `WrongWorld` where made-up keys would be shown to real exchanges or real ones to a
        sandbox: with its first key a home belongs to one world for ever.
        """
        told = vault.records().get(_ANCHOR)
        anchor = Head(told["count"], bytes.fromhex(told["mac"])) if told else None
        self.vault = vault
        self.anchored = anchor is not None
        #: How often the vault was written.
        self.written: int = told.get("written", 0) if told else 0
        here = "sandbox" if sandbox else "real"
        self._here = here
        self._world = told.get("world") if told else None
        if self._world not in (None, here):
            raise _elsewhere(here)
        self.journal = Journal(folder, vault.key("journal"), anchor)
        self._stopped = stopped
        #: The keys that are not in the vault; gone with this shelf, at the next lock.
        self.supplied = Supplied()
        if self.journal.vault > self.written:
            raise _older()

    def connections(self) -> list[Connection]:
        """In the order they were made."""
        used = self.journal.last_used
        rows = {**self.vault.records(), **self._stopped}
        found = [answers.connection(row) for each, row in rows.items() if not each.startswith("@")]
        return [_with_uses(each, used) for each in found]

    def connection(self, connection: str) -> Connection:
        """Raises `NoSuchConnection`."""
        for each in self.connections():
            if each.id == connection:
                return each
        known = ", ".join(each.id for each in self.connections()) or "none yet"
        raise NoSuchConnection(
            "no_such_connection", f"There is no connection “{connection[:60]}”.", f"There are: {known}."
        )

    def new_id(self, exchange: str) -> str:
        """Never one that the journal knows already: its lines would tell of two."""
        taken = self.vault.records().keys() | self.journal.last_used.keys()
        number, name = 1, exchange
        while name in taken:
            number += 1
            name = f"{exchange}-{number}"
        return name

    def secret(self, known: Connection) -> Mapping[str, str]:
        """The secret of the present key, decrypted for this one call or as it was brought. Raises `Unsupplied`."""
        return self._secret(known.id, known.reference)

    def old_secret(self, known: Connection) -> Mapping[str, str]:
        """The same of the key before."""
        return self._secret(_old(known.id), known.old.reference if known.old else "")

    def _secret(self, owner: str, reference: str) -> Mapping[str, str]:
        return self.supplied.credentials(owner, reference) if reference else self.vault.secret(owner)

    def supply(self, known: Connection, fingerprint: str, credentials: Mapping[str, str]) -> None:
        """Bring a key that is kept elsewhere, the present one or the one before. Raises `NotAllowed`, `BadKey`."""
        before = known.old is not None and fingerprint == known.old.fingerprint
        if not before:
            supplied.insist_on_same(known, fingerprint)
        self.supplied.bring(_old(known.id) if before else known.id, credentials)

    def keep(
        self, connection: Connection, secret: Mapping[str, str] | None = None, *, old: Mapping[str, str] | None = None
    ) -> None:
        """Write a connection; and the secrets of its present and its old key, of which an empty one is shredded.

        One that is frozen is stopped even if it cannot be written. Raises `VaultUnwritten`.
        """
        row = answers.plain(replace(connection, last_used_at=None))
        if connection.state == "frozen":
            self._stopped[connection.id] = row
        where = {connection.id: connection.reference, _old(connection.id): connection.old and connection.old.reference}
        given = {
            owner: each for owner, each in ((connection.id, secret), (_old(connection.id), old)) if each is not None
        }
        spent = made.used_up(self.vault, connection.exchange, secret) if secret else ""
        sealed = {owner: {} if where[owner] else fields for owner, fields in given.items()}
        self.write({connection.id: row}, sealed, gone=spent)
        for owner, fields in given.items():
            self.supplied.bring(owner, fields if where[owner] else {})

    def write(
        self,
        changed: Mapping[str, Row] | None = None,
        secret: Mapping[str, Mapping[str, str]] | None = None,
        *,
        gone: str = "",
        head: Header | None = None,
    ) -> None:
        """Write the vault: `Vault.put`, the journal's end, and what could not be written before.

        Raises `VaultUnwritten`; then nothing has changed.
        """
        rows = {each: row for each, row in {**self._stopped, **(changed or {})}.items() if each != gone}
        end, number = self.journal.anchor, self.written + 1
        keyed = bool({*rows, *self.vault.records()} - {_ANCHOR})
        world = self._world or (self._here if keyed else None)
        anchor = {"count": end.count, "mac": end.mac.hex(), "written": number, "world": world}
        secret = {**(secret or {}), **({_old(gone): {}} if gone else {})}
        try:
            self.vault.put({**rows, _ANCHOR: anchor}, secret, gone=gone, head=head)
        except OSError as error:
            text = f"The vault cannot be written ({error.strerror})."
            fix = "Make room on the disk, or mend the rights of the home folder; then do it again."
            raise VaultUnwritten("vault_unwritten", text, fix) from error
        self.written, self.anchored, self._world = number, True, world
        self._stopped.clear()
        for each in (gone, _old(gone)):
            self.supplied.bring(each, {})


def _old(connection: str) -> str:
    """What the vault calls the owner of the secret of a connection's key before: no connection can have this name."""
    return f"{connection}/old"


def _with_uses(connection: Connection, used: Mapping[str, str]) -> Connection:
    old = connection.old and replace(connection.old, last_used_at=_time(used.get(connection.old.fingerprint)))
    return replace(connection, last_used_at=_time(used.get(connection.id)), old=old)


def _older() -> VaultAltered:
    return VaultAltered(
        "vault_altered",
        "The vault is older than the journal, which tells of changes that are not in it: a key that was frozen or "
        "forgotten since would be used again, and an old passphrase would open it.",
        "Put back vault.db, journal.jsonl and journal.head of one moment. If you have only this vault.db and put it "
        "there yourself, move the two journal files elsewhere, unlock, run `tallyglass journal restart`, and look "
        "through your connections. If it was not you, find out who can write in this folder.",
    )


def _elsewhere(here: str) -> WrongWorld:
    if here == "real":
        return WrongWorld(
            "sandbox_home",
            "This home holds made-up accounts of a sandbox: its keys are not shown to real exchanges.",
            "For your own accounts use another home (--home). For this one set TALLYGLASS_SANDBOX to its sandbox.",
        )
    return WrongWorld(
        "real_home",
        "This home holds real accounts: its keys are not shown to a sandbox.",
        "Unset TALLYGLASS_SANDBOX, or use another home (--home) for the sandbox.",
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
