"""Runs the sandbox: builds the fake exchanges, grows their accounts, serves them until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import importlib
import signal
import ssl
import sys
import time
from pathlib import Path

from aiohttp import web

from tallyglass.sandbox import certificate, state
from tallyglass.sandbox.control import Control
from tallyglass.sandbox.ecb import Ecb
from tallyglass.sandbox.growth import Scale, grow
from tallyglass.sandbox.model import Venue
from tallyglass.sandbox.server import Gate
from tallyglass.sandbox.world import WorldPrices

VENUES = ("kraken", "binance", "coinbase")


def venues(seed: int, prices: WorldPrices, now: float) -> dict[str, Venue]:
    """Every fake exchange, empty: from the packages' `create`."""
    made: dict[str, Venue] = {}
    for name in VENUES:
        create = getattr(_package(name), "create", None)
        if create is None:
            print(f"sandbox: no fake exchange {name}", file=sys.stderr)  # noqa: T201
        else:
            made[name] = create(seed, prices, now)
    return made


def build(seed: int, scale: Scale, now: float) -> tuple[Control, Ecb]:
    """A grown world: the same for one seed, scale and moment."""
    prices = WorldPrices(seed, now)
    made = venues(seed, prices, now)
    serial = 0
    gc.disable()  # millions of small objects that all stay: looking for garbage among them takes most of the time
    try:
        for venue, account, act in grow(made, prices, seed, now, scale):
            made[venue].record(account, act)
            serial = max(serial, act.serial)
    finally:
        gc.freeze()
        gc.enable()
    return Control(made, prices, serial), Ecb(prices.rates)


def serve(port: int, seed: int, scale: Scale, state_file: Path, *, tls: bool = False) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT. Port 0 takes a free one; the state file says which.

    The state file appears when the port listens. With `tls` it speaks HTTPS under a certificate made for this
    run, whose authority is written beside the state file as `ca.pem` and named there as `ca`.
    """
    asyncio.run(_serve(port, build(seed, scale, time.time()), state_file, tls=tls))


async def _serve(port: int, world: tuple[Control, Ecb], state_file: Path, *, tls: bool) -> None:
    control, ecb = world
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    runner = web.AppRunner(Gate([*control.venues.values(), ecb], control).app(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=_secured(state_file) if tls else None)
        await site.start()
        bound = runner.addresses[0][1]
        told = state.described(f"http{'s' * tls}://127.0.0.1:{bound}", control.venues, [ecb])
        state.write(state_file, told | ({"ca": str(_authority(state_file))} if tls else {}))
        await stop.wait()
    finally:
        await runner.cleanup()


def _secured(state_file: Path) -> ssl.SSLContext:
    made = certificate.make(("localhost", "127.0.0.1"))
    state.private(_authority(state_file), made.authority)
    return made.context()


def _authority(state_file: Path) -> Path:
    return state_file.absolute().with_name("ca.pem")


def _package(name: str) -> object:
    full = f"tallyglass.sandbox.{name}"
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as missing:
        if missing.name != full:
            raise
        return None
