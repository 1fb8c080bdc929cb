"""Was it me: two hundred mails against a journal whose truth is known. No wrong yes, no wrong no."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.diary import Line, more, written
from support.letters import Letter, Post
from support.program import DONE, PARTIAL, USAGE, Program
from tallyglass.app import was_it_me
from tallyglass.app.home import Home
from tallyglass.app.keeper_process import KeeperProcess
from tallyglass.app.session import Session, with_store
from tallyglass.store import egress

PASSPHRASE = "four herons on a cold pier"
MAILS = 200
#: In a year. For each mail the whole journal is read twice, as for a user: a long one would show no more.
SYNCS = 80
#: Summer time ends and begins in between.
BEGIN = datetime(2025, 1, 10, tzinfo=UTC)
CONNECTIONS = {"kraken": ("kraken", "kraken-2"), "binance": ("binance",), "coinbase": ("coinbase",)}
#: Ours, one after the other.
OURS = ("203.0.113.7", "2001:db8:5::7", "198.51.100.44", "2001:db8:5:1:a00:27ff:fe4e:66a1")
THEIRS = ("203.0.113.70", "192.0.2.1", "2001:db8:5::8", "2001:db8:ffff::7")


def uses(dice: random.Random) -> list[Line]:
    """A year of syncs at odd times."""
    found, at = [], BEGIN
    for number in range(SYNCS):
        at += timedelta(hours=dice.uniform(60, 150), seconds=dice.randrange(3600))
        exchange = dice.choice(list(CONNECTIONS))
        connection, ip = dice.choice(CONNECTIONS[exchange]), OURS[number * len(OURS) // SYNCS]
        found += [
            Line(at + timedelta(seconds=3 * each), exchange, connection, ip, read)
            for each, read in enumerate(dice.sample(("balances", "ledger", "trades", "open_orders"), 3))
        ]
    return found


class Truth:
    """What has happened, and mails about it."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - repeatable, protects nothing
        self.lines = uses(self.dice)
        self.post = Post(seed)

    def mail(self, *, zone: bool = True) -> tuple[str, str, Letter]:
        """A mail; what it is about in words; and whether that was us."""
        kind = self.dice.choice(
            ("ours", "ours", "ours, no address", "another time", "another address", "other exchange")
        )
        line = self.dice.choice(self.lines)
        at = line.time + timedelta(seconds=self.dice.uniform(0, 40))
        exchange, ip = line.exchange, line.ip
        if kind == "another time":
            at = self.free(exchange)
            ip = self.dice.choice((*OURS, *THEIRS, None))
        elif kind == "another address":
            ip = self.dice.choice([each for each in (*OURS, *THEIRS) if each != line.ip])
        elif kind == "other exchange":
            exchange = self.dice.choice([each for each in CONNECTIONS if each != exchange])
            if not self.is_free(exchange, at):
                return self.mail(zone=zone)
        elif kind == "ours, no address":
            ip = None
        truth = "yes" if kind.startswith("ours") else "no"
        return truth, f"{kind}: {exchange}, {at}, {ip}", self.post.letter(exchange, at, ip, zone=zone)

    def free(self, exchange: str) -> datetime:
        """A moment at which no key of an exchange was used, from a quarter of an hour away to days."""
        while True:
            near = self.dice.choice(self.lines).time
            at = near + self.dice.choice((-1, 1)) * timedelta(minutes=self.dice.choice((15, 40, 60, 120, 480, 900)))
            if self.is_free(exchange, at):
                return at

    def is_free(self, exchange: str, at: datetime) -> bool:
        return all(abs(each.time - at) > timedelta(minutes=10) for each in self.lines if each.exchange == exchange)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth(5)


@contextmanager
def opened(folder: Path, lines: list[Line]) -> Iterator[Session]:
    """A home with such a journal, unlocked."""
    home = written(folder, PASSPHRASE, lines)
    process = KeeperProcess(home, sandbox=None)
    try:
        keeper = process.start()
        keeper.unlock(PASSPHRASE)
        with with_store(home, keeper) as session:
            yield session
    finally:
        process.stop()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, truth: Truth) -> Iterator[Session]:
    with opened(tmp_path_factory.mktemp("diary"), truth.lines) as session:
        yield session


