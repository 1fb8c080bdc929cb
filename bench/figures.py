"""The figures of the first issue: seconds to the first balance, memory at rest, `worth` from stored data, lines."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tallyglass.app import connections, demo, syncing, worth
from tallyglass.app.service import Service
from tallyglass.app.session import Session

ROOT = Path(__file__).resolve().parent.parent
CODE = ROOT / "src" / "tallyglass"


def first_balance(session: Session, sandbox: demo.Sandbox) -> float:
    """Seconds from `connect` to the first balance on the screen, on one exchange."""
    begun = time.perf_counter()
    connections.connect(session.keeper, "coinbase", sandbox.key("coinbase"))
    seen: list[float] = []

    def watch(part: Any) -> None:
        if part.stream == "balances" and part.pages and not seen and worth.worth_view(session)["holdings"]:
            seen.append(time.perf_counter() - begun)

    syncing.sync(session, watch=watch)
    return seen[0]


def command_seconds(home: Path, sandbox: str, rounds: int) -> float:
    """The median of `tallyglass worth` with the keeper running."""
    took = []
    for _ in range(rounds):
        begun = time.perf_counter()
        command = [str(Path(sys.executable).with_name("tallyglass")), "worth", "--json", "--home", str(home)]
        environment = {**os.environ, "TALLYGLASS_SANDBOX": sandbox}
        subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)  # noqa: S603  (ours)
        took.append(time.perf_counter() - begun)
    return sorted(took)[len(took) // 2]


def megabytes(pid: int) -> float:
    """Resident memory."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def lines(paths: list[Path]) -> dict[str, int]:
    """Lines in all, and lines that are neither empty nor only a comment."""
    texts = [path.read_text(encoding="utf-8").splitlines() for path in paths]
    code = sum(1 for text in texts for line in text if line.strip() and not line.strip().startswith("#"))
    return {"all": sum(map(len, texts)), "not_empty": code}


def measure(rounds: int) -> dict[str, Any]:
    """Every figure."""
    with demo.demo_home(None) as home, demo.running_sandbox(home.path, seed=1) as sandbox:
        passphrase = demo.make_passphrase()
        service = Service(home, sandbox=sandbox.base_url)
        keeper = service.start()
        keeper.create(passphrase)
        service.unlock(passphrase)
        try:
            first = first_balance(service.session(), sandbox)
            keeper_mb = megabytes(keeper.health().pid)
            seconds = command_seconds(home.path, sandbox.base_url, rounds)
            app_mb = app_memory()
        finally:
            service.stop()
    keeper_files = sorted((CODE / "keeper").glob("*.py"))
    signers = sorted((CODE / "exchanges").glob("*/signing.py"))
    return {
        "first_balance_seconds": round(first, 2),
        "keeper_megabytes": round(keeper_mb, 1),
        "app_megabytes": app_mb,
        "worth_seconds": round(seconds, 3),
        "keeper_lines": lines(keeper_files),
        "signer_lines": lines(signers),
    }


def app_memory() -> float:
    """The web app's process, serving: started by the `demo` command, asked once."""
    command = [str(Path(sys.executable).with_name("tallyglass")), "demo", "--port", "0"]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)  # noqa: S603  (ours)
        try:
            deadline = time.monotonic() + 240
            while time.monotonic() < deadline:
                output.seek(0)
                if "Dashboard:" in output.read():
                    break
                time.sleep(0.5)
            time.sleep(3)
            return round(megabytes(process.pid), 1)
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(3 if options.quick else 11)
    if options.json:
        print(json.dumps({"name": "figures", "detail": found}))
    else:
        for name, value in found.items():
            print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
