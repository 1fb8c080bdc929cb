"""The keeper's cryptography against vectors that others wrote, through the code that the keeper runs.

With the project checked out beside a folder of shared cases, all of Wycheproof's; else a handful from the RFCs.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tallyglass.keeper import sealing, vault
from tallyglass.keeper.errors import VaultAltered
from tallyglass.keeper.journal import Journal

SHARED = Path(__file__).parents[3] / "shared" / "cases" / "crypto"

#: RFC 5869 A.1, RFC 4231 4.3, RFC 7748 5.2, and case 16 of the GCM specification of McGrew and Viega.
OWN: dict[str, dict[str, Any]] = {
    "hkdf_sha256_test": {
        "ikm": "0b" * 22,
        "salt": "000102030405060708090a0b0c",
        "info": "f0f1f2f3f4f5f6f7f8f9",
        "size": 42,
        "okm": "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        "result": "valid",
    },
    "hmac_sha256_test": {
        "key": "4a656665",
        "msg": "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        "tag": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "result": "valid",
    },
    "x25519_test": {
        "private": "a046e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449a44",
        "public": "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "shared": "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        "result": "valid",
    },
    "aes_gcm_test": {
        "key": "feffe9928665731c6d6a8f9467308308" * 2,
        "iv": "cafebabefacedbaddecaf888",
        "aad": "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "msg": "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "ct": "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        "tag": "76fc6ece0f4e1768cddf8853bb2d551b",
        "result": "valid",
    },
}


def cases(name: str, **group: int) -> Iterator[dict[str, Any]]:
    """Ours, and those of the shared file whose group has these sizes."""
    yield OWN[name]
    path = SHARED / f"{name}.json"
    if path.exists():
        for each in json.loads(path.read_text())["testGroups"]:
            if group.items() <= each.items():
                yield from each["tests"]


def test_aes_gcm_opens_what_it_must_and_nothing_else() -> None:
    for case in cases("aes_gcm_test", keySize=256, ivSize=96, tagSize=128):
        key, sealed, aad = (
            bytes.fromhex(each) for each in (case["key"], case["iv"] + case["ct"] + case["tag"], case["aad"])
        )
        if case["result"] == "valid":
            assert vault._open(key, sealed, aad).hex() == case["msg"]
        else:
            with pytest.raises(VaultAltered):
                vault._open(key, sealed, aad)


def test_keys_are_derived_as_hkdf_says() -> None:
    for case in cases("hkdf_sha256_test"):
        first = hmac.digest(bytes.fromhex(case["salt"]) or bytes(32), bytes.fromhex(case["ikm"]), "sha256")
        if case["result"] == "valid":
            assert vault._expand(first, bytes.fromhex(case["info"]), case["size"]).hex() == case["okm"]
        else:
            with pytest.raises(ValueError, match="larger than 8160"):
                vault._expand(first, bytes.fromhex(case["info"]), case["size"])


def test_the_journal_is_chained_by_hmac(tmp_path: Path) -> None:
    for case in cases("hmac_sha256_test"):
        message = bytes.fromhex(case["msg"])
        mac = Journal(tmp_path, bytes.fromhex(case["key"]), None)._mac(message[:32], message[32:]).hex()
        assert mac.startswith(case["tag"]) == (case["result"] == "valid")


def test_what_another_hand_seals_by_the_rfc_the_keeper_opens() -> None:
    """Over every exchange of keys that Wycheproof lists; a secret of zero is refused, as RFC 9180, 7.1.4 asks."""
    bound_to = sealing.info("key", "install-1", "kraken")
    for case in cases("x25519_test"):
        opener = sealing.Opener()
        opener._private = X25519PrivateKey.from_private_bytes(bytes.fromhex(case["private"]))
        enc, shared = bytes.fromhex(case["public"]), bytes.fromhex(case["shared"])
        recipient = base64.b64decode(opener.public_key)
        sealed = base64.b64encode(enc + rfc_9180(shared, enc, recipient, bound_to, b'{"key": "k"}')).decode()
        if any(shared):
            assert opener.open(bound_to, sealed) == {"key": "k"}
        else:
            with pytest.raises(sealing.NotSealed):
                opener.open(bound_to, sealed)


def rfc_9180(shared: bytes, enc: bytes, recipient: bytes, info: bytes, plain: bytes) -> bytes:
    """Base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM: written from RFC 9180, sections 4 and 5."""
    kem, suite = b"KEM" + bytes((0, 0x20)), b"HPKE" + bytes((0, 0x20, 0, 1, 0, 2))

    def extract(who: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + who + label + ikm, "sha256")

    def expand(who: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
        return hmac.digest(prk, length.to_bytes(2, "big") + b"HPKE-v1" + who + label + info + b"\x01", "sha256")[
            :length
        ]

    secret = expand(kem, extract(kem, b"", b"eae_prk", shared), b"shared_secret", enc + recipient, 32)
    context = b"\x00" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    scheduled = extract(suite, secret, b"secret", b"")
    key = expand(suite, scheduled, b"key", context, 32)
    nonce = expand(suite, scheduled, b"base_nonce", context, 12)
    return AESGCM(key).encrypt(nonce, plain, b"")


@pytest.mark.parametrize("part", ["purpose", "install", "exchange", "keeper"])
def test_a_sealed_text_is_bound_to_its_purpose_install_exchange_and_keeper(part: str) -> None:
    opener = sealing.Opener()
    sealed = sealing.seal(opener.public_key, sealing.info("key", "install-1", "kraken"), {"key": "k", "secret": "s"})
    bound = {"purpose": "key", "install": "install-1", "exchange": "kraken"}
    assert opener.open(sealing.info(*bound.values()), sealed) == {"key": "k", "secret": "s"}
    if part == "keeper":
        opener.renew()
    else:
        bound[part] = "other"
    with pytest.raises(sealing.NotSealed, match="was not sealed to this keeper for this purpose"):
        opener.open(sealing.info(*bound.values()), sealed)


def test_a_sealed_text_opens_once_however_it_is_written() -> None:
    opener, bound_to = sealing.Opener(), sealing.info("key", "install-1", "kraken")
    sealed = sealing.seal(opener.public_key, bound_to, {"key": "k"})
    with pytest.raises(sealing.NotSealed):
        opener.open(sealing.info("key", "install-1", "binance"), sealed)  # no opening, so none is lost
    assert opener.open(bound_to, sealed) == {"key": "k"}
    other = bytearray(base64.b64decode(sealed))
    other[31] ^= 0x80  # a bit of the key's encoding that X25519 ignores
    for each in (sealed, base64.b64encode(other).decode()):
        with pytest.raises(sealing.NotSealed):
            opener.open(bound_to, each)
    assert opener.open(bound_to, sealing.seal(opener.public_key, bound_to, {"key": "k"})) == {"key": "k"}


@pytest.mark.parametrize(
    "inside", [b"", b"[]", b'"text"', b'{"key": 1}', b'{"key": null}', b'{"k": "\\ud800"}', b"\xff"]
)
def test_what_is_sealed_must_be_an_object_of_texts(inside: bytes) -> None:
    opener, bound_to = sealing.Opener(), sealing.info("key", "install-1", "kraken")
    sealed = base64.b64encode(sealing.SUITE.encrypt(inside, opener._private.public_key(), info=bound_to)).decode()
    with pytest.raises(sealing.NotSealed, match="no JSON object of texts"):
        opener.open(bound_to, sealed)