#: How a look at our address from outside went, around one sync of a program behind a router.
LOOKS = ("before and after", "before and after", "before and after", "before", "one service", "changed", "never")


def looked(session: Session, lines: list[Line], dice: random.Random) -> dict[datetime, bool]:
    """What services told around each sync; gives whether that makes it certain from where it was."""
    certain: dict[datetime, bool] = {}
    with session.store.write() as db:
        for first in lines[::3]:
            how = dice.choice(LOOKS)
            before, after = first.time - timedelta(minutes=4), first.time + timedelta(minutes=5)
            sure = how != "one service"
            assert first.ip is not None
            if how != "never":
                egress.note(db, "", {first.ip: sure}, before)
            if how in ("before and after", "one service"):
                egress.note(db, "", {first.ip: sure}, after)
            if how == "changed":
                egress.note(db, "", {_another(first.ip): sure}, after)
            certain |= {first.time + timedelta(seconds=3 * n): how == "before and after" for n in range(3)}
    return certain


def _another(address: str) -> str:
    return "2001:db8:77::1" if ":" in address else "192.0.2.77"


def test_behind_a_router_what_was_seen_from_outside_answers_and_never_wrongly(tmp_path: Path, truth: Truth) -> None:
    told: Counter[tuple[str, str]] = Counter()
    bare = [replace(each, ip=None) for each in truth.lines]
    with opened(tmp_path, bare) as session:
        certain = looked(session, truth.lines, random.Random(11))  # noqa: S311 - repeatable, protects nothing
        for _ in range(MAILS):
            expected, about, letter = truth.mail()
            found = was_it_me.ask_mail(session, letter.raw)
            told[expected, found["answer"]] += 1
            said = f"{about}\n{letter.time}\n{found}\n{letter.raw.decode()}"
            assert found["answer"] in (expected, "cannot_tell"), said
            known = [certain[datetime.fromisoformat(use["time"])] for use in found["uses"]]
            if expected == "yes" and any(found["asked"]["ips"]):
                assert (found["answer"] == "yes") == all(known), said
                assert found["answer"] == "yes" or "not certain" in found["why"]

    assert told["yes", "yes"] > MAILS // 4
    assert told["no", "no"] > MAILS // 4
    assert told["yes", "cannot_tell"] > MAILS // 20, "some looks leave it open"


def test_two_hundred_mails_and_no_wrong_answer(session: Session, truth: Truth) -> None:
    told: Counter[tuple[str, str]] = Counter()
    for _ in range(MAILS):
        expected, about, letter = truth.mail()
        found = was_it_me.ask_mail(session, letter.raw)
        told[expected, found["answer"]] += 1
        assert found["answer"] == expected, f"{about}\n{letter.time}\n{found}\n{letter.raw.decode()}"
        assert bool(found["uses"]) or expected == "no"

    assert told["yes", "yes"] > MAILS // 3
    assert told["no", "no"] > MAILS // 3


def test_a_time_without_its_zone_is_never_answered_wrongly(session: Session, truth: Truth) -> None:
    told: Counter[tuple[str, str]] = Counter()
    for _ in range(MAILS):
        expected, about, letter = truth.mail(zone=False)
        found = was_it_me.ask_mail(session, letter.raw)
        told[expected, found["answer"]] += 1
        assert found["answer"] in (expected, "cannot_tell"), f"{about}\n{letter.time}\n{found}\n{letter.raw.decode()}"

    assert told["no", "no"] > told["no", "cannot_tell"]


