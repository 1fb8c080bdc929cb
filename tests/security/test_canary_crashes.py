"""The canary hunt over crashes: of the program and of the keeper, while an alert is sent, a key fetched, a backup made.

By a fault that writes a core where it may, and by an exception: what the process needs next it gets no more from the
system, and it says so at debug logging.
"""

from __future__ import annotations

import http.client
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from resource import RLIMIT_FSIZE, RLIMIT_NOFILE
from urllib.parse import urlsplit

import pytest

from support.canary import search, traces
from support.closed import dumped, eventually
from support.hunt import Hunt, hunting, json_of, leaks, places
from support.managers import slow_manager
from support.post import Box, webhook
from support.program import HURRY
from tallyglass.keeper.client import KeeperError
from tallyglass.web.pages.compromised import COMPROMISED
from tallyglass.web.pages.index import PAGES
from tallyglass.web.pages.was_it_me import WAS_IT_ME

pytestmark = pytest.mark.timeout(900)
MOMENTS, VICTIMS, ENDS = ("alert", "fetch", "backup"), ("program", "keeper"), ("SEGV", "ABRT", "exception")
EVERY = list(product(MOMENTS, VICTIMS, ENDS))
#: Each moment with each victim, each of them ended in each way.
BRISK = (
    *(("alert", "program", "ABRT"), ("alert", "keeper", "SEGV")),
    *(("fetch", "program", "SEGV"), ("fetch", "keeper", "exception")),
    *(("backup", "program", "exception"), ("backup", "keeper", "ABRT")),
)
HOOK = {"hook password": "CANARY-webhook-password"}
SECONDS = 60


@dataclass(slots=True)
class Scene:
    """A home that is in use when something crashes."""

    it: Hunt
    hook: Box
    keeper: subprocess.Popen[bytes] | None = None

    def ready(self) -> None:
        """The keeper runs."""
        if self.keeper is None or self.keeper.poll() is not None:
            self.keeper = self.it.start_keeper()
            eventually(self._answers, "the keeper did not start", SECONDS)

    def _news(self) -> None:
        """Something to tell: a key is frozen, or is so no more."""
        keeper = self.it.program.keeper
        if any(each.id == "kraken" and each.state == "frozen" for each in keeper.connections()):
            keeper.thaw("kraken")
        else:
            keeper.freeze("kraken", "a drill")

    def _answers(self) -> bool:
        try:
            return self.it.program.keeper.health().state == "unlocked"
        except KeeperError:
            return False

    @contextmanager
    def moment(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """The program in the middle of it; after the block it may go on, and has ended."""
        begin: Callable[[], tuple[tuple[str, ...], Callable[[], bool]]]
        begin = {"alert": self._alert, "fetch": self._fetch, "backup": self._backup}[name]
        command, begun = begin()
        process = self.it.start(*command)
        try:
            eventually(begun, f"no {name} was begun", SECONDS)
            yield process
            self.go_on()
            process.wait(SECONDS)
        finally:
            self.go_on()
            process.kill()
            process.wait()

    def go_on(self) -> None:
        """Nobody is kept waiting any more."""
        self.hook.going.set()
        (self.it.apart / "bin" / "go").touch()

    def _alert(self) -> tuple[tuple[str, ...], Callable[[], bool]]:
        self._news()
        self.hook.going.clear()
        before = len(self.hook.raw)
        return ("alerts", "check"), lambda: len(self.hook.raw) > before

    def _fetch(self) -> tuple[tuple[str, ...], Callable[[], bool]]:
        for each in ("go", "begun"):
            (self.it.apart / "bin" / each).unlink(missing_ok=True)
        begun = self.it.apart / "bin" / "begun"
        return ("connect", "binance", "--key-from", "op://Private/Slow"), begun.exists

    def _backup(self) -> tuple[tuple[str, ...], Callable[[], bool]]:
        file, words = self.it.here / "made.age", self.it.folder / "left-alone.txt"
        file.unlink(missing_ok=True)
        before = words.stat().st_size
        return ("backup", str(file)), lambda: b"files are taken" in words.read_bytes()[before:]


@contextmanager
def scene(folder: Path, seed: int) -> Iterator[Scene]:
    with hunting(folder, seed) as it, webhook() as hook:
        it.boxes = [hook]
        it.environment |= HURRY
        it.wanted["old kraken"] = it.sandbox.key("kraken", "wrong_account")["secret"]
        slow_manager(it.apart / "bin", json_of(it.sandbox.key("binance")))
        made = Scene(it, hook)
        it.run("init")
        try:
            made.keeper = it.start_keeper()
            eventually(made._answers, "the keeper did not start", SECONDS)
            for exchange in ("kraken", "coinbase"):
                it.run("connect", exchange, "--key-file", "-", stdin=json_of(it.sandbox.key(exchange)))
            it.run("alerts", "add", "hook", "--url-file", "-", stdin=hook.webhook)
            it.run("alerts", "check")
            yield made
        finally:
            made.go_on()
            if made.keeper is not None:
                made.keeper.kill()
                made.keeper.wait()


def crash(it: Scene, moment: str, victim: str, end: str) -> None:
    """It happens; then everything goes on as before."""
    it.ready()
    assert it.keeper is not None
    with it.moment(moment) as program:
        process = program if victim == "program" else it.keeper
        if end == "exception":  # the program can open nothing more; the keeper cannot write its journal
            resource.prlimit(process.pid, *((RLIMIT_NOFILE, (0, 0)) if victim == "program" else (RLIMIT_FSIZE, (0, 0))))
        else:
            number = signal.Signals[f"SIG{end}"]
            assert dumped(process, number) == (number, False)
    if victim == "keeper":
        it.keeper.kill()
        it.keeper.wait()
    it.ready()
    assert it.it.program.keeper.verify_journal().intact


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("crashes"), 47_144) as made:
        for each in BRISK:
            crash(made, *each)
        yield made


