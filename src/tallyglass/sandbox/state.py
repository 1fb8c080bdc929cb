"""The state file: where the sandbox listens and with which keys, for the programs that use it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from tallyglass.sandbox.model import Key, Venue


class Source(Protocol):
    """What answers under hosts of its own and has no keys."""

    @property
    def id(self) -> str: ...
    @property
    def hosts(self) -> tuple[str, ...]: ...


_ALSO = {"key": ("name", "api_key", "apiKey"), "secret": ("privateKey", "private_key", "api_secret", "apiSecret")}
"""Members of key files that mean the same as `key` and `secret`."""


def described(base_url: str, venues: Mapping[str, Venue], sources: Iterable[Source]) -> dict[str, Any]:
    """What the state file says. Every key has at least the members `key` and `secret`."""
    return {
        "base_url": base_url,
        "exchanges": {
            name: {
                "hosts": _hosts(base_url, name, venue.hosts),
                "keys": {kind: _fields(key) for kind, key in venue.keys.items()},
            }
            for name, venue in venues.items()
        },
        "sources": {source.id: {"hosts": _hosts(base_url, source.id, source.hosts)} for source in sources},
    }


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Whole or not at all, for the owner alone: it holds secrets, if only made-up ones."""
    private(path, (json.dumps(state, indent=2) + "\n").encode())


def private(path: Path, content: bytes) -> None:
    """Write a file atomically with mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


def _hosts(base_url: str, name: str, hosts: Iterable[str]) -> dict[str, str]:
    """The exchange's main host under its id, any other under its own name."""
    return {host: f"{base_url}/{host if at else name}" for at, host in enumerate(hosts)}


def _fields(key: Key) -> dict[str, str]:
    fields = dict(key.fields)
    for member, others in _ALSO.items():
        if member not in fields:
            fields[member] = next(fields[each] for each in others if each in fields)
    return fields
