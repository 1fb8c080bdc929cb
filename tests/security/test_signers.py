"""Our signers beside ccxt's and Coinbase's own: the same random requests, the same clock, the same signature."""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tallyglass.exchanges import registry
from tallyglass.exchanges.manifest import Call, Read, Stamp, Wire

pytestmark = pytest.mark.peers

ROOT = Path(__file__).parents[2]
REQUESTS = 200
NAMES = (
    "symbol",
    "start",
    "ofs",
    "fromId",
    "startTime",
    "endTime",
    "limit",
    "cursor",
    "asset",
    "page",
    "x",
    "A_1",
    "zZ",
)
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SYMBOLS = " !\"#$%&'()*+,-./:;<=>?@\\^_`{|}~"
WORDS = (
    "é",
    "ß",
    "漢字",
    "🙂",
    "\u202eabc",
    "a\u0301",
    "Ω≈ç√",
    "ܫܠܡܐ",
    "\U0010ffff",
    "%41",
    "a+b c",
    "&x=y",
    "..",
    "%",
)

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Case:
    """One request, with its key, in our hands."""

    call: Call
    credentials: Mapping[str, str]
    #: What the user would have pasted: what the others are given.
    pasted: Mapping[str, str]
    stamp: Stamp

    @property
    def job(self) -> dict[str, Any]:
        """The same for the others."""
        return {
            "method": self.call.method,
            "path": self.call.path,
            "params": self.call.params,
            "time_ms": self.stamp.time_ms,
            "nonce": self.stamp.nonce,
            "random": self.stamp.random.hex(),
            **self.pasted,
        }


class Chance:
    """Randomness that is the same on every day."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def text(self, alphabet: str, length: int) -> str:
        return "".join(self.random.choice(alphabet) for _ in range(length))

    def value(self, *, plain: bool) -> str:
        """Empty, short, with spaces, symbols, other scripts, or as long as a value may be."""
        length = self.random.choice((0, 1, 2, 8, 20, 60, 1000))
        if plain:
            return self.text(PLAIN, length)
        pieces = [*WORDS, *SYMBOLS, *PLAIN]
        return "".join(self.random.choice(pieces) for _ in range(length))[:1000]

    def case(self, exchange: str, pasted: Mapping[str, str]) -> Case:
        read: Read = self.random.choice([each for each in registry.manifest(exchange).reads.values() if each.signed])
        names = self.random.sample(NAMES, self.random.randrange(len(NAMES)))
        # ccxt leaves some of Binance's calls without percent-encoding, against Binance's own rule: plain values there
        plain = "simple-earn" in read.path
        params = tuple((name, self.value(plain=plain)) for name in names)
        path = read.path.replace("{account}", self.text(PLAIN, 1) + self.text(PLAIN + "-_", 35))
        stamp = Stamp(
            self.random.randrange(1_600_000_000_000, 4_000_000_000_000),
            self.random.randrange(1, 2**63),
            self.random.randbytes(32),
        )
        credentials = registry.signing(exchange).credentials(pasted)
        return Case(Call(read.method, read.host, path, params), credentials, pasted, stamp)


def ccxt(exchange: str, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same requests as others sign them."""
    command = [str(ROOT / ".venv-peers/bin/python"), str(ROOT / "tests/peers/ccxt_sign.py")]
    text = json.dumps({"exchange": exchange, "jobs": jobs})
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(made) == len(jobs) == REQUESTS
    return made


def signed(case: Case, exchange: str) -> Wire:
    return registry.signing(exchange).sign(case.call, case.credentials, case.stamp)


def test_the_requests_are_worth_signing() -> None:
    """The generator's own test: every kind of value and every signed read is among them."""
    for exchange, pasted in (("kraken", kraken_keys), ("binance", binance_keys), ("coinbase", es256_keys)):
        made = list(cases(exchange, pasted))
        assert made == list(cases(exchange, pasted))
        values = [value for case in made for _, value in case.call.params]
        assert {"", " "} <= {*values, *"".join(values)}
        assert any(len(value) == 1000 for value in values)
        assert all(any(symbol in value for value in values) for symbol in (*SYMBOLS, *WORDS))
        assert any(not case.call.params for case in made)
        signable = {each.path.partition("{")[0] for each in registry.manifest(exchange).reads.values() if each.signed}
        assert all(any(case.call.path.startswith(path) for case in made) for path in signable)


def cases(exchange: str, keys: Any) -> Iterator[Case]:
    chance = Chance(f"{exchange} {keys.__name__}")
    for _ in range(REQUESTS):
        yield chance.case(exchange, keys(chance))


def kraken_keys(chance: Chance) -> dict[str, str]:
    return {
        "key": base64.b64encode(chance.random.randbytes(42)).decode(),
        "secret": base64.b64encode(chance.random.randbytes(64)).decode(),
    }


def binance_keys(chance: Chance) -> dict[str, str]:
    return {"key": chance.text(PLAIN, 64), "secret": chance.text(PLAIN, 64)}


def binance_pairs(chance: Chance) -> dict[str, str]:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(chance.random.randbytes(32))
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"key": chance.text(PLAIN, 64), "secret": pem}


def uuid(chance: Chance) -> str:
    return "-".join(chance.text("0123456789abcdef", length) for length in (8, 4, 4, 4, 12))


