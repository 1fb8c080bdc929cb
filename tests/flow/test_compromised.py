"""The drill: a key may be stolen. It is stopped at once, and told is exactly what happened since, here and on paper."""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.program import DONE, PARTIAL, Program, running_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.exchanges import registry

EXCHANGES = ("kraken", "binance", "coinbase")
KINDS = ("withdrawal", "trade")


@dataclass(frozen=True, slots=True)
class Drill:
    """A home whose accounts were used by somebody else after a moment."""

    program: Program
    sandbox: Sandbox
    since: str
    #: What that somebody did at each exchange: ids of orders, of entries by kind.
    orders: dict[str, set[str]]
    entries: dict[str, dict[str, set[str]]]


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    folder = tmp_path_factory.mktemp("drill")
    with running_sandbox(folder) as sandbox, running_home(folder, sandbox) as program:
        for exchange in EXCHANGES:
            assert program.connect(exchange, sandbox.key(exchange))[0] == DONE
        before = {each: _ids(sandbox, each) for each in EXCHANGES}
        since = datetime.now(UTC).isoformat()
        for exchange in EXCHANGES:
            for act in ("order", "withdrawal", "trade", "order", "deposit"):
                sandbox.happen(exchange, act)
        after = {each: _ids(sandbox, each) for each in EXCHANGES}
        assert program.run("sync").code == DONE
        orders = {each: after[each][0] - before[each][0] for each in EXCHANGES}
        new = {each: after[each][1].keys() - before[each][1].keys() for each in EXCHANGES}
        entries = {
            each: {kind: {f"{each}/{e}" for e in new[each] if after[each][1][e] == kind} for kind in KINDS}
            for each in EXCHANGES
        }
        assert all(entries[each]["withdrawal"] and orders[each] for each in EXCHANGES)
        yield Drill(program, sandbox, since, orders, entries)


def _ids(sandbox: Sandbox, exchange: str) -> tuple[set[str], dict[str, str]]:
    """Open orders, and entries with their kinds, as the account's own books have them."""
    truth = sandbox.truth(exchange)
    return {each["id"] for each in truth["open_orders"]}, {each["id"]: each["kind"] for each in truth["entries"]}


def uses(drill: Drill, exchange: str) -> int:
    key = drill.sandbox.key(exchange)["key"]
    return sum(1 for each in drill.sandbox.requests(exchange) if each["key"] == key)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_it_is_stopped_and_told_is_exactly_what_happened_since(drill: Drill, exchange: str, tmp_path: Path) -> None:
    asked = uses(drill, exchange)
    paper = tmp_path / "incident.md"
    code, told = drill.program.json("compromised", exchange, "--since", drill.since, "--report", str(paper))

    assert code == DONE, told
    assert told["state"] == "frozen"
    assert {each["id"] for each in told["orders"]} == drill.orders[exchange]
    assert {each["id"] for each in told["withdrawals"]} == drill.entries[exchange]["withdrawal"]
    assert {each["id"] for each in told["trades"]} == drill.entries[exchange]["trade"]
    assert told["journal_intact"]
    assert told["uses"]

    assert drill.program.json("keys")[1][EXCHANGES.index(exchange)]["state"] == "frozen"
    drill.program.run("sync", exchange)
    assert uses(drill, exchange) == asked, "the key was used after it had been stopped"

    words = paper.read_text()
    for each in drill.orders[exchange]:
        assert f"`{each}`" in words
    for each in drill.entries[exchange]["withdrawal"] | drill.entries[exchange]["trade"]:
        assert f"`{each.removeprefix(f'{exchange}/')}`" in words
    assert f"### Open orders placed since: {len(drill.orders[exchange])}" in words
    assert f"### Withdrawals: {len(drill.entries[exchange]['withdrawal'])}" in words
    for told_at in (words, next(each["text"] for each in told["steps"] if each["id"] == "check")):
        assert "Orders that were placed and cancelled again meanwhile are in no list here" in told_at
        assert registry.manifest(exchange).labels["orders"].split(";")[0] in told_at.replace("\\", "")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "incident-journal.csv").read_text())))
    assert {row["connection"] for row in rows} == {exchange}
    assert len(rows) == asked - _inspections(drill, exchange)
    for made in tmp_path.iterdir():
        assert stat.S_IMODE(made.stat().st_mode) == 0o600


def _inspections(drill: Drill, exchange: str) -> int:
    """Uses of the key before it had a connection."""
    rows = drill.program.json("journal", "list", "--limit", "100000")[1]
    return sum(1 for each in rows if each["exchange"] == exchange and not each["connection"])


def test_what_came_before_is_not_told(drill: Drill) -> None:
    _, told = drill.program.json("compromised", "kraken", "--since", datetime.now(UTC).isoformat())
    assert (told["orders"], told["trades"], told["withdrawals"], told["uses"]) == ([], [], [], [])
    assert any("were last read at" in each for each in told["gaps"])


def test_a_second_time_it_tells_when_it_was_stopped_first(drill: Drill) -> None:
    first = drill.program.json("compromised", "kraken")[1]
    again = drill.program.json("compromised", "kraken")[1]
    assert first["frozen_at"] == again["frozen_at"] is not None


def test_the_proof_of_death_is_the_exchanges_own_refusal(drill: Drill) -> None:
    code, alive = drill.program.json("compromised", "kraken", "--check")
    assert (code, alive["proof"]["answer"], alive["state"]) == (PARTIAL, "alive", "frozen")
    steps = {each["id"]: each for each in alive["steps"]}
    assert (steps["freeze"]["done"], steps["proof"]["done"], steps["password"]["done"]) == (True, False, None)

    drill.sandbox.change_key("kraken", dead=True)
    code, dead = drill.program.json("compromised", "kraken", "--check")
    assert (code, dead["proof"]["answer"], dead["state"]) == (DONE, "dead", "dead")
    assert {each["id"]: each["done"] for each in dead["steps"]}["proof"]

    asked = uses(drill, "kraken")
    assert drill.program.json("compromised", "kraken", "--check")[0] == DONE
    assert uses(drill, "kraken") == asked, "a dead key's secret is gone: nothing can be asked with it"


def test_people_get_words_of_eighty_columns(drill: Drill) -> None:
    ended = drill.program.run("compromised", "binance", "--since", drill.since)
    assert ended.code == DONE
    assert "Stopped: Tallyglass uses the key of binance no more." in ended.words
    assert "Disable account" in ended.words
    assert all(len(line) <= 80 for line in ended.out.splitlines()), ended.out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["nowhere"], "No connection 'nowhere'"),
        (["coinbase", "--since", "lately"], "no time"),
        (["coinbase", "--report", "/nowhere/at/all.md"], "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_told_and_the_key_is_stopped_all_the_same(
    drill: Drill, given: list[str], words: str
) -> None:
    ended = drill.program.run("compromised", *given)
    assert ended.code != DONE
    assert words in ended.words
