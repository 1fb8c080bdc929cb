"""A small town of venues on paper, with the central bank, served over HTTP in the test's own process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import aiohttp
from aiohttp import web

from support.paper import PaperVenue
from tallyglass.sandbox.control import Control
from tallyglass.sandbox.ecb import Ecb
from tallyglass.sandbox.model import Act
from tallyglass.sandbox.server import Gate
from tallyglass.sandbox.world import WorldPrices


class Town:
    """Two venues on paper and the central bank, served."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, venues: dict[str, PaperVenue]) -> None:
        self.session, self.base_url, self.venues = session, base_url, venues
        self.kraken = venues["kraken"]

    async def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(self.base_url + path, headers=names) as answer:
            return answer.status, await answer.read()

    async def control(self, method: str, path: str, given: Any = None, status: int = 200) -> Any:
        async with self.session.request(method, f"{self.base_url}/_control/{path}", json=given) as answer:
            told = await answer.json()
            assert answer.status == status, told
            return told


def in_town(visit: Callable[[Town], Awaitable[None]]) -> None:
    """Serve a small world and visit it."""

    async def stay() -> None:
        now = time.time()
        prices = WorldPrices(1, now)
        venues = {name: PaperVenue(name) for name in ("kraken", "coinbase")}
        for venue in venues.values():
            for asset, amount in (("EUR", "5000"), ("BTC", "0.5")):
                venue.record("main", Act("deposit", datetime.now(UTC), asset, Decimal(amount)))
        gate = Gate([*venues.values(), Ecb(prices.rates)], Control(venues, prices, 1))
        runner = web.AppRunner(gate.app(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            async with aiohttp.ClientSession() as session:
                await visit(Town(session, f"http://127.0.0.1:{runner.addresses[0][1]}", venues))
        finally:
            await runner.cleanup()

    asyncio.run(stay())
