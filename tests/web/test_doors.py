"""Who gets in, and who does not: hosts, origins, links, sessions, headers. From outside, over real HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from support.app import App, running_app
from tallyglass.web.address import local
from tallyglass.web.auth.gate import ABSOLUTE_SECONDS, IDLE_SECONDS, LINK_SECONDS
from tallyglass.web.pages.index import PAGES
from tallyglass.web.security import CSP, Guard

PATHS = tuple(page.path for page in PAGES)
ACTIONS = ("/sync", "/look", "/leave")
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/json")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web")) as running:
        yield running


def raw(app: App, request: str) -> bytes:
    """What comes back to these very bytes."""
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as line:
        line.sendall(request.encode())
        found = b""
        while chunk := line.recv(65536):
            found += chunk
    return found


# -- DNS rebinding


FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example:{port}",
    "127.0.0.1.nip.io:{port}",
    "localhost6:{port}",
    "localhost.:{port}",
    "127.0.0.1.:{port}",
    "127.0.0.1",
    "localhost",
    "127.0.0.1:1",
    "127.0.0.1:{port}0",
    "0.0.0.0:{port}",
    "[::1]:{port}",
    "127.1:{port}",
    "2130706433:{port}",
    "127.0.0.1:{port}@evil.example",
    "evil.example#127.0.0.1:{port}",
    "",
)


@pytest.mark.parametrize("path", ["/", "/enter", "/healthz", "/nowhere", "/static/manifest.json"])
@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_name_gets_nothing(app: App, host: str, path: str) -> None:
    visitor = app.enter()

    answer = visitor.ask("GET", path, {"Host": host.format(port=app.port)})

    assert answer.status == 421
    assert answer.body == b"This program answers on its own address only.\n"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_names_are_answered(app: App, name: str) -> None:
    assert app.enter().ask("GET", "/", {"Host": f"{name}:{app.port}"}).status == 200


def test_a_forwarded_host_is_worth_nothing(app: App) -> None:
    evil = {"Host": "evil.example", "X-Forwarded-Host": app.host, "X-Host": app.host, "Forwarded": f"host={app.host}"}
    assert app.ask("GET", "/enter", evil).status == 421


@pytest.mark.parametrize(
    "head",
    [
        "GET /enter HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /enter HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        "GET /enter HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\nConnection: close\r\n\r\n",
        "GET http://evil.example/enter HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        "GET http://evil.example/enter HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
        "GET /enter HTTP/1.0\r\n\r\n",
    ],
    ids=["no host", "two hosts", "one host twice", "absolute", "absolute, other host", "HTTP/1.0 without host"],
)
def test_a_strange_request_line_or_host_gets_no_page(app: App, head: str) -> None:
    answer = raw(app, head.format(host=app.host))

    assert answer.split(b" ")[1] in (b"400", b"404", b"421", b"303")
    assert b"Enter with the link" not in answer


# -- requests from other pages


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("kind", FORM_TYPES)
@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "anything"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:{port}.evil.example"},
        {"Origin": "http://evil.example/http://127.0.0.1:{port}"},
    ],
)
def test_no_other_page_can_act(app: App, action: str, kind: str, sent: dict[str, str]) -> None:
    visitor = app.enter()
    headers = {name: value.format(port=app.port) for name, value in sent.items()} | {"Content-Type": kind}

    assert visitor.ask("POST", action, headers, {"light": "dark"}).status == 403
    assert visitor.ask("GET", "/orders").status == 200, "the session still lives"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POST"])
def test_no_method_and_no_override_makes_another_pages_request_pass(app: App, method: str) -> None:
    visitor = app.enter()
    foreign = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    tricks = {"X-HTTP-Method-Override": "GET", "X-Method-Override": "GET", "X-HTTP-Method": "GET"}

    assert visitor.ask(method, "/leave", foreign | tricks).status == 403
    assert visitor.ask("GET", "/leave", {"X-HTTP-Method-Override": "POST"}).status == 405
    assert visitor.ask("GET", "/leave?_method=POST").status == 405
    assert visitor.ask("GET", "/orders").status == 200


@pytest.mark.parametrize("action", ["/sync", "/look"])
def test_our_own_pages_can_act(app: App, action: str) -> None:
    answer = app.enter().press(action, light="dark")

    assert (answer.status, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("dest", ["iframe", "frame", "embed", "object", "image", "script", "empty"])
def test_another_page_can_load_nothing_of_ours(app: App, dest: str) -> None:
    mode = "navigate" if dest in ("iframe", "frame", "embed", "object") else "no-cors"
    sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}

    for path in (*PATHS, "/events", "/enter", "/static/manifest.json"):
        assert app.enter().ask("GET", path, sent).status == 403


def test_a_link_from_another_page_opens(app: App) -> None:
    sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert app.enter().ask("GET", "/", sent).status == 200


@settings(max_examples=300)
@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"https?://(127\.0\.0\.1|localhost)(:84[0-9]{2})?[^\s]{0,8}", fullmatch=True),
    )
)
def test_only_the_very_origins_pass(origin: str) -> None:
    guard = Guard(_nothing, local(8420))
    headers = Headers(raw=[(b"host", b"127.0.0.1:8420"), (b"origin", origin.encode("latin-1", "replace"))])

    passes = guard.refusal("POST", headers) is None

    assert passes == (origin in ("http://127.0.0.1:8420", "http://localhost:8420"))


async def _nothing(scope: object, receive: object, send: object) -> None:
    """Stands behind the guard."""


def test_a_body_without_an_end_or_too_large_is_refused(app: App) -> None:
    visitor = app.enter()
    own = f"Host: {app.host}\r\nCookie: {visitor.cookie}\r\nOrigin: {app.url}\r\nConnection: close\r\n"

    assert b" 413 " in raw(app, f"POST /look HTTP/1.1\r\n{own}Content-Length: 300000\r\n\r\n")[:20]
    assert b" 411 " in raw(app, f"POST /look HTTP/1.1\r\n{own}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")[:20]


def test_a_websocket_is_no_way_in(app: App) -> None:
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n"
    request = f"GET /events HTTP/1.1\r\nHost: {app.host}\r\nOrigin: http://evil.example\r\n{upgrade}\r\n"
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as line:
        line.sendall(request.encode())
        assert line.recv(100).split(b" ")[1] in (b"400", b"401", b"403")


# -- headers


@pytest.mark.parametrize(
    ("method", "path"),
    [*(("GET", path) for path in PATHS), ("GET", "/enter"), ("GET", "/healthz"), ("GET", "/nowhere"),
     ("GET", "/static/manifest.json"), ("GET", "/static/nothing.js"), ("GET", "/history?after=nonsense"),
     ("POST", "/"), ("DELETE", "/orders"), ("POST", "/look"), ("GET", "/enter?key=made-up")],
)  # fmt: skip
@pytest.mark.parametrize("known", [True, False])
def test_every_answer_carries_every_protection(app: App, method: str, path: str, *, known: bool) -> None:
    answer = app.enter().ask(method, path) if known else app.ask(method, path)

    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in answer.headers
    assert "server" not in answer.headers
    if not path.startswith("/static/") or answer.status != 200:
        assert answer.headers["cache-control"] == "no-store"


def test_the_policy_allows_no_inline_code_and_no_frame() -> None:
    rules = dict(part.strip().partition(" ")[::2] for part in CSP.split(";"))

    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == rules["object-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == rules["form-action"] == "'self'"
    assert "unsafe" not in CSP


def test_an_error_of_ours_carries_the_protections_and_tells_nothing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("the words of a fault")

    monkeypatch.setattr(type(app.service), "session", breaks)

    answer = app.enter().ask("GET", "/")

    assert answer.status == 500
    assert b"the words of a fault" not in answer.body
    assert answer.headers["content-security-policy"] == CSP


# -- link and session


def test_a_link_opens_once(app: App) -> None:
    path = app.link().removeprefix(app.url)

    first, second = app.ask("GET", path), app.ask("GET", path)

    assert (first.status, first.headers["location"]) == (303, "/")
    assert second.status == 403
    assert "set-cookie" not in second.headers
    assert b"used up" in second.body


def test_a_link_is_good_for_a_quarter_of_an_hour(app: App) -> None:
    path = app.link().removeprefix(app.url)
    app.clock.ahead += LINK_SECONDS + 1

    assert app.ask("GET", path).status == 403


@pytest.mark.parametrize("key", ["", "made-up", "a" * 5000, "%00", "%27%20OR%201=1"])
def test_a_made_up_key_opens_nothing(app: App, key: str) -> None:
    answer = app.ask("GET", f"/enter?key={key}")

    assert answer.status in (200, 403)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_only_opening_a_link_uses_it_up(app: App, method: str) -> None:
    path = app.link().removeprefix(app.url)
    app.ask(method, path)

    assert app.ask("GET", path).status == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(app: App) -> None:
    answer = app.ask("GET", app.link().removeprefix(app.url))
    cookie = answer.headers["set-cookie"].lower()

    assert cookie.startswith(f"tallyglass-{app.port}=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie


@pytest.mark.parametrize("cookie", ["", "made-up", "a" * 4000, "\x7f", "x; tallyglass=1"])
def test_no_page_is_read_without_a_session(app: App, cookie: str) -> None:
    sent = {"Cookie": f"tallyglass-{app.port}={cookie}"} if cookie else {}
    for path in (*PATHS, "/nowhere", "/docs", "/openapi.json", "/redoc"):
        answer = app.ask("GET", path, sent)
        assert (answer.status, answer.headers["location"]) == (303, "/enter")
        assert answer.body == b""
    for path in PATHS:
        assert app.ask("GET", path, sent | {"HX-Request": "true"}).status == 401
    assert app.ask("GET", "/events", sent).status == 401
    for path in ACTIONS:
        assert app.ask("POST", path, sent | {"Origin": app.url}).status == 401


def test_a_session_ends_when_unused(app: App) -> None:
    visitor = app.enter()
    app.clock.ahead += IDLE_SECONDS - 60
    assert visitor.ask("GET", "/").status == 200
    app.clock.ahead += IDLE_SECONDS - 60
    assert visitor.ask("GET", "/").status == 200
    app.clock.ahead += IDLE_SECONDS + 60
    assert visitor.ask("GET", "/").status == 303


def test_what_a_page_asks_by_itself_keeps_no_session_alive(app: App) -> None:
    visitor = app.enter()
    app.clock.ahead += IDLE_SECONDS - 60
    assert visitor.ask("GET", "/", {"HX-Request": "true"}).status == 200
    app.clock.ahead += 120
    assert visitor.ask("GET", "/", {"HX-Request": "true"}).status == 401
    assert visitor.ask("GET", "/").status == 303


def test_a_session_ends_after_a_week_however_much_it_is_used(app: App) -> None:
    visitor = app.enter()
    begun = app.clock.ahead
    while app.clock.ahead + IDLE_SECONDS / 2 < begun + ABSOLUTE_SECONDS:
        app.clock.ahead += IDLE_SECONDS / 2
        assert visitor.ask("GET", "/").status == 200
    app.clock.ahead += IDLE_SECONDS / 2 + 60
    assert visitor.ask("GET", "/").status == 303


def test_leaving_ends_the_session_on_the_server(app: App) -> None:
    visitor, other = app.enter(), app.enter()

    answer = visitor.press("/leave")

    assert (answer.status, answer.headers["location"]) == (303, "/enter")
    assert visitor.ask("GET", "/").status == 303
    assert other.ask("GET", "/").status == 200


def test_a_new_link_ends_the_session_before_it(app: App) -> None:
    visitor = app.enter()
    again = visitor.ask("GET", app.link().removeprefix(app.url))

    assert again.status == 303
    assert visitor.ask("GET", "/").status == 303


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https:evil.example", "http://evil.example/", "/x"]
)
def test_no_form_leads_away(app: App, back: str) -> None:
    for path in ("/look", "/sync"):
        assert app.enter().press(path, back=back).headers["location"] == "/"
    assert app.enter().press("/look", back="/orders").headers["location"] == "/orders"
