"""Asks for a key on a terminal, without echo, when no file holds it."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping

from tallyglass.app.problems import Problem


def key_fields(parts: Mapping[str, str]) -> dict[str, str]:
    """The parts of a key, asked for in the words of its exchange. Raises `Problem` where nobody can be asked."""
    if not sys.stdin.isatty():
        raise Problem(
            "key_file", "No key was given.", "Name its JSON file with --key-file FILE, or - for standard input."
        )
    return {name: _ask(f"{label}: ") for name, label in parts.items()}


def _ask(prompt: str) -> str:
    """One line; a PEM block from its first to its last."""
    lines = [getpass.getpass(prompt)]
    while lines[0].startswith("-----BEGIN") and "-----END" not in lines[-1]:
        lines.append(getpass.getpass(""))
    return "\n".join(lines)
