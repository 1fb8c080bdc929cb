"""The registry: finds the exchange folders. Adding an exchange edits no list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from tallyglass.exchanges.grants import Fault, Grants
from tallyglass.exchanges.manifest import Call, Manifest, Stamp, Wire, load

if TYPE_CHECKING:  # the keeper reads no history: it should not load what describes it
    from datetime import tzinfo

    from tallyglass.exchanges.streams import Candles, Clue, Export, Known, Parsed, Stream, Unparsed

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
    """An exchange's `history.py`. Where it lists some streams only at times, `stream(name)` finds any by its name."""

    def streams(self, known: Known) -> Iterable[Stream]:
        """The streams to read, given what is known. Asked again after each round until nothing new appears."""


class Exporting(Protocol):
    """An exchange's `export.py`: reads the files that a user can download there. Not every exchange has one."""

    def rows(self, text: str, zone: tzinfo | None) -> Export:
        """The lines of a file. `zone`: of times without one, where it is known.

        Raises `streams.NotReadable` for a file of another format, or one whose zone must be known.
        """


class Clues(Protocol):
    """An exchange's `clues.py`, where it has one."""

    def clues(self, piece: Unparsed, known: Known) -> Iterable[Clue]:
        """What a piece that was not understood seems to have moved; none where it does not tell."""


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


def echoes() -> tuple[Manifest, ...]:
    """The sources that tell the address that a request came from (reads `address.v4` and `address.v6`)."""
    return tuple(each for each in manifests().values() if "address.v4" in each.reads)


def guide(name: str) -> str:
    """The six steps, in Markdown, in the exchange's own words. `{ips}` and `{date}` stand for what is filled in."""
    return (FOLDER / manifest(name).id / "guide.md").read_text(encoding="utf-8")


def own_key_guide(name: str) -> str:
    """The same for a key pair that is made here, of an exchange whose manifest lists `self_generated`."""
    return (FOLDER / manifest(name).id / "own_key.md").read_text(encoding="utf-8")


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


def stream(name: str, which: str) -> Stream | None:
    """For replay: a stream that the exchange's `streams` does not list now; None where there is none of that name."""
    find: Callable[[str], Stream | None] = getattr(history(name), "stream", lambda _: None)
    return find(which)


def exporting(name: str) -> Exporting:
    """For imports. Raises `UnknownExchange` for an exchange whose files cannot be read, naming those that can."""
    if name not in formats():
        raise UnknownExchange(f"no file format {name!r}; there are: {', '.join(formats())}")
    return cast(Exporting, _module(name, "export"))


def formats() -> tuple[str, ...]:
    """The exchanges whose export files can be read, in alphabetical order."""
    return tuple(sorted(page.parent.name for page in FOLDER.glob("*/export.py")))


def clues(name: str) -> Clues | None:
    """For explaining gaps; None where the exchange's folder has no `clues.py`."""
    if not (FOLDER / manifest(name).id / "clues.py").exists():
        return None
    return cast(Clues, _module(name, "clues"))


def candles(name: str) -> Candles | None:
    """For the history of prices; None where the folder has no `candles.py`: it has no daily closes to give."""
    if not (FOLDER / manifest(name).id / "candles.py").exists():
        return None
    return cast("Candles", _module(name, "candles"))


def _module(name: str, part: str) -> Any:
    return import_module(f"tallyglass.exchanges.{manifest(name).id}.{part}")
