"""The detector of secrets, tested: what is planted is found, in every channel and in every spelling."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.canary import Watch, files, found_in, nothing_new, search, traces
from support.closed import eventually
from support.program import PASSPHRASE

SECRETS = {
    "kraken": base64.b64encode(bytes(range(7, 71))).decode(),
    "binance": "Zx9" * 21 + "Q",
    "coinbase": ec.derive_private_key(2**200 + 12345, ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    .decode(),
    "passphrase": PASSPHRASE,
}


def written(secret: str) -> dict[str, bytes]:
    """The ways in which careless programs write a secret down."""
    raw = secret.encode()
    text = "".join(line for line in secret.splitlines() if "-----" not in line)
    ways = {
        "as it is": raw,
        "in a form": f"a=1&secret={quote(secret, safe='')}&b=2".encode(),
        "in JSON": json.dumps({"a": [{"secret": secret}]}).encode(),
        "in JSON in JSON": json.dumps({"body": json.dumps({"secret": secret})}).encode(),
        "as Python shows it": repr({"secret": secret}).encode(),
        "hex": raw.hex().encode(),
        "HEX": b"0x" + raw.hex().upper().encode(),
        "its first 20 characters": text[:20].encode(),
        "its last 20 characters": text[-20:].encode(),
        "reversed": text[::-1].encode(),
        "in UTF-16": secret.encode("utf-16"),
        "in a binary file": os.urandom(999) + raw + os.urandom(999),
    }
    for before in (b"", b"a", b"ab", b'{"secret": "'):
        ways[f"base64 after {before!r}"] = base64.b64encode(before + raw + b'"}')
        ways[f"base64 for URLs after {before!r}"] = base64.urlsafe_b64encode(before + raw + b"?")
    if secret != PASSPHRASE and not secret.startswith("Zx9"):
        key = base64.b64decode(text)
        ways |= {"decoded": key, "decoded, hex": key.hex().encode(), "decoded, shown": repr(key).encode()}
    return ways


@pytest.mark.parametrize("name", SECRETS)
def test_the_detector_finds_a_secret_however_it_is_written(name: str) -> None:
    wanted = traces({name: SECRETS[name]})
    for way, place in written(SECRETS[name]).items():
        assert found_in(place, wanted), way
    for other, secret in SECRETS.items():
        if other != name:
            for way, place in written(secret).items():
                assert found_in(place, wanted) == [], (other, way)


def test_the_detector_looks_everywhere(tmp_path: Path) -> None:
    """A secret planted in each channel: an argument, the environment, a file, a file's name, a shared folder."""
    wanted = traces(SECRETS)
    secret, waiting = SECRETS["binance"], [sys.executable, "-c", "print(1, flush=True); input()"]
    for command, environment in (([*waiting, secret], {}), (waiting, {"SECRET": secret})):
        with (
            Watch() as watch,
            subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
        ):
            eventually(lambda watch=watch: found_in(watch.all, wanted) != [], "it was not seen")  # type: ignore[misc]
            process.kill()
    nested = tmp_path / "a" / "b"
    nested.mkdir(parents=True)
    assert search(files(tmp_path), wanted) == []
    (nested / "log.txt").write_text(f"sent {secret}\n")
    assert search(files(tmp_path), wanted)
    (nested / "log.txt").rename(nested / secret)
    (nested / secret).write_text("")
    assert search(files(tmp_path), wanted)
    with nothing_new(nested, wanted) as found:
        (nested / "new.txt").write_bytes(base64.b64encode(secret.encode()))
    assert {each.partition(":")[0] for each in found} == {str(nested / "new.txt")}
