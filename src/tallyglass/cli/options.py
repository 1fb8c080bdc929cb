"""The options that every command takes, wherever they stand on the line, and the passphrase they lead to."""

from __future__ import annotations

import getpass
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tallyglass.app.home import Home, find_home
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session, open_keeper, open_session
from tallyglass.keeper.client import Keeper

WITH_VALUE = ("--home", "--passphrase-file", "--log-level")
FLAGS = ("--json",)
LEVELS = ("debug", "info", "warning", "error")


@dataclass(slots=True)
class Options:
    """What was said on the command line for all commands."""

    home: Path | None = None
    json: bool = False
    passphrase_file: Path | None = None
    log_level: str = "warning"
    #: Whether it has been said that nothing here is real.
    said_sandbox: bool = False

    def place(self) -> Home:
        """The home that is meant."""
        return find_home(self.home)

    def ask(self, prompt: str) -> str:
        """The passphrase: from the file, else typed without echo."""
        if self.passphrase_file is not None:
            return read_passphrase(self.passphrase_file)
        if not sys.stdin.isatty():
            raise Problem("locked", "The keeper is locked.", "Give the passphrase with --passphrase-file FILE.")
        return getpass.getpass(prompt)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Keeper and store for one command."""
        with open_session(self.place(), self.ask, log_level=self.log_level) as session:
            self.say_sandbox(session.sandbox)
            yield session

    @contextmanager
    def keeper(self) -> Iterator[Keeper]:
        """The unlocked keeper for one command."""
        with open_keeper(self.place(), self.ask, log_level=self.log_level) as keeper:
            self.say_sandbox(keeper.health().sandbox)
            yield keeper

    def say_sandbox(self, address: str | None) -> None:
        """Every command says so, once and on standard error, when nothing of it is real."""
        if address and not self.said_sandbox:
            self.said_sandbox = True
            from tallyglass.cli import show

            show.sandbox_notice(address)


#: Set once, before the command runs.
options = Options()


def read_passphrase(path: Path) -> str:
    """The first line of a file or of `/dev/fd/N`."""
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline(4096).rstrip("\r\n")
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise Problem("passphrase_file", f"{path} cannot be read: {why}.", "Name a file with the passphrase.") from None
    except UnicodeDecodeError:
        raise Problem("passphrase_file", f"{path} is not text.", "Name a file with the passphrase.") from None
    if not line:
        raise Problem("passphrase_file", f"{path} is empty.", "Its first line is the passphrase.")
    return line


def to_front(arguments: list[str]) -> list[str]:
    """The arguments with the common options moved before the command, so that they may stand anywhere."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for argument in left:
        name = argument.split("=", 1)[0]
        if argument == "--":
            return [*front, *rest, argument, *left]
        if argument in FLAGS or (name in WITH_VALUE and "=" in argument):
            front.append(argument)
        elif argument in WITH_VALUE:
            value = next(left, None)
            front.extend([argument] if value is None else [argument, value])
        else:
            rest.append(argument)
    return [*front, *rest]


def set_up_logging(level: str) -> None:
    """Log to standard error. What is logged holds no secret: the app never has one."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
