"""`tallyglass`: the entry, the common options, and the exit code of every way a command can end."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from tallyglass import __version__
from tallyglass.app.problems import Problem, Told, Trouble
from tallyglass.cli.options import LEVELS, Options, options, set_up_logging, to_front
from tallyglass.keeper.client import BadKey, ExchangeRefused, Locked, WrongPassphrase, harden

DONE, FAILED, USAGE, REFUSED, UNPROVEN, EXCHANGE, PARTIAL, LOCKED = range(8)
TERMINATED = 128 + signal.SIGTERM

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

#: The commands in the order in which they are met.
JOURNEY = {
    "To begin": "init demo up status alerts",
    "Keys": "exchanges guide egress inspect connect keys audit set-rotation fetch rotate freeze thaw disconnect "
    "was-it-me compromised journal",
    "What you own": "sync worth performance holdings movers targets prices history transfers reconcile orders "
    "accounts set-currency import export token",
    "Upkeep": "unlock lock passphrase set-auto-lock recovery-kit backup restore doctor unparsed replay parse sandbox",
}


class Journey(TyperGroup):
    """The help of all commands, under headings."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002  (its own)
        """One line for each: the first sentence of what it does."""
        width = max(len(name) for name in self.commands)
        for heading, names in JOURNEY.items():
            found = [(name, self.commands[name]) for name in names.split() if name in self.commands]
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), each.get_short_help_str(LINE)) for name, each in found])


#: The longest first sentence of a command.
LINE = 60