#: How a mail may name an address: with a port, glued to its neighbours, made harmless, beside one of ours.
SHAPES = (
    *(
        "IP: {}",
        "IP:{}Location: Paris",
        "IP {}-Paris",
        "IP-Adresse: {}",
        "IPv4: {}",
        "Where: {}",
        "location {} (Paris)",
    ),
    *("IP: {dots}", "IP: [{}]:51234", "IP: {}:51234", "({})", "{}", "IP: {} .", "at {}/32", "IP={};"),
    *("<p><b>IP Address</b><span>{}</span></p>", "<td>IP</td><td>{}</td>", "<b>IP</b>{}<i>Paris</i>", "IP: {spaced}"),
    *("New location: {} (Paris)\nYour usual IP address: {ours}", "IP: {ours}, then {}", "IP: \n{}", "IP: {half}***"),
)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_foreign_address_however_it_is_written_is_never_taken_for_ours(
    session: Session, truth: Truth, shape: str
) -> None:
    for line in [each for each in truth.lines if each.exchange == "kraken"][:4]:
        for foreign in THEIRS:
            forms = {
                "dots": foreign.replace(".", "[.]").replace(":", "[:]"),
                "spaced": foreign.replace(".", " . ").replace(":", " : "),
                "half": foreign[: len(foreign) // 2],
                "ours": line.ip,
            }
            body = f"Time: {line.time:%Y-%m-%d %H:%M:%S}(UTC)\n{shape.format(foreign, **forms)}\n"
            html = "MIME-Version: 1.0\nContent-Type: text/html\n" if "</" in shape else ""
            mail = f"From: Kraken <noreply@kraken.com>\nSubject: API key used\n{html}\n{body}"
            found = was_it_me.ask_mail(session, mail.encode())
            assert found["answer"] != "yes", f"{mail}\n{found}"


@contextmanager
def _lived_in(folder: Path) -> Iterator[Program]:
    """A home with a key at Kraken that was used on a day in November, from two addresses."""
    noon = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)
    lines = [
        Line(noon, "kraken", "kraken", "203.0.113.7", "balances"),
        Line(noon + timedelta(seconds=50), "kraken", "kraken", "203.0.113.7", "ledger"),
        Line(noon + timedelta(hours=2), "kraken", "kraken", "2001:db8::7", "trades"),
        Line(noon + timedelta(hours=4), "kraken", "kraken", None, "trades"),
        Line(noon + timedelta(hours=6), "kraken", "kraken", "203.0.113.7", "trades", "down"),
    ]
    passphrase = folder / "passphrase"
    passphrase.write_text(PASSPHRASE + "\n")
    made = written(folder, PASSPHRASE, lines)
    process = KeeperProcess(made, sandbox=None)
    try:
        process.start().unlock(PASSPHRASE)
        yield Program(made.path, "", passphrase)
    finally:
        process.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with _lived_in(tmp_path_factory.mktemp("home")) as program:
        yield program


def asked(home: Program, at: str, ip: str = "", *more: str) -> tuple[int, str, str, list[str]]:
    """Exit code, answer, why, and the times of the uses."""
    given = ["--at", at, *(["--ip", ip] if ip else []), *more]
    code, view = home.json("was-it-me", "--exchange", "kraken", *given)
    assert set(view) == {"answer", "why", "uses", "next", "asked"}
    assert all(set(use) == {"time", "connection", "read", "egress_ip"} for use in view["uses"])
    return code, view["answer"], view["why"], [use["time"] for use in view["uses"]]


