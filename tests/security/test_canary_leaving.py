"""The canary hunt over what leaves the house: alerts, digest, calendar, reports, backups, the paper, a new passphrase.

What arrives at a real receiver is searched like every file and every word. The address of a channel is a secret too:
it may stand in the encrypted store, in what its own receiver is asked, and nowhere else.
"""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest

from support.canary import Watch, found_in, search, traces
from support.closed import dumped, exposed
from support.evidence import asked, decrypted, routes
from support.hunt import OTHER, Hunt, hunting, json_of, keeping, leaks, places
from support.keeper import Process
from support.post import Box, mailbox, webhook
from support.program import PASSPHRASE
from support.tap import Heard, Tap
from tallyglass.alerts.channel import Message, deliver
from tallyglass.app.archive import Archive, seal
from tallyglass.keeper.vault import Vault

pytestmark = pytest.mark.timeout(900)
#: Of the channels: in `post.Box.webhook`; and of a mail server that asks for none.
HOOK = {"hook password": "CANARY-webhook-password", "hook path": "CANARY-webhook-path-of-its-own"}
MAIL = {"mail password": "CANARY-mail-password-of-mine"}
LETTER = "New sign-in to your account at 2026-11-27 22:00:00 UTC from 203.0.113.9"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hunt]:
    with hunting(tmp_path_factory.mktemp("leaving"), 47_141) as it, webhook() as hook, mailbox() as mail:
        it.boxes = [hook, mail]
        it.run("init")
        with keeping(it) as process:
            _everything(it, process)
        yield it


def _everything(it: Hunt, process: Process) -> None:
    hook, mail = it.boxes
    for exchange in ("kraken", "coinbase", "binance"):
        it.run("connect", exchange, "--key-file", "-", stdin=json_of(it.sandbox.key(exchange)))
    _pairs(it)
    _channels(it, hook, mail)
    it.sandbox.change_key("kraken", grant=["trade"])
    process.keeper.recheck("kraken")  # frozen, and the exchange's own answer is kept
    _alerts(it, hook)
    _reports(it)
    it.said += [("the store", decrypted(it.program.home, process.keeper))]
    for method, route in routes():
        if method == "GET":
            it.said.append((route, asked(process.keeper.socket, method, route.replace("{id}", "binance"), None)))
    _copies(it)


def _pairs(it: Hunt) -> None:
    """Pairs that are made in the keeper: one that is replaced at once, and one that waits."""
    for name, more in (("made first", []), ("made", ["--anew"])):
        it.run("connect", "binance", "--make-key", *more)
        made = Vault.open(it.program.home / "vault.db", PASSPHRASE).secret("@made:binance")["secret"]
        #: What stands before the last 32 bytes is the same for every such key (RFC 8410).
        it.wanted[name] = base64.b64encode(base64.b64decode(made)[-32:]).decode()


def _channels(it: Hunt, hook: Box, mail: Box) -> None:
    it.run("alerts", "add", "hook", "--url-file", "-", stdin=_address(hook))
    it.run("alerts", "add", "mail", "--url-file", "-", stdin=mail.mail)
    needs = mail.mail.replace("mailto://", f"mailto://me:{MAIL['mail password']}@")
    it.run("alerts", "add", "proud", "--url-file", "-", stdin=needs)
    for wrong in (it.wanted["kraken"], f"nonsense://{HOOK['hook password']}", f"https:/{_address(hook)}"):
        it.run("alerts", "add", "wrong", "--url-file", "-", stdin=wrong, code=2)
    it.run("alerts", "test", code=1)  # the proud one wants a log-in of a server that has none
    hook.status = -1  # no HTTP at all: libraries complain, and quote what they asked
    it.run("alerts", "test", "hook", code=1)
    hook.status = 401


def _alerts(it: Hunt, hook: Box) -> None:
    it.run("alerts", "check", code=6)
    hook.status = 200
    it.run("alerts", "digest", "--day", "mon", "--balances")
    it.run("alerts", "digest")
    it.run("alerts", "test", "hook")
    it.run("alerts", "sent", "--json")
    it.run("alerts")
    it.run("alerts", "calendar", "--output", str(it.here / "due.ics"))


def _reports(it: Hunt) -> None:
    it.run("audit", code=1)
    it.run("audit", "--csv", code=1)
    it.run("audit", "--json", code=1)
    it.run("compromised", "coinbase", "--check", "--report", str(it.here / "incident.md"), code=6)
    it.run("was-it-me", "--exchange", "kraken", "--mail", "-", stdin=LETTER, code=None)
    it.run("recovery-kit", "--output", str(it.here / "kit.txt"))
    it.run("keys", "--json")


def _copies(it: Hunt) -> None:
    """Backups under the old passphrase and under the new one; taken back elsewhere, looked at, and refused."""
    there = replace(it, program=replace(it.program, home=it.folder / "restored"))
    it.run("backup", str(it.here / "old.age"))
    there.run("restore", str(it.here / "old.age"))
    it.run("passphrase", "--new-passphrase-file", str(it.apart / "new"))
    it.program = replace(it.program, passphrase_file=it.apart / "new")
    it.run("backup", str(it.here / "new.age"))
    it.run("restore", str(it.here / "new.age"), "--check")
    it.run("restore", str(it.here / "old.age"), "--check", code=7)