app = typer.Typer(
    name="tallyglass",
    cls=Journey,
    help="See everything you own on every exchange, through keys that can touch nothing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="--home, --json, --passphrase-file and --log-level may stand anywhere on the line.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tallyglass {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    home: Annotated[Path | None, typer.Option(help="The folder that holds everything.", show_default=False)] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs: exact and stable.")] = False,
    passphrase_file: Annotated[Path | None, typer.Option(help="A path or /dev/fd/N; else a prompt.")] = None,
    log_level: Annotated[str, typer.Option(help=", ".join(LEVELS))] = os.environ.get("TALLYGLASS_LOG", "").lower()
    or "warning",
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,  # noqa: ARG001
) -> None:
    if log_level not in LEVELS:
        raise typer.BadParameter(f"{log_level} is none of {', '.join(LEVELS)}")
    options.home, options.json, options.passphrase_file = home, json, passphrase_file
    options.log_level = log_level
    set_up_logging(log_level)
    options.say_sandbox(os.environ.get("TALLYGLASS_SANDBOX"))


def exit_code(error: Trouble) -> int:
    """The exit code of DESIGN §9 for what went wrong."""
    if isinstance(error, Locked | WrongPassphrase) or error.code == "locked":
        return LOCKED
    if isinstance(error, ExchangeRefused):
        return EXCHANGE
    if isinstance(error, BadKey) or error.code in USAGE_CODES:
        return USAGE
    return FAILED


#: Problems that are mistakes on the command line.
USAGE_CODES = frozenset(
    (
        "unknown_exchange",
        "unknown_read",
        "not_readable",
        "key_file",
        "reference",
        "passphrase_file",
        "limit",
        "cursor",
        "no_such_connection",
        "no_such_account",
        "account_exists",
        "two_ways",
        "already_said",
        "no_such_asset",
        "no_such_entry",
        "no_such_channel",
        "bad_channel",
        "usage",
        "unknown_currency",
        "passphrase_needed",
        "no_token",
        "no_tls",
        "certificate",
    )
)


#: Which module brings which commands: a command loads its own alone, and answers in a fraction of a second.
MODULES = {
    "own_keys": "fetch",
    "unlocking": "passphrase recovery-kit set-auto-lock",
    "token": "token",
    "keys": "exchanges guide inspect connect keys freeze thaw parse",
    "rotation": "rotate disconnect",
    "audit": "audit set-rotation",
    "files": "import",
    "export": "export",
    "backup": "backup restore",
    "incident": "was-it-me compromised",
    "alerts": "alerts",
    "accounts": "accounts",
    "money": "sync replay unparsed set-currency",
    "holdings": "holdings orders",
    "deciding": "targets movers",
    "worth": "worth",
    "prices": "prices",
    "performance": "performance",
    "history": "history",
    "transfers": "transfers",
    "reconcile": "reconcile",
    "egress": "egress",
    "service": "init unlock lock status doctor journal up demo sandbox",
}


def _load(arguments: list[str]) -> None:
    """Import the module of the command that was asked for; all of them where that is not clear (help)."""
    found = [module for module, commands in MODULES.items() if set(commands.split()) & set(arguments)]
    for module in found or MODULES:
        import_module(f"tallyglass.cli.{module}")


def main(arguments: list[str] | None = None) -> None:
    """Run one command; every error has words, a next step and an exit code."""
    harden()  # keys and passphrases pass through here
    given = to_front(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    _load(given)
    # Ended from outside as by Ctrl-C: what was begun is ended too, and folders for a while are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a sign shows another in its place
    try:
        _run(given)
    except Told as error:
        tell(error, options)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _silence()
        sys.exit(FAILED)
    except Exception as error:
        logging.getLogger(__name__).debug("%s", given[:1], exc_info=True)
        _tell_unforeseen(error)
        sys.exit(FAILED)


#: Commands that a secret may wrongly be typed behind.
TAKES_KEYS = ("inspect", "connect")


def _silence() -> None:
    """Standard output takes no more: what waits to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell_unforeseen(error: Exception) -> None:
    """What no command foresaw, by its kind alone: its words may hold anything. Those of the system are the system's."""
    if isinstance(error, OSError) and error.errno:
        where = "" if error.filename is None else f"{error.filename}: "
        told = Problem("system", f"{where}{os.strerror(error.errno)}.", "Make room or give access there; try again.")
    else:
        text = f"This is a fault of ours: {type(error).__name__}."
        told = Problem("internal", text, "Please report it, with what the same command says under --log-level debug.")
    try:
        tell(told, options)
        sys.stdout.flush()
    except OSError:  # it was standard output itself
        _silence()
        options.json = False
        tell(told, options)


def _run(given: list[str]) -> None:
    """As `standalone_mode` does, but a mistake on the command line is told as every other is."""
    try:
        code = app(args=given, standalone_mode=False) or DONE
        sys.stdout.flush()  # here its errors are told, at the end of the program they are not
        sys.exit(code)
    except TyperException as error:
        options.json = "--json" in given
        text = getattr(error, "format_message", error.__str__)().replace("Value error, ", "")
        command = getattr(getattr(error, "ctx", None), "command_path", "tallyglass")
        if "extra argument" in text and command.split()[-1] in TAKES_KEYS:
            raise _key_on_the_line(command) from None
        raise Problem("usage", " ".join(text.split()), f"See: {command} --help") from None
    except typer.Abort:
        sys.exit(130)


def _key_on_the_line(command: str) -> Problem:
    """What stands too much on the line of such a command is most likely a secret: it is not said again."""
    text = "A key does not belong on the command line: other programs can read it there."
    fix = f"Run `{command} EXCHANGE` alone: you are asked for the key. If that was a real one, it now stands in your"
    return Problem("usage", text, f"{fix} shell's history: delete it there, and better still at the exchange.")


def tell(error: Trouble, with_: Options) -> None:
    """Say what went wrong: as JSON where JSON was asked for, else in words on standard error."""
    from tallyglass.cli import show

    if with_.json:
        code = error.fault_code if isinstance(error, ExchangeRefused) else error.code
        detail: dict[str, object] = {"code": code, "text": error.text, "fix": error.fix}
        if isinstance(error, ExchangeRefused):
            detail["causes"] = list(error.causes)
            detail["retry"] = error.retry
            detail["retry_after"] = error.retry_after
            detail["said"] = error.said
        show.as_json({"error": detail})
    else:
        show.problem(error.text, error.fix)


if __name__ == "__main__":
    main()