@pytest.mark.parametrize(
    ("at", "ip", "answer"),
    [
        ("2025-11-20 12:00:30 UTC", "203.0.113.7", "yes"),
        ("2025-11-20T12:00:30Z", "", "yes"),
        ("2025-11-20 12:00", "203.0.113.7", "yes"),
        ("Nov 20, 2025 at 4:00 AM PST", "203.0.113.7", "yes"),
        ("Thu, 20 Nov 2025 13:00:30 +0100", "::ffff:203.0.113.7", "yes"),
        ("Thu Nov 20 12:00:30 UTC 2025", "203.0.113.7", "yes"),
        ("2025-11-20 14:01 UTC", "2001:0DB8:0:0:0:0:0:7", "yes"),
        ("2025-11-20 12:00:30 UTC", "203.0.113.8", "no"),
        ("2025-11-20 14:00:30 UTC", "203.0.113.7", "no"),
        ("2025-11-20 12:00:30 PST", "203.0.113.7", "no"),
        ("2025-11-20 13:00 UTC", "", "no"),
        ("2025-11-20 12:05 UTC", "203.0.113.7", "cannot_tell"),  # a little beside it, from there
        ("2025-11-20 16:00 UTC", "203.0.113.7", "cannot_tell"),  # our address was not on record
        ("2025-11-20 18:00 UTC", "203.0.113.7", "cannot_tell"),  # the exchange has not answered
        ("2099-11-20 18:00 UTC", "203.0.113.7", "cannot_tell"),
        ("20/11/2025 12:00 IST", "203.0.113.7", "no"),  # neither in India nor in Israel nor in Ireland
        ("20/11/2025 17:30 IST", "203.0.113.7", "cannot_tell"),  # in India
    ],
)
def test_a_time_and_an_address_as_mails_write_them(home: Program, at: str, ip: str, answer: str) -> None:
    code, found, why, _ = asked(home, at, ip)
    assert (found, code) == (answer, PARTIAL if answer == "cannot_tell" else DONE), why


def test_what_was_read_then_is_listed(home: Program) -> None:
    _, _, why, times = asked(home, "2025-11-20 12:00 UTC", "203.0.113.7")
    assert times == ["2025-11-20T12:00:00Z", "2025-11-20T12:00:50Z"]
    assert "2 reads, 2025-11-20 12:00:00 to 12:00:50 UTC, from 203.0.113.7, with kraken" in why


def test_a_window_may_be_wider(home: Program) -> None:
    assert asked(home, "2025-11-20 12:30 UTC", "203.0.113.7")[1] == "no"
    assert asked(home, "2025-11-20 12:30 UTC", "203.0.113.7", "--window", "45")[1] == "yes"


def test_a_key_of_another_exchange_is_not_meant(home: Program) -> None:
    code, view = home.json("was-it-me", "--exchange", "binance", "--at", "2025-11-20 12:00 UTC")
    assert (code, view["answer"], view["uses"]) == (DONE, "no", [])


def test_a_mail_from_standard_input_and_from_a_file(home: Program, tmp_path: Path) -> None:
    letter = Post(1).letter("kraken", datetime(2025, 11, 20, 12, 0, 20, tzinfo=UTC), "203.0.113.7")
    code, view = home.json("was-it-me", "--mail", "-", stdin=letter.raw.decode())
    assert (code, view["answer"], view["asked"]["exchange"]) == (DONE, "yes", "kraken")

    (tmp_path / "mail.eml").write_bytes(letter.raw.replace(b"203.0.113.7", b"192.0.2.9"))
    ended = home.run("was-it-me", "--mail", str(tmp_path / "mail.eml"))
    assert ended.code == DONE
    assert "not from 192.0.2.9" in ended.words
    assert all(len(line) <= 80 for line in ended.out.splitlines())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--at", "2025-11-20 12:00"], "--exchange"),
        (["--exchange", "kraken"], "--at"),
        (["--exchange", "kraken", "--at", "yesterday"], "no time"),
        (["--exchange", "kraken", "--at", "2025-11-20"], "no time"),
        (["--exchange", "kraken", "--at", "2025-11-20 12:00", "--ip", "1.2.3"], "no address"),
        (["--exchange", "nowhere", "--at", "2025-11-20 12:00"], "no exchange"),
        (["--exchange", "kraken", "--at", "2025-11-20 07:00:30 est"], "'est'"),
        (["--exchange", "kraken", "--at", "2025-11-20 07:00:30 COT"], "'COT'"),
        (["--exchange", "kraken", "--at", "2025-11-20 07:00:30 Etc/GMT+8"], "not understood"),
        (["--exchange", "kraken", "--at", "20/11/2025 07:00 p. m. (UTC-12)"], "not understood"),
        (["--exchange", "kraken", "--at", "2025-11-20 07:00:30 America/Argentina/Buenos_Aires"], "not understood"),
        (["--mail", "/nowhere/mail"], "cannot be read"),
    ],
)
def test_what_is_not_understood_is_told(home: Program, given: list[str], words: str) -> None:
    ended = home.run("was-it-me", *given)
    assert ended.code == USAGE, ended.words
    assert words in ended.words


