"""Amounts with 18 decimals and 30 digits survive from the exchange's text to the screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.program import PARTIAL, Program, running_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app.exchanges import parse
from tallyglass.exchanges.streams import Balance, Ticker
from tallyglass.keeper.client import Keeper, socket_path
from tallyglass.money import Asset, amount, text
from tallyglass.prices import stored
from tallyglass.store import present
from tallyglass.store.sqlcipher import open_store

LONG = "123456789012.345678901234567891"  # 30 digits, 18 of them decimals
SMALL = "0.000000000000000001"
PRICE = "0.000000012345678901"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield from connected(tmp_path_factory.mktemp("home"), sandbox)


def connected(folder: Path, sandbox: Sandbox) -> Iterator[Program]:
    """A home whose one account holds what no sandbox grows."""
    with running_home(folder, sandbox) as made:
        assert made.connect("coinbase", sandbox.key("coinbase"))[0] == 0
        now = datetime.now(UTC)
        store = open_store(made.home / "portfolio.db", Keeper(socket_path(made.home)).store_key())
        with store.write() as db:
            held = [Balance("spot", Asset(name), amount(figure)) for name, figure in (("PEPE", LONG), ("ETH", SMALL))]
            present.set_balances(db, "coinbase", held, now)
            present.went_well(db, "coinbase", "balances", now)
            prices = [Ticker(Asset(name), Asset("USD"), amount(PRICE)) for name in ("PEPE", "ETH")]
            present.set_tickers(db, "coinbase", prices, now)
            present.set_setting(db, stored.OFF, ",".join(stored.OPTIONAL))
        store.close()
        yield made


def test_json_has_every_digit(program: Program) -> None:
    code, found = program.json("worth")
    holdings: dict[str, Any] = {each["asset"]: each for each in found["holdings"]}

    assert (code, [cause["code"] for cause in found["causes"]]) == (PARTIAL, ["history_unread"]), "no history yet"
    assert holdings["PEPE"]["amount"] == LONG
    assert holdings["ETH"]["amount"] == SMALL
    assert holdings["PEPE"]["price"] == PRICE
    assert int(found["total"].replace(".", "")) == (123456789012345678901234567891 + 1) * 12345678901
    assert len(found["total"].partition(".")[2]) == 36


@pytest.mark.parametrize("command", ["worth", "holdings"])
def test_a_terminal_of_80_columns_shows_every_digit(program: Program, command: str) -> None:
    ended = program.run(command, env={"COLUMNS": "80"})
    shown = ended.out
    assert shown, ended.err

    assert "123,456,789,012.345678901234567891" in shown
    assert "0.000000000000000001" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_parsers_keep_every_digit() -> None:
    kraken = json.dumps({"error": [], "result": {"XXBT": {"balance": LONG, "hold_trade": SMALL}}})
    (balance,) = parse("kraken", "balances", kraken.encode())["items"]
    assert (balance["total"], balance["locked"]) == (LONG, SMALL)

    assert text(amount(LONG)) == LONG
