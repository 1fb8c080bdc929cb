"""Decoders of one type asked for by many threads at once: one is made, by one thread, and all get it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import msgspec
import pytest

from tallyglass.exchanges.decoding import decode, decoder


class Inner(msgspec.Struct):
    name: str


class Row(msgspec.Struct):
    inner: Inner


def test_threads_that_come_at_once_share_one_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    together, real, made = Barrier(8), msgspec.json.Decoder, []

    def slowly(shape: Any) -> Any:
        made.append(shape)
        time.sleep(0.05)  # long enough for all others to come by
        return real(shape)

    monkeypatch.setattr(msgspec.json, "Decoder", slowly)

    def first(_: int) -> int:
        together.wait()
        return id(decoder(Row))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first, range(8)))) == 1
    assert made == [Row]
    assert decode(b'{"inner":{"name":"x"}}', Row).inner.name == "x"
