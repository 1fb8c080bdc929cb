"""Finds secrets where none may be: in any place, in any form in which a program could have written them down."""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

#: Of a longer secret either end is enough to be found.
END = 20
#: Name of a secret and form → how it would stand there.
Traces = Mapping[str, bytes]
#: Arguments and environment are those of the start: a process is looked at this often and then no more.
_LOOKS = 50


def traces(secrets: Mapping[str, str]) -> Traces:
    """Every form of every part of these secrets, by name."""
    return {
        f"{name}: {part}, {form}": trace
        for name, secret in secrets.items()
        for part, raw in _parts(secret).items()
        for form, trace in _forms(raw).items()
    }


def found_in(place: bytes, wanted: Traces) -> list[str]:
    """The names of what stands in that place."""
    return [name for name, trace in wanted.items() if trace in place]


def _parts(secret: str) -> dict[str, bytes]:
    """What of a secret would give it away: either end of its text, and the key itself that it encodes."""
    parts: dict[str, bytes] = {}
    if secret.startswith("-----"):
        lines = [line for line in secret.splitlines() if not line.startswith("-----")]
        for number, line in enumerate(lines, 1):
            parts |= {
                f"line {number} from the left": line[:END].encode(),
                f"line {number} from the right": line[-END:].encode(),
            }
        parts["the number"] = _number(secret)
        return {name: part for name, part in parts.items() if len(part) >= END}
    parts = {"from the left": secret[:END].encode(), "from the right": secret[-END:].encode()}
    try:
        raw = base64.b64decode(secret, validate=True)
    except binascii.Error:
        return parts
    return parts | {"decoded, from the left": raw[:END], "decoded, from the right": raw[-END:]}


def _number(pem: str) -> bytes:
    private = load_pem_private_key(pem.encode(), None)
    if isinstance(private, Ed25519PrivateKey):
        return private.private_bytes_raw()
    assert isinstance(private, EllipticCurvePrivateKey)
    return private.private_numbers().private_value.to_bytes(32, "big")


def _forms(raw: bytes) -> dict[str, bytes]:
    """The bytes as they are, and as programs write bytes."""
    forms = {
        "as it is": raw,
        "reversed": raw[::-1],
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "decimal": str(int.from_bytes(raw, "big")).encode(),
        "a list of numbers": ", ".join(map(str, raw)).encode(),
        "escaped": repr(raw)[2:-1].encode(),
        "in a URL": quote(raw, safe="").encode(),
    }
    for shift in range(3):
        forms[f"base64, {shift}"] = _base64(raw, shift)
        forms[f"base64 for URLs, {shift}"] = _base64(raw, shift).translate(bytes.maketrans(b"+/", b"-_"))
    if raw.isascii():
        forms["in JSON"] = json.dumps(raw.decode())[1:-1].encode()
        forms["in JSON, slashes too"] = forms["in JSON"].replace(b"/", b"\\/")
        forms["UTF-16"] = raw.decode().encode("utf-16-le")
    return {name: form for name, form in forms.items() if form != raw or name == "as it is"}


def _base64(raw: bytes, shift: int) -> bytes:
    """What of the base64 is the same whatever stands before (`shift` bytes of it, modulo 3) and behind."""
    encoded = base64.b64encode(bytes(shift) + raw)
    whole = (shift + len(raw)) // 3 * 4
    return encoded[(shift * 8 + 5) // 6 : whole]


class Watch:
    """The arguments and the environment of every process that began while it ran, as long as they could be read."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._looks: Counter[Path] = Counter(dict.fromkeys(_processes(), _LOOKS))
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    @property
    def all(self) -> bytes:
        return b"\n".join(sorted(self.seen))

    def _look(self) -> None:
        while not self._done.wait(0.02):
            for process in _processes():
                if self._looks[process] < _LOOKS:
                    self._looks[process] += 1
                    self.seen |= set(_told(process))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def _processes() -> list[Path]:
    return [each for each in Path("/proc").iterdir() if each.name.isdigit()]


def _told(process: Path) -> Iterator[bytes]:
    for name in ("cmdline", "environ"):
        try:
            yield (process / name).read_bytes()
        except OSError:  # it has ended, or is closed to us as it should be
            continue


def files(*folders: Path) -> dict[str, bytes]:
    """Every file below: its path and its content are searched."""
    found = {}
    for folder in folders:
        for each in sorted(folder.rglob("*")):
            content = each.read_bytes() if each.is_file() else b""
            found[str(each)] = str(each).encode() + b"\n" + content
    return found


def search(places: Mapping[str, bytes] | Iterable[tuple[str, bytes]], wanted: Traces) -> list[str]:
    """Where what was found: empty is good."""
    rows = places.items() if isinstance(places, Mapping) else places
    return [f"{place}: {name}" for place, content in rows for name in found_in(content, wanted)]


@contextmanager
def nothing_new(folder: Path, wanted: Traces) -> Iterator[list[str]]:
    """What files directly in a shared folder, new or changed during the block, give away: filled at its end."""
    before = {each: _touched(each) for each in folder.iterdir()}
    found: list[str] = []
    yield found
    for each in folder.iterdir():
        if each.is_file() and before.get(each) != _touched(each):
            found += search({str(each): str(each).encode() + _content(each)}, wanted)


def _touched(path: Path) -> tuple[int, int]:
    try:
        told = path.lstat()
    except OSError:
        return 0, 0
    return told.st_mtime_ns, told.st_size


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def signatures(headers: Mapping[str, str], target: str) -> list[str]:
    """What of a request proves who sent it."""
    found = [headers[name].removeprefix("Bearer ") for name in ("api-sign", "authorization") if name in headers]
    return found + re.findall(r"[?&]signature=([^&]+)", target)
