"""How closed a process is to its own user: started without root's rights, looked at by one that has none either."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: Looks at a child of its own first, which shows what it could see; then at the process that it is told.
_PROBE = """
import ctypes, json, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)

def tried(pid):
    told = {}
    for name in ("mem", "environ", "maps", "auxv"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                name == "mem" or file.read(1)
            told[name] = "open"
        except PermissionError:
            told[name] = "closed"
    told["ptrace"] = "open" if libc.ptrace(0x4206, int(pid), 0, 0) == 0 else "closed"
    return told

child = subprocess.Popen([sys.executable, "-c", "print(1, flush=True); input()"], stdin=-1, stdout=-1)
child.stdout.readline()
print(json.dumps({"control": tried(child.pid), "process": tried(sys.argv[1])}), flush=True)
child.kill()
"""
#: Root loses what lets it look into everything (the bounding set; anybody else has nothing to lose), and `ulimit -c`
#: goes as high as it may: then the command takes over. A program of its own, because this process has threads.
_EXPOSE = """
import ctypes, os, resource, sys
libc = ctypes.CDLL(None, use_errno=True)
if os.geteuid() == 0:
    for right in range(64):
        if libc.prctl(24, right, 0, 0, 0) != 0:
            assert right > 30, os.strerror(ctypes.get_errno())
            break
_, hard = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
os.execv(sys.argv[1], sys.argv[1:])
"""


def exposed(command: Sequence[str]) -> list[str]:
    """The command as a careless user starts it: with core files allowed; and without root's rights."""
    return [sys.executable, "-I", "-c", _EXPOSE, *command]


def probed(pid: int) -> dict[str, dict[str, str]]:
    """What another process of this user can open of that one, and of one that is not closed."""
    command = exposed([sys.executable, "-c", _PROBE, str(pid)])
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    told: dict[str, dict[str, str]] = json.loads(done.stdout)
    return told


def core_limit(pid: int) -> str:
    """The process's own limit for core files, in the kernel's words."""
    [line] = [each for each in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file" in each]
    return line.split()[4]


def dumped(process: subprocess.Popen[Any], signal: int) -> tuple[int, bool]:
    """End it by that signal: the signal that ended it, and whether the kernel wrote its memory to a file."""
    os.kill(process.pid, signal)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -os.WTERMSIG(status)
    return os.WTERMSIG(status), os.WCOREDUMP(status)


def eventually(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait until it is so."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.01)