@pytest.mark.parametrize("change", ["altered", "line gone", "end gone", "all gone"])
def test_a_journal_that_was_touched_tells_nothing(home: Program, change: str) -> None:
    path = home.home / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b"2025-11-20T12:00:00" in line)
    changed = {
        "altered": [*lines[:at], lines[at].replace(b"T12:", b"T13:"), *lines[at + 1 :]],
        "line gone": [*lines[:at], *lines[at + 1 :]],
        "end gone": lines[:-3],
        "all gone": [],
    }
    path.write_bytes(b"".join(changed[change]))
    try:
        for when in ("2025-11-20 12:00 UTC", "2025-11-20 09:00 UTC"):
            code, answer, why, uses = asked(home, when, "203.0.113.7")
            assert (code, answer, uses) == (PARTIAL, "cannot_tell", [])
            assert "The journal does not prove anything" in why
            assert any(word in why for word in ("is not as it was written", "were written")), why
    finally:
        path.write_bytes(b"".join(lines))
    assert asked(home, "2025-11-20 12:00 UTC", "203.0.113.7")[1] == "yes"


@contextmanager
def _asleep(folder: Path) -> Iterator[Program]:
    """A home in which no keeper runs: each command opens the vault, and locks it again."""
    passphrase = folder / "passphrase"
    passphrase.write_text(PASSPHRASE + "\n")
    made = written(folder, PASSPHRASE, [Line(NOON, "kraken", "kraken", "203.0.113.7")])
    yield Program(made.path, "", passphrase)


NOON = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.mark.parametrize("theft", [pytest.param("deleted", marks=pytest.mark.soak), "rolled back"])
def test_a_journal_that_is_gone_or_older_stays_broken_whatever_is_done_since(tmp_path: Path, theft: str) -> None:
    with _asleep(tmp_path) as home:
        pair = [home.home / each for each in ("journal.jsonl", "journal.head")]
        older = [each.read_bytes() for each in pair]
        more(Home(home.home), PASSPHRASE, [Line(LATER, "kraken", "kraken", "203.0.113.7")])
        assert asked(home, "2025-11-20 13:00 UTC", "203.0.113.7")[1] == "yes"
        for path, content in zip(pair, older, strict=True):
            path.unlink()
            if theft == "rolled back":
                path.write_bytes(content)

        home.run("keys")
        for _ in range(2):
            _, answer, why, uses = asked(home, "2025-11-20 13:00 UTC", "203.0.113.7")
            assert (answer, uses) == ("cannot_tell", [])
            assert "The journal does not prove anything" in why
        _, found = home.json("audit")
        assert [each["severity"] for each in found["findings"] if each["id"] == "journal_broken:house"] == ["urgent"]
        assert home.json("journal", "verify")[1]["intact"] is False

        assert home.run("journal", "restart").code == DONE
        assert home.json("journal", "verify")[1]["intact"] is True
        _, answer, why, _ = asked(home, "2025-11-20 13:00 UTC", "203.0.113.7")
        assert answer == "cannot_tell"
        assert "begins anew" in why
        first = json.loads(pair[0].read_bytes().splitlines()[0])
        lines = len(older[0].splitlines())
        assert first["lines"] >= lines + 2, "the end that was known stays on record"


def test_before_a_journal_that_was_begun_anew_nothing_can_be_told(tmp_path: Path) -> None:
    with _lived_in(tmp_path) as home:
        path = home.home / "journal.jsonl"
        path.write_bytes(path.read_bytes().replace(b"T12:", b"T13:"))
        assert home.run("journal", "restart").code == DONE
        code, answer, why, _ = asked(home, "2025-11-20 13:00 UTC")

    assert (code, answer) == (PARTIAL, "cannot_tell")
    assert "the one before was broken" in why
