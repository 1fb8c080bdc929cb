"""A key's life after its admission: drift, rotation, death; a real keeper process, killed at every step it takes."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from support import dying
from support.keeper import (
    PASSPHRASE,
    READ,
    FakeExchange,
    Planned,
    Process,
    Seen,
    fake_exchange,
    kraken_key,
    kraken_rights,
    running,
)
from tallyglass.exchanges import registry
from tallyglass.exchanges.grants import FaultCode
from tallyglass.keeper import death
from tallyglass.keeper.answers import Binding
from tallyglass.keeper.client import Connection, ExchangeRefused, Frozen, Keeper, KeeperError, Unreachable
from tallyglass.keeper.life import _told_lately
from tallyglass.keeper.rounds import _share
from tallyglass.keeper.vault import Vault

KEY_INFO = "/0/private/GetApiKeyInfo"
ONE, TWO = kraken_key("one"), kraken_key("two")


class Account:
    """A Kraken account whose keys can be deleted, bound and given rights while the keeper runs."""

    def __init__(self, exchange: FakeExchange) -> None:
        self.dead: set[str] = set()
        self.words: dict[str, tuple[str, ...]] = {}
        self.accounts: dict[str, str] = {}
        self.ips: dict[str, tuple[str, ...]] = {}
        self.says = b'{"error":["EAPI:Invalid key"]}'
        self.asked: list[str] = []
        #: A key, how often it is answered yet, and the keeper that is killed when it is asked once more.
        self.dies: tuple[str, int, Process] | None = None
        exchange.plans[KEY_INFO] = self._info
        exchange.plans["/0/private/BalanceEx"] = self._balances

    def _info(self, seen: Seen) -> Planned:
        key = seen.headers["api-key"]
        self.asked.append(key)
        if self.dies and self.dies[0] == key:
            _, left, process = self.dies
            self.dies = (key, left - 1, process)
            if not left:
                process.child.kill()
        if key in self.dead:
            return Planned(self.says)
        account = self.accounts.get(key, "AA00 N00G MADE UPXX")
        return Planned(kraken_rights(*self.words.get(key, READ), account=account, ips=self.ips.get(key, ())))

    def _balances(self, seen: Seen) -> Planned:
        self.asked.append(seen.headers["api-key"])
        return Planned(self.says if seen.headers["api-key"] in self.dead else b'{"error":[],"result":{}}')


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with fake_exchange() as made:
        yield made


@pytest.fixture
def account(exchange: FakeExchange) -> Account:
    return Account(exchange)


@pytest.fixture
def process(tmp_path: Path, exchange: FakeExchange, account: Account) -> Iterator[Process]:
    assert account.asked == []
    with running(tmp_path / "home", sandbox=exchange.url) as made:
        made.keeper.create(PASSPHRASE)
        made.keeper.admit("kraken", ONE)
        yield made


def only(keeper: Keeper) -> Connection:
    [connection] = keeper.connections()
    return connection


def vault_of(process: Process) -> Vault:
    return Vault.open(process.home / "vault.db", PASSPHRASE)


def events(home: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (home / "journal.jsonl").read_text().splitlines()]


def test_a_new_key_takes_over_at_once_and_the_old_one_stays_until_it_is_dead(
    process: Process, account: Account
) -> None:
    keeper = process.keeper
    before = only(keeper)
    told = keeper.rotate("kraken", TWO)
    assert (told.verdict, told.connection, told.key_name) == ("accepted", "kraken", TWO["key"])
    after = only(keeper)
    assert (after.state, after.key_name, after.account) == ("active", TWO["key"], before.account)
    assert after.old is not None
    assert (after.old.key_name, after.old.fingerprint) == (ONE["key"], before.fingerprint)
    keeper.read("kraken", "balances")
    assert account.asked[-1] == TWO["key"]

    found = keeper.prove_dead("kraken", old=True)
    assert (found.answer, found.key_name, account.asked[-1]) == ("alive", ONE["key"], ONE["key"])
    assert "Settings → API" in found.fix
    old = only(keeper).old
    assert old is not None
    assert old.alive_at == found.asked_at
    with pytest.raises(KeeperError) as still_open:
        keeper.rotate("kraken", kraken_key("three"))
    assert still_open.value.code == "rotation_open"

    account.dead.add(ONE["key"])
    found = keeper.prove_dead("kraken", old=True)
    assert (found.answer, found.code) == ("dead", "ambiguous")
    assert account.asked[-2:] == [ONE["key"], TWO["key"]]  # the live one beside it, since Kraken mixes causes
    assert only(keeper).old is None
    keeper.read("kraken", "balances")
    with pytest.raises(KeeperError) as none_there:
        keeper.prove_dead("kraken", old=True)
    assert none_there.value.code == "no_old_key"
    assert keeper.verify_journal().intact
    assert [each for each in events(process.home) if each.startswith("connection:")] == [
        "connection:admit",
        "connection:rotate",
        "connection:dead",
    ]
    vault = vault_of(process)
    assert vault.secret("kraken/old") == {}
    assert vault.secret("kraken")["key"] == TWO["key"]


def test_what_cannot_take_over_changes_nothing(process: Process, account: Account) -> None:
    keeper, before = process.keeper, only(process.keeper)
    vault = (process.home / "vault.db").read_bytes()
    account.accounts[TWO["key"]] = "AA11 0THE R000 0000"
    account.words[kraken_key("bold")["key"]] = (*READ, "withdraw-funds")
    account.accounts[kraken_key("silent")["key"]] = ""
    cases = {"two": "wrong_account", "bold": "withdraw_granted", "one": "same_key", "silent": "account_not_told"}
    for name, code in cases.items():
        told = keeper.rotate("kraken", kraken_key(name), accept_unproven=True)
        assert (told.verdict, told.connection, told.reasons[0].code) == ("refused", None, code), name
    account.dead.add(kraken_key("gone")["key"])
    with pytest.raises(ExchangeRefused):
        keeper.rotate("kraken", kraken_key("gone"))
    assert only(keeper) == before
    assert (process.home / "vault.db").read_bytes() == vault
    told = keeper.rotate("kraken", kraken_key("silent"), same_account=True)
    assert told.connection == "kraken"
    assert only(keeper).account == before.account


def test_an_unproven_key_takes_over_on_the_users_word_alone(process: Process, account: Account) -> None:
    account.words[TWO["key"]] = (*READ, "brand-new-right")
    assert process.keeper.rotate("kraken", TWO).connection is None
    assert process.keeper.rotate("kraken", TWO, accept_unproven=True).connection == "kraken"
    assert only(process.keeper).unproven


def test_a_frozen_key_is_replaced_and_a_dead_one_too(process: Process, account: Account) -> None:
    keeper = process.keeper
    keeper.freeze("kraken", "stolen")
    account.dead.add(ONE["key"])
    found = keeper.prove_dead("kraken", old=False)  # it worked a moment ago, and its address list was empty
    assert found.answer == "dead"
    dead = only(keeper)
    assert (dead.state, vault_of(process).secret("kraken")) == ("dead", {})
    asked = len(account.asked)
    acts: list[Callable[[], object]] = [
        lambda: keeper.read("kraken", "balances"),
        lambda: keeper.thaw("kraken"),
        lambda: keeper.recheck("kraken"),
        lambda: keeper.prove_dead("kraken", old=False),
    ]
    for act in acts:
        with pytest.raises(Frozen) as refused:
            act()
        assert refused.value.code == "dead"
    assert len(account.asked) == asked
    assert keeper.rotate("kraken", TWO).connection == "kraken"
    assert (only(keeper).state, only(keeper).old) == ("active", None)
    keeper.read("kraken", "balances")


def test_what_is_forgotten_takes_the_old_key_with_it(process: Process) -> None:
    process.keeper.rotate("kraken", TWO)
    process.keeper.forget("kraken")
    vault = vault_of(process)
    assert (vault.secret("kraken"), vault.secret("kraken/old")) == ({}, {})


def test_only_the_refusal_of_the_key_itself_is_a_proof(process: Process, account: Account) -> None:
    keeper = process.keeper
    keeper.rotate("kraken", TWO)
    account.dead.add(ONE["key"])
    for says in (
        "EService:Unavailable",
        "EGeneral:Permission denied",
        "EAPI:Invalid nonce",
        "EAccount:Invalid permissions",
    ):
        account.says = json.dumps({"error": [says]}).encode()
        found = keeper.prove_dead("kraken", old=True)
        assert found.answer == "cannot_tell", says
        assert found.fix
        assert only(keeper).old is not None


def fault(code: FaultCode, *causes: FaultCode) -> ExchangeRefused:
    return ExchangeRefused(code, "", "", {"fault_code": code, "causes": list(causes)})


KRAKEN_MIXED = fault("ambiguous", "bad_key", "key_expired", "ip_refused", "wrong_product")
COINBASE_MIXED = fault("ambiguous", "bad_key", "bad_secret", "ip_refused", "clock", "not_active_yet")
BINANCE_MIXED = fault("ambiguous", "bad_key", "key_expired", "ip_refused", "missing_permission", "banned")
LOCKED = fault("key_disabled")


NO, UNKNOWN = Binding("no"), Binding()
HERE, THERE = Binding("yes", ("203.0.113.9", "2001:db8::/64")), Binding("yes", ("198.51.100.4",))
WIDER, HIDDEN = Binding("yes", ("203.0.113.0/24", "2001:db8::/32")), Binding("yes")


def case(bound: Binding, *, worked: bool = False, **more: Any) -> death.Case:
    return death.Case(registry.manifest("kraken"), bound, worked=worked, **more)


WORKED = {"worked": True}
SUCCESSOR = {"replaced": True, "same_account": True}


@pytest.mark.parametrize(
    ("refused", "known", "left"),
    [
        (fault("bad_key"), case(HERE), set()),
        (fault("key_expired"), case(HERE), set()),
        (fault("down"), case(NO, beside=NO, **WORKED), {"down"}),
        (fault("missing_permission"), case(NO, beside=NO, **WORKED), {"missing_permission"}),
        (fault("ambiguous"), case(NO, beside=NO, **WORKED), {"unknown"}),
        # An account that is locked holds a key that lives, unless another key of it works.
        (LOCKED, case(NO, **WORKED), {"key_disabled"}),
        (LOCKED, case(NO, beside=NO), {"key_disabled"}),
        (LOCKED, case(NO, beside=NO, **SUCCESSOR), set()),
        # An address list explains it, unless there is none. That it worked lately is no proof: our address may have
        # changed since.
        (KRAKEN_MIXED, case(HERE), {"ip_refused"}),
        (KRAKEN_MIXED, case(UNKNOWN), {"ip_refused"}),
        (KRAKEN_MIXED, case(NO), set()),
        (KRAKEN_MIXED, case(NO, beside=HERE, **SUCCESSOR), set()),
        (KRAKEN_MIXED, case(HERE, **WORKED), {"ip_refused"}),
        # Another key that works from here rules a list out that holds all that its own list holds, and no other.
        (KRAKEN_MIXED, case(HERE, beside=HERE), set()),
        (KRAKEN_MIXED, case(WIDER, beside=HERE), set()),
        (KRAKEN_MIXED, case(HERE, beside=WIDER), {"ip_refused"}),
        (KRAKEN_MIXED, case(HERE, beside=THERE, worked=True, **SUCCESSOR), {"ip_refused"}),
        (KRAKEN_MIXED, case(HERE, beside=NO, worked=True, **SUCCESSOR), {"ip_refused"}),
        (KRAKEN_MIXED, case(HERE, beside=UNKNOWN, **SUCCESSOR), {"ip_refused"}),
        (KRAKEN_MIXED, case(HIDDEN, beside=HIDDEN, **SUCCESSOR), {"ip_refused"}),
        (KRAKEN_MIXED, case(Binding("yes", ("nonsense",)), beside=HERE, **SUCCESSOR), {"ip_refused"}),
        # Where the key that took over is refused as well, the cause lies elsewhere.
        (KRAKEN_MIXED, case(NO, worked=True, replaced=True), {"ip_refused"}),
        # Coinbase tells of no list: whatever another key is answered, it may be the cause.
        (COINBASE_MIXED, case(UNKNOWN, **WORKED), {"ip_refused"}),
        (COINBASE_MIXED, case(UNKNOWN), {"clock", "ip_refused"}),
        (COINBASE_MIXED, case(UNKNOWN, beside=UNKNOWN, worked=True, **SUCCESSOR), {"ip_refused"}),
        # Binance says -2008 to a key that is gone; -2015 may always be a box that was unticked.
        (BINANCE_MIXED, case(NO, worked=True, beside=NO, **SUCCESSOR), {"missing_permission"}),
    ],
)
def test_every_other_cause_of_a_refusal_must_be_ruled_out(
    refused: ExchangeRefused, known: death.Case, left: set[str]
) -> None:
    assert death.doubts(known, refused) == left


def test_a_list_of_addresses_that_explains_the_refusal_leaves_the_key_in_the_vault(
    process: Process, account: Account
) -> None:
    """Bound to an address that is ours no more, as the keeper sees by nothing but the refusal."""
    keeper = process.keeper
    keeper.rotate("kraken", TWO)
    account.ips[ONE["key"]] = ("198.51.100.4",)
    assert keeper.prove_dead("kraken", old=True).answer == "alive"  # and the list is told with it
    account.dead.add(ONE["key"])
    account.ips[TWO["key"]] = ("203.0.113.9",)
    found = keeper.prove_dead("kraken", old=True)
    assert (found.answer, account.asked[-2:]) == ("cannot_tell", [ONE["key"], TWO["key"]])
    assert "IP address restriction" in found.text
    assert "tallyglass rotate kraken --forget" in found.fix
    assert vault_of(process).secret("kraken/old") == ONE
    account.ips[TWO["key"]] = ("198.51.100.4",)  # the old key's list holds all that this one holds
    assert keeper.prove_dead("kraken", old=True).answer == "dead"


def test_what_was_told_of_a_list_more_than_a_day_ago_rules_nothing_out(process: Process) -> None:
    process.keeper.rotate("kraken", TWO)
    known = only(process.keeper)
    assert known.old is not None
    assert known.old.told_at is not None
    assert (_told_lately(known), _told_lately(known, old=True)) == (NO, NO)
    before = known.checked_at - timedelta(days=1, minutes=1)
    stale = replace(known, checked_at=before, old=replace(known.old, told_at=before))
    assert (_told_lately(stale), _told_lately(stale, old=True)) == (UNKNOWN, UNKNOWN)


def test_an_old_key_is_forgotten_on_the_users_word(process: Process, account: Account) -> None:
    keeper = process.keeper
    keeper.rotate("kraken", TWO)
    asked = len(account.asked)
    keeper.forget("kraken", old=True)
    assert len(account.asked) == asked
    assert (only(keeper).key_name, only(keeper).old) == (TWO["key"], None)
    assert vault_of(process).secret("kraken/old") == {}
    assert events(process.home)[-1] == "connection:forget"
    with pytest.raises(KeeperError) as none_there:
        keeper.forget("kraken", old=True)
    assert none_there.value.code == "no_old_key"
    assert keeper.rotate("kraken", ONE).connection == "kraken"


def test_a_lost_address_list_freezes_and_the_answer_is_kept(process: Process, account: Account) -> None:
    keeper = process.keeper
    account.ips[ONE["key"]] = ("203.0.113.9",)
    assert keeper.recheck("kraken").ip.bound == "yes"
    account.ips.clear()
    told = keeper.recheck("kraken")
    assert (told.verdict, told.reasons[0].code) == ("refused", "ip_binding_lost")
    frozen = only(keeper)
    assert frozen.state == "frozen"
    assert json.loads(frozen.evidence)["result"]["ipAllowlist"] == []
    for each in (ONE["secret"], ONE["secret"][4:40]):
        assert each not in frozen.evidence
    assert keeper.thaw("kraken").verdict == "accepted"  # the user has seen it, and wants it so
    assert (only(keeper).state, only(keeper).evidence) == ("active", "")


def test_another_account_and_a_right_gained_leave_their_evidence(process: Process, account: Account) -> None:
    keeper = process.keeper
    account.accounts[ONE["key"]] = "AA11 0THE R000 0000"
    keeper.recheck("kraken")
    assert "AA11 0THE R000 0000" in only(keeper).evidence
    assert only(keeper).account == "AA00 N00G MADE UPXX"  # the one that was connected
    account.accounts.clear()
    assert keeper.thaw("kraken").verdict == "accepted"
    account.words[ONE["key"]] = (*READ, *(f"withdraw-funds-{each}" for each in range(900)))
    keeper.recheck("kraken")
    assert "withdraw-funds-1" in only(keeper).evidence
    assert len(only(keeper).evidence.encode()) <= 4096


def test_the_keeper_asks_by_itself_though_nobody_reads(tmp_path: Path, exchange: FakeExchange) -> None:
    account = Account(exchange)
    with running(tmp_path / "home", "--recheck-seconds", "1", sandbox=exchange.url) as process:
        keeper = process.keeper
        keeper.create(PASSPHRASE)
        keeper.admit("kraken", ONE)
        keeper.rotate("kraken", TWO)
        account.dead.add(ONE["key"])
        until(lambda: only(keeper).old is None)
        account.words[TWO["key"]] = (*READ, "modify-trades")
        until(lambda: only(keeper).state == "frozen")
        asked = len(account.asked)
        time.sleep(1.5)
        assert len(account.asked) == asked  # a frozen key is not used
        assert keeper.verify_journal().intact


def until(so: Callable[[], bool]) -> None:
    patience = time.monotonic() + 60
    while not so():
        assert time.monotonic() < patience
        time.sleep(0.05)


def test_a_round_comes_before_the_verdict_is_too_old_and_another_moment_for_each_key(process: Process) -> None:
    known = only(process.keeper)
    shares = {_share(known, known.checked_at + timedelta(days=each)) for each in range(100)}
    assert len(shares) == 100
    assert all(0.7 <= each < 0.95 for each in shares)


@pytest.mark.timeout(900)
def test_killed_at_every_step_of_a_rotation_one_key_always_works(tmp_path: Path, exchange: FakeExchange) -> None:
    """By SIGKILL, before each write that changes the vault or tells of it: of the cut-over, then of the death."""
    assert killed_at_each(tmp_path, exchange, "changes") == ["whole", "open", "whole"]


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_killed_at_every_write_of_a_rotation_one_key_always_works(tmp_path: Path, exchange: FakeExchange) -> None:
    """Those too that the journal makes before and after each request."""
    assert killed_at_each(tmp_path, exchange, "all") == ["whole", "open", "whole"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("asked", ["new", "old", "beside"])
def test_killed_while_the_exchange_is_asked_one_key_always_works(
    tmp_path: Path, exchange: FakeExchange, account: Account, asked: str
) -> None:
    home = tmp_path / "home"
    with running(home, sandbox=exchange.url) as first:
        first.keeper.create(PASSPHRASE)
        first.keeper.admit("kraken", ONE)
        account.dies = {"new": TWO, "old": ONE, "beside": TWO}[asked]["key"], 1 if asked == "beside" else 0, first
        with pytest.raises(Unreachable):
            _rotation(first.keeper, account, TWO)
    with running(home, sandbox=exchange.url) as second:
        second.keeper.unlock(PASSPHRASE)
        assert _aftermath(second.keeper, account) == ("whole" if asked == "new" else "open")


def killed_at_each(tmp_path: Path, exchange: FakeExchange, which: str) -> list[str]:
    """How far the rotation had come, as the steps go by."""
    account, home = Account(exchange), tmp_path / "home"
    with running(home, sandbox=exchange.url) as first:
        first.keeper.create(PASSPHRASE)
        first.keeper.admit("kraken", ONE)
    states: list[str] = []
    dies = "--dies", which
    for step in range(1, 100):
        with running(home, *dies, str(step), sandbox=exchange.url, program=dying.__file__) as process:
            process.keeper.unlock(PASSPHRASE)
            states.append(_aftermath(process.keeper, account))
            (tmp_path / "armed").touch()
            try:
                _rotation(process.keeper, account, kraken_key(f"of step {step}"))
                break
            except Unreachable:
                assert process.child.wait(10) == -signal.SIGKILL
            finally:
                (tmp_path / "armed").unlink()
    assert len(states) > 8
    return [each for each, _ in groupby(states)]


def _rotation(keeper: Keeper, account: Account, key: dict[str, str]) -> None:
    before = only(keeper).key_name
    keeper.rotate("kraken", key)
    account.dead.add(before)  # as the user does at the exchange, now that the new one is in use
    assert keeper.prove_dead("kraken", old=True).answer == "dead"


def _aftermath(keeper: Keeper, account: Account) -> str:
    """What must be so, wherever it was killed; then the rotation is brought to its end. Gives how far it had come."""
    known = only(keeper)
    assert known.state == "active"
    assert keeper.verify_journal().intact
    keeper.read("kraken", "balances")
    assert account.asked[-1] == known.key_name
    if known.old is None:
        return "whole"
    if known.old.key_name not in account.dead:
        assert keeper.prove_dead("kraken", old=True).answer == "alive"
        account.dead.add(known.old.key_name)
    assert keeper.prove_dead("kraken", old=True).answer == "dead"
    return "open"