def es256_keys(chance: Chance) -> dict[str, str]:
    private = ec.derive_private_key(chance.random.randrange(1, 2**255), ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return {"key": f"organizations/{uuid(chance)}/apiKeys/{uuid(chance)}", "secret": pem}


def eddsa_keys(chance: Chance) -> dict[str, str]:
    seed = chance.random.randbytes(32)
    public = ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return {"key": uuid(chance), "secret": base64.b64encode(seed + public).decode()}


def test_kraken_to_the_byte() -> None:
    made = list(cases("kraken", kraken_keys))
    for case, theirs in zip(made, ccxt("kraken", [each.job for each in made]), strict=True):
        ours = signed(case, "kraken")
        assert ours.headers == theirs["headers"]
        assert ours.body.decode() == theirs["body"]
        assert (ours.method, f"https://{ours.host}{ours.target}") == (theirs["method"], theirs["url"])


@pytest.mark.parametrize("keys", [binance_keys, binance_pairs], ids=["hmac", "ed25519"])
def test_binance_to_the_byte(keys: Any) -> None:
    made = list(cases("binance", keys))
    for case, theirs in zip(made, ccxt("binance", [each.job for each in made]), strict=True):
        ours = signed(case, "binance")
        assert (ours.method, ours.headers["X-MBX-APIKEY"]) == (theirs["method"], theirs["headers"]["X-MBX-APIKEY"])
        # ccxt writes what we have in the query into the body of a POST; Binance takes both
        url = theirs["url"] if ours.method == "GET" else f"{theirs['url']}?{theirs['body']}"
        assert f"https://{ours.host}{ours.target}" == url
        assert ours.body == b""


@pytest.mark.parametrize("keys", [es256_keys, eddsa_keys], ids=["ES256", "EdDSA"])
def test_coinbase_says_the_same_and_each_proves_the_other(keys: Any) -> None:
    made = list(cases("coinbase", keys))
    wires = [signed(case, "coinbase") for case in made]
    jobs = [
        {
            **case.job,
            "token": token(wire.headers),
            "uri": f"GET {wire.host}{case.call.path}",
            "public": public_pem(case),
        }
        for case, wire in zip(made, wires, strict=True)
    ]
    for case, ours, job, theirs in zip(made, wires, jobs, ccxt("coinbase", jobs), strict=True):
        wants = urlsplit(theirs["url"])
        assert (ours.method, ours.host, ours.body) == (theirs["method"], wants.netloc, b"")
        assert ours.target == (f"{wants.path}?{wants.query}" if case.call.params else wants.path)

        algorithm = "EdDSA" if keys is eddsa_keys else "ES256"
        header, claims = proven(token(ours.headers), case)
        assert header == {"alg": algorithm, "typ": "JWT", "kid": case.pasted["key"], "nonce": case.stamp.random.hex()}
        assert theirs["read"] == claims, "read by PyJWT, which proves it with the public key"

        assert proven(theirs["official"], case) == (header, claims)
        if algorithm == "EdDSA":  # no chance in it: so not only proven, but the same to the byte
            assert theirs["official"] == job["token"]

        their_header, theirs_claimed = proven(token(theirs["headers"]), case)
        assert their_header == header
        # ccxt also names an audience and when the token was made, and for ES256 another issuer
        older = {"aud", "iss", "iat", "uris"}
        assert {k: v for k, v in theirs_claimed.items() if k not in older} == {
            name: value for name, value in claims.items() if name != "iss" and name in theirs_claimed
        }
        assert (theirs_claimed.get("uri") or theirs_claimed["uris"][0]) == claims["uri"] == job["uri"]
        assert theirs_claimed["iat"] == claims["nbf"] == case.stamp.time_ms // 1000


def test_the_proof_is_one() -> None:
    """What proves the tokens above refuses one with a changed letter, and one of another key."""
    one, two, *_ = cases("coinbase", es256_keys)
    sealed = token(signed(one, "coinbase").headers)
    proven(sealed, one)
    body, _, signature = sealed.rpartition(".")
    for wrong in (f"{body[:-1]}A.{signature}", f"{body[:-1]}B.{signature}"):
        if wrong != sealed:
            with pytest.raises((InvalidSignature, ValueError)):
                proven(wrong, one)
    with pytest.raises(InvalidSignature):
        proven(sealed, two)


def token(headers: Mapping[str, str]) -> str:
    scheme, _, value = headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    return value


def private_key(case: Case) -> Private:
    """Out of what the user pasted, not out of what our signer made of it."""
    if case.pasted["secret"].startswith("-----"):
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        loaded = load_pem_private_key(case.pasted["secret"].encode(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        return loaded
    return ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(case.pasted["secret"])[:32])


def public_pem(case: Case) -> str:
    return private_key(case).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def proven(jwt: str, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token. Raises `InvalidSignature` for one that this key did not sign."""
    header, claims, signature = jwt.split(".")
    raw, message, public = _unpacked(signature), f"{header}.{claims}".encode(), private_key(case).public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(raw, message)
    else:
        assert len(raw) == 64
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    return json.loads(_unpacked(header)), json.loads(_unpacked(claims))


def _unpacked(part: str) -> bytes:
    assert "=" not in part
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
