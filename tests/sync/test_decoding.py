"""Decoders of one type asked for by many threads at once: one is made, and all get it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import msgspec

from tallyglass.exchanges.decoding import decode, decoder


class Inner(msgspec.Struct):
    name: str


class Row(msgspec.Struct):
    inner: Inner


def test_threads_that_come_at_once_share_one_decoder() -> None:
    together = Barrier(8)

    def first(_: int) -> int:
        together.wait()
        return id(decoder(Row))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first, range(8)))) == 1
    assert decode(b'{"inner":{"name":"x"}}', Row).inner.name == "x"
