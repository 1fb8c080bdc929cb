"""The vault at rest: what another hand does to the file is found, and nothing of a secret can be read from it."""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import sqlite3
from pathlib import Path

import pytest

from tallyglass.keeper import files, vault
from tallyglass.keeper.errors import VaultAltered, WrongPassphrase
from tallyglass.keeper.vault import Cost, Vault

PASSPHRASE = "a walrus counts seven bells"
SECRET = {"key": "PUBLIC-PART-1", "secret": "CANARY-of-the-vault"}


@pytest.fixture(autouse=True)
def _derive_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same passphrase, salt and cost give the same key: derived once, as these tests open the vault often."""
    derive = vault._kek

    @functools.cache
    def remembered(cost: Cost, salt: bytes, passphrase: str) -> bytes:
        return derive(vault.Header("", cost, salt, b""), passphrase)

    monkeypatch.setattr(vault, "_kek", lambda head, given: remembered(head.cost, head.salt, given))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = Vault.create(tmp_path / "vault.db", PASSPHRASE, "install-1")
    made.put({"kraken": {"state": "active"}, "binance": {"state": "frozen"}}, {"kraken": SECRET, "binance": SECRET})
    return tmp_path / "vault.db"


def rewrite(path: Path, raw: bytes) -> None:
    """As an attacker would: with a digest that fits."""
    path.write_bytes(raw + hashlib.sha256(raw).digest())


def database(path: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(":memory:")
    opened.deserialize(path.read_bytes()[:-64])
    return opened


def forge(path: Path, changed: sqlite3.Connection) -> None:
    """The strongest attacker short of the passphrase: one who could even make the file's MAC."""
    root = Vault.open(path, PASSPHRASE)
    raw = changed.serialize()
    changed.close()
    rewrite(path, raw + hmac.digest(root.key("vault-mac"), raw, "sha256"))


def test_what_was_put_in_comes_out(path: Path) -> None:
    opened = Vault.open(path, PASSPHRASE)
    assert opened.records() == {"kraken": {"state": "active"}, "binance": {"state": "frozen"}}
    assert opened.secret("kraken") == SECRET
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_holds_nothing_of_a_secret(path: Path) -> None:
    raw = path.read_bytes()
    for word in (*SECRET.values(), "active", PASSPHRASE):
        assert word.encode() not in raw


def test_a_forgotten_secret_leaves_no_trace(path: Path) -> None:
    opened = Vault.open(path, PASSPHRASE)
    with database(path) as before:
        [(sealed,)] = before.execute("SELECT sealed FROM secret WHERE id = 'kraken' AND field = 'secret'")
    before.close()
    opened.put({}, {}, gone="kraken")
    assert sealed not in path.read_bytes()
    assert Vault.open(path, PASSPHRASE).secret("kraken") == {}
    assert list(Vault.open(path, PASSPHRASE).records()) == ["binance"]


def test_any_sqlite_opens_it_and_shows_ciphertext(path: Path) -> None:
    """The 64 bytes behind the database are no hindrance."""
    held = path.read_bytes()
    copy = path.with_name("copy.db")
    copy.write_bytes(held)
    read_only = sqlite3.connect(f"file:{copy}?mode=ro", uri=True)
    assert read_only.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert read_only.execute("SELECT id FROM record ORDER BY id").fetchall() == [("binance",), ("kraken",)]
    told = read_only.execute("SELECT sealed FROM secret").fetchall()
    read_only.close()
    assert len(told) == 4
    assert not [each for each in told if SECRET["secret"].encode() in each[0]]


def test_only_the_passphrase_opens_it(path: Path) -> None:
    for wrong in ("", "A walrus counts seven bells", PASSPHRASE + " "):
        with pytest.raises(WrongPassphrase):
            Vault.open(path, wrong)


def test_one_passphrase_however_a_keyboard_composes_it(tmp_path: Path) -> None:
    Vault.create(tmp_path / "v.db", "caf\u00e9 au lait", "i")
    Vault.open(tmp_path / "v.db", "cafe\u0301 au lait")


def test_a_new_passphrase_touches_no_secret(path: Path) -> None:
    with database(path) as before:
        rows = before.execute("SELECT * FROM secret ORDER BY id, field").fetchall()
    before.close()
    opened = Vault.open(path, PASSPHRASE)
    with pytest.raises(WrongPassphrase):
        opened.rewrap("not the old one", "nine herons nap")
    opened.put({}, {}, head=opened.rewrap(PASSPHRASE, "nine herons nap"))
    with pytest.raises(WrongPassphrase):
        Vault.open(path, PASSPHRASE)
    assert Vault.open(path, "nine herons nap").secret("kraken") == SECRET
    with database(path) as after:
        assert after.execute("SELECT * FROM secret ORDER BY id, field").fetchall() == rows
    after.close()


def test_every_flipped_byte_is_found(path: Path) -> None:
    raw = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        for at, byte in enumerate(raw):
            os.pwrite(file.fileno(), bytes((byte ^ 0x01,)), at)
            with pytest.raises(VaultAltered):
                Vault.open(path, PASSPHRASE)
            os.pwrite(file.fileno(), bytes((byte,)), at)
    Vault.open(path, PASSPHRASE)


def test_every_flipped_byte_is_found_though_the_digest_was_made_to_fit(path: Path) -> None:
    raw = path.read_bytes()[:-32]
    for at in range(len(raw)):
        rewrite(path, raw[:at] + bytes((raw[at] ^ 0x80,)) + raw[at + 1 :])
        with pytest.raises((VaultAltered, WrongPassphrase)):
            Vault.open(path, PASSPHRASE)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 600])
