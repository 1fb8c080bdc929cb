"""Asks for a key on a terminal, without echo, when no file holds it."""

from __future__ import annotations

import getpass
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import typer

from tallyglass.app.problems import Problem
from tallyglass.app.session import check_passphrase

_FIX = "Name its JSON file with --key-file FILE, or - for standard input."


def key_fields(parts: Mapping[str, str]) -> dict[str, str]:
    """The parts of a key, asked for in the words of its exchange. Raises `Problem` where nobody can be asked."""
    if not sys.stdin.isatty():
        raise Problem("key_file", "No key was given.", _FIX)
    with _unseen():
        return {name: _ask(f"{label} (not shown): ") for name, label in parts.items()}


def new_passphrase(or_else: str = "") -> str:
    """One that is typed twice, without echo. With `or_else`, nothing may be typed too, which means just that."""
    if not sys.stdin.isatty():
        raise Problem("passphrase_needed", "A passphrase is needed.", "Give it with --passphrase-file FILE.")
    first = getpass.getpass(f"New passphrase, of at least 12 characters{or_else}: ")
    if or_else and not first:
        return ""
    check_passphrase(first)
    if getpass.getpass("Again: ") != first:
        raise Problem("usage", "The two were not the same.", "Try again.")
    return first


@contextmanager
def _unseen() -> Iterator[None]:
    """Nothing typed is shown. Unlike `getpass`, what is pasted ahead is kept: a PEM block has several lines."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _ask(prompt: str) -> str:
    """One line; a PEM block from its first to its last."""
    typer.echo(prompt, nl=False, err=True)
    lines = [_line()]
    while lines[0].startswith("-----BEGIN") and "-----END" not in lines[-1]:
        lines.append(_line())
    typer.echo(err=True)
    return "\n".join(lines)


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise Problem("key_file", "The input ended before the key was whole.", _FIX)
    return line.rstrip("\r\n")
