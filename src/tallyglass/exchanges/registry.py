"""The registry: finds the exchange folders. Adding an exchange edits no list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from tallyglass.exchanges.grants import Fault, Grants
from tallyglass.exchanges.manifest import Call, Manifest, Stamp, Wire, load

if TYPE_CHECKING:  # the keeper reads no history: it should not load what describes it
    from tallyglass.exchanges.streams import Known, Parsed, Stream

FOLDER = Path(__file__).parent


class UnknownExchange(LookupError):
    """No folder has that name."""


class Signing(Protocol):
    """An exchange's `signing.py`. Imported by the keeper alone."""

    def credentials(self, fields: Mapping[str, str]) -> dict[str, str]:
        """What the user handed over (pasted fields or a whole key file's members), tidied and checked.

        Raises `MalformedKey` with a text that holds nothing of the secret.
        """

    def sign(self, call: Call, credentials: Mapping[str, str], stamp: Stamp) -> Wire:
        """The request as it goes out. Pure: the same input gives the same signature where the scheme allows."""

    def public_name(self, credentials: Mapping[str, str]) -> str:
        """The part of the credentials that is no secret: the key id that the exchange shows to the user."""


class Permissions(Protocol):
    """An exchange's `permissions.py`: pure, and failing closed."""

    def grants(self, answers: Mapping[str, bytes]) -> Grants:
        """The rights, from the bodies of `[permissions] read` and, if named, `account_read`, by read id."""

    def fault(self, read_id: str, status: int, headers: Mapping[str, str], body: bytes) -> Fault | None:
        """The refusal that an answer holds, or None when it is an answer. `headers` has lower-case names."""


class MalformedKey(ValueError):
    """What was handed over cannot be a key of this exchange. The text says what to do and holds no secret."""

    def __init__(self, text: str, fix: str) -> None:
        super().__init__(text)
        self.fix = fix


class Parsing(Protocol):
    """An exchange's `parse.py`."""

    def parse(self, read_id: str, body: bytes, known: Known) -> Parsed:
        """An answer, normalised. Raises `streams.NotReadable` for what is not this read's answer at all."""


class History(Protocol):
    """An exchange's `history.py`."""

    def streams(self, known: Known) -> Iterable[Stream]:
        """The streams to read, given what is known. Asked again after each round until nothing new appears."""


@cache
def manifests() -> Mapping[str, Manifest]:
    """Every page, by id, in alphabetical order."""
    return {page.parent.name: load(page) for page in sorted(FOLDER.glob("*/manifest.toml"))}


def manifest(name: str) -> Manifest:
    """One page. Raises `UnknownExchange`, naming those that there are."""
    try:
        return manifests()[name]
    except KeyError:
        known = ", ".join(each.id for each in exchanges())
        raise UnknownExchange(f"no exchange {name!r}; there are: {known}") from None


def exchanges() -> tuple[Manifest, ...]:
    """The pages that a user can connect to."""
    return tuple(each for each in manifests().values() if each.tier == "native")


def guide(name: str) -> str:
    """The six steps, in Markdown, in the exchange's own words. `{ips}` and `{date}` stand for what is filled in."""
    return (FOLDER / manifest(name).id / "guide.md").read_text(encoding="utf-8")


def signing(name: str) -> Signing:
    """For the keeper."""
    return cast(Signing, _module(name, "signing"))


def permissions(name: str) -> Permissions:
    """For the keeper."""
    return cast(Permissions, _module(name, "permissions"))


def parsing(name: str) -> Parsing:
    """For sync and prices."""
    return cast(Parsing, _module(name, "parse"))


def history(name: str) -> History:
    """For sync."""
    return cast(History, _module(name, "history"))


def _module(name: str, part: str) -> Any:
    return import_module(f"tallyglass.exchanges.{manifest(name).id}.{part}")
