"""`python -m tallyglass.keeper --home DIR`: the keeper as a process of its own, closed to the rest of the machine."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import gc
import logging
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from tallyglass.keeper import files, server, unlock, ways
from tallyglass.keeper.closing import harden
from tallyglass.keeper.door import Door, sandbox_base
from tallyglass.keeper.endpoint import socket_path
from tallyglass.keeper.errors import KeeperError
from tallyglass.keeper.service import Service

_FAMILIES = {"any": socket.AF_UNSPEC, "4": socket.AF_INET, "6": socket.AF_INET6}
_ENDING_SECONDS = 3.0
_DAY = 24 * 60 * 60
_LEVELS = ("debug", "info", "warning", "error")
#: What a log line may hold, beside its fixed text. None of it comes from a request's body, header, param or address.
_LOGGED = ("exchange", "read", "status", "ms", "what", "where")


class Allowed(logging.Formatter):
    """Prints fixed texts of our own and listed fields. What a library says may quote what it handles: withheld."""

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name.startswith("tallyglass.keeper")
        text = record.msg if ours and isinstance(record.msg, str) and not record.args else "said something (withheld)"
        if record.exc_info and record.exc_info[1]:
            text += f" {type(record.exc_info[1]).__name__} at {server.frames(record.exc_info[1])}"
        told = [f"{name}={getattr(record, name)}" for name in _LOGGED if ours and hasattr(record, name)]
        return " ".join((self.formatTime(record), record.levelname.lower(), record.name, text, *told))


def main() -> int:
    """Run until SIGTERM or SIGINT. 0: ended well; 1: could not start."""
    options = _options()
    harden()
    _log(options.log_level)
    try:
        return asyncio.run(_run(options))
    except KeeperError as error:
        sys.stderr.write(f"tallyglass keeper: {error.text} {error.fix}\n")
    except (OSError, ValueError) as error:
        sys.stderr.write(f"tallyglass keeper: {error}\n")
    return 1


async def _run(options: argparse.Namespace) -> int:
    home: Path = options.home.resolve()
    files.private_folder(home)
    path: Path = options.socket or socket_path(home)
    if path.parent.name == f"tallyglass-{os.getuid()}":
        files.private_folder(path.parent)
    sandbox = os.environ.get("TALLYGLASS_SANDBOX") or None
    pace = _pace(os.environ.get("TALLYGLASS_SANDBOX_PACE") or "1")
    door = Door(sandbox and sandbox_base(sandbox), _FAMILIES[options.family], pace=pace, ways=ways.read(home))
    with _only_one(home):
        service = Service(home, door, sandbox)
        await _unlock(service, options.passphrase_file)
        _clear(path)
        await door.start()
        runner = await server.listen(server.application(service), path)
        gc.freeze()
        logging.getLogger("tallyglass.keeper").info("ready")
        rounds = asyncio.create_task(service.rounds(timedelta(seconds=options.recheck_seconds)).run())
        try:
            await _until_told(until_eof=options.until_eof)
        finally:
            rounds.cancel()
            await runner.cleanup()
            _clear(path)
            service.lock()
            await door.close()
    return 0


async def _unlock(service: Service, passphrase_file: Path | None) -> None:
    passphrase = unlock.from_file(passphrase_file) if passphrase_file else unlock.from_systemd()
    if passphrase is not None and service.health().state == "locked":
        await service.unlock_with(passphrase)


async def _until_told(*, until_eof: bool) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(each, told.set)
    if until_eof:
        # Whoever started us holds the other end: when that process dies, however it dies, so do we.
        os.set_blocking(0, False)
        loop.add_reader(0, _end_of_input, told)
    await told.wait()


def _end_of_input(told: asyncio.Event) -> None:
    """What comes over standard input is not for us; only its end is."""
    with contextlib.suppress(BlockingIOError):
        if os.read(0, 4096) == b"":
            asyncio.get_running_loop().remove_reader(0)
            told.set()


def _clear(path: Path) -> None:
    """Take away a socket that a dead keeper left behind; never one that somebody listens on."""
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(os.fspath(path)) == 0:
            raise OSError(f"another program listens on {path}")
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def _only_one(home: Path) -> Iterator[None]:
    handle = os.open(home / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        # A keeper whose starter was killed takes a moment to end: wait for it, but not for one that goes on.
        until = time.monotonic() + _ENDING_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise OSError(f"another keeper runs in {home}") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _pace(text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        pace = math.nan
    if not 0 < pace < math.inf:
        raise ValueError("TALLYGLASS_SANDBOX_PACE must be a number above 0: how much faster budgets refill")
    return pace


def _within_a_day(text: str) -> float:
    """A verdict is never believed for longer than a day."""
    seconds = float(text)
    if not 1 <= seconds <= _DAY:
        raise argparse.ArgumentTypeError(f"from 1 to {_DAY}")
    return seconds


def _log(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(Allowed())
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tallyglass.keeper", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the folder that holds the vault")
    parser.add_argument("--socket", type=Path, help="where to listen (default: in the home)")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    parser.add_argument("--passphrase-file", type=Path, help="unlock at once: a file or /dev/fd/N")
    parser.add_argument("--family", choices=_FAMILIES, default="any", help="IP version to leave by")
    parser.add_argument(
        "--recheck-seconds", type=_within_a_day, default=_DAY, help="ask for each key's rights so often"
    )
    parser.add_argument("--log-level", choices=_LEVELS, default=os.environ.get("TALLYGLASS_LOG", "").lower())
    options = parser.parse_args()
    options.log_level = options.log_level if options.log_level in _LEVELS else "warning"
    return options


if __name__ == "__main__":
    sys.exit(main())
