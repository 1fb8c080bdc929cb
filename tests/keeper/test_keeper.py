"""The keeper as the rest of the house meets it: a real process, behind its real socket, before a fake exchange."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from support.keeper import (
    PASSPHRASE,
    READ,
    FakeExchange,
    Planned,
    Process,
    Seen,
    binance_key,
    fake_exchange,
    kraken_key,
    kraken_rights,
    running,
)
from tallyglass.keeper.client import (
    Answer,
    BadKey,
    ExchangeRefused,
    Frozen,
    JournalBroken,
    Keeper,
    KeeperError,
    Locked,
    NoSuchConnection,
    NotAllowed,
    Unreachable,
    VaultAltered,
    WrongPassphrase,
    socket_path,
)

KEY_INFO = "/0/private/GetApiKeyInfo"


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with fake_exchange() as made:
        yield made


@pytest.fixture
def process(tmp_path: Path, exchange: FakeExchange) -> Iterator[Process]:
    with running(tmp_path / "home", sandbox=exchange.url) as made:
        made.keeper.create(PASSPHRASE)
        yield made


@pytest.fixture
def keeper(process: Process) -> Keeper:
    return process.keeper


def rights(exchange: FakeExchange, *words: str, account: str = "AA00 N00G MADE UPXX") -> None:
    exchange.plans[KEY_INFO] = Planned(kraken_rights(*words, account=account))


def on_disk(process: Process) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in process.home.iterdir() if each.is_file()}


def test_a_key_is_judged_admitted_and_used(keeper: Keeper, exchange: FakeExchange) -> None:
    told = keeper.admit("kraken", kraken_key(), label="Long term")
    assert (told.verdict, told.connection, told.account) == ("accepted", "kraken", "AA00 N00G MADE UPXX")
    assert told.grants == {
        "read": "granted",
        "trade": "absent",
        "withdraw": "absent",
        "transfer": "absent",
        "manage": "absent",
    }
    assert told.ip.bound == "no"
    exchange.plans["/0/private/BalanceEx"] = Planned(b'{"error":[],"result":{"XXBT":{"balance":"1.5"}}}')
    answer = keeper.read("kraken", "balances")
    assert json.loads(answer.body)["result"]["XXBT"]["balance"] == "1.5"
    assert abs((datetime.now(UTC) - answer.at).total_seconds()) < 60
    [connection] = keeper.connections()
    assert (connection.id, connection.exchange, connection.label, connection.state) == (
        "kraken",
        "kraken",
        "Long term",
        "active",
    )
    assert connection.key_name == kraken_key()["key"]
    assert connection.last_used_at is not None
    assert connection.created_at == datetime.fromtimestamp(1795200000, UTC)
    rows = keeper.journal()
    assert [(each.connection, each.exchange, each.read, each.status) for each in rows] == [
        ("kraken", "kraken", "balances", "200"),
        ("", "kraken", "key_info", "200"),
    ]
    assert {each.key for each in rows} == {connection.fingerprint}
    assert keeper.verify_journal().intact


def test_params_go_out_as_they_are_and_public_reads_need_no_key(keeper: Keeper, exchange: FakeExchange) -> None:
    keeper.admit("kraken", kraken_key())
    keeper.read("kraken", "ledger", {"ofs": "50", "start": "1795200000"})
    form = exchange.seen[-1].form
    assert (form["ofs"], form["start"]) == (["50"], ["1795200000"])
    keeper.public_read("kraken", "server_time")
    assert "api-key" not in exchange.seen[-1].headers
    assert len(keeper.journal()) == 2  # of uses of a key, and this was none


def test_it_keeps_what_it_was_given_through_a_restart(tmp_path: Path, exchange: FakeExchange) -> None:
    with running(tmp_path / "home", sandbox=exchange.url) as first:
        first.keeper.create(PASSPHRASE)
        first.keeper.admit("kraken", kraken_key())
        before, store = first.keeper.connections(), first.keeper.store_key()
        assert first.stop() == 0
        assert not socket_path(first.home).exists()
    with running(tmp_path / "home", sandbox=exchange.url) as second:
        assert second.keeper.health().state == "locked"
        with pytest.raises(WrongPassphrase):
            second.keeper.unlock("not the passphrase")
        second.keeper.unlock(PASSPHRASE)
        assert second.keeper.connections() == before
        assert second.keeper.store_key() == store
        second.keeper.read("kraken", "balances")
        assert second.keeper.verify_journal().intact
    nonces = [int(each.form["nonce"][0]) for each in exchange.seen]
    assert nonces == sorted(set(nonces))


def test_nothing_is_kept_of_a_key_before_its_verdict_and_after_a_refusal(
    process: Process, exchange: FakeExchange
) -> None:
    empty = on_disk(process)
    during: list[dict[str, bytes]] = []

    def look(_: object) -> Planned:
        during.append(on_disk(process))
        return Planned(kraken_rights(*READ, "modify-trades"))

    exchange.plans[KEY_INFO] = look
    told = process.keeper.admit("kraken", kraken_key(), accept_unproven=True)
    assert (told.verdict, told.connection) == ("refused", None)
    assert [each.code for each in told.reasons] == ["trade_granted"]
    for files in (*during, on_disk(process)):
        assert files["vault.db"] == empty["vault.db"]
        for content in files.values():
            assert b"CANARY" not in content
            assert kraken_key()["secret"].encode() not in content
            assert kraken_key()["key"].encode() not in content
    assert process.keeper.connections() == []


def test_inspection_stores_nothing(process: Process) -> None:
    before = on_disk(process)["vault.db"]
    assert process.keeper.inspect("kraken", kraken_key()).verdict == "accepted"
    assert on_disk(process)["vault.db"] == before
    assert process.keeper.connections() == []


def test_an_unproven_key_is_stored_on_the_users_word_alone(keeper: Keeper, exchange: FakeExchange) -> None:
    rights(exchange, *READ, "brand-new-right")
    told = keeper.admit("kraken", kraken_key())
    assert (told.verdict, told.connection) == ("unproven", None)
    assert keeper.connections() == []
    told = keeper.admit("kraken", kraken_key(), accept_unproven=True)
    assert (told.verdict, told.connection) == ("unproven", "kraken")
    assert keeper.connections()[0].unproven
    keeper.read("kraken", "balances")


def test_the_same_account_is_not_connected_twice(keeper: Keeper, exchange: FakeExchange) -> None:
    keeper.admit("kraken", kraken_key("one"))
    again = keeper.admit("kraken", kraken_key("two"))
    assert (again.verdict, again.connection, again.reasons[-1].code) == ("refused", None, "duplicate_account")
    rights(exchange, *READ, account="AA11 0THE R000 0000")
    assert keeper.admit("kraken", kraken_key("two")).connection == "kraken-2"
    assert [each.id for each in keeper.connections()] == ["kraken", "kraken-2"]


def test_a_key_that_gains_a_right_freezes_at_the_next_check_and_thaws_when_it_is_mended(
    keeper: Keeper, exchange: FakeExchange
) -> None:
    keeper.admit("kraken", kraken_key())
    rights(exchange, *READ, "withdraw-funds")
    assert keeper.recheck("kraken").verdict == "refused"
    [connection] = keeper.connections()
    assert connection.state == "frozen"
    assert "withdraw" in connection.why
    asked = len(exchange.seen)
    with pytest.raises(Frozen, match="withdraw"):
        keeper.read("kraken", "balances")
    assert len(exchange.seen) == asked
    assert keeper.thaw("kraken").verdict == "refused"
    assert keeper.connections()[0].state == "frozen"
    rights(exchange, *READ)
    assert keeper.thaw("kraken").verdict == "accepted"
    assert keeper.connections()[0].state == "active"
    keeper.read("kraken", "balances")


@pytest.mark.parametrize(
    ("words", "account"), [((*READ, "brand-new-right"), "AA00 N00G MADE UPXX"), (READ, "AA11 0THE R000 0000")]
)
def test_rights_that_are_no_longer_proven_and_another_account_freeze_too(
    keeper: Keeper, exchange: FakeExchange, words: tuple[str, ...], account: str
) -> None:
    keeper.admit("kraken", kraken_key())
    rights(exchange, *words, account=account)
    keeper.recheck("kraken")
    with pytest.raises(Frozen):
        keeper.read("kraken", "balances")


def test_freeze_and_forget(process: Process, exchange: FakeExchange) -> None:
    keeper = process.keeper
    keeper.admit("kraken", kraken_key())
    keeper.freeze("kraken", "a strange e-mail")
    with pytest.raises(Frozen, match="a strange e-mail"):
        keeper.read("kraken", "balances")
    keeper.forget("kraken")
    with pytest.raises(NoSuchConnection):
        keeper.read("kraken", "balances")
    for each in (keeper.recheck, keeper.thaw, keeper.forget, keeper.freeze):
        with pytest.raises(NoSuchConnection):
            each("kraken")
    assert exchange.paths() == [KEY_INFO]
    assert keeper.admit("kraken", kraken_key()).connection == "kraken-2"  # an id is never used twice


@pytest.mark.parametrize(
    ("read", "params"), [("withdraw", {}), ("ledger", {"asset": "XBT"}), ("markets", {}), ("../AddOrder", {})]
)
def test_what_the_manifest_does_not_list_cannot_be_read(
    keeper: Keeper, exchange: FakeExchange, read: str, params: dict[str, str]
) -> None:
    keeper.admit("kraken", kraken_key())
    with pytest.raises(NotAllowed):
        keeper.read("kraken", read, params)
    with pytest.raises(NotAllowed):
        keeper.public_read("kraken", "balances")
    with pytest.raises(NotAllowed, match="no exchange"):
        keeper.public_read("../kraken", "server_time")
    assert exchange.paths() == [KEY_INFO]
    assert len(keeper.journal()) == 1


def test_an_exchange_that_refuses_is_explained(keeper: Keeper, exchange: FakeExchange) -> None:
    exchange.plans[KEY_INFO] = Planned(b'{"error":["EAPI:Invalid signature"]}')
    with pytest.raises(ExchangeRefused) as refused:
        keeper.inspect("kraken", kraken_key())
    assert (refused.value.fault_code, refused.value.code) == ("bad_secret", "bad_secret")
    assert "Settings → API" in refused.value.fix
    exchange.plans[KEY_INFO] = Planned(b'{"error":["EAPI:Invalid key"]}')
    with pytest.raises(ExchangeRefused) as mixed:
        keeper.inspect("kraken", kraken_key())
    assert {"bad_key", "ip_refused"} <= set(mixed.value.causes)
    assert [each.status for each in keeper.journal()] == ["ambiguous", "bad_secret"]


def test_a_key_in_the_wrong_form_is_told_apart_before_anything_is_sent(keeper: Keeper, exchange: FakeExchange) -> None:
    swapped = {"key": kraken_key()["secret"], "secret": kraken_key()["key"]}
    for fields in (swapped, binance_key(), {"key": "x", "secret": "y"}, {}):
        with pytest.raises(BadKey) as bad:
            keeper.admit("kraken", fields)
        assert bad.value.fix
    assert exchange.seen == []


def test_what_was_sealed_for_one_exchange_is_no_key_of_another(keeper: Keeper) -> None:
    sealed = keeper._seal("key", "kraken", kraken_key())
    assert keeper.inspect_sealed("kraken", sealed).verdict == "accepted"
    for exchange, text in (("binance", sealed), ("kraken", sealed[:-8]), ("kraken", ""), ("kraken", "%%%")):
        with pytest.raises(KeeperError) as refused:
            keeper.inspect_sealed(exchange, text)
        assert refused.value.code == "not_sealed"


def test_what_was_sealed_before_a_lock_cannot_be_played_again(keeper: Keeper) -> None:
    sealed = keeper._seal("passphrase", "", {"old": PASSPHRASE})
    keeper.lock()
    with pytest.raises(KeeperError) as refused:
        keeper._call("/unlock", sealed=sealed)
    assert refused.value.code == "not_sealed"
    assert keeper.health().state == "locked"
    keeper.unlock(PASSPHRASE)


def test_a_new_passphrase(process: Process) -> None:
    keeper = process.keeper
    keeper.admit("kraken", kraken_key())
    with pytest.raises(WrongPassphrase):
        keeper.change_passphrase("not the old one", "nine herons nap")
    with pytest.raises(KeeperError) as weak:
        keeper.change_passphrase(PASSPHRASE, "short")
    assert weak.value.code == "weak_passphrase"
    keeper.change_passphrase(PASSPHRASE, "nine herons nap")
    keeper.lock()
    with pytest.raises(WrongPassphrase):
        keeper.unlock(PASSPHRASE)
    keeper.unlock("nine herons nap")
    keeper.read("kraken", "balances")


def test_a_new_passphrase_and_new_connections_do_not_get_in_each_others_way(
    keeper: Keeper, exchange: FakeExchange
) -> None:
    def by_key(seen: Seen) -> Planned:
        return Planned(kraken_rights(*READ, account=f"AA00 {seen.headers['api-key'][:20]}"))

    exchange.plans[KEY_INFO] = by_key
    acts: list[Callable[[], object]] = [partial(keeper.admit, "kraken", kraken_key(str(each))) for each in range(6)]
    acts.insert(1, partial(keeper.change_passphrase, PASSPHRASE, "nine herons nap"))
    threads = [threading.Thread(target=each) for each in acts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    keeper.lock()
    keeper.unlock("nine herons nap")
    assert len(keeper.connections()) == 6
    assert keeper.verify_journal().intact


def test_a_key_is_not_used_while_the_journal_cannot_be_written(process: Process, exchange: FakeExchange) -> None:
    process.keeper.admit("kraken", kraken_key())
    asked = len(exchange.seen)
    journal = process.home / "journal.jsonl"
    aside = journal.rename(process.home / "moved")
    journal.mkdir()
    for act in (
        lambda: process.keeper.read("kraken", "balances"),
        lambda: process.keeper.inspect("kraken", kraken_key()),
    ):
        with pytest.raises(JournalBroken):
            act()
    assert len(exchange.seen) == asked
    process.keeper.freeze("kraken", "to be safe")  # what makes things safer still works
    assert process.keeper.connections()[0].state == "frozen"
    journal.rmdir()
    aside.rename(journal)
    assert process.keeper.thaw("kraken").verdict == "accepted"


def test_an_altered_journal_stops_every_use_until_it_is_put_aside(process: Process, exchange: FakeExchange) -> None:
    keeper = process.keeper
    keeper.admit("kraken", kraken_key())
    asked = len(exchange.seen)
    journal = process.home / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"key_info"', b'"balances"', 1))
    with pytest.raises(JournalBroken) as broken:
        keeper.read("kraken", "balances")
    assert "line 2" in broken.value.text
    report = keeper.verify_journal()
    assert (report.intact, report.first_bad) == (False, 2)
    keeper.lock()
    keeper.unlock(PASSPHRASE)
    with pytest.raises(JournalBroken):
        keeper.read("kraken", "balances")
    assert len(exchange.seen) == asked
    aside = keeper.restart_journal("I looked at it")
    assert b"balances" in (process.home / aside).read_bytes()
    keeper.read("kraken", "balances")
    assert keeper.verify_journal().intact
    with pytest.raises(KeeperError):
        keeper.restart_journal()


def test_a_journal_cut_short_while_the_keeper_slept_is_found(tmp_path: Path, exchange: FakeExchange) -> None:
    home = tmp_path / "home"
    with running(home, sandbox=exchange.url) as first:
        first.keeper.create(PASSPHRASE)
        first.keeper.admit("kraken", kraken_key())
    (home / "journal.jsonl").unlink()
    (home / "journal.head").unlink()
    with running(home, sandbox=exchange.url) as second:
        second.keeper.unlock(PASSPHRASE)
        asked = len(exchange.seen)
        with pytest.raises(JournalBroken):
            second.keeper.read("kraken", "balances")
        assert not second.keeper.verify_journal().intact
        assert len(exchange.seen) == asked


def test_an_older_journal_put_back_while_the_keeper_slept_is_found(tmp_path: Path, exchange: FakeExchange) -> None:
    home = tmp_path / "home"
    with running(home, sandbox=exchange.url) as first:
        first.keeper.create(PASSPHRASE)
        first.keeper.admit("kraken", kraken_key())
        older = {each: (home / each).read_bytes() for each in ("journal.jsonl", "journal.head")}
        first.keeper.read("kraken", "balances")
        assert first.stop() == 0
    for name, content in older.items():
        (home / name).write_bytes(content)
    with running(home, sandbox=exchange.url) as second:
        second.keeper.unlock(PASSPHRASE)
        assert not second.keeper.verify_journal().intact
        with pytest.raises(JournalBroken):
            second.keeper.read("kraken", "balances")


def test_an_altered_vault_is_said_to_be_and_stays_shut(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home) as first:
        first.keeper.create(PASSPHRASE)
    raw = (home / "vault.db").read_bytes()
    with running(home) as second:
        (home / "vault.db").write_bytes(raw[:900] + bytes((raw[900] ^ 1,)) + raw[901:])
        with pytest.raises(VaultAltered):
            second.keeper.unlock(PASSPHRASE)
        assert second.keeper.health().state == "locked"
    third = Process(home)
    assert third.child.wait(20) == 1
    third.close_input()
    assert "The vault's file is damaged: its digest does not match. Put back the newest backup" in third.log.read_text()


def test_many_threads_may_ask_at_once(keeper: Keeper, exchange: FakeExchange) -> None:
    keeper.admit("kraken", kraken_key())
    exchange.plans["/0/private/BalanceEx"] = Planned(delay=0.01)
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(keeper.read("kraken", "balances"))) for _ in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(answers) == 10
    nonces = [int(each.form["nonce"][0]) for each in exchange.seen]
    assert nonces == sorted(set(nonces))
    assert keeper.verify_journal().intact
    assert len(keeper.journal()) == 11


def test_one_keeper_for_a_home(process: Process) -> None:
    second = Process(process.home)
    assert second.child.wait(20) == 1
    second.close_input()
    assert f"another keeper runs in {process.home}" in second.log.read_text()
    assert process.keeper.health().pid == process.child.pid


def test_what_a_killed_keeper_left_behind_is_no_hindrance(tmp_path: Path) -> None:
    with running(tmp_path / "home") as first:
        first.keeper.create(PASSPHRASE)
        first.child.kill()
        first.child.wait(10)
        assert socket_path(first.home).exists()
        with pytest.raises(Unreachable):
            first.keeper.health()
    with running(tmp_path / "home") as second:
        second.keeper.unlock(PASSPHRASE)
        assert second.keeper.verify_journal().intact


def test_a_home_with_a_long_name_has_a_short_socket(tmp_path: Path) -> None:
    home = tmp_path / ("a-very-long-name-" * 6) / "home"
    with running(home) as process:
        assert process.keeper.health().state == "empty"
        assert len(str(socket_path(home))) <= 100
        assert socket_path(home).parent.stat().st_mode & 0o777 == 0o700


def test_it_unlocks_from_a_file_at_its_start_and_ends_with_its_input(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home) as first:
        first.keeper.create(PASSPHRASE)
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    with running(home, "--passphrase-file", str(tmp_path / "passphrase")) as second:
        assert second.keeper.health().state == "unlocked"
    with running(home, "--until-eof") as third:
        third.close_input()
        assert third.child.wait(20) == 0


def test_addresses_that_the_operator_named_are_told(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "egress.txt").write_text("203.0.113.7\n2001:db8::7, 198.51.100.2\n")
    with running(tmp_path / "home") as process:
        process.keeper.create(PASSPHRASE)
        assert process.keeper.egress() == ["203.0.113.7", "2001:db8::7", "198.51.100.2"]


def test_a_locked_or_empty_keeper_says_which(tmp_path: Path) -> None:
    with running(tmp_path / "home") as process:
        with pytest.raises(Locked) as empty:
            process.keeper.connections()
        assert empty.value.code == "empty"
        with pytest.raises(KeeperError) as weak:
            process.keeper.create("short")
        assert weak.value.code == "weak_passphrase"
        process.keeper.create(PASSPHRASE)
        with pytest.raises(KeeperError) as exists:
            process.keeper.create(PASSPHRASE)
        assert exists.value.code == "exists"
        process.keeper.lock()
        with pytest.raises(Locked) as locked:
            process.keeper.connections()
        assert locked.value.code == "locked"
