from __future__ import annotations

import base64
import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.coinbase import signing
from tallyglass.exchanges.manifest import Call, Stamp
from tallyglass.exchanges.registry import MalformedKey

# A throw-away key, made for this worked example and used nowhere.
UUID = "c0ffee00-1a2b-4c3d-8e4f-5a6b7c8d9e0f"
SECRET = "8vpsF9DNKMX1Ur0Db/IPQEzd6wB9hRScJmvKHYQvX6n3HczScwcwq8cI8swkcye7Vs28+3riqX2O36dShQZyqQ=="
TOKEN = (
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImMwZmZlZTAwLTFhMmItNGMzZC04ZTRmLTVhNmI3YzhkOWUwZiIsIm5vbmNlIjoiMmMyNmI0NmI2OGZmYz"
    "Y4ZmY5OWI0NTNjMWQzMDQxMzQiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJjMGZmZWUwMC0xYTJiLTRjM2QtOGU0Zi01YTZiN2M4ZDllMGYiLCJpc"
    "3MiOiJjZHAiLCJuYmYiOjE3OTUzMzgwMDAsImV4cCI6MTc5NTMzODEyMCwidXJpIjoiR0VUIGFwaS5jb2luYmFzZS5jb20vdjIvYWNjb3VudHM"
    "ifQ.JyJKktQws0KsDN9CYB2LAE7D4dBw_JBP0hawkqaXx-RE10AGMWZhTBWA6ZHYB1ECMwPnLoL_joQ3ChAetfjRAw"
)
NAME = "organizations/5b1c2d3e-0a11-4b22-8c33-9d44e5f60718/apiKeys/7e6d5c4b-3a29-4180-9f0e-d1c2b3a49586"
UNSIGNED_ES256 = (
    "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9yZ2FuaXphdGlvbnMvNWIxYzJkM2UtMGExMS00YjIyLThjMzMtOWQ0NGU1ZjYwNzE4L2FwaUtleXMvN2"
    "U2ZDVjNGItM2EyOS00MTgwLTlmMGUtZDFjMmIzYTQ5NTg2Iiwibm9uY2UiOiI5Zjg2ZDA4MTg4NGM3ZDY1OWEyZmVhYTBjNTVhZDAxNWEzYmY0"
    "ZjFiMmIwYjgyMmNkMTVkNmMxNWIwZjAwYTA4IiwidHlwIjoiSldUIn0.eyJzdWIiOiJvcmdhbml6YXRpb25zLzViMWMyZDNlLTBhMTEtNGIyMi"
    "04YzMzLTlkNDRlNWY2MDcxOC9hcGlLZXlzLzdlNmQ1YzRiLTNhMjktNDE4MC05ZjBlLWQxYzJiM2E0OTU4NiIsImlzcyI6ImNkcCIsIm5iZiI6"
    "MTc5NTMzODAwMCwiZXhwIjoxNzk1MzM4MTIwLCJ1cmkiOiJHRVQgYXBpLmNvaW5iYXNlLmNvbS9hcGkvdjMvYnJva2VyYWdlL2FjY291bnRzIn"
    "0"
)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
EC_PEM = EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
ED_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(SECRET)[:32])
ED_PEM = ED_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ED_SEED = base64.b64encode(base64.b64decode(SECRET)[:32]).decode()


def stamp(nonce: str) -> Stamp:
    return Stamp(time_ms=1795338000999, nonce=1, random=bytes.fromhex(nonce))


def token(wire_headers: object) -> str:
    assert isinstance(wire_headers, dict)
    scheme, _, value = wire_headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    return str(value)


def test_ed25519_gives_the_worked_example_byte_for_byte() -> None:
    made = signing.credentials({"id": UUID, "privateKey": SECRET})
    call = Call("GET", "api.coinbase.com", "/v2/accounts", (("limit", "100"),))
    wire = signing.sign(call, made, stamp("2c26b46b68ffc68ff99b453c1d304134"))
    assert token(wire.headers) == TOKEN
    assert (wire.host, wire.target, wire.body) == ("api.coinbase.com", "/v2/accounts?limit=100", b"")


@pytest.mark.parametrize("secret", [SECRET, ED_SEED, ED_PEM, SECRET.rstrip("=")])
def test_every_spelling_of_an_ed25519_key_signs_alike(secret: str) -> None:
    made = signing.credentials({"key": UUID, "secret": secret})
    wire = signing.sign(
        Call("GET", "api.coinbase.com", "/v2/accounts"), made, stamp("2c26b46b68ffc68ff99b453c1d304134")
    )
    assert token(wire.headers) == TOKEN


def test_es256_signs_the_worked_example_with_raw_r_and_s() -> None:
    made = signing.credentials({"name": NAME, "privateKey": EC_PEM})
    nonce = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    wire = signing.sign(Call("GET", "api.coinbase.com", "/api/v3/brokerage/accounts"), made, stamp(nonce))
    unsigned, _, signature = token(wire.headers).rpartition(".")
    assert unsigned == UNSIGNED_ES256
    raw = base64.urlsafe_b64decode(signature + "==")
    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    EC_KEY.public_key().verify(der, unsigned.encode(), ec.ECDSA(SHA256()))


def test_the_token_is_bound_to_the_path_with_its_parts_filled_in() -> None:
    call = registry.manifest("coinbase").read("ledger").call({"account": "BTC", "order": "desc", "starting_after": "x"})
    wire = signing.sign(call, signing.credentials({"key": UUID, "secret": SECRET}), stamp("00" * 32))
    claims = json.loads(base64.urlsafe_b64decode(token(wire.headers).split(".")[1] + "=="))
    assert claims["uri"] == "GET api.coinbase.com/v2/accounts/BTC/transactions"
    assert wire.target == "/v2/accounts/BTC/transactions?limit=100&order=desc&starting_after=x"


