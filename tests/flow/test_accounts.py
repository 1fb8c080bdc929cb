"""Own accounts as a user has them: a net worth without any key, and beside a connection that proves what is its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.program import DONE, USAGE, Program, running_home
from support.sandbox import Sandbox, running_sandbox

BANK = "day,asset,balance\n2026-01-31,EUR,1200\n2026-03-31,EUR,900.50\n2026-02-28,EUR,1500\n"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=6) as running:
        yield running


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    """A home without any key: nothing was ever connected or synced."""
    with running_home(tmp_path_factory.mktemp("alone"), sandbox) as running:
        assert running.json("accounts") == (DONE, [])
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    """A home with Kraken connected and synced, and two accounts: what was sent to the cold wallet came from Kraken."""
    sandbox.happen("kraken", "withdrawal", asset="LTC", amount="1.75", txid="5e" * 32)
    with running_home(tmp_path_factory.mktemp("program"), sandbox) as running:
        assert running.connect("kraken", sandbox.key("kraken"))[0] == DONE
        assert running.json("sync")[0] == DONE
        assert running.json("accounts", "add", "Cold wallet")[0] == DONE
        assert running.json("accounts", "add", "Bank", "--kind", "bank")[0] == DONE
        assert running.json("accounts", "balance", "Bank", "EUR", "10000")[0] == DONE
        assert running.json("accounts", "entry", "Cold wallet", "deposit", "LTC", "1.75")[0] == DONE
        yield running


def held(program: Program, account: str) -> dict[str, Decimal]:
    (found,) = (each for each in program.json("accounts")[1] if each["account"] == account)
    return {each["asset"]: Decimal(each["amount"]) for each in found["assets"]}


def told(program: Program, *question: str) -> Any:
    return program.json(*question)[1]


def error(program: Program, *arguments: str) -> tuple[int, str, str]:
    code, answer = program.json(*arguments)
    return code, answer["error"]["code"], answer["error"]["text"]


# -- without a key


def test_accounts_alone_give_a_net_worth(alone: Program, tmp_path: Path) -> None:
    statement = tmp_path / "bank.csv"
    statement.write_text(BANK)
    assert alone.json("accounts", "add", "Giro", "--kind", "bank")[0] == DONE
    assert alone.json("accounts", "add", "Car", "--kind", "loan")[0] == DONE
    assert told(alone, "accounts", "import", "Giro", str(statement))["new"] == 3
    assert alone.json("accounts", "balance", "Car", "EUR", "-400.25")[0] == DONE
    code, found = alone.json("worth")
    by = {part["connection"]: part["amount"] for part in found["holdings"][0]["by"]}
    assert by == {"own:Giro": "900.5", "own:Car": "-400.25"}
    price = Decimal(found["holdings"][0]["price"])  # the bundled rate of the ECB, however old by now: told, if so
    assert Decimal(found["total"]) == Decimal(found["stated"]) == price * Decimal("500.25") > 0
    assert {cause["code"] for cause in found["causes"]} <= {"price_stale"}

    assert alone.json("set-currency", "EUR")[0] == DONE
    code, found = alone.json("worth")
    assert (code, found["complete"], found["total"]) == (DONE, True, "500.25")
    assert {source["status"] for source in found["sources"]} == {"yours"}
    words = alone.run("worth").words
    assert "stated by you: €500.25 of €500.25" in words
    assert "Giro: EUR was last stated for 2026-03-31" in words
    assert "own:" not in words


def test_the_same_file_again_changes_nothing_and_a_bad_one_is_not_taken_over(alone: Program, tmp_path: Path) -> None:
    name, file = "Twice", tmp_path / "file.csv"
    assert alone.json("accounts", "add", name)[0] == DONE
    file.write_text("time,kind,asset,amount,fee\n2026-01-02,deposit,BTC,1,\n2026-01-03,withdrawal,BTC,0.5,0.1\n")
    first = told(alone, "accounts", "import", name, str(file))
    before = told(alone, "accounts", "show", name)
    again = told(alone, "accounts", "import", name, str(file))
    assert (first["new"], again["new"], again["known"]) == (2, 0, 2)
    assert told(alone, "accounts", "show", name) == before
    assert held(alone, name) == {"BTC": Decimal("0.4")}

    file.write_text("time,kind,asset,amount\n2026-01-04,deposit,BTC,1\nsoon,deposit,BTC,1\n2026-01-05,gift,BTC,1\n")
    code, problem, text = error(alone, "accounts", "import", name, str(file))
    assert (code, problem) == (USAGE, "not_readable")
    assert ["line 3: " in text, "line 4: " in text, "line 2: " in text] == [True, True, False]
    file.write_text("day,asset,balance\n2026-01-04,ETH,1\n2026-01-04,BTC,1\n")
    assert "line 3: Twice has entries of BTC" in error(alone, "accounts", "import", name, str(file))[2]
    assert told(alone, "accounts", "show", name) == before


def test_what_was_said_can_be_corrected_and_taken_back(alone: Program) -> None:
    assert alone.json("accounts", "add", "Safe", "--kind", "other")[0] == DONE
    said = [
        told(alone, "accounts", "balance", "safe", "xaut", figure, "--day", day)
        for day, figure in (("2026-02-01", "3"), ("2026-01-01", "5"), ("2026-02-01", "4"))
    ]
    assert [(each["new"], each["changed"]) for each in said] == [(1, 0), (1, 0), (0, 1)]
    items = told(alone, "history", "--connection", "own:Safe")["items"]
    assert [each["legs"][0]["amount"] for each in items] == ["-1", "5"]
    assert alone.json("accounts", "undo", "Safe", items[1]["id"])[0] == DONE
    assert told(alone, "history", "--connection", "own:Safe")["items"][0]["legs"][0]["amount"] == "4"
    assert error(alone, "accounts", "undo", "Safe", items[1]["id"])[:2] == (USAGE, "no_such_entry")

    once = ("accounts", "entry", "Safe", "trade", "ETH", "2", "--against", "-3000 EUR", "--fee", "1 EUR")
    done = told(alone, *once, "--time", "2026-01-05T10:00Z")
    assert held(alone, "Safe") == {"XAUT": Decimal(4), "ETH": Decimal(2), "EUR": Decimal(-3001)}
    assert error(alone, *once, "--time", "2026-01-05T11:00+01:00")[:2] == (USAGE, "already_said")
    assert error(alone, "accounts", "balance", "Safe", "ETH", "2")[:2] == (USAGE, "two_ways")
    assert error(alone, "accounts", "entry", "Safe", "reward", "XAUT", "1")[:2] == (USAGE, "two_ways")
    assert alone.json("accounts", "undo", "Safe", done["id"])[0] == DONE
    assert held(alone, "Safe") == {"XAUT": Decimal(4)}
    assert alone.json("accounts", "remove", "Safe")[0] == DONE
    assert error(alone, "history", "--connection", "own:Safe")[:2] == (USAGE, "no_such_connection")


def test_mistakes_are_told_and_change_nothing(alone: Program) -> None:
    assert alone.json("accounts", "add", "Debt", "--kind", "loan")[0] == DONE
    tomorrow = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    for arguments, code in (
        (("add", "DEBT"), "account_exists"),
        (("add", "a/b"), "usage"),
        (("add", "fine", "--kind", "pocket"), "usage"),
        (("balance", "Nobody", "EUR", "1"), "no_such_account"),
        (("balance", "Debt", "EUR", "500"), "usage"),
        (("balance", "Debt", "EUR", "-500", "--day", tomorrow), "usage"),
        (("balance", "Debt", "EUR", "-500", "--dya", "2026-01-01"), "usage"),
        (("entry", "Debt", "gift", "EUR", "5"), "usage"),
        (("import", "Debt", "/nonexistent"), "not_readable"),
    ):
        assert error(alone, "accounts", *arguments)[:2] == (USAGE, code), arguments
    assert held(alone, "Debt") == {}


# -- beside a connection


def test_what_is_stated_is_counted_and_stands_apart(program: Program, sandbox: Sandbox) -> None:
    found = told(program, "worth")
    status = {source["connection"]: source["status"] for source in found["sources"]}
    assert status == {"kraken": "fresh", "own:Bank": "yours", "own:Cold wallet": "yours"}
    prices = {each["asset"]: Decimal(each["price"]) for each in found["holdings"] if each["price"]}
    assert Decimal(found["stated"]) == 10000 * prices["EUR"] + Decimal("1.75") * prices["LTC"]
    assert not any(cause["about"].startswith("own:") for cause in found["causes"])
    assert {row["connection"] for row in told(program, "reconcile", "--all")} == {"kraken"}
    assert {row["connection"] for row in told(program, "keys")} == {"kraken"}
    words = "".join(program.run(*each).words for each in (("worth",), ("holdings",), ("history",)))
    assert not re.search(r"\bown:", words)


def test_a_withdrawal_to_the_cold_wallet_is_matched_with_what_was_typed_there(program: Program) -> None:
    (found,) = told(program, "transfers")["matched"]
    assert (found["sent"]["connection"], found["received"]["connection"]) == ("kraken", "own:Cold wallet")
    assert program.run("history", "--asset", "LTC", "--connection", "kraken").words.count("to Cold wallet") == 1


def test_syncs_replays_and_backups_leave_accounts_as_they_are(program: Program, tmp_path: Path) -> None:
    names = ("Bank", "Cold wallet")
    before, listed = [told(program, "accounts", "show", name) for name in names], told(program, "accounts")
    file = tmp_path / "saved.age"
    for command in (("sync", "--full"), ("replay",), ("reconcile", "--recount", "--all"), ("backup", str(file))):
        assert program.json(*command)[0] == DONE, command
        assert told(program, "accounts") == listed, command
    other = replace(program, home=tmp_path / "other")
    assert other.json("restore", str(file))[0] == DONE
    assert told(other, "accounts") == listed
    for command in (("disconnect", "own:Bank"), ("freeze", "own:Bank"), ("sync", "own:Bank")):
        assert error(program, *command)[1] == "no_such_connection", command
    assert program.json("disconnect", "kraken", "--forget", "--forget-history")[0] == DONE
    assert [told(program, "accounts", "show", name) for name in names] == before
