"""The ways out: a proxy per exchange, with TLS that ends at the exchange; and the file that says so."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from support.keeper import PASSPHRASE, Process, running
from support.program import DONE, HURRY, new_home, running_keeper
from support.proxy import Proxy, running_proxy
from support.sandbox import Sandbox, running_sandbox
from tallyglass.exchanges import registry
from tallyglass.keeper import ways
from tallyglass.keeper.answers import Ways
from tallyglass.keeper.budgets import Refused
from tallyglass.keeper.door import Door, Key, Response
from tallyglass.sandbox import certificate

T = TypeVar("T")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), tls=True) as made:
        made.unlimited()
        yield made


@pytest.fixture(autouse=True)
def _trusted(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(sandbox.ca))
    sandbox.control("DELETE", "requests")
    yield
    sandbox.change_key("kraken", ip_list=[])


def inside(sandbox: Sandbox, out: Ways, act: Callable[[Door], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        door = Door(sandbox.base_url, ways=out)
        await door.start()
        try:
            return await act(door)
        finally:
            await door.close()

    return asyncio.run(run())


def ask(sandbox: Sandbox, out: Ways, exchange: str = "kraken") -> Response:
    """What a key may do, asked of the exchange."""
    fields = registry.signing(exchange).credentials(sandbox.key(exchange))
    key = Key("0f0f", fields, lambda: None)
    return inside(sandbox, out, lambda door: door.request(registry.manifest(exchange), "key_info", {}, key))


def echoed(sandbox: Sandbox, out: Ways, way: str, read: str = "address.v4") -> str:
    """Our address as ipify sees it by the way to an exchange."""
    ipify = registry.manifest("ipify")
    return inside(sandbox, out, lambda door: door.request(ipify, read, {}, way=way)).body.decode().strip()


def test_only_the_exchange_that_has_a_proxy_is_asked_through_it(sandbox: Sandbox) -> None:
    with running_proxy() as proxy:
        out = Ways(proxies={"kraken": proxy.url})
        assert ask(sandbox, out).status == 200
        assert ask(sandbox, out, "binance").status == 200
    port = sandbox.base_url.rpartition(":")[2]
    assert proxy.asked == [f"CONNECT 127.0.0.1:{port} HTTP/1.1"]
    assert [each["exchange"] for each in sandbox.requests()] == ["kraken", "binance"]


def test_a_proxy_for_all_is_taken_by_all_that_have_none_of_their_own(sandbox: Sandbox) -> None:
    with running_proxy() as common, running_proxy() as own:
        out = Ways(proxy=common.url, proxies={"kraken": own.url})
        for exchange in ("kraken", "binance", "coinbase"):
            assert ask(sandbox, out, exchange).status == 200
    assert (len(common.asked), len(own.asked)) == (2, 1)


def test_a_proxy_sees_nothing_of_what_passes_through_it(sandbox: Sandbox) -> None:
    with running_proxy() as proxy:
        assert ask(sandbox, Ways(proxies={"kraken": proxy.url})).status == 200
    assert proxy.heard[:2] == b"\x16\x03"  # a TLS handshake
    for piece in (sandbox.key("kraken")["key"].encode(), b"GetApiKeyInfo", b"API-Sign", b"api.kraken.com"):
        assert piece.lower() not in proxy.heard.lower()


def test_a_proxy_that_ends_the_tls_itself_is_told_nothing(sandbox: Sandbox) -> None:
    spy = Proxy(in_between=certificate.make(("127.0.0.1", "localhost")).context())
    with running_proxy(spy), pytest.raises(Refused) as refused:
        ask(sandbox, Ways(proxies={"kraken": spy.url}))
    assert "certificate" in refused.value.note
    assert (bytes(spy.heard), sandbox.requests()) == (b"", [])


@pytest.mark.parametrize("status", [302, 403, 407, 502])
def test_a_proxy_that_refuses_is_not_passed_by(sandbox: Sandbox, status: int) -> None:
    with running_proxy(Proxy(status=status)) as proxy, pytest.raises(Refused) as refused:
        ask(sandbox, Ways(proxies={"kraken": proxy.url}))
    assert (refused.value.fault.code, refused.value.fault.retry) == ("down", True)
    assert f"({status})" in refused.value.note
    assert sandbox.requests() == []


def test_where_the_proxy_is_gone_no_other_way_is_taken(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(Refused) as refused:
        ask(sandbox, Ways(proxies={"kraken": gone}))
    assert "no other way is taken" in refused.value.note
    assert sandbox.requests() == []


def test_a_proxy_of_the_environment_is_nobodys_business_here(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_proxy() as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert ask(sandbox, Ways()).status == 200
    assert proxy.asked == []


def test_an_address_is_asked_by_the_way_on_which_the_exchange_is_asked(sandbox: Sandbox) -> None:
    with running_proxy(Proxy(leaves_from="127.0.0.3")) as proxy:
        out = Ways(proxies={"kraken": proxy.url})
        assert echoed(sandbox, out, "kraken") == "127.0.0.3"
        assert echoed(sandbox, out, "binance") == "127.0.0.1"
        assert ask(sandbox, out).egress_ip is None  # our end of the line to the proxy is not what Kraken sees
    assert ask(sandbox, Ways()).egress_ip == "127.0.0.1"


def test_a_key_that_is_bound_to_the_proxy_works_through_it_alone(sandbox: Sandbox) -> None:
    sandbox.control("POST", "addresses", {"of": "127.0.0.2", "v4": "198.51.100.4"})
    sandbox.change_key("kraken", ip_list=["198.51.100.4"])
    with running_proxy() as proxy:
        assert ask(sandbox, Ways(proxies={"kraken": proxy.url})).status == 200
    with pytest.raises(Refused) as refused:
        ask(sandbox, Ways())
    assert "ip_refused" in (refused.value.fault.code, *refused.value.fault.causes)


def test_the_program_shows_for_each_exchange_what_it_sees_by_its_own_way(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.control("POST", "addresses", {"of": "127.0.0.1", "v4": "203.0.113.7"})
    sandbox.control("POST", "addresses", {"of": "127.0.0.2", "v4": "198.51.100.4"})
    sandbox.change_key("kraken", ip_list=["198.51.100.4"])
    monkeypatch.setitem(HURRY, "SSL_CERT_FILE", str(sandbox.ca))
    program = new_home(tmp_path, sandbox)
    with running_proxy() as proxy:
        (program.home / "egress.toml").write_text(f'[exchange.kraken]\nproxy = "{proxy.url}"')
        with running_keeper(program):
            assert program.connect("kraken", sandbox.key("kraken"))[0] == DONE
            code, told = program.json("egress")
    assert code == DONE
    assert {each["exchange"]: (each["proxy"], each["text"], each["known"]) for each in told["exchanges"]} == {
        "kraken": (proxy.url, "198.51.100.4", "sure"),
        "binance": (None, "203.0.113.7", "sure"),
        "coinbase": (None, "203.0.113.7", "sure"),
    }
    assert [(each["connection"], each["verdict"]) for each in told["connections"]] == [("kraken", "ours")]


def test_before_a_sandbox_no_proxy_elsewhere_is_taken() -> None:
    with pytest.raises(ValueError, match="on this computer"):
        Door("http://127.0.0.1:8900", ways=Ways(proxies={"kraken": "http://10.0.0.5:3128"}))


# -- the file


def told(home: Path, text: str) -> Ways:
    (home / "egress.toml").write_text(text)
    return ways.read(home)


def test_without_a_file_the_way_is_direct_and_both_services_may_be_asked(tmp_path: Path) -> None:
    found = ways.read(tmp_path)
    assert found == Ways(echo=("icanhazip", "ipify"))
    assert found.proxy_to("kraken") == ""


def test_what_the_file_says_is_so(tmp_path: Path) -> None:
    text = """
    addresses = ["203.0.113.7", "2001:DB8::7"]
    echo = []
    proxy = "http://10.0.0.5:3128"
    [exchange.kraken]
    proxy = "http://[fd00::6]:3128/"
    addresses = ["198.51.100.4"]
    [exchange.coinbase]
    addresses = ["198.51.100.9"]
    """
    found = told(tmp_path, text)
    assert found.echo == ()
    assert [found.proxy_to(each) for each in ("kraken", "binance")] == ["http://[fd00::6]:3128", "http://10.0.0.5:3128"]
    assert found.addresses_for("kraken") == ("198.51.100.4",)
    assert found.addresses_for("coinbase") == ("198.51.100.9",)
    assert found.addresses_for("binance") == ("203.0.113.7", "2001:db8::7")


def test_what_is_said_of_the_direct_way_is_not_believed_of_a_proxy(tmp_path: Path) -> None:
    found = told(tmp_path, 'addresses = ["203.0.113.7"]\n[exchange.kraken]\nproxy = "http://10.0.0.5:3128"')
    assert found.addresses_for("kraken") == ()


BAD = {
    "no TOML": "addresses = [",
    "an unknown word": 'adresses = ["203.0.113.7"]',
    "no address": 'addresses = ["203.0.113.700"]',
    "a network": 'addresses = ["203.0.113.0/24"]',
    "no list": 'addresses = "203.0.113.7"',
    "numbers": "addresses = [1]",
    "an unknown exchange": '[exchange.krakn]\nproxy = "http://10.0.0.5:3128"',
    "an unknown word of an exchange": '[exchange.kraken]\nproxi = "http://10.0.0.5:3128"',
    "no section": 'exchange = "kraken"',
    "a service that is none": 'echo = ["ecb"]',
    "no port": 'proxy = "http://10.0.0.5"',
    "a port that is none": 'proxy = "http://10.0.0.5:99999"',
    "a SOCKS proxy": 'proxy = "socks5://10.0.0.5:1080"',
    "TLS to the proxy": 'proxy = "https://10.0.0.5:3128"',
    "a path": 'proxy = "http://10.0.0.5:3128/x"',
    "nothing": 'proxy = ""',
    "a number": "proxy = 3128",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_file_that_is_not_understood_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"egress\.toml"):
        told(tmp_path, text)


def test_a_proxys_password_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without a password") as refused:
        told(tmp_path, 'proxy = "http://me:CANARY@10.0.0.5:3128"')
    assert "CANARY" not in str(refused.value)


def test_addresses_are_said_in_one_place(tmp_path: Path) -> None:
    (tmp_path / "egress.txt").write_text("203.0.113.7\n")
    with pytest.raises(ValueError, match="one place"):
        told(tmp_path, 'addresses = ["203.0.113.7"]')


def test_a_keeper_does_not_start_on_a_file_that_it_does_not_understand(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "egress.toml").write_text('[exchange.kraken]\nproxy = "10.0.0.5:3128"')
    process = Process(home)
    assert process.child.wait(30) == 1
    assert "egress.toml: a proxy is given as http://ADDRESS:PORT" in process.log.read_text()
    process.close_input()


def test_a_keeper_tells_its_ways(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "egress.toml").write_text('[exchange.kraken]\nproxy = "http://10.0.0.5:3128"\naddresses = ["198.51.100.4"]')
    with running(home) as process:
        process.keeper.create(PASSPHRASE)
        found = process.keeper.ways()
    assert (found.proxy_to("kraken"), found.addresses_for("kraken")) == ("http://10.0.0.5:3128", ("198.51.100.4",))
    assert (found.proxy_to("binance"), found.addresses_for("binance")) == ("", ())
