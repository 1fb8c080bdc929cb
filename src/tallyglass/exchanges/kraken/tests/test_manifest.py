"""Kraken's page: every read is a known pure read, every label is there, the guide has its blanks."""

from __future__ import annotations

import json
import re

import pytest

from tallyglass.exchanges import registry
from tallyglass.exchanges.kraken import permissions
from tallyglass.exchanges.kraken.history import streams
from tallyglass.exchanges.kraken.parse import parse
from tallyglass.exchanges.streams import Known, NotReadable

MANIFEST = registry.manifest("kraken")

#: Kraken's calls that change nothing, of those that the documentation lists.
PURE = {
    *("GetApiKeyInfo", "BalanceEx", "OpenOrders", "ClosedOrders", "Ledgers", "TradesHistory"),
    *("DepositStatus", "WithdrawStatus", "AssetPairs", "Ticker", "OHLC", "Time"),
}


def test_nothing_but_pure_reads_is_listed() -> None:
    for read in MANIFEST.reads.values():
        area, name = re.fullmatch(r"/0/(public|private)/([A-Za-z]+)", read.path).groups()  # type: ignore[union-attr]
        assert name in PURE
        assert read.host == "api.kraken.com"
        assert read.signed is (area == "private")
        assert read.method == ("POST" if read.signed else "GET")
        assert read.docs.startswith("https://docs.kraken.com/")
        assert read.purpose.endswith(".")


def test_every_need_and_label_is_a_permission_that_the_verdict_knows() -> None:
    boxes = MANIFEST.labels["boxes"]
    reading = {"query-funds", "query-open-trades", "query-closed-trades", "query-ledger"}
    assert {need for read in MANIFEST.reads.values() for need in read.needs} == reading
    assert {boxes[word] for word in reading} == set(MANIFEST.labels["tick"])
    assert set(MANIFEST.labels["leave"]) == set(boxes.values()) - set(MANIFEST.labels["tick"])
    body = json.dumps({"error": [], "result": {"permissions": list(boxes)}}).encode()
    assert permissions.grants({"key_info": body}).strange == ()


@pytest.mark.parametrize("read_id", MANIFEST.reads)
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"error":["EService:Unavailable"]}', b'{"error":[],"result":7}', b'{"error":[],"res'],
)
def test_every_listed_read_has_a_parser_that_refuses_what_is_no_answer(read_id: str, body: bytes) -> None:
    with pytest.raises(NotReadable):
        parse(read_id, body, Known())


def test_a_read_that_is_not_listed_is_refused() -> None:
    with pytest.raises(NotReadable, match="withdraw"):
        parse("withdraw", b"{}", Known())


def test_every_stream_says_how_far_back_it_reaches() -> None:
    assert set(MANIFEST.history) == {"candles", *(stream.name for stream in streams(Known()))}


def test_the_guide_has_its_six_steps_and_blanks() -> None:
    guide = registry.guide("kraken")
    assert re.findall(r"^(\d)\. \*\*", guide, re.MULTILINE) == list("123456")
    assert set(re.findall(r"\{(\w+)\}", guide)) == {"ips", "date"}
    assert len(guide.splitlines()) < 60
    for box in ("Query open orders & trades", "Query closed orders & trades", "Query ledger entries"):
        assert f"**{box}**" in guide