def test_a_file_cut_short_is_found(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(VaultAltered):
        Vault.open(path, PASSPHRASE)


@pytest.mark.parametrize(
    "swap",
    [
        "UPDATE secret SET id = CASE id WHEN 'kraken' THEN 'binance.' ELSE 'kraken' END",
        "UPDATE secret SET field = CASE field WHEN 'key' THEN 'secret.' ELSE 'key' END",
        "UPDATE secret SET sealed = (SELECT sealed FROM old WHERE old.id = secret.id AND old.field <> secret.field)",
        "UPDATE secret SET sealed = (SELECT sealed FROM old WHERE old.id <> secret.id AND old.field = secret.field)",
        "UPDATE secret SET wrapped = (SELECT wrapped FROM old WHERE old.id <> secret.id AND old.field = secret.field)",
        "UPDATE secret SET (key_id, wrapped, sealed) = (SELECT key_id, wrapped, sealed FROM old WHERE id <> secret.id)",
        "UPDATE secret SET key_id = 'another'",
    ],
)
def test_no_secret_can_be_moved_to_another_place_even_under_a_forged_mac(path: Path, swap: str) -> None:
    changed = database(path)
    changed.execute("CREATE TEMP TABLE old AS SELECT * FROM secret")
    changed.execute(swap)
    changed.execute("UPDATE secret SET id = rtrim(id, '.'), field = rtrim(field, '.')")
    changed.commit()
    forge(path, changed)
    opened = Vault.open(path, PASSPHRASE)
    for record in ("kraken", "binance"):
        with pytest.raises(VaultAltered):
            opened.secret(record)


def test_no_record_can_be_moved_to_another_place_even_under_a_forged_mac(path: Path) -> None:
    changed = database(path)
    changed.execute("CREATE TEMP TABLE old AS SELECT * FROM record")
    changed.execute("UPDATE record SET sealed = (SELECT sealed FROM old WHERE old.id <> record.id)")
    changed.commit()
    forge(path, changed)
    with pytest.raises(VaultAltered):
        Vault.open(path, PASSPHRASE)


def test_a_secret_of_another_install_does_not_fit_even_under_a_forged_mac(path: Path) -> None:
    changed = database(path)
    changed.execute("UPDATE header SET install = 'install-2'")
    changed.commit()
    forge(path, changed)
    with pytest.raises(WrongPassphrase):
        Vault.open(path, PASSPHRASE)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE header SET memory = 8",
        "UPDATE header SET memory = 1073741824",
        "UPDATE header SET passes = 1",
        "UPDATE header SET passes = 1000000",
        "UPDATE header SET lanes = 1000",
        "UPDATE header SET schema = 2",
        "INSERT INTO header SELECT * FROM header",
        "CREATE VIEW more AS SELECT 1",
        "CREATE TRIGGER more AFTER INSERT ON header BEGIN SELECT 1; END",
    ],
)
def test_an_edited_header_can_neither_weaken_nor_exhaust(path: Path, edit: str) -> None:
    changed = database(path)
    changed.execute(edit)
    changed.commit()
    raw = changed.serialize()
    changed.close()
    rewrite(path, raw + bytes(32))
    with pytest.raises(VaultAltered):
        Vault.open(path, PASSPHRASE)


@pytest.mark.parametrize("step", ["open", "write", "fsync", "close", "replace"])
def test_a_crash_in_the_middle_of_a_write_leaves_the_old_vault(
    path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Vault.open(path, PASSPHRASE)

    def crash(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def half(handle: int, data: bytes) -> None:
        os.write(handle, data[: len(data) // 2])
        crash()

    with monkeypatch.context() as patched:
        if step == "write":
            patched.setattr(files, "write_all", half)
        elif step == "replace":
            patched.setattr(Path, "replace", crash)
        else:
            patched.setattr(f"tallyglass.keeper.files.os.{step}", crash)
        with pytest.raises(OSError, match="No space left"):
            opened.put({"coinbase": {"state": "active"}}, {"coinbase": SECRET})
    assert list(opened.records()) == ["kraken", "binance"]
    assert list(Vault.open(path, PASSPHRASE).records()) == ["kraken", "binance"]
    opened.put({"coinbase": {"state": "active"}}, {"coinbase": SECRET})
    assert list(Vault.open(path, PASSPHRASE).records()) == ["kraken", "binance", "coinbase"]


def test_changes_add_up(path: Path) -> None:
    opened = Vault.open(path, PASSPHRASE)
    opened.put({"coinbase": {"state": "active"}}, {"coinbase": SECRET})
    opened.put({"kraken": {"state": "frozen"}}, {})
    opened.put({}, {}, head=opened.rewrap(PASSPHRASE, "nine herons nap"))
    opened.put({}, {}, gone="binance")
    for each in (opened, Vault.open(path, "nine herons nap")):
        assert each.records() == {"kraken": {"state": "frozen"}, "coinbase": {"state": "active"}}
        assert each.secret("kraken") == each.secret("coinbase") == SECRET


def test_a_vault_is_never_made_over_another(path: Path) -> None:
    with pytest.raises(FileExistsError):
        Vault.create(path, "nine herons nap", "install-2")
    assert Vault.open(path, PASSPHRASE).install == "install-1"


def test_each_use_has_a_key_of_its_own(path: Path) -> None:
    opened = Vault.open(path, PASSPHRASE)
    uses: tuple[vault.Use, ...] = ("wrap", "record", "vault-mac", "journal", "fingerprint", "store")
    assert len({opened.key(each) for each in uses}) == len(uses)
    assert opened.key("store") == Vault.open(path, PASSPHRASE).key("store")
