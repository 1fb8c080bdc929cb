"""The canary hunt over each place from which a key is fetched: kept as a reference or sealed, connected and rotated.

Every secret is handed over by each password manager, the system's key store and a file descriptor in turn. What such
a manager holds lies apart and is the user's own; all that is ours is searched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest

from support.canary import found_in, search
from support.hunt import Hunt, hunting, json_of, keeping, leaks, places
from support.keeper import Process
from support.managers import desktop, fill_key_store, has_key_store, password_store, stand_in
from support.program import PASSPHRASE
from tallyglass.keeper import vault

pytestmark = pytest.mark.timeout(900)
#: Another read-only key of the same account.
SECOND = {"kraken": "can_trade", "binance": "read_only_ed25519", "coinbase": "read_only_ed25519"}
FAILING = {
    "torn": '{{"key": "{key}", "secret": "{secret}"',
    "a list": '["{secret}"]',
    "without a key": '{{"password": "{secret}"}}',
}


@dataclass(frozen=True, slots=True)
class Way:
    """A key comes from there, and is kept there or sealed here; then another takes over in the same manner."""

    exchange: str
    first: str
    first_kept: bool
    then: str
    then_kept: bool

    def __str__(self) -> str:
        first, then = ("kept" if kept else "sealed" for kept in (self.first_kept, self.then_kept))
        return f"{self.exchange}: {self.first} {first}, {self.then} {then}"


SOURCES = ("op", "bws", "pass", "keyring", "fd")
#: Each source as the first and as the one that takes over, kept and sealed.
BRISK = (
    *(Way("kraken", "op", True, "bws", False), Way("coinbase", "bws", True, "pass", True)),
    *(Way("binance", "pass", False, "keyring", True), Way("kraken", "keyring", True, "fd", False)),
    *(Way("coinbase", "fd", False, "op", True), Way("binance", "op", False, "pass", False)),
    *(Way("kraken", "bws", False, "op", False), Way("coinbase", "pass", True, "bws", True)),
    *(Way("coinbase", "keyring", False, "keyring", False),),
)


def every_way() -> Iterator[Way]:
    for exchange, first, first_kept, then, then_kept in product(SECOND, SOURCES, (True, False), SOURCES, (True, False)):
        if not (first == "fd" and first_kept) and not (then == "fd" and then_kept):
            yield Way(exchange, first, first_kept, then, then_kept)


@dataclass(frozen=True, slots=True)
class Managers:
    """Where each key lies: by name, in each source."""

    it: Hunt
    key_store: bool

    def given(self, source: str, name: str) -> tuple[list[str], str | None]:
        """Arguments that name it there, and what stands on standard input."""
        if source == "fd":
            exchange, _, kind = name.partition("-")
            return ["--key-from", "fd:0"], json_of(self.it.sandbox.key(exchange, kind))
        return ["--key-from", reference(source, name)], None


def owners(home: Path) -> set[str]:
    """Whose secrets lie in the vault: that much is told without opening it."""
    return {owner for owner, _ in vault._load(vault._undamaged(home / "vault.db")[: -vault._TAIL]).secrets}


def reference(source: str, name: str) -> str:
    return {
        "op": f"op://Private/{name}",
        "bws": f"bws:{uuid5(NAMESPACE_URL, name)}",
        "pass": f"pass:exchanges/{name}",
        "keyring": f"keyring:exchanges/{name}",
    }[source]


@contextmanager
def managers(it: Hunt) -> Iterator[Managers]:
    """Each with every key."""
    keys = {f"{exchange}-{kind}": it.sandbox.key(exchange, kind) for exchange in SECOND for kind in _kinds(exchange)}
    kept = {name: json_of(key) for name, key in keys.items()}
    for name, shape in FAILING.items():
        kept[name.replace(" ", "-")] = shape.format(**it.sandbox.key("kraken"))
    for source in ("op", "bws"):
        stand_in(
            it.apart / "bin",
            source,
            {reference(source, name).removeprefix("bws:"): text for name, text in kept.items()},
        )
    with ExitStack() as stack:
        it.environment |= stack.enter_context(
            password_store(it.apart / "bin", {f"exchanges/{name}": text for name, text in kept.items()})
        )
        if has_key_store():
            told = stack.enter_context(desktop())
            fill_key_store(told, "exchanges", kept)
            it.environment |= told  # but for `pass` and its gpg, which have variables of their own
        yield Managers(it, has_key_store())


def _kinds(exchange: str) -> tuple[str, str]:
    return "read_only", SECOND[exchange]


@contextmanager
def fetched(folder: Path, seed: int, ways: Sequence[Way]) -> Iterator[tuple[Hunt, list[str]]]:
    """All that came of going those ways; and where a key lay in the vault that was to be kept elsewhere, or did not."""
    with hunting(folder, seed) as it:
        for exchange, kind in SECOND.items():
            it.wanted[f"{exchange}, second"] = it.sandbox.key(exchange, kind)["secret"]
        it.sandbox.change_key("kraken", "can_trade", revoke=["trade"])
        it.run("init")
        misplaced: list[str] = []
        with keeping(it) as process, managers(it) as there:
            for way in ways:
                misplaced += _go(it, process, there, way)
            _fail(it, there)
        yield it, misplaced


def _go(it: Hunt, process: Process, there: Managers, way: Way) -> list[str]:
    """Connect, lock, read again; let another key take over, lock, read again; part."""
    found, whom = [], way.exchange
    for command, source, kept, kind in (
        ("connect", way.first, way.first_kept, "read_only"),
        ("rotate", way.then, way.then_kept, SECOND[way.exchange]),
    ):
        fetched_here = _hand_over(it, there, [command, whom], (source, f"{way.exchange}-{kind}", kept))
        if fetched_here:
            process.keeper.lock()
            process.keeper.unlock(PASSPHRASE)
            it.run("fetch")
        [known] = process.keeper.connections()
        whom = known.id
        process.keeper.read(whom, "balances")
        if (whom in owners(it.program.home)) == fetched_here:
            found.append(f"{way}, {command}: {'kept, but sealed too' if fetched_here else 'not sealed'}")
        it.said.append((str(way), repr(known).encode()))
    process.keeper.forget(whom)
    return found


def _hand_over(it: Hunt, there: Managers, command: list[str], what: tuple[str, str, bool]) -> bool:
    """Whether the key is kept where it comes from."""
    source, name, kept = what
    arguments, stdin = there.given(source, name)
    if source == "keyring" and not there.key_store:
        it.run(*command, *arguments, code=1)  # said in words, and searched too
        return _hand_over(it, there, command, ("fd", name, False))
    it.run(*command, *arguments, *(["--keep-reference"] if kept else []), stdin=stdin)
    return kept


def _fail(it: Hunt, there: Managers) -> None:
    """What lies there is no whole key: it is told, and nothing of it."""
    for source, name in zip(SOURCES, (*FAILING, *FAILING), strict=False):
        if source == "fd":
            stdin = FAILING[name].format(**it.sandbox.key("kraken"))
            it.run("connect", "kraken", "--key-from", "fd:0", stdin=stdin, code=None)
        elif source != "keyring" or there.key_store:
            it.run("connect", "kraken", *there.given(source, name.replace(" ", "-"))[0], code=None)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hunt, list[str]]]:
    with fetched(tmp_path_factory.mktemp("fetched"), 47_142, BRISK) as made:
        yield made


def test_no_secret_is_anywhere_but_with_its_manager(day: tuple[Hunt, list[str]]) -> None:
    it, misplaced = day
    assert leaks(it) == []
    assert misplaced == []
    assert list((it.folder / "tmp").iterdir()) == []
    assert list(it.here.iterdir()) == []


def test_each_place_was_asked_and_each_was_searched(day: tuple[Hunt, list[str]]) -> None:
    it, _ = day
    for asked in (b"op\0item\0get\0", b"bws\0secret\0get\0", b"show\0--\0exchanges/"):
        assert asked in it.watch.all, asked
    said = b"\n".join(text for _, text in it.said)
    for words in (
        b"DEBUG",
        b"Fetched: ",
        b"not whole JSON",
        b"uses the new key",
        *(f"{each}:".encode() for each in SOURCES[:-1]),
    ):
        assert words in said, words
    assert {name.rpartition("/")[2] for name, _ in places(it)} >= {"vault.db", "journal.jsonl", "home.log"}


def test_what_was_sealed_was_there_to_be_found(day: tuple[Hunt, list[str]]) -> None:
    """A manager's answer is what is searched for: it is seen where it lies by right, and where it would slip."""
    it, _ = day
    apart = [(str(each), each.read_bytes()) for each in (it.apart / "bin").iterdir()]
    names = {name for _, content in apart for name in found_in(content, it.traces)}
    assert {name.partition(":")[0] for name in names} >= {*SECOND, *(f"{each}, second" for each in SECOND)}
    slipped = json.dumps({"error": {"text": f"bws said {json.dumps({'value': json_of(it.sandbox.key('coinbase'))})}"}})
    assert search([("an error that quotes its manager", slipped.encode())], it.traces) != []


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_by_every_way_no_secret_is_anywhere_else(tmp_path: Path) -> None:
    ways = list(every_way())
    assert len(ways) == len(SECOND) * 9 * 9
    with fetched(tmp_path, 47_143, ways) as (it, misplaced):
        assert misplaced == []
    assert leaks(it) == []
