"""Whatever is asked of the fake Binance, sense or noise, it answers as an exchange and keeps its books."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.binance import NOW, grown
from tallyglass.money import ZERO
from tallyglass.sandbox.binance.venue import ROUTES

ACCOUNT = "GET /api/v3/account"
_WORLD = grown(4)
_WORLD.venue.specials["no_limits"]("main", NOW)
_NAMES = """
symbol symbols asset coin type side interval limit size current page rows offset fromId orderId startTime endTime
beginTime quantity price amount quoteOrderQty productId fromAsset toAsset fromAmount transactionType recvWindow
timeInForce redeemAll softStaking quoteId address idList ä
"""
_WORDS = "BTCUSDT USDT BTC USDT001 SPOT MAIN_FUNDING LIMIT MARKET BUY SELL GTC 1d true 0 1"
_VALUES = st.one_of(
    st.sampled_from(_WORDS.split()),
    st.integers(0, 10**20).map(str),
    st.decimals(0, 10**20, places=9).map(str),
    st.text(max_size=12),
)
_LINES = sorted(" ".join(line) for line in ROUTES)


@given(
    st.sampled_from(_LINES),
    st.dictionaries(st.sampled_from(_NAMES.split()), _VALUES, max_size=6),
    st.sampled_from([0, 1]),
)
@settings(max_examples=400, deadline=None)
def test_whatever_is_asked_is_answered_in_the_exchanges_way(line: str, params: dict[str, str], in_body: int) -> None:
    bench = _WORLD
    bench.now += 1
    key = bench.venue.keys["can_withdraw"]
    key.rights |= {"read", "trade", "transfer"}
    sent = {
        each.encode("utf-8", "replace").decode(): value.encode("utf-8", "replace").decode()
        for each, value in params.items()
    }
    payload = bench.query("can_withdraw", {"timestamp": bench.ms} | sent)

    answer = bench.send(
        line, *(("", payload.encode()) if in_body else (payload, b"")), bench.key_header("can_withdraw")
    )

    assert answer.status in {200, 400, 401}
    assert answer.status == 200 or set(json.loads(answer.body)) == {"code", "msg"}
    for (wallet, _), amount in bench.venue.books["main"].wallets().items():
        assert amount >= ZERO or wallet.startswith("margin")  # the net of a loan
    assert bench.send(ACCOUNT, bench.query("read_only", {}), headers=bench.key_header()).status == 200


@pytest.mark.parametrize("kind", ["read_only", "read_only_ed25519"])
@given(query=st.text(max_size=40), body=st.binary(max_size=40), header=st.text(max_size=70))
@settings(max_examples=60, deadline=None)
def test_noise_is_turned_away(kind: str, query: str, body: bytes, header: str) -> None:
    for raw in (query, f"timestamp={_WORLD.ms}&signature={query}"):
        for headers in (_WORLD.key_header(kind), {"x-mbx-apikey": header}):
            assert _WORLD.send(ACCOUNT, raw, body, headers).status in {400, 401}