def _address(hook: Box) -> str:
    return hook.webhook.replace("CANARY-webhook-path", HOOK["hook path"])


@pytest.fixture(scope="module")
def seen(day: Hunt) -> list[tuple[str, bytes]]:
    return list(places(day))


def test_every_place_was_seen(day: Hunt, seen: list[tuple[str, bytes]]) -> None:
    """What is nowhere searched is nowhere found."""
    names = [name for name, _ in seen]
    inside = [f"{age}: {name}" for age in ("old.age", "new.age") for name in ("vault.db", "portfolio.db")]
    for name in ("incident.md", "incident-journal.csv", "due.ics", "kit.txt", "home.log", *inside):
        assert [each for each in names if each.endswith(f"/{name}")], name
    arrived = b"\n".join(content for name, content in seen if name.startswith("message"))
    for words in (b"It is frozen here", b"Tallyglass: a test", b"may now trade"):
        assert words in arrived, arrived.decode()
    said = b"\n".join(text for _, text in day.said)
    for words in (
        b"DEBUG",
        b"BEGIN PUBLIC KEY",
        b"modify-trades",
        b"it answered 401",
        b"From ",
        b"json://\xe2\x80\xa6",
    ):
        assert words in said, words


def test_no_secret_is_in_any_of_them(day: Hunt, seen: list[tuple[str, bytes]]) -> None:
    assert search(seen, day.traces) == []
    assert day.shared == []
    assert list((day.folder / "tmp").iterdir()) == []


def test_the_address_of_a_channel_is_in_the_encrypted_store_and_nowhere_else(seen: list[tuple[str, bytes]]) -> None:
    wanted = traces({**HOOK, **MAIL})
    where = {name: {each.partition(":")[0] for each in found_in(content, wanted)} for name, content in seen}
    assert where.pop("the store") == {*HOOK, *MAIL}
    assert where.pop("request 0") == set(HOOK)  # its own receiver
    assert [name for name, found in where.items() if found] == []


def test_what_was_sealed_is_where_it_belongs(day: Hunt) -> None:
    """It was there to be found: in the vault, which opens with the passphrase of its time. A pair replaced is gone."""
    for home, passphrase in ((day.program.home, OTHER), (day.folder / "restored", PASSPHRASE)):
        vault = Vault.open(home / "vault.db", passphrase)
        held = json.dumps([vault.secret(each) for each in ("kraken", "coinbase", "binance", "@made:binance")])
        assert {name.partition(":")[0] for name in found_in(held.encode(), day.traces)} == {
            *("kraken", "coinbase", "binance", "made")
        }


# -- the detector itself


@pytest.fixture
def bare(day: Hunt, tmp_path: Path) -> Iterator[Hunt]:
    """Nothing has happened yet; then somebody lets a secret slip."""
    with webhook() as hook, mailbox() as mail:
        it = replace(day, folder=tmp_path, said=[], boxes=[hook, mail], tap=Tap(), watch=Watch(), shared=[])
        it.here.mkdir()
        assert leaks(it) == []
        yield it


def _in_messages(it: Hunt, secret: str) -> None:
    hook, mail = it.boxes
    deliver(hook.webhook, Message("an alert", f"the key: {secret}", "urgent"))
    assert leaks(it) != []
    it.boxes = [mail]
    for title, body in (("an alert", f"größer {'x ' * 40}{secret}"), (f"Schlüssel {secret}", "…")):
        mail.raw.clear()
        deliver(mail.mail, Message(title, body, "urgent"))


def _in_a_backup(it: Hunt, secret: str) -> None:
    (it.here / "a.age").write_bytes(seal(Archive(datetime.now(UTC), "x", "1", {"left.txt": secret.encode()}), OTHER))


def _in_a_core(it: Hunt, secret: str) -> None:
    """Of a program that is not closed as ours are: so that there would be one to find."""
    code = "import os, sys; held = sys.stdin.readline(); print(1, flush=True); sys.stdin.readline()"
    command = exposed([sys.executable, "-c", code])
    with subprocess.Popen(command, cwd=it.here, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{secret}\n".encode())
        process.stdin.flush()
        process.stdout.readline()
        assert dumped(process, signal.SIGSEGV) == (signal.SIGSEGV, True)


def _in_a_request(it: Hunt, secret: str) -> None:
    it.tap.heard.append(Heard("POST", "/0/private/Balance", {}, urlencode({"otp": secret}).encode()))


def _in_words(it: Hunt, secret: str) -> None:
    it.said.append(("audit --csv", f"kraken,A,{secret[:20]}".encode()))


@pytest.mark.parametrize("slip", [_in_messages, _in_a_backup, _in_a_core, _in_a_request, _in_words])
def test_what_slips_into_one_of_these_places_is_found(bare: Hunt, slip: Callable[[Hunt, str], None]) -> None:
    secret = bare.wanted["binance"]
    bare.wanted = {"binance": secret}
    slip(bare, secret)
    assert {each.rpartition(": binance")[1] for each in leaks(bare)} == {": binance"}
