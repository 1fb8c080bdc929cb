"""Where a key may come from beside a file: a password manager, the OS key store, a file descriptor.

What was fetched is handed on to the keeper and not kept here. A password manager is a program of its own, started with
a list of arguments and no shell; it asks and speaks at the user's terminal, and only what it gives comes to us.

- 1Password: `op read` for one field, `op item get --format json --reveal` (2.30 and later) for an item
  (developer.1password.com/docs/cli/reference)
- Bitwarden Secrets Manager: `bws secret get` (bitwarden.com/help/secrets-manager-cli)
- pass: `pass show` (git.zx2c4.com/password-store/about)
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tallyglass.app import descriptor, key_store
from tallyglass.app.key_file import LARGEST, parse_key_file
from tallyglass.app.problems import Problem
from tallyglass.keeper.client import Connection, Keeper, KeeperError, Unsupplied

#: Somebody may first have to unlock the manager.
PATIENCE_SECONDS = 120.0
#: What failed is not tried again at once: a sync asks for one key with many reads.
_REST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Scheme:
    """One kind of place."""

    name: str
    shape: re.Pattern[str]
    example: str
    #: What helps when it gives nothing.
    fix: str


_PART: Final = r"[^-/\s\x00-\x1f][^/\x00-\x1f]*"
_SCHEMES: Final = {
    "op": _Scheme(
        "1Password",
        re.compile(rf"//{_PART}/{_PART}(/{_PART}){{0,2}}"),
        "op://Vault/Item, or op://Vault/Item/field",
        "Sign in (`op signin`), and look whether `op item get` finds the item. It takes version 2.30 or later.",
    ),
    "bws": _Scheme(
        "Bitwarden Secrets Manager",
        re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
        "bws:be8e0ad8-d545-4017-a55a-b02f014d4158, the secret's id",
        "See that BWS_ACCESS_TOKEN holds a token that may read this secret.",
    ),
    "pass": _Scheme(
        "pass",
        re.compile(rf"{_PART}(/{_PART})*"),
        "pass:exchanges/kraken",
        "See whether `pass show` gives it: its first line is the secret, a later one says `key: …`.",
    ),
    "keyring": _Scheme(
        "the OS key store",
        re.compile(rf"{_PART}(/{_PART})+"),
        "keyring:SERVICE/USER",
        "Put it there: `keyring set SERVICE USER`.",
    ),
    "fd": _Scheme("the file descriptor", re.compile(r"[0-9]{1,4}"), "fd:3", "Open it for this command: … 3<FILE"),
}
_NAME: Final = {
    "key": frozenset(("key", "apikey", "accesskey", "apikeyid", "name", "keyname")),
    "secret": frozenset(("secret", "secretkey", "apisecret", "apisecretkey", "privatekey")),
}
#: What password managers call the two halves of a login.
_LOGIN: Final = {"key": ("username", "login", "user"), "secret": ("credential", "password")}
_NAMED: Final = re.compile(r"([A-Za-z][A-Za-z _-]{1,30}):\s+(\S.*)")


def fetch(reference: str, key_id: str = "") -> dict[str, str]:
    """The parts of a key. `key_id`: its public part, where only the secret is kept there. Raises `Problem`.

    No error holds anything of what was fetched.
    """
    scheme, where = _taken_apart(reference)
    fields = _fields(_raw(scheme, where, reference), reference)
    if key_id and not _has(fields, "key"):
        fields["key"] = key_id
    return fields


def check_kept(reference: str) -> None:
    """Refuse what cannot be fetched again after the next unlock."""
    scheme, _ = _taken_apart(reference)
    if scheme == "fd":
        text = "A file descriptor is there for one command alone: it cannot be kept as a reference."
        raise Problem("reference", text, "Leave --keep-reference away: the key is sealed into the vault.")


def _taken_apart(reference: str) -> tuple[str, str]:
    scheme, _, where = reference.partition(":")
    known = _SCHEMES.get(scheme)
    if known is None:
        examples = "; ".join(each.example for each in _SCHEMES.values())
        raise Problem("reference", "A key is fetched from none such place.", f"There are: {examples}.")
    if not known.shape.fullmatch(where) or len(reference) > 300:
        text = f"This does not name a place in {known.name}."
        raise Problem("reference", text, f"It looks like this: {known.example}.")
    return scheme, where


def _raw(scheme: str, where: str, reference: str) -> bytes:
    if scheme == "fd":
        return descriptor.read(int(where), LARGEST + 1, PATIENCE_SECONDS)
    if scheme == "keyring":
        service, _, user = where.rpartition("/")
        return key_store.fetch(service, user).encode()
    if scheme == "pass":
        return _said("pass", ["show", "--", where], reference)
    if scheme == "bws":
        told = _object(_said("bws", ["secret", "get", where, "--output", "json"], reference), reference)
        return str(told.get("value", "")).encode()
    vault, item, *field = where.removeprefix("//").split("/")
    if field:
        return _said("op", ["read", "--no-newline", f"op:{where}"], reference)
    told = _object(
        _said("op", ["item", "get", item, "--vault", vault, "--format", "json", "--reveal"], reference), reference
    )
    rows = [each for each in told.get("fields") or () if each.get("label") and each.get("value")]
    return json.dumps({str(each["label"]): str(each["value"]) for each in rows}).encode()


def _said(program: str, arguments: Sequence[str], reference: str) -> bytes:
    """What a password manager gives. It has our terminal, to ask and to complain; its environment is the user's."""
    found, scheme = shutil.which(program), _SCHEMES[program]
    if found is None:
        text = f"`{program}`, the command of {scheme.name}, is not installed here, or not on the PATH."
        raise Problem("manager_missing", text, "Install it, or hand the key over in another way: --key-file.")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLYGLASS_")}
    try:
        done = subprocess.run(  # noqa: S603  (a list, no shell; the reference was checked, and no part of it is an option)
            [found, *arguments],
            env=environment,
            stdin=None if sys.stdin is not None and sys.stdin.isatty() else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        text = f"{scheme.name} did not give {reference} within {PATIENCE_SECONDS:g} s."
        raise Problem("manager_silent", text, "Unlock it, and try again.") from None
    except OSError as error:
        raise Problem("manager_failed", f"`{program}`: {os.strerror(error.errno or 0)}.", scheme.fix) from None
    if done.returncode != 0:
        text = f"{scheme.name} did not give {reference}: `{program}` ended with {done.returncode}. It says why itself."
        raise Problem("manager_failed", text, scheme.fix)
    return done.stdout[: LARGEST + 1]


def _object(raw: bytes, reference: str) -> Mapping[str, Any]:
    try:
        told = json.loads(raw)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        text = f"What came back for {reference} is not the JSON that its manager documents."
        raise Problem("manager_failed", text, "Update the manager's command, or use --key-file.")
    return told


def _fields(raw: bytes, reference: str) -> dict[str, str]:
    """A whole key file; or lines as `pass` users write them: the secret first, then `key: …`; or the secret alone."""
    if not raw.strip():
        raise Problem("reference_empty", f"{reference} is empty.", "Look at it in your password manager.")
    if len(raw) > LARGEST or raw.lstrip().startswith(b"{"):
        return _with_halves(parse_key_file(raw, reference))
    try:
        text = raw.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise Problem("reference_empty", f"{reference} is not text.", "It holds the key as text or JSON.") from None
    if text.startswith("-----BEGIN"):
        return {"secret": text}
    first, *others = text.splitlines()
    named = [found for each in (first, *others) if (found := _NAMED.fullmatch(each.strip()))]
    fields = {str(found[1]): str(found[2]) for found in named}
    if not (_NAMED.fullmatch(first.strip()) or _has(fields, "secret")):
        fields["secret"] = first
    return _with_halves(fields)


def _with_halves(fields: dict[str, str]) -> dict[str, str]:
    """A login's user name and password as key and secret, where nothing has those names."""
    given = {_letters(name): value for name, value in fields.items()}
    for half, others in _LOGIN.items():
        found = next((given[each] for each in others if given.get(each)), "")
        if found and not _has(fields, half):
            fields[half] = found
    return fields


def _has(fields: Mapping[str, str], half: str) -> bool:
    return any(_letters(name) in _NAME[half] for name in fields)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


class Fetcher:
    """Fetches for a keeper what it lacks, once for all who ask at the same time. A `Keeper` calls it by itself."""

    def __init__(self, fetched: Callable[[str, str], dict[str, str]] = fetch) -> None:
        self._fetch = fetched
        self._lock = threading.Lock()
        self._failed: dict[str, tuple[float, Unsupplied]] = {}

    def __call__(self, keeper: Keeper, lacking: Unsupplied) -> None:
        """Bring the key that a call lacked. Raises `Unsupplied`, in the words of what went wrong."""
        with self._lock:
            known = next((each for each in keeper.connections() if each.id == lacking.connection), None)
            if known is None:
                raise lacking
            at, before = self._failed.get(known.id, (0.0, lacking))
            if at and time.monotonic() - at < _REST_SECONDS:
                raise before
            if lacking.old or known.id in {each.id for each in keeper.unsupplied()}:
                self._bring(keeper, known, lacking)

    def _bring(self, keeper: Keeper, known: Connection, lacking: Unsupplied) -> None:
        old = known.old if lacking.old else None
        reference, name = (old.reference, old.key_name) if old else (known.reference, known.key_name)
        try:
            keeper.supply(known, self._fetch(reference, name))
        except (Problem, KeeperError) as error:
            told = Unsupplied(error.code, error.text, error.fix, lacking.more)
            self._failed[known.id] = (time.monotonic(), told)
            raise told from None
        self._failed.pop(known.id, None)


def supply(keeper: Keeper, *names: str) -> list[tuple[str, Problem]]:
    """Fetch all that is lacking, or what these connections lack: their troubles, each with its connection."""
    troubles = []
    for each in keeper.unsupplied():
        if names and each.id not in names:
            continue
        try:
            keeper.supply(each, fetch(each.reference, each.key_name))
        except (Problem, KeeperError) as error:
            troubles.append((each.id, Problem(error.code, error.text, error.fix)))
    return troubles