def test_the_public_name_is_the_key_id() -> None:
    assert signing.public_name(signing.credentials({"name": NAME, "privateKey": EC_PEM})) == NAME


@pytest.mark.parametrize("name", ["key", "secret", "file"])
@pytest.mark.parametrize(("key_name", "key", "secret"), [("name", NAME, EC_PEM), ("id", UUID, SECRET)])
def test_the_whole_text_of_a_key_file_may_stand_in_one_field(name: str, key_name: str, key: str, secret: str) -> None:
    text = json.dumps({key_name: key, "privateKey": secret, "principalType": "X", "createTime": 5}, indent=1)
    assert signing.credentials({name: "\ufeff" + text}) == signing.credentials({"key": key, "secret": secret})


space = st.text(alphabet=" \t\r\n\ufeff", max_size=4)


@given(before=space, after=space, quote=st.sampled_from(["", '"', "'"]))
def test_what_comes_along_with_a_paste_does_no_harm(before: str, after: str, quote: str) -> None:
    for key, secret in ((NAME, EC_PEM), (UUID, SECRET)):
        handed = {"key": f"{before}{quote}{key}{quote}{after}", "secret": f"{before}{quote}{secret}{quote}{after}"}
        assert signing.credentials(handed) == signing.credentials({"key": key, "secret": secret})


@pytest.mark.parametrize(
    "spoilt", [EC_PEM.replace("\n", "\\n"), EC_PEM.replace("\n", " "), EC_PEM.replace("\n", "\r\n")]
)
def test_a_pem_with_spoilt_line_breaks_is_mended(spoilt: str) -> None:
    assert signing.credentials({"key": NAME, "secret": spoilt})["secret"] == EC_PEM


def test_a_secret_broken_over_lines_is_mended() -> None:
    assert signing.credentials({"key": UUID, "secret": SECRET[:50] + "\n  " + SECRET[50:]})["secret"] == SECRET


def test_what_is_handed_out_fits_the_patterns_of_the_manifest() -> None:
    fields = {field.name: field for field in registry.manifest("coinbase").fields}
    for key, secret in ((NAME, EC_PEM), (UUID, SECRET), (UUID, ED_PEM), (UUID, ED_SEED)):
        made = signing.credentials({"key": key, "secret": secret})
        assert all(field.pattern.fullmatch(made[name]) for name, field in fields.items())
    assert fields["secret"].secret
    assert not fields["key"].secret


P384_PEM = (
    ec.generate_private_key(ec.SECP384R1())
    .private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    .decode()
)
RSA_PEM = (
    rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
)
WALLET = base64.b64encode(EC_KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"key": SECRET, "secret": UUID}, "swapped"),
        ({"key": EC_PEM, "secret": NAME}, "swapped"),
        ({"key": UUID}, "private key is missing"),
        ({"secret": SECRET}, "API key ID is missing"),
        ({"key": "tracker-readonly", "secret": SECRET}, "neither a UUID nor"),
        ({"key": "aB3dE5gH7jK9mN1p", "secret": "x" * 32}, "old kind"),
        ({"key": "0123456789abcdef0123456789abcdef", "secret": SECRET}, "Coinbase Exchange"),
        ({"key": "anything", "secret": SECRET, "passphrase": "abc"}, "Coinbase Exchange"),
        ({"key": "aB3dE5gH7jK9mN1paB3dE5gH7jK9mN1p", "secret": SECRET}, "Client API Key"),
        ({"key": UUID, "secret": WALLET}, "Wallet Secret"),
        ({"key": UUID, "secret": SECRET[:40]}, "cut"),
        ({"key": UUID, "secret": "A" + SECRET[1:]}, "mistyped"),
        ({"key": NAME, "secret": EC_PEM[:-40]}, "cut"),
        ({"key": NAME, "secret": EC_PEM.replace("\n", "\nAAAA", 1)}, "mistyped"),
        ({"key": NAME, "secret": P384_PEM}, "another kind"),
        ({"key": NAME, "secret": RSA_PEM}, "another kind"),
        ({"secret": '{"name": "organizations'}, "key file is cut"),
    ],
)
def test_a_wrong_key_is_told_apart(fields: dict[str, str], says: str) -> None:
    with pytest.raises(MalformedKey, match=says) as caught:
        signing.credentials(fields)
    assert caught.value.fix


def attempt(fields: dict[str, str]) -> tuple[dict[str, str], MalformedKey | None]:
    try:
        return signing.credentials(fields), None
    except MalformedKey as refusal:
        return {}, refusal


@given(at=st.integers(0, 87), put=st.characters(codec="ascii"), cut=st.integers(0, 88))
def test_a_damaged_secret_is_refused_and_never_repeated(at: int, put: str, cut: int) -> None:
    for secret in (SECRET[:at] + put + SECRET[at + 1 :], SECRET[:cut]):
        made, refusal = attempt({"key": UUID, "secret": secret})
        if refusal:
            told = f"{refusal} {refusal.fix} {refusal!r}"
            assert not any(piece in told for piece in re.findall(".{12}", secret) if piece.strip())
            assert refusal.__context__ is None  # whose text or document might hold the secret
        else:
            # What is left after tidying must be the very same key, or its seed alone.
            wire = signing.sign(Call("GET", "h.example", "/"), made, stamp("00" * 32))
            whole = signing.credentials({"key": UUID, "secret": SECRET})
            assert wire == signing.sign(Call("GET", "h.example", "/"), whole, stamp("00" * 32))
