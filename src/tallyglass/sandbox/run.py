"""Runs the sandbox: builds the fake exchanges, grows their accounts, serves them until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import importlib
import signal
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from tallyglass.sandbox import certificate
from tallyglass.sandbox.bazaar import Listing, listings
from tallyglass.sandbox.coingecko import CoinGecko
from tallyglass.sandbox.control import Control
from tallyglass.sandbox.defillama import DefiLlama
from tallyglass.sandbox.ecb import Ecb
from tallyglass.sandbox.echo import echoes
from tallyglass.sandbox.growth import grow
from tallyglass.sandbox.model import Venue
from tallyglass.sandbox.norgesbank import NorgesBank
from tallyglass.sandbox.server import Gate, Site
from tallyglass.sandbox.state import described, private, write
from tallyglass.sandbox.walks import Scale
from tallyglass.sandbox.world import WorldPrices, markets

VENUES = ("kraken", "binance", "coinbase")


def venues(seed: int, prices: WorldPrices, now: float, also: Sequence[Listing] = ()) -> dict[str, Venue]:
    """Every fake exchange, its accounts not yet grown. Binance is the one with the long list."""
    packages = {name: importlib.import_module(f"tallyglass.sandbox.{name}") for name in VENUES}
    more = {"binance": (also,)}
    return {name: package.create(seed, prices, now, *more.get(name, ())) for name, package in packages.items()}


def build(seed: int, scale: Scale, now: float, listed: int = 0) -> tuple[Control, Ecb]:
    """A grown world: the same for one seed, scale and moment. Binance lists `listed` markets, 0: the usual ones."""
    also = listings(listed, len(markets("binance")))
    prices = WorldPrices(seed, now, also, scale)
    made = venues(seed, prices, now, also)
    serial = 0
    gc.disable()  # millions of small objects that all stay: looking for garbage among them takes most of the time
    try:
        for venue, account, act in grow(made, prices, seed, scale):
            made[venue].record(account, act)
            serial = max(serial, act.serial)
    finally:
        gc.freeze()
        gc.enable()
    return Control(made, prices, serial), Ecb(prices.rates, prices.lies)


def price_sources(control: Control) -> tuple[Site, ...]:
    """Who gives prices beside the exchanges and the European Central Bank."""
    prices, quota = control.prices, control.quota
    return DefiLlama(prices, quota), CoinGecko(prices, quota), NorgesBank(prices)


def serve(port: int, seed: int, scale: Scale, state: Path, *, tls: bool = False, listed: int = 0) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT. Port 0 takes a free one; the state file says which.

    The state file appears when the port listens. With `tls` it speaks HTTPS under a certificate made for this
    run, whose authority is written beside the state file as `ca.pem` and named there as `ca`.
    """
    asyncio.run(_serve(port, build(seed, scale, time.time(), listed), state, tls=tls))


async def _serve(port: int, world: tuple[Control, Ecb], state: Path, *, tls: bool) -> None:
    control, ecb = world
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    sources: list[Site] = [ecb, *echoes(control.internet), *price_sources(control)]
    gate = Gate([*control.venues.values(), *sources], control)
    runner = web.AppRunner(gate.app(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=_secured(state) if tls else None)
        await site.start()
        bound = runner.addresses[0][1]
        told = described(f"http{'s' * tls}://127.0.0.1:{bound}", control.venues, sources)
        write(state, told | ({"ca": str(_authority(state))} if tls else {}))
        await stop.wait()
    finally:
        await runner.cleanup()


def _secured(state: Path) -> ssl.SSLContext:
    made = certificate.make(("localhost", "127.0.0.1"))
    private(_authority(state), made.authority)
    return made.context()


def _authority(state: Path) -> Path:
    return state.absolute().with_name("ca.pem")
