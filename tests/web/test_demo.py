"""`tallyglass demo` and `up`: the dashboard comes up behind its link, and Ctrl-C leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from support.program import HURRY, run
from tallyglass.web.port import listen

START_SECONDS = 150
#: Two on a machine of one's own; the tests run several at once.
END_SECONDS = 4


def fetch(url: str, cookie: str = "") -> tuple[int, dict[str, str], str]:
    where = urlsplit(url)
    assert where.hostname
    line = HTTPConnection(where.hostname, where.port, timeout=20)
    try:
        line.request("GET", f"{where.path}?{where.query}", headers={"Cookie": cookie} if cookie else {})
        answer = line.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        line.close()


def link_of(process: subprocess.Popen[str], seen: list[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        seen.append(line)
        found = re.search(r"(?:Dashboard|Choose your passphrase): (http://localhost:\d+/enter\?key=\S+)", line)
        if found:
            return found[1]
    raise AssertionError("".join(seen))


@pytest.mark.timeout(START_SECONDS + 60)
@pytest.mark.parametrize(
    "pace", [HURRY, pytest.param({"TALLYGLASS_SANDBOX_PACE": "1"}, marks=pytest.mark.soak, id="the exchanges' own")]
)
def test_the_demo_serves_its_dashboard_and_leaves_nothing_behind(tmp_path: Path, pace: dict[str, str]) -> None:
    program = str(Path(sys.executable).with_name("tallyglass"))
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    environment |= pace
    with subprocess.Popen(
        [program, "demo", "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        seen: list[str] = []
        try:
            link = link_of(process, seen)
            children = psutil.Process(process.pid).children(recursive=True)
            status, headers, _ = fetch(link)
            assert (status, headers["location"]) == (303, "/")
            cookie = headers["set-cookie"].split(";")[0]
            root = link.split("/enter")[0]
            status, _, page = fetch(f"{root}/", cookie)
            events = HTTPConnection(urlsplit(root).netloc, timeout=20)
            events.request("GET", "/events", headers={"Cookie": cookie})
            assert events.getresponse().status == 200

            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.wait(20)
            took = time.monotonic() - begun
            events.close()
        finally:
            process.kill()
        rest = process.stdout.read() if process.stdout else ""

    shown = re.search(r"Net worth  (\S+)", "".join(seen))
    assert shown
    assert status == 200
    assert shown[1] in re.sub(r"<[^>]+>", "", page)
    assert took < END_SECONDS, f"it took {took:.1f} s to end"
    assert "Traceback" not in rest
    assert len(children) == 2, "the fake exchanges and the keeper"
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert list(tmp_path.iterdir()) == []


def test_up_serves_a_home_and_ends_its_keeper(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("six slow barges on the canal\n")
    program = str(Path(sys.executable).with_name("tallyglass"))
    given = ["--home", str(tmp_path / "home"), "--passphrase-file", str(secret)]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(tmp_path)}
    subprocess.run([program, "init", *given], env=environment, check=True, capture_output=True)
    with subprocess.Popen(
        [program, "up", *given, "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            link = link_of(process, [])
            status, headers, _ = fetch(link)
            assert status == 303
            root = link.split("/enter")[0]
            status, _, page = fetch(f"{root}/", headers["set-cookie"].split(";")[0])
            children = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            process.wait(20)
        finally:
            process.kill()

    assert status == 200
    assert "Nothing is connected yet" in page
    assert len(children) == 1, "the keeper"
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert run("keys", *given).code == 0, "the home can be used again"


def test_up_where_it_runs_already_gives_a_new_link(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("six slow barges on the canal\n")
    program = str(Path(sys.executable).with_name("tallyglass"))
    given = ["--home", str(tmp_path / "home"), "--passphrase-file", str(secret)]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(tmp_path)}
    subprocess.run([program, "init", *given], env=environment, check=True, capture_output=True)
    with subprocess.Popen(
        [program, "up", *given, "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            first = link_of(process, [])
            assert fetch(first)[0] == 303
            used, _, page = fetch(first)
            assert (used, "tallyglass up" in page) == (403, True)
            mode = (tmp_path / "home" / "app.sock").stat().st_mode & 0o777
            again = run("up", "--home", str(tmp_path / "home"))
            as_json = run("up", "--home", str(tmp_path / "home"), "--json")
            found = re.search(r"already runs here. A new link: (http://\S+)", again.words)
            assert found, again
            links = [found[1], as_json.json()["link"]]
            entered = [fetch(link)[0] for link in links]
            twice = [fetch(link)[0] for link in links]
            process.terminate()
            process.wait(20)
        finally:
            process.kill()

    assert mode == 0o600
    assert (again.code, as_json.code) == (0, 0)
    assert len({first, *links}) == 3
    assert {link.split("?")[0] for link in links} == {first.split("?")[0]}
    assert entered == [303, 303]
    assert twice == [403, 403], "each works once"
    assert not (tmp_path / "home" / "app.sock").exists()


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("six slow barges on the canal\n")
    with listen(0) as taken:
        port = taken.getsockname()[1]
        given = ["--home", str(tmp_path / "home"), "--passphrase-file", str(secret)]
        assert run("init", *given).code == 0
        ended = run("up", *given, "--port", str(port))

    assert ended.code == 1
    assert f"Port {port} is taken by another program." in ended.words
    assert "--port" in ended.words
