"""What the keeper answers when it cannot give what was asked for: texts for the user, and nothing secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallyglass.exchanges.grants import FaultCode


class KeeperError(Exception):
    """What the keeper answers instead of what was asked for. `text` says what is so, `fix` what to do."""

    #: The HTTP status that it goes over the wire with.
    status = 400

    def __init__(self, code: str, text: str, fix: str = "", more: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.fix = fix
        self.more = dict(more or {})


class Unreachable(KeeperError):
    """No keeper listens, or it did not answer in time."""


class Locked(KeeperError):
    """The keeper is locked, or no vault has been made yet (code `empty`)."""

    status = 423


class WrongPassphrase(KeeperError):
    """The vault does not open with this passphrase."""

    status = 403


class VaultAltered(KeeperError):
    """The vault's file is not as the keeper wrote it."""

    status = 500


class VaultUnwritten(KeeperError):
    """The vault's file cannot be written: what was asked for is not on disk."""

    status = 507


class WrongWorld(KeeperError):
    """The home belongs to a sandbox and the keeper stands before real exchanges, or the other way round."""

    status = 409


class JournalBroken(KeeperError):
    """The journal is altered or cannot be written: no key is used until it is whole again."""

    status = 503


class BadKey(KeeperError):
    """What was handed over cannot be a key of this exchange."""

    status = 422


class NotAllowed(KeeperError):
    """The manifest does not list this exchange, read or param."""

    status = 403


class NoSuchConnection(KeeperError):
    """No connection has this id."""

    status = 404


class Frozen(KeeperError):
    """The connection is frozen or dead: its key is not used."""

    status = 409


class Unsupplied(KeeperError):
    """The key is kept elsewhere and was not fetched since the last unlock."""

    status = 409

    @property
    def connection(self) -> str:
        """Whose key it is."""
        return str(self.more.get("connection", ""))

    @property
    def old(self) -> bool:
        """Whether it is the key before."""
        return bool(self.more.get("old", False))


class ExchangeRefused(KeeperError):
    """The exchange said no, or could not be asked. Raised by whatever asks an exchange."""

    status = 502

    @property
    def fault_code(self) -> FaultCode:
        code: FaultCode = self.more.get("fault_code", "unknown")
        return code

    @property
    def causes(self) -> tuple[FaultCode, ...]:
        """Each possible cause, where the exchange mixes them."""
        return tuple(self.more.get("causes", ()))

    @property
    def retry(self) -> bool:
        """Whether asking again later can help without the user's hand."""
        return bool(self.more.get("retry", False))

    @property
    def retry_after(self) -> int | None:
        """Seconds."""
        seconds = self.more.get("retry_after")
        return None if seconds is None else int(seconds)

    @property
    def said(self) -> str:
        """The exchange's own words."""
        return str(self.more.get("said", ""))


def told(error: KeeperError) -> dict[str, Any]:
    """The error as JSON holds it."""
    return {
        "error": {
            "kind": type(error).__name__,
            "code": error.code,
            "text": error.text,
            "fix": error.fix,
            "more": error.more,
        }
    }


def understood(answer: Any) -> KeeperError:
    """The inverse of `told`. Raises `LookupError` or `TypeError` for what is no error of the keeper's."""
    row = answer["error"]
    kinds = {each.__name__: each for each in KeeperError.__subclasses__()}
    return kinds.get(row["kind"], KeeperError)(row["code"], row["text"], row["fix"], row["more"])
