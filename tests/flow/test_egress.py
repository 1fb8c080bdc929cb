"""Our addresses from outside: asked, pasted, compared with what keys are bound to, and watched for a change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.home import open_home
from support.program import DONE, EXCHANGE, USAGE, Program, new_home, running_home, running_keeper
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import egress

HERE, THERE, SIX = "203.0.113.7", "198.51.100.20", "2001:db8::7"
ECHOES = {"ipify", "icanhazip"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as made:
        yield made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    with running_home(tmp_path_factory.mktemp("home"), sandbox) as program:
        yield program


@pytest.fixture(autouse=True)
def _at_home(sandbox: Sandbox) -> Iterator[None]:
    move(sandbox, HERE)
    yield
    sandbox.control("POST", "addresses", {"v4": "127.0.0.1"})
    for exchange in sandbox.state["exchanges"]:
        sandbox.change_key(exchange, ip_list=[])


def move(sandbox: Sandbox, v4: str, v6: str | None = SIX, **lies: str) -> None:
    """From now on we are seen so."""
    sandbox.control("POST", "addresses", {"v4": v4, "v6": v6, "lies": lies})


def look(program: Program, *more: str) -> dict[str, Any]:
    code, told = program.json("egress", *more)
    assert code == DONE, told
    found: dict[str, Any] = told
    return found


def of(view: dict[str, Any], connection: str) -> tuple[str, list[str]]:
    """The verdict on a connection, and the codes of its findings."""
    [found] = [each for each in view["connections"] if each["connection"] == connection]
    return found["verdict"], [each["code"] for each in found["findings"]]


def asked(sandbox: Sandbox) -> set[str]:
    return {each["exchange"] for each in sandbox.requests()} & ECHOES


def test_a_move_from_the_first_look_to_the_mended_list(home: Program, sandbox: Sandbox) -> None:
    for exchange in ("kraken", "binance"):
        sandbox.change_key(exchange, ip_list=[HERE])
    for exchange in ("kraken", "binance", "coinbase"):
        assert home.connect(exchange, sandbox.key(exchange))[0] == DONE
    first = look(home)
    assert first["addresses"] == [HERE]
    assert {(each["exchange"], each["text"], each["known"]) for each in first["exchanges"]} == {
        (each, HERE, "sure") for each in ("kraken", "binance", "coinbase")
    }
    assert [each["address"] for each in first["seen"]] == [SIX, HERE]
    assert {name: of(first, name) for name in ("kraken", "binance", "coinbase")} == {
        "kraken": ("ours", []),
        "binance": ("hidden", []),
        "coinbase": ("cannot_tell", []),
    }

    move(sandbox, THERE)
    then = look(home)
    assert then["exchanges"][0]["before"] == [HERE]
    assert {name: of(then, name) for name in ("kraken", "binance", "coinbase")} == {
        "kraken": ("elsewhere", ["egress_changed"]),
        "binance": ("hidden", ["egress_changed"]),
        "coinbase": ("cannot_tell", []),  # it was asked from there, and answered
    }
    _, audited = home.json("audit")
    assert {each["id"] for each in audited["findings"]} >= {"egress_changed:kraken", "egress_changed:binance"}
    shown = home.run("egress", "kraken", "--seen").words
    assert f"Your address is now {THERE}; before, it was {HERE}." in shown
    assert f"“IP address restriction”: {THERE}, and take away {HERE}." in shown

    for exchange in ("kraken", "binance"):  # what was said would fail does
        assert home.run("sync", exchange).code == EXCHANGE

    for exchange in ("kraken", "binance"):
        sandbox.change_key(exchange, ip_list=[THERE])
    mended = look(home)
    assert {name: of(mended, name) for name in ("kraken", "binance", "coinbase")} == {
        "kraken": ("ours", []),
        "binance": ("hidden", []),
        "coinbase": ("cannot_tell", []),
    }
    home.forget_all()


def test_a_list_that_lets_others_in(home: Program, sandbox: Sandbox) -> None:
    look(home)
    sandbox.change_key("kraken", ip_list=[HERE, "192.0.2.0/24"])
    name = home.connect("kraken", sandbox.key("kraken"))[1]["connection"]
    assert of(look(home), name) == ("others_too", ["ip_others"])
    sandbox.change_key("kraken", ip_list=[HERE, "0.0.0.0/0"])
    assert of(look(home), name) == ("unbound", ["ip_unbound"])
    sandbox.change_key("kraken", ip_list=[])
    assert of(look(home), name)[0] == "unbound"
    home.forget_all()


def test_a_service_that_lies_is_not_believed(home: Program, sandbox: Sandbox) -> None:
    move(sandbox, HERE, ipify="192.0.2.66")
    view = look(home)
    assert {(each["known"], each["text"]) for each in view["exchanges"]} == {("doubtful", "")}
    assert "192.0.2.66" not in home.run("guide", "kraken", passphrase=False).out
    move(sandbox, HERE)
    assert look(home, "kraken")["exchanges"][0]["text"] == HERE


def test_one_service_alone_is_enough_to_know_and_said_to_be_alone(home: Program, sandbox: Sandbox) -> None:
    sandbox.fault("status", "ipify", value=503)
    view = look(home, "binance")
    sandbox.calm()
    assert [(each["exchange"], each["known"], each["text"]) for each in view["exchanges"]] == [
        ("binance", "single", HERE)
    ]
    assert {(each["source"], each["version"]) for each in view["failed"]} == {("ipify", 4), ("ipify", 6)}


def test_the_guide_holds_what_was_seen(home: Program, sandbox: Sandbox) -> None:
    look(home)
    for exchange in ("kraken", "binance", "coinbase"):
        assert HERE in home.run("guide", exchange, passphrase=False).out


def test_an_exchange_that_there_is_not(home: Program) -> None:
    code, told = home.json("egress", "krakn")
    assert (code, told["error"]["code"]) == (USAGE, "unknown_exchange")


@pytest.mark.parametrize(
    ("file", "text", "shown"),
    [
        ("egress.txt", f"{HERE}\n{SIX}\n", [HERE, SIX]),
        ("egress.toml", f'addresses = ["{HERE}"]', [HERE]),
        ("egress.toml", "echo = []", ["127.0.0.1"]),
    ],
)
def test_where_all_is_said_or_asking_is_forbidden_nobody_is_asked(
    tmp_path: Path, sandbox: Sandbox, file: str, text: str, shown: list[str]
) -> None:
    program = new_home(tmp_path, sandbox)
    (program.home / file).write_text(text)
    with running_keeper(program):
        assert program.inspect("kraken", sandbox.key("kraken"))[0] == DONE
        sandbox.control("DELETE", "requests")
        assert look(program)["addresses"] == shown
        assert asked(sandbox) == set()


def test_a_running_program_looks_again_before_a_sync_when_it_is_time(tmp_path: Path, sandbox: Sandbox) -> None:
    with open_home(tmp_path, sandbox, "kraken") as session:
        for minutes, wanted in ((0, ECHOES), (5, set()), (11, ECHOES)):
            sandbox.control("DELETE", "requests")
            now = datetime.now(UTC) + minutes * egress.INTERVAL / 10
            egress.look_if_due(replace(session, now=lambda now=now: now))  # type: ignore[misc]
            assert asked(sandbox) == wanted
