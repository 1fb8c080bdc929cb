"""How the rest of the house talks to the keeper: plain calls over its Unix socket, standard library only."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tallyglass.exchanges.grants import Decision, Reason, Right, State
from tallyglass.keeper import answers, errors
from tallyglass.keeper.answers import (
    AGAIN,
    MADE,
    REFERENCE,
    SHORTEST_PASSPHRASE,
    Answer,
    Binding,
    Connection,
    ConnectionState,
    Death,
    Gap,
    Health,
    Inspection,
    JournalReport,
    JournalRow,
    MadeKey,
    OldKey,
    SealKey,
    Ways,
)
from tallyglass.keeper.closing import harden
from tallyglass.keeper.endpoint import peer_uid, socket_path
from tallyglass.keeper.errors import (
    BadKey,
    ExchangeRefused,
    Frozen,
    JournalBroken,
    KeeperError,
    Locked,
    NoSuchConnection,
    NotAllowed,
    Unreachable,
    Unsupplied,
    VaultAltered,
    VaultUnwritten,
    WrongPassphrase,
)

__all__ = [
    "AGAIN",
    "MADE",
    "REFERENCE",
    "SHORTEST_PASSPHRASE",
    "Answer",
    "BadKey",
    "Binding",
    "Connection",
    "ConnectionState",
    "Death",
    "Decision",
    "ExchangeRefused",
    "Frozen",
    "Gap",
    "Health",
    "Inspection",
    "JournalBroken",
    "JournalReport",
    "JournalRow",
    "Keeper",
    "KeeperError",
    "Locked",
    "MadeKey",
    "NoSuchConnection",
    "NotAllowed",
    "OldKey",
    "Reason",
    "Right",
    "SealKey",
    "State",
    "Unreachable",
    "Unsupplied",
    "VaultAltered",
    "VaultUnwritten",
    "Ways",
    "WrongPassphrase",
    "harden",
    "peer_uid",
    "socket_path",
]
#: These may wait for several requests in a row.
_ASK_AN_EXCHANGE = frozenset(("/inspect", "/admit", "/recheck", "/thaw", "/rotate", "/prove-dead", "/read", "/echo"))


class _UnixHTTP(http.client.HTTPConnection):
    """HTTP over a Unix socket whose other end is a process of ours."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("keeper", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))
        if peer_uid(self.sock) != os.getuid():
            self.sock.close()
            raise PermissionError("another user's program listens on the keeper's socket")


