"""Signatures, against the exchange's published vectors; and what is made of the texts that people paste."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.binance import signing
from tallyglass.exchanges.manifest import Call, Stamp
from tallyglass.exchanges.registry import MalformedKey

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
OWN = "SANDBOXSECRET" + "0" * 51
ED25519 = "MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u"
PEM = f"-----BEGIN PRIVATE KEY-----\n{ED25519}\n-----END PRIVATE KEY-----\n"
ORDER = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"

VECTORS = [  # the first three and the first of Ed25519 are Binance's own (rest-api.md, fix-api.md)
    (SECRET, f"symbol=LTCBTC&{ORDER}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    (
        SECRET,
        f"symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&{ORDER}",
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
    (
        SECRET,
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
        "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
    ),
    (
        OWN,
        "symbols=%5B%22BTCUSDT%22%2C%22BNBUSDT%22%5D&timestamp=1795305600000",
        "81f50f1862c370213c66aacdef5a7503266e4fb52f15a6c390e5ad306cb8469b",
    ),
    (
        ED25519,
        "A\x01EXAMPLE\x01SPOT\x011\x0120240627-11:17:25.223",
        "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA==",
    ),
]


@pytest.mark.parametrize(("secret", "payload", "expected"), VECTORS)
def test_the_published_vectors_are_reproduced(secret: str, payload: str, expected: str) -> None:
    assert signing.signature(secret, payload) == expected


def test_a_read_goes_out_with_its_params_the_time_and_the_signature_last() -> None:
    call = Call("GET", "api.binance.com", "/api/v3/account", (("omitZeroBalances", "true"), ("recvWindow", "5000")))
    wire = signing.sign(call, {"key": KEY, "secret": OWN}, Stamp(1795305600000, 1, b""))
    assert wire.target == (
        "/api/v3/account?omitZeroBalances=true&recvWindow=5000&timestamp=1795305600000"
        "&signature=78ca75a7d0807d54e87e86b47a17f55eb834cb1d0639fb90f94e6c64becf8254"
    )
    assert (wire.method, wire.host, dict(wire.headers), wire.body) == (
        "GET",
        "api.binance.com",
        {"X-MBX-APIKEY": KEY},
        b"",
    )


def test_an_ed25519_signature_is_percent_encoded() -> None:
    params = (("symbol", "BTCUSDT"), ("limit", "1000"), ("fromId", "0"), ("recvWindow", "5000"))
    call = Call("GET", "api.binance.com", "/api/v3/myTrades", params)
    wire = signing.sign(call, {"key": KEY, "secret": ED25519}, Stamp(1795305600000, 1, b""))
    assert wire.target.endswith(
        "&timestamp=1795305600000&signature=eG5jU5TikPxvzJBIBnkz1JjWX5OZkmrDvqTjRF7G6kKe6FVxvJJ7QD"
        "%2FvixTQO1%2B36utgJHIxrWxtek7w4HESDA%3D%3D"
    )


def test_a_read_by_post_carries_all_in_the_query() -> None:
    call = Call("POST", "api.binance.com", "/sapi/v1/asset/get-funding-asset")
    wire = signing.sign(call, {"key": KEY, "secret": SECRET}, Stamp(1795305600000, 1, b""))
    assert wire.method == "POST"
    assert wire.body == b""
    assert wire.target.startswith("/sapi/v1/asset/get-funding-asset?timestamp=1795305600000&signature=")


@pytest.mark.parametrize(
    "fields",
    [
        {"key": KEY, "secret": SECRET},
        {"key": f"  {KEY}\n", "secret": f'"{SECRET}"'},
        {"key": f"\ufeff{KEY[:30]}\r\n{KEY[30:]}", "secret": f"{SECRET[:40]} \n{SECRET[40:]}"},
        {"apiKey": KEY, "secretKey": SECRET},
        {"API Key": KEY, "Secret Key": SECRET, "permissions": "read"},
        {"api_key": f"'{KEY}'", "api_secret": f"\u200b{SECRET}"},
    ],
)
def test_pasted_hmac_keys_are_tidied(fields: dict[str, str]) -> None:
    assert signing.credentials(fields) == {"key": KEY, "secret": SECRET}


@pytest.mark.parametrize(
    "secret", [PEM, PEM.replace("\n", "\\n"), PEM.replace("\n", "\r\n"), f'"{PEM}"', ED25519, PEM.replace("\n", " ")]
)
def test_an_ed25519_key_is_taken_in_every_spelling(secret: str) -> None:
    assert signing.credentials({"key": KEY, "secret": secret}) == {"key": KEY, "secret": ED25519}


@given(st.binary(min_size=32, max_size=32))
def test_every_ed25519_key_signs_so_that_its_public_half_agrees(seed: bytes) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    taken = signing.credentials({"key": KEY, "secret": pem})
    signature = base64.b64decode(signing.signature(taken["secret"], "timestamp=1"))
    private.public_key().verify(signature, b"timestamp=1")


PUBLIC = (
    Ed25519PrivateKey.from_private_bytes(bytes(32))
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"key": KEY}, "missing"),
        ({"secret": SECRET}, "missing"),
        ({"key": KEY, "secret": KEY}, "same text"),
        ({"key": PEM, "secret": KEY}, "swapped"),
        ({"key": ED25519, "secret": KEY}, "swapped"),
        ({"key": KEY, "secret": PUBLIC}, "public half"),
        ({"key": KEY[:-1], "secret": SECRET}, "63 characters"),
        ({"key": KEY, "secret": SECRET[:-4]}, "60 characters"),
        ({"key": "organizations/4f1c/apiKeys/77aa", "secret": SECRET}, "Coinbase"),
        ({"key": "A" * 55 + "/", "secret": "B" * 86 + "=="}, "Kraken"),
        ({"key": "0a1b2c3d-0000-4000-8000-0123456789ab", "secret": "0" * 32}, "OKX"),
        ({"key": KEY, "secret": PEM.replace("PRIVATE", "ENCRYPTED PRIVATE")}, "passphrase"),
        ({"key": KEY, "secret": "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"}, "RSA"),
        ({"key": KEY, "secret": PEM[:60]}, "no whole"),
    ],
)
def test_what_cannot_be_a_key_is_told_apart_and_nothing_of_it_repeated(fields: dict[str, str], said: str) -> None:
    with pytest.raises(MalformedKey) as error:
        signing.credentials(fields)
    shown = f"{error.value} {error.value.fix}"
    assert said in shown
    assert not any(
        value[i : i + 12] in shown
        for value in fields.values()
        for i in range(0, len(value) - 12, 4)
        if "-----" not in value
    )


def test_the_public_name_is_the_api_key() -> None:
    assert signing.public_name({"key": KEY, "secret": SECRET}) == KEY