# -- the program that runs all day


@dataclass(slots=True)
class Reader:
    """Somebody at the dashboard of `up`; each page is searched."""

    it: Hunt
    host: str
    cookie: str = ""

    def ask(self, method: str, path: str, body: str | None = None) -> None:
        headers = {"Cookie": self.cookie, "Origin": f"http://{self.host}", "Sec-Fetch-Site": "same-origin"}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        wire = http.client.HTTPConnection(self.host, timeout=SECONDS)
        try:
            wire.request(method, path, body, headers)
            answer = wire.getresponse()
            self.cookie = (answer.getheader("Set-Cookie") or self.cookie).partition(";")[0]
            self.it.said.append((f"{method} {path}", f"{answer.status} {answer.headers}".encode() + answer.read()))
        finally:
            wire.close()


@pytest.fixture(scope="module")
def served(day: Scene) -> Scene:
    """`up`, with every page opened; it crashes while it sends what is new."""
    it, hook = day.it, day.hook
    assert day.keeper is not None
    day.keeper.terminate()
    day.keeper.wait(SECONDS)
    day.keeper = None
    spoken = it.folder / "left-alone.txt"
    process = it.start("up", "--port", "0")
    eventually(lambda: b"Dashboard: " in spoken.read_bytes(), "no dashboard", SECONDS)
    link = urlsplit(spoken.read_text().partition("Dashboard: ")[2].split()[0])
    reader = Reader(it, link.netloc)
    reader.ask("GET", f"{link.path}?{link.query}")
    for path in (*(page.path for page in PAGES), "/calendar.ics", "/nowhere"):
        reader.ask("GET", path)
    reader.ask("GET", f"{COMPROMISED.path}/report?connection=coinbase")
    reader.ask("POST", WAS_IT_ME.path, "mail=A+new+device+on+2026-11-27+at+22:00:00+UTC")
    keeper = it.program.keeper.health().pid
    it.sandbox.change_key("coinbase", grant=["trade"])
    hook.going.clear()
    before = len(hook.raw)

    def told() -> bool:
        reader.ask("POST", "/sync")  # again: one that ran already may have looked at the key before it changed
        return len(hook.raw) > before

    try:
        eventually(told, "no alert came", SECONDS)
        assert dumped(process, signal.SIGSEGV) == (signal.SIGSEGV, False)
    finally:
        day.go_on()
        process.kill()
        process.wait()
    eventually(lambda: not Path(f"/proc/{keeper}").exists(), "its keeper goes on", SECONDS)
    return day


@pytest.fixture(scope="module")
def seen(served: Scene) -> list[tuple[str, bytes]]:
    return list(places(served.it))


def test_no_crash_leaves_a_secret_anywhere(served: Scene, seen: list[tuple[str, bytes]]) -> None:
    it = served.it
    assert search(seen, it.traces) == []
    assert it.shared == []
    assert {each.name for each in it.here.iterdir()} <= {"made.age"}
    assert list((it.folder / "tmp").iterdir()) == []
    assert search([each for each in seen if not each[0].startswith("request")], traces(HOOK)) == []


def test_each_was_in_the_middle_of_it(served: Scene) -> None:
    said = (served.it.folder / "left-alone.txt").read_text()
    for words in ("DEBUG", "Too many open files", "cannot be written", "files are taken"):
        assert words in said, said
    assert b"may now trade" in served.hook.raw[-1]
    pages = [content for name, content in served.it.said if name.startswith(("GET", "POST"))]
    assert len([content for content in pages if content.startswith(b"200")]) >= len(PAGES) + 1
    assert b"op\0item\0get\0Slow" in served.it.watch.all


def test_a_backup_that_was_broken_off_leaves_nothing_once_another_is_made(served: Scene) -> None:
    (served.it.program.home / ".backup-left").mkdir()
    (served.it.program.home / ".backup-left" / "portfolio.db").write_bytes(b"sealed")
    served.it.run("backup", str(served.it.here / "whole.age"))
    assert [each.name for each in served.it.program.home.iterdir() if each.name.startswith(".")] == []


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_no_crash_of_any_kind_leaves_a_secret_anywhere(tmp_path: Path) -> None:
    with scene(tmp_path, 47_145) as made:
        for _ in range(3):
            for each in EVERY:
                crash(made, *each)
                assert {each.name for each in made.it.here.iterdir()} <= {"made.age"}
    assert leaks(made.it) == []
