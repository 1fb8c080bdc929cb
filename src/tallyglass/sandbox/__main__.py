"""`python -m tallyglass.sandbox`: the fake exchanges, on their own."""

from __future__ import annotations

import argparse
from pathlib import Path

from tallyglass.sandbox.bazaar import FEWEST
from tallyglass.sandbox.run import serve


def main() -> None:
    """Read the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m tallyglass.sandbox", description="Fake exchanges over real HTTP.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the state file says which")
    parser.add_argument("--seed", type=int, default=1, help="the same seed grows the same accounts")
    parser.add_argument("--scale", choices=("small", "large"), default="small", help="large: a million trades")
    parser.add_argument("--state", type=Path, required=True, metavar="FILE", help="written when the port listens")
    parser.add_argument("--tls", action="store_true", help="HTTPS, under a certificate made for this run")
    words = f"markets that Binance lists, {FEWEST} or more; 0: the usual ones"
    parser.add_argument("--markets", type=int, default=0, metavar="N", help=words)
    given = parser.parse_args()
    if given.markets and given.markets < FEWEST:
        parser.error(f"--markets: {words}")
    serve(given.port, given.seed, given.scale, given.state, tls=given.tls, listed=given.markets)


if __name__ == "__main__":
    main()
