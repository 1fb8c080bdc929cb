"""Password managers for tests: the real `pass` and the real key store of the desktop where they are installed.

Of the two that need an account somewhere, `op` and `bws`, programs with their documented interface: 1Password's
(developer.1password.com/docs/cli/reference) and Bitwarden's (bitwarden.com/help/secrets-manager-cli). Where `pass` is
not installed it is such a program too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_BUS = ("dbus-daemon", "--session", "--nofork")
#: What a manager's own program is told by: never the secret itself.
TOKENS = {"OP_SERVICE_ACCOUNT_TOKEN": "ops_made_up", "BWS_ACCESS_TOKEN": "0.made-up.up:made=="}
_OP = """
item = f"op://{a[4]}/{a[2]}" if a[:2] == ["item", "get"] and a[3] == "--vault" else ""
if a[:2] == ["read", "--no-newline"] and len(a) == 3 and a[2] in kept:
    sys.stdout.write(kept[a[2]])
elif item in kept and a[5:] == ["--format", "json", "--reveal"]:
    item = json.loads(kept[item])
    fields = [{"id": name, "type": "CONCEALED", "label": name, "value": value} for name, value in item.items()]
    notes = {"id": "notesPlain", "type": "STRING", "purpose": "NOTES", "label": "notesPlain"}
    print(json.dumps({"id": "x", "title": a[2], "category": "API_CREDENTIAL", "fields": [*fields, notes]}))
else:
    sys.exit("[ERROR] 2026/11/27 22:00:00 could not find item")
"""
_BWS = """
if a[:2] == ["secret", "get"] and a[3:] == ["--output", "json"] and a[2] in kept:
    told = {"id": a[2], "organizationId": "o", "projectId": "p", "key": "exchange", "value": kept[a[2]], "note": ""}
    print(json.dumps(told))
else:
    sys.exit("Error: Received error message from server: [404 Not Found]")
"""
_PASS = """
if a[:2] == ["show", "--"] and a[2] in kept:
    sys.stdout.write(kept[a[2]] + "\\n")
else:
    sys.exit(f"Error: {a[-1]} is not in the password store.")
"""
_PROGRAM = """#!{python}
import json, os, sys
a, kept = sys.argv[1:], json.load(open({store!r}))
if {token!r} and not os.environ.get({token!r}):
    sys.exit("not signed in")
{does}
"""


def stand_in(folder: Path, name: str, kept: Mapping[str, str]) -> None:
    """A program of that name in that folder, which gives what is kept."""
    does, token = {
        "op": (_OP, "OP_SERVICE_ACCOUNT_TOKEN"),
        "bws": (_BWS, "BWS_ACCESS_TOKEN"),
        "pass": (_PASS, ""),
    }[name]
    store = folder / f"{name}.json"
    store.write_text(json.dumps(dict(kept)))
    program = folder / name
    program.write_text(_PROGRAM.format(python=sys.executable, store=str(store), token=token, does=does))
    program.chmod(0o700)


_SLOW = """#!{python}
import pathlib, sys, time
here = pathlib.Path({folder!r})
sys.stdout.write({text!r})
sys.stdout.flush()
(here / "begun").touch()
until = time.monotonic() + 60
while not (here / "go").exists() and time.monotonic() < until:
    time.sleep(0.02)
"""


def slow_manager(folder: Path, text: str) -> None:
    """An `op` that gives an item with this in it, says so (`begun`), and ends when it may (`go`)."""
    fields = [{"label": name, "value": value} for name, value in json.loads(text).items()]
    program = folder / "op"
    program.write_text(_SLOW.format(python=sys.executable, folder=str(folder), text=json.dumps({"fields": fields})))
    program.chmod(0o700)


@contextmanager
def password_store(bin_folder: Path, kept: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """`pass` with these entries, and the environment in which it finds them; the real one where it is installed."""
    if shutil.which("pass") is None or shutil.which("gpg") is None:
        stand_in(bin_folder, "pass", kept)
        yield {}
        return
    folder = Path(tempfile.mkdtemp(prefix="tg-"))  # the paths of gpg-agent's sockets must be short
    told = {"GNUPGHOME": str(folder / "gpg"), "PASSWORD_STORE_DIR": str(folder / "store")}
    (folder / "gpg").mkdir(mode=0o700)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **told}
    try:
        _run(["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "me@example.org", "future-default"], environment)
        _run(["pass", "init", "me@example.org"], environment)
        for name, text in kept.items():
            _run(["pass", "insert", "--multiline", name], environment, text)
        yield told
    finally:
        with suppress(OSError):
            _run(["gpgconf", "--kill", "all"], environment)
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], environment: Mapping[str, str], given: str = "") -> None:
    subprocess.run(command, env=environment, input=given, text=True, check=True, capture_output=True, timeout=60)


def has_key_store() -> bool:
    """Whether this machine has what `desktop` starts."""
    return all(shutil.which(each) for each in ("dbus-daemon", "gnome-keyring-daemon"))


@contextmanager
def desktop() -> Iterator[dict[str, str]]:
    """The environment of a login with an unlocked key store, the real one (Secret Service)."""
    folder = Path(tempfile.mkdtemp(prefix="tg-"))
    told = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "XDG_DATA_HOME": str(folder / "share")}
    environment = {"PATH": os.environ["PATH"], **told}
    address = f"unix:path={folder}/bus"
    bus = subprocess.Popen([*_BUS, f"--address={address}"], env=environment)
    told["DBUS_SESSION_BUS_ADDRESS"] = environment["DBUS_SESSION_BUS_ADDRESS"] = address
    command = ["gnome-keyring-daemon", "--unlock", "--components=secrets", "--foreground"]
    quiet = subprocess.DEVNULL
    store = None
    try:
        _await(folder / "bus")
        store = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)
        assert store.stdin is not None
        store.stdin.write(b"login")
        store.stdin.close()
        yield told
    finally:
        for each in (store, bus):
            if each is not None:
                each.terminate()
                each.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def put_into_key_store(environment: Mapping[str, str], service: str, user: str, text: str) -> None:
    """As its owner does (`keyring set`); waits until the store is there."""
    fill_key_store(environment, service, {user: text})


def fill_key_store(environment: Mapping[str, str], service: str, kept: Mapping[str, str]) -> None:
    """Many at once, by user."""
    code = (
        "import json, keyring, sys\nfor each in json.load(sys.stdin).items(): keyring.set_password(sys.argv[1], *each)"
    )
    told = {"PATH": os.environ["PATH"], "PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring"}
    until = time.monotonic() + 60
    while True:
        try:
            _run([sys.executable, "-c", code, service], {**told, **environment}, json.dumps(dict(kept)))
        except subprocess.CalledProcessError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


def _await(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} is not there"
        time.sleep(0.02)