class Keeper:
    """The keeper behind a socket. Safe to share between threads: each call has a connection of its own.

    Every method raises `Unreachable` when nobody listens, `Locked` where a locked keeper cannot answer, and the
    other `KeeperError`s as they are named.
    """

    def __init__(self, socket: Path, timeout: float = 60) -> None:
        self.socket = socket
        self.timeout = timeout
        #: Brings what a call lacked that uses a key which is kept elsewhere; then the call is made once more.
        self.fetch: Callable[[Keeper, Unsupplied], None] | None = None

    # -- the vault

    def health(self) -> Health:
        """Who listens there, and whether it is unlocked."""
        return Health(**self._call("/health"))

    def create(self, passphrase: str) -> None:
        """Make the vault at the first start; leaves it unlocked. Code `exists` when there is one."""
        self.create_sealed(self._seal("passphrase", "", {"new": passphrase}))

    def create_sealed(self, sealed: str) -> None:
        """`create` with `new` as it was sealed in the browser."""
        self._call("/create", sealed=sealed)

    def unlock(self, passphrase: str) -> None:
        """Open the vault. Raises `WrongPassphrase`, `VaultAltered`."""
        self.unlock_sealed(self._seal("passphrase", "", {"old": passphrase}))

    def unlock_sealed(self, sealed: str) -> None:
        """`unlock` with `old` as it was sealed in the browser."""
        self._call("/unlock", sealed=sealed)

    def prove_sealed(self, sealed: str) -> None:
        """Whether `old`, sealed in the browser, is the passphrase. Changes nothing. Raises `WrongPassphrase`."""
        self._call("/prove", sealed=sealed)

    def lock(self) -> None:
        """Forget every secret and key until the next unlock."""
        self._call("/lock")

    def change_passphrase(self, old: str, new: str) -> None:
        """From now on only `new` opens the vault. Raises `WrongPassphrase`."""
        self.change_passphrase_sealed(self._seal("passphrase", "", {"old": old, "new": new}))

    def change_passphrase_sealed(self, sealed: str) -> None:
        """`change_passphrase` with `old` and `new` as they were sealed in the browser, in one text."""
        self._call("/passphrase", sealed=sealed)

    def seal_key(self) -> SealKey:
        """What a browser needs to seal fields for `inspect_sealed` and `admit_sealed`."""
        return SealKey(**self._call("/seal-key"))

    def store_key(self) -> bytes:
        """The 32 bytes under which the portfolio database is encrypted."""
        return base64.b64decode(self._call("/store-key"), validate=True)

    # -- keys and connections

    def inspect(self, exchange: str, fields: Mapping[str, str]) -> Inspection:
        """What the exchange says this key may do. Nothing is stored. Raises `BadKey`, `ExchangeRefused`."""
        return self.inspect_sealed(exchange, self._seal("key", exchange, fields))

    def admit(
        self, exchange: str, fields: Mapping[str, str], *, label: str = "", accept_unproven: bool = False
    ) -> Inspection:
        """Inspect, and store the key if the verdict allows: then, and only then, `connection` is named.

        Beside the parts of the key, `fields` may hold `REFERENCE` or, instead of the secret, `MADE`.

        A refusal is an answer (`verdict` `refused`, with reasons), not an exception.
        """
        sealed = self._seal("key", exchange, fields)
        return self.admit_sealed(exchange, sealed, label=label, accept_unproven=accept_unproven)

    def inspect_sealed(self, exchange: str, sealed: str) -> Inspection:
        """`inspect` for fields that were sealed in the browser."""
        return answers.inspection(self._call("/inspect", exchange=exchange, sealed=sealed))

    def admit_sealed(self, exchange: str, sealed: str, *, label: str = "", accept_unproven: bool = False) -> Inspection:
        """`admit` for fields that were sealed in the browser."""
        answer = self._call("/admit", exchange=exchange, sealed=sealed, label=label, accept_unproven=accept_unproven)
        return answers.inspection(answer)

    def connections(self) -> list[Connection]:
        """Every stored connection, in the order they were made."""
        return [answers.connection(row) for row in self._call("/connections")]

    def recheck(self, connection: str) -> Inspection:
        """Ask the exchange again what the key may do. Anything worse than before freezes the connection at once."""
        return answers.inspection(self._call("/recheck", connection=connection))

    def freeze(self, connection: str, why: str = "") -> None:
        """The key is not used until `thaw`. Raises `VaultUnwritten` when it is so only until the keeper ends."""
        self._call("/freeze", connection=connection, why=why)

    def thaw(self, connection: str) -> Inspection:
        """Ask the exchange again, and use the key again if the verdict allows."""
        return answers.inspection(self._call("/thaw", connection=connection))

    def rotate(
        self, connection: str, fields: Mapping[str, str], *, accept_unproven: bool = False, same_account: bool = False
    ) -> Inspection:
        """Inspect a new key and, if it is accepted and of the same account, let it take the place of the present one.

        The present one stays in the vault as `old`, unused, until `prove_dead`. A refusal is an answer, as of `admit`.
        `same_account`: the user says so, where the exchange does not tell. Code `rotation_open` while one is open.
        """
        exchange = next((each.exchange for each in self.connections() if each.id == connection), "")
        sealed = self._seal("key", exchange, fields)
        return self.rotate_sealed(connection, sealed, accept_unproven=accept_unproven, same_account=same_account)

    def rotate_sealed(
        self, connection: str, sealed: str, *, accept_unproven: bool = False, same_account: bool = False
    ) -> Inspection:
        """`rotate` for fields that were sealed in the browser, to the connection's exchange."""
        words = {"accept_unproven": accept_unproven, "same_account": same_account}
        return answers.inspection(self._call("/rotate", connection=connection, sealed=sealed, **words))

    def prove_dead(self, connection: str, *, old: bool) -> Death:
        """Ask the exchange once with the old key, or with the present one; if it is dead, its secret is shredded.

        A present key that is dead leaves a connection in state `dead`, which a new key can still be rotated into.
        """
        return answers.death(self._call("/prove-dead", connection=connection, old=old))

    def forget(self, connection: str, *, old: bool = False) -> None:
        """Remove the connection and its secrets from the vault; or only its `old` key, without a proof of its death."""
        self._call("/forget", connection=connection, old=old)

    def make_key(self, exchange: str, *, anew: bool = False) -> MadeKey:
        """The public half of a key pair that the keeper makes and keeps: the same until it is connected, or `anew`."""
        return answers.made_key(self._call("/make-key", exchange=exchange, anew=anew))

    def unsupplied(self) -> list[Connection]:
        """The connections whose keys are kept elsewhere and were not fetched since the last unlock."""
        return [answers.connection(row) for row in self._call("/unsupplied")]

    def supply(self, connection: Connection, fields: Mapping[str, str]) -> None:
        """Bring the key of such a connection. Raises `BadKey` for another one than was connected."""
        self._call("/supply", connection=connection.id, sealed=self._seal("key", connection.exchange, fields))

    # -- reads

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        """Make one listed read with a connection's key.

        Raises `NotAllowed`, `NoSuchConnection`, `Frozen`, `JournalBroken`, `ExchangeRefused`.
        """
        return self._read("/read", {"connection": connection, "read": read_id, "params": dict(params or {})})

    def public_read(self, source: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        """Make one listed read that needs no key, of an exchange or a price source."""
        return self._read("/public-read", {"source": source, "read": read_id, "params": dict(params or {})})

    # -- the journal and the way out

    def journal(
        self,
        *,
        limit: int = 100,
        connection: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[JournalRow]:
        """The last uses of keys, newest first; or those of a time, without its end."""
        rows = self._call("/journal", limit=limit, connection=connection, since=_moment(since), until=_moment(until))
        return [answers.journal_row(row) for row in rows]

    def restart_journal(self, why: str = "") -> str:
        """Put a broken journal aside and begin a new one; gives the file name of the old. Its first line says why."""
        return str(self._call("/journal/restart", why=why))

    def restored(self, made_at: datetime) -> None:
        """Write down that this home is as a backup of that time had it: what came between is in no journal here."""
        self._call("/journal/restored", made_at=_moment(made_at))

    def verify_journal(self) -> JournalReport:
        """Read every line again and check the chain to its anchors."""
        return answers.journal_report(self._call("/journal/verify"))

    def egress(self) -> list[str]:
        """The addresses that exchanges see, as configured; empty when not known."""
        return [str(each) for each in self._call("/egress")]

    def ways(self) -> Ways:
        """What the operator has said of proxies and addresses."""
        return answers.ways(self._call("/ways"))

    def echo(self, source: str, read_id: str, exchange: str) -> Answer:
        """Ask a source for our address, by the way on which requests to that exchange leave."""
        return self._read("/echo", {"source": source, "read": read_id, "exchange": exchange})

    # -- the wire

    def _seal(self, purpose: str, exchange: str, fields: Mapping[str, str]) -> str:
        from tallyglass.keeper import sealing  # loads the cryptography, which most calls do not need

        key = self.seal_key()
        return sealing.seal(key.public_key, sealing.info(purpose, key.install_id, exchange), fields)

    def _call(self, target: str, **body: object) -> Any:
        return json.loads(self._brought(target, body)[1])["answer"]

    def _read(self, target: str, body: Mapping[str, object]) -> Answer:
        headers, raw = self._brought(target, body)
        return Answer(raw, datetime.fromisoformat(headers["X-At"]), int(headers["X-Ms"]))

    def _brought(self, target: str, body: Mapping[str, object]) -> tuple[http.client.HTTPMessage, bytes]:
        try:
            return self._exchange(target, body)
        except Unsupplied as lacking:
            if self.fetch is None:
                raise
            self.fetch(self, lacking)
        return self._exchange(target, body)

    def _exchange(self, target: str, body: Mapping[str, object]) -> tuple[http.client.HTTPMessage, bytes]:
        patience = self.timeout * 3 if target in _ASK_AN_EXCHANGE else self.timeout
        wire = _UnixHTTP(self.socket, patience)
        try:
            wire.request("POST", target, json.dumps(body).encode(), {"Content-Type": "application/json"})
            answer = wire.getresponse()
            raw = answer.read()
        except TimeoutError as error:
            raise Unreachable(
                "keeper_silent", f"The keeper did not answer within {patience:g} s.", "Try again in a moment."
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                "keeper_unreachable",
                f"No keeper answers at {self.socket} ({type(error).__name__}).",
                "Start one with `tallyglass up`.",
            ) from error
        finally:
            wire.close()
        if answer.status != 200:
            raise _error(answer.status, raw)
        return answer.headers, raw


def _moment(time: datetime | None) -> str:
    return "" if time is None else time.isoformat()


def _error(status: int, raw: bytes) -> KeeperError:
    try:
        return errors.understood(json.loads(raw))
    except (ValueError, LookupError, TypeError):
        return KeeperError("keeper_failed", f"The keeper failed (status {status}).", "Look at the keeper's log.")
