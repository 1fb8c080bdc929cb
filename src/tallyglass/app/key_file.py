"""Key files: what a user hands over, read without a trace. The texts of errors hold nothing of the file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tallyglass.app.problems import Problem

LARGEST = 64 * 1024
_SHAPE = 'The file holds JSON like {"key": "…", "secret": "…"}, or is the key file that the exchange gave you.'


def read_key_file(name: str) -> dict[str, str]:
    """The members of a key file: a path, `-` for standard input, or `/dev/fd/N`."""
    try:
        if name == "-":
            raw = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(name).expanduser().open("rb") as file:
                raw = file.read(LARGEST + 1)
    except OSError as error:
        raise Problem("key_file", f"{name} cannot be read: {os.strerror(error.errno or 0)}.", _SHAPE) from None
    return parse_key_file(raw, "Standard input" if name == "-" else name)


def parse_key_file(raw: bytes, name: str = "the key file") -> dict[str, str]:
    """The text members of a JSON object. Nothing of the content stands in any error."""
    if len(raw) > LARGEST:
        raise Problem("key_file", f"{name} is too large to be a key file.", _SHAPE)
    if not raw.strip():
        raise Problem("key_file", f"{name} is empty.", _SHAPE)
    try:
        members = json.loads(raw.decode("utf-8-sig"))
        json.dumps(members, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise Problem("key_file", f"{name} is not whole JSON.", _SHAPE) from None
    if not isinstance(members, dict):
        raise Problem("key_file", f"{name} holds JSON, but no object.", _SHAPE)
    fields = {name: value for name, value in members.items() if isinstance(value, str) and value.strip()}
    if not fields:
        raise Problem("key_file", f"{name} holds no key.", _SHAPE)
    return fields
