"""What pages listen to: it ends with the session, and holds up nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from support.app import App, running_app, wait
from tallyglass.web.auth.gate import IDLE_SECONDS


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web")) as running:
        yield running


def stream(app: App, cookie: str) -> HTTPConnection:
    line = HTTPConnection("127.0.0.1", app.port, timeout=10)
    line.request("GET", "/events", headers={"Cookie": cookie})
    return line


@pytest.mark.parametrize("how", ["leave", "idle"])
def test_the_stream_ends_with_the_session(app: App, how: str) -> None:
    visitor = app.enter()
    line = stream(app, visitor.cookie)
    try:
        answer = line.getresponse()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert b"event: worth" in answer.readline()
        if how == "leave":
            visitor.press("/leave")
        else:
            app.clock.ahead += IDLE_SECONDS + 60
        begun = time.monotonic()
        answer.read()
        assert time.monotonic() - begun < 3
    finally:
        line.close()


def test_an_open_stream_does_not_hold_up_the_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_app(tmp_path_factory.mktemp("ending")) as own:
        line = stream(own, own.enter().cookie)
        line.getresponse().readline()
        begun = time.monotonic()
        own.server.should_exit = True
        wait(lambda: not own.thread.is_alive(), 10)
        line.close()

    assert time.monotonic() - begun < 3
