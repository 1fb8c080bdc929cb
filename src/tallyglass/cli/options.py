"""The options that every command takes, wherever they stand on the line, and the passphrase they lead to."""

from __future__ import annotations

import getpass
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer

from tallyglass.app.home import Home, find_home
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session, create_home, open_keeper, open_session
from tallyglass.keeper.client import Keeper, WrongPassphrase

WITH_VALUE = ("--home", "--passphrase-file", "--log-level")
FLAGS = ("--json",)
#: How often a passphrase may be typed.
TRIES = 3
LEVELS = ("debug", "info", "warning", "error")


@dataclass(slots=True)
class Options:
    """What was said on the command line for all commands."""

    home: Path | None = None
    json: bool = False
    passphrase_file: Path | None = None
    log_level: str = "warning"
    #: The passphrase of a home that this command has just made, until it is first used.
    fresh: str = field(default="", repr=False)
    #: The passphrase that opened the home in this command.
    used: str = field(default="", repr=False)
    #: Whether it has been said that nothing here is real.
    said_sandbox: bool = False

    def place(self) -> Home:
        """The home that is meant."""
        return find_home(self.home)

    @property
    def on_terminal(self) -> bool:
        """Whether somebody is there who can be asked."""
        return not self.json and sys.stdin.isatty() and sys.stderr.isatty()

    def unlock(self, opens: Callable[[str], None]) -> None:
        """Open something with the passphrase: from the file, else typed without echo, with three tries."""
        fresh, self.fresh = self.fresh, ""
        if self.passphrase_file is not None:
            fresh = read_passphrase(self.passphrase_file)
        if fresh:
            self._opened(opens, fresh)
            return
        if self._open_by_key_store(opens):
            return
        if not sys.stdin.isatty():
            raise Problem("locked", "The keeper is locked.", "Give the passphrase with --passphrase-file FILE.")
        from tallyglass.cli import show

        for left in reversed(range(TRIES)):
            try:
                self._opened(opens, getpass.getpass("Passphrase: "))
            except WrongPassphrase as error:
                if not left:
                    raise
                show.problem(error.text)
            else:
                return

    def _opened(self, opens: Callable[[str], None], passphrase: str) -> None:
        opens(passphrase)
        self.used = passphrase

    def _open_by_key_store(self, opens: Callable[[str], None]) -> bool:
        """Open it with what the OS key store has, if it has it and that is right."""
        if not self.place().key_store_mark.is_file():
            return False
        from tallyglass.app import unlocking

        kept = unlocking.remembered(self.place())
        if not kept:
            return False
        try:
            self._opened(opens, kept)
        except WrongPassphrase as error:
            logging.getLogger(__name__).warning("what the key store has is not the passphrase: %s", error.text)
            return False
        return True

    def present_passphrase(self) -> str:
        """The one that opens this home: from the file, as it was just typed, else typed now."""
        if self.passphrase_file is not None and not self.used:
            self.used = read_passphrase(self.passphrase_file)
        if not self.used and not sys.stdin.isatty():
            raise Problem("passphrase_needed", "The passphrase is needed.", "Give it with --passphrase-file FILE.")
        return self.used or getpass.getpass("Passphrase: ")

    def new_passphrase(self) -> str:
        """One for a new home: from the file, else typed twice."""
        if self.passphrase_file is not None:
            return read_passphrase(self.passphrase_file)
        from tallyglass.cli import prompt

        return prompt.new_passphrase()

    def here(self) -> Home:
        """The home that is meant; on a terminal, the first command offers to make it."""
        home = self.place()
        if not home.exists and self.on_terminal:
            typer.echo(f"There is no Tallyglass home at {home.path} yet.", err=True)
            if self.passphrase_file is None and typer.confirm("Make one now?", default=True, err=True):
                self.fresh = self.new_passphrase()
                create_home(home, self.fresh, log_level=self.log_level)
        return home

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Keeper and store for one command."""
        with open_session(self.here(), self.unlock, log_level=self.log_level) as session:
            self.say_sandbox(session.sandbox)
            yield session

    @contextmanager
    def keeper(self) -> Iterator[Keeper]:
        """The unlocked keeper for one command."""
        with open_keeper(self.here(), self.unlock, log_level=self.log_level) as keeper:
            self.say_sandbox(keeper.health().sandbox)
            yield keeper

    def nothing_yet(self, keeper: Keeper) -> bool:
        """Where people ask and nothing is connected, say how to begin. Programs get their empty JSON."""
        if self.json or keeper.connections():
            return False
        from tallyglass.cli import show

        show.out.print("Nothing connected yet. Start with: tallyglass guide kraken")
        return True

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
