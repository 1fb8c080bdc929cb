"""Kraken's signature against published vectors, and what a user may hand over as a key."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.kraken import signing
from tallyglass.exchanges.manifest import Call, Stamp
from tallyglass.exchanges.registry import MalformedKey

KEY = "TUFERS1VUC1LRVktTk9ULU9GLUFOWS1BQ0NPVU5ULUFULUFMTDAwMDAw"
SECRET = base64.b64encode(bytes(range(64))).decode()


def wire_of(call: Call, nonce: int, secret: str = SECRET) -> dict[str, str]:
    wire = signing.sign(call, {"key": KEY, "secret": secret}, Stamp(0, nonce, b""))
    assert wire.method == "POST"
    assert wire.target == call.path
    assert wire.headers["API-Key"] == KEY
    assert wire.headers["Content-Type"] == "application/x-www-form-urlencoded"
    return {"sign": wire.headers["API-Sign"], "body": wire.body.decode()}


@pytest.mark.parametrize(
    ("secret", "path", "params", "nonce", "signature"),
    [
        (  # the example of Kraken's guide to authentication
            "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==",
            "/0/private/AddOrder",
            (("ordertype", "limit"), ("pair", "XBTUSD"), ("price", "37500"), ("type", "buy"), ("volume", "1.25")),
            1616492376594,
            "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
        ),
        (  # the example of Kraken's own SDK
            base64.b64encode(b"\x01" * 32).decode(),
            "/0/private/Balance",
            (),
            1700000000000000000,
            "6i7+cpXVLDDnDOekgsRcgFQhkYFyPDSSxhSVA8OrA6vjziXcy2K1DP3n7f9B/Kgni71WjBSQusZKxduRsdF20Q==",
        ),
        (  # the rest was computed by another hand from the formula
            SECRET,
            "/0/private/Balance",
            (),
            1700000000000,
            "nFz407/yJMVPoJY+PuegQYjsDLarb1nokU4GYQ/FnajfgvW9LTtCs98itJiFtp1Cr3SxotM/32MDDDkXwgi99Q==",
        ),
        (
            SECRET,
            "/0/private/Ledgers",
            (("type", "trade"), ("ofs", "50")),
            1700000000001,
            "vsehelNpl9Ahb6eupt2OmD7aQI8ueOR39Z492bXiauhxvkBCxl/anyeO9DrSjrgo6Pav5rLJydrdbrfXVTVGkA==",
        ),
        (
            SECRET,
            "/0/private/Earn/Allocations",
            (("hide_zero_allocations", "true"),),
            1700000000003,
            "y3Ph7x6/RjQVpwU9IJk5dukURImUVW5VwOvUkvrNTKuh43iIWWW5ly5rdqQ3dKiKk1b6v49fn/eyvuIgBR5fzw==",
        ),
    ],
)
def test_published_signatures_are_reproduced(
    secret: str, path: str, params: tuple[tuple[str, str], ...], nonce: int, signature: str
) -> None:
    assert wire_of(Call("POST", "api.kraken.com", path, params), nonce, secret)["sign"] == signature


def test_the_body_carries_the_nonce_first_and_the_params_encoded() -> None:
    call = registry.manifest("kraken").read("ledger").call({"ofs": "50", "start": "1 + 1"})
    assert wire_of(call, 7)["body"] == "nonce=7&start=1%20%2B%201&ofs=50"


def test_a_signed_request_shows_no_signature_when_it_is_printed() -> None:
    wire = signing.sign(
        Call("POST", "api.kraken.com", "/0/private/Balance"), {"key": KEY, "secret": SECRET}, Stamp(0, 1, b"")
    )
    assert wire.headers["API-Sign"] not in repr(wire)
    assert KEY not in repr(wire)


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        (f"  {KEY}\n", f"{SECRET}\r\n"),
        (f"\ufeff{KEY}", f'"{SECRET}"'),
        (f"'{KEY}'", SECRET[:40] + "\n" + SECRET[40:]),
        (KEY, SECRET[:40] + "\\n" + SECRET[40:] + "\u200b"),
    ],
)
def test_what_clings_to_a_pasted_key_is_taken_off(key: str, secret: str) -> None:
    assert signing.credentials({"key": key, "secret": secret}) == {"key": KEY, "secret": SECRET}


def test_the_members_of_other_programs_key_files_are_understood() -> None:
    found = signing.credentials({"apiKey": KEY, "privateKey": SECRET, "description": "tracker"})
    assert found == {"key": KEY, "secret": SECRET}
    assert signing.public_name(found) == KEY


PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIMadeUpAndNoKeyAtAll\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"key": SECRET, "secret": KEY}, "swapped"),
        ({"key": KEY}, "private key is missing"),
        ({"key": "", "secret": SECRET}, "API key is missing"),
        ({"key": KEY[:-1], "secret": SECRET}, "has 55"),
        ({"key": KEY, "secret": SECRET[:-6]}, "has 82"),
        ({"key": KEY, "secret": SECRET.replace("A", "é")}, "do not belong"),
        ({"key": "organizations/aaaa/apiKeys/bbbb", "secret": PEM}, "Coinbase"),
        ({"key": "a1" * 32, "secret": "B2" * 32}, "Binance"),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_what_to_do(fields: dict[str, str], says: str) -> None:
    with pytest.raises(MalformedKey, match=says) as caught:
        signing.credentials(fields)
    assert caught.value.fix
    told = f"{caught.value} {caught.value.fix}"
    assert not any(len(part) > 8 and part[:8] in told for part in fields.values())


@given(st.text(max_size=120), st.text(max_size=120))
def test_any_other_text_is_refused_and_not_told_again(key: str, secret: str) -> None:
    with pytest.raises(MalformedKey) as caught:  # no such text is by chance 56 and 88 letters of base64
        signing.credentials({"key": key, "secret": secret})
    assert len(secret) < 12 or secret not in f"{caught.value} {caught.value.fix}"


@given(st.binary(min_size=42, max_size=42), st.binary(min_size=64, max_size=64))
def test_every_key_of_krakens_form_fits_and_the_manifest_agrees(key: bytes, secret: bytes) -> None:
    fields = {"key": base64.b64encode(key).decode(), "secret": base64.b64encode(secret).decode()}
    assert signing.credentials(fields) == fields
    for field in registry.manifest("kraken").fields:
        assert field.pattern.fullmatch(fields[field.name])
