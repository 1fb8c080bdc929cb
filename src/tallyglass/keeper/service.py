"""What the keeper does, whoever asks: opens the vault, judges keys, uses them for listed reads, keeps the journal."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tallyglass import __version__
from tallyglass.exchanges import registry
from tallyglass.exchanges.grants import Verdict
from tallyglass.exchanges.registry import MalformedKey
from tallyglass.keeper import made, policy, sealing, supplied, unlock, uses
from tallyglass.keeper import vault as vaults
from tallyglass.keeper.answers import (
    Connection,
    Death,
    Health,
    Inspection,
    JournalReport,
    JournalRow,
    MadeKey,
    SealKey,
    VaultState,
    Ways,
)
from tallyglass.keeper.door import Door, Response
from tallyglass.keeper.errors import (
    BadKey,
    JournalBroken,
    KeeperError,
    Locked,
    NotAllowed,
    VaultUnwritten,
)
from tallyglass.keeper.journal import Journal
from tallyglass.keeper.life import Life, unusable
from tallyglass.keeper.rounds import Rounds
from tallyglass.keeper.shelf import Row, Shelf
from tallyglass.keeper.uses import Held, Uses
from tallyglass.keeper.vault import Vault

#: A verdict is believed for this long; then the exchange is asked again before the key is used.
VERDICT_AGE = timedelta(hours=24)


class Service:
    """One keeper. Locked until `unlock`; every public method is one request of the socket."""

    def __init__(self, home: Path, door: Door, sandbox: str | None = None) -> None:
        self._path = home / "vault.db"
        self._home = home
        self._door = door
        self._sandbox = sandbox
        self._opener = sealing.Opener()
        self._opening = asyncio.Lock()
        self._shelf: Shelf | None = None
        self._uses: Uses | None = None
        self._life = Life(lambda: self._open, lambda: self._keys)
        #: Connections that were frozen and could not be written so: they are, for as long as this keeper runs.
        self._stopped: dict[str, Row] = {}
        self._install = vaults.header(self._path).install if self._path.exists() else secrets.token_hex(8)

    # -- the vault

    def health(self) -> Health:
        state: VaultState = "unlocked" if self._shelf else "locked" if self._path.exists() else "empty"
        return Health(state, __version__, self._sandbox, os.getpid(), self._install, self._door.pace)

    def seal_key(self) -> SealKey:
        return SealKey(self._opener.public_key, self._install)

    async def create(self, sealed: str) -> None:
        """Make the vault, and leave it open."""
        passphrase = unlock.long_enough(self._passphrases(sealed, "new")["new"])
        async with self._opening:
            if self._path.exists():
                raise KeeperError("exists", "This home has a vault already.", "Unlock it.")
            self._stopped.clear()
            self._take_up(await asyncio.to_thread(Vault.create, self._path, passphrase, self._install))
            if self._journal.broken:
                self._journal.restart("a new vault")
            self._note("vault:create")
            self._anchor()

    async def unlock(self, sealed: str) -> None:
        """Open the vault; one attempt at a time."""
        passphrase = self._passphrases(sealed, "old")["old"]
        async with self._opening:
            if not self._path.exists():
                raise Locked("empty", "There is no vault yet.", "Make one with `tallyglass init`.")
            self._take_up(await asyncio.to_thread(Vault.open, self._path, passphrase))
            if not self._open.anchored:  # stopped while it was made
                self._anchor()
            self._note("vault:unlock", vault=self._open.written)

    async def unlock_with(self, passphrase: str) -> None:
        """Open the vault with a passphrase that the keeper itself was given at its start."""
        bound_to = sealing.info("passphrase", self._install, "")
        await self.unlock(sealing.seal(self._opener.public_key, bound_to, {"old": passphrase}))

    async def prove(self, sealed: str) -> None:
        """Whether somebody knows the passphrase of the open vault: nothing changes. Raises `WrongPassphrase`."""
        passphrase = self._passphrases(sealed, "old")["old"]
        async with self._opening:
            await asyncio.to_thread(self._open.vault.prove, passphrase)

    def lock(self) -> None:
        """Drop every key. What was sealed before can no longer be opened, so that it cannot be replayed."""
        if self._shelf is not None:
            self._note("vault:lock")
            self._anchor()
        self._shelf = self._uses = None
        self._opener.renew()

    def insist_on_open(self) -> None:
        """Raises `Locked`."""
        if self._shelf is None:
            raise _locked(self._path)

    async def change_passphrase(self, sealed: str) -> None:
        """Raises `WrongPassphrase` and changes nothing, or lets only the new one open the vault."""
        told = self._passphrases(sealed, "old", "new")
        new = unlock.long_enough(told["new"])
        async with self._opening:
            head = await asyncio.to_thread(self._open.vault.rewrap, told["old"], new)
            self._open.write(head=head)
            self._note("vault:passphrase", vault=self._open.written)

    def store_key(self) -> str:
        return base64.b64encode(self._open.vault.key("store")).decode()

    # -- keys and connections

    async def inspect(self, exchange: str, sealed: str) -> Inspection:
        """The verdict; nothing of the key is kept."""
        held = self._handed_over(exchange, sealed)
        verdict, _ = await self._keys.judge(held, "inspect")
        return uses.told(held, verdict)

    async def admit(self, exchange: str, sealed: str, label: str, *, accept_unproven: bool) -> Inspection:
        """The verdict; and if it allows, the key is stored."""
        held = self._handed_over(exchange, sealed)
        verdict, _ = await self._keys.judge(held, "admit")
        known = self._duplicate(held, verdict)
        if known:
            reason = policy.duplicate(held.manifest, known)
            others = verdict.reasons if verdict.decision == "refused" else ()
            verdict = Verdict("refused", verdict.grants, (*others, reason))
        if verdict.decision == "refused" or (verdict.decision == "unproven" and not accept_unproven):
            self._keys.write("connection:refuse", held, reasons=[each.code for each in verdict.reasons])
            return uses.told(held, verdict)
        held = replace(held, connection=self._open.new_id(exchange))
        told = uses.told(held, verdict)
        now = datetime.now(UTC)
        connection = Connection(
            id=held.connection,
            exchange=exchange,
            label="".join(each for each in label if each.isprintable()).strip()[:100],
            state="active",
            why="",
            account=told.account,
            key_name=held.name,
            fingerprint=held.fingerprint,
            grants=told.grants,
            ip=told.ip,
            admitted_at=now,
            created_at=told.created_at,
            expires_at=told.expires_at,
            last_used_at=None,
            checked_at=now,
            unproven=verdict.decision == "unproven",
            window=told.window,
            reference=held.reference,
        )
        self._open.keep(connection, held.credentials)
        try:
            self._keys.write("connection:admit", held, verdict=verdict.decision, vault=self._open.written)
        except JournalBroken:
            self._open.write(gone=connection.id)
            raise
        return told

    def connections(self) -> list[Connection]:
        return self._open.connections()

    async def recheck(self, connection: str) -> Inspection:
        """Ask the exchange again. A key that may do more than before, or another account, freezes at once."""
        return await self._life.recheck(connection)

    def freeze(self, connection: str, why: str) -> None:
        """Stops the key in any case, without a journal and on a full disk too; then raises `VaultUnwritten`."""
        known = self._open.connection(connection)
        who: dict[str, Any] = {"connection": connection, "exchange": known.exchange, "why": why[:200]}
        try:
            self._open.keep(replace(known, state="frozen", why=why[:200]))
        except VaultUnwritten as error:
            self._note("connection:stop", **who)
            text = f"{connection} is stopped while this keeper runs, but after a restart its key would be used again"
            fix = "Make room on the disk, then freeze it once more, so that it stays frozen."
            raise VaultUnwritten(error.code, f"{text}. {error.text}", fix) from error
        self._note("connection:freeze", **who, vault=self._open.written)

    async def thaw(self, connection: str) -> Inspection:
        """Only what passes the same verdict as on the first day is used again."""
        return await self._life.thaw(connection)

    async def rotate(self, connection: str, sealed: str, *, accept_unproven: bool, same_account: bool) -> Inspection:
        """The verdict on a new key; and if it allows, that key takes the place of the present one."""
        known = self._open.connection(connection)
        held = self._handed_over(known.exchange, sealed)
        return await self._life.rotate(known, held, accept_unproven=accept_unproven, same_account=same_account)

    def rounds(self, every: timedelta) -> Rounds:
        """What asks for every key's rights by itself."""
        return Rounds(lambda: self._open, self._life, every)

    async def prove_dead(self, connection: str, *, old: bool) -> Death:
        """Whether the exchange still answers the old key, or the present one; a dead one is shredded."""
        return await self._life.prove_dead(connection, old=old)

    def forget(self, connection: str, *, old: bool) -> None:
        """Without a proof. `old`: only the key before."""
        known = self._open.connection(connection)
        if old:
            self._life.forget_old(known)
            return
        self._open.write(gone=connection)
        who: dict[str, Any] = {"connection": connection, "exchange": known.exchange, "key": known.fingerprint}
        self._note("connection:forget", **who, vault=self._open.written)

    def make_key(self, exchange: str, *, anew: bool) -> MadeKey:
        """The public half of a pair whose private half stays here: the same one until it is connected, or `anew`."""
        manifest = uses.exchange(exchange)
        waits = None if anew else made.waiting(self._open.vault, exchange)
        if waits is not None:
            return waits
        told = made.make(self._open.write, manifest)
        self._note("key:make", exchange=exchange, vault=self._open.written)
        return told

    def unsupplied(self) -> list[Connection]:
        """The connections whose keys are kept elsewhere and were not fetched since the last unlock."""
        return [each for each in self.connections() if self._open.supplied.lacks(each)]

    def supply(self, connection: str, sealed: str) -> None:
        """Bring the key of such a connection; it must be the one that was connected."""
        known = self._open.connection(connection)
        held = self._handed_over(known.exchange, sealed)
        self._open.supply(known, held.fingerprint, held.credentials)
        self._keys.note("key:supply", replace(held, connection=connection))

    # -- reads

    async def read(self, connection: str, read: str, params: Mapping[str, str]) -> Response:
        """One listed read with a connection's key."""
        known = self._open.connection(connection)
        uses.check(uses.exchange(known.exchange), read, params, signed=True)
        self._usable(known)
        if abs(datetime.now(UTC) - known.checked_at) > VERDICT_AGE:
            await self.recheck(connection)
            known = self._open.connection(connection)
            self._usable(known)
        return await self._keys.use(self._life.hold(known), read, params, "read")

    async def public_read(self, source: str, read: str, params: Mapping[str, str]) -> Response:
        """One listed read that needs no key."""
        return await self._keys.ask(uses.exchange(source), read, params)

    # -- the journal and the way out

    def journal(self, limit: int, connection: str, since: str, until: str) -> list[JournalRow]:
        return self._journal.rows(max(1, min(limit, 100_000)), connection, since, until)

    def verify_journal(self) -> JournalReport:
        return self._journal.verify()

    def restart_journal(self, why: str) -> str:
        """For a broken journal only: a whole one goes on."""
        if self._journal.verify().intact:
            raise KeeperError("journal_intact", "The journal is whole.", "There is nothing to mend.")
        aside = self._journal.restart(why[:200])
        self._open.write()
        return aside

    def restored(self, made_at: str) -> None:
        """This home is as a backup of that time had it: the journal keeps that it tells nothing of what came then."""
        self._journal.restored(made_at)

    def egress(self) -> list[str]:
        return list(self._door.ways.addresses) or sorted(self._door.seen)

    def ways(self) -> Ways:
        return self._door.ways

    async def echo(self, source: str, read: str, exchange: str) -> Response:
        """Our address, as the source sees it when it is asked by the way to that exchange."""
        return await self._keys.ask(uses.echo(source), read, {}, uses.exchange(exchange).id)

    # -- inside

    @property
    def _open(self) -> Shelf:
        if self._shelf is None:
            raise _locked(self._path)
        return self._shelf

    @property
    def _keys(self) -> Uses:
        if self._uses is None:
            raise _locked(self._path)
        return self._uses

    @property
    def _journal(self) -> Journal:
        return self._keys.journal

    def _take_up(self, vault: Vault) -> None:
        shelf = Shelf(self._home, vault, self._stopped, sandbox=self._sandbox is not None)
        self._uses = Uses(self._door, shelf.journal)
        self._shelf = shelf

    def _passphrases(self, sealed: str, *names: str) -> dict[str, str]:
        told = self._unsealed("passphrase", "", sealed)
        if set(told) != set(names):
            raise KeeperError("not_sealed", "The sealed text holds something other than a passphrase.")
        return told

    def _unsealed(self, purpose: str, exchange: str, sealed: str) -> dict[str, str]:
        try:
            return self._opener.open(sealing.info(purpose, self._install, exchange), sealed)
        except sealing.NotSealed as error:
            text = f"The keeper cannot open what it was given: {error}."
            raise KeeperError("not_sealed", text, "Reload the page, or run the command again.") from None

    def _handed_over(self, exchange: str, sealed: str) -> Held:
        """A key as the user gave it, tidied and checked by the exchange's own rules."""
        manifest = uses.exchange(exchange)
        if manifest.tier != "native":
            raise NotAllowed("not_allowed", f"{manifest.name} takes no keys.")
        key = self._open.vault.key("fingerprint")
        signing = registry.signing(exchange)
        try:
            told = made.completed(self._open.vault, exchange, self._unsealed("key", exchange, sealed))
            credentials = signing.credentials(supplied.without(told))
        except MalformedKey as error:
            raise BadKey("malformed_key", str(error), error.fix) from None
        name = signing.public_name(credentials)
        fingerprint = _fingerprint(key, exchange, name)
        return Held(manifest, fingerprint, name, credentials, reference=supplied.reference(told))

    def _usable(self, known: Connection) -> None:
        if known.state in ("frozen", "dead"):
            raise unusable(known)

    def _duplicate(self, held: Held, verdict: Verdict) -> str:
        account = verdict.grants.account_id
        for each in self.connections():
            same = each.fingerprint == held.fingerprint or (account is not None and each.account == account)
            if each.exchange == held.manifest.id and each.state != "dead" and same:
                return each.id
        return ""

    def _anchor(self) -> None:
        """Write the journal's end into the vault if it can be written: a full disk keeps nobody from locking."""
        with contextlib.suppress(VaultUnwritten):
            self._open.write()

    def _note(self, event: str, **told: object) -> None:
        """Write it if it can be written: what makes things safer does not wait for the journal."""
        with contextlib.suppress(JournalBroken):
            self._journal.append(event, **told)


def _locked(path: Path) -> Locked:
    if path.exists():
        return Locked("locked", "The keeper is locked.", "Unlock it with `tallyglass unlock`.")
    return Locked("empty", "There is no vault yet.", "Make one with `tallyglass init`.")


def _fingerprint(key: bytes, exchange: str, name: str) -> str:
    return hmac.digest(key, f"{exchange}\n{name}".encode(), "sha256").hex()[:16]
