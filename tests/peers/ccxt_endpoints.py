"""Prints every endpoint that ccxt knows of Kraken, Binance and Coinbase: `[exchange, method, host, path]`, as JSON."""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

import json
import re
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import ccxt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

#: ccxt builds no address without keys; these open nothing.
PEM = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
SECRETS = {"kraken": "YWFh", "binance": "b" * 64, "coinbase": PEM.decode()}
METHODS = ("get", "post", "put", "delete", "patch", "head", "options")


def leaves(tree: dict, groups: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Groups, method and path of each endpoint of ccxt's tree."""
    for name, below in tree.items():
        if name in METHODS:
            yield from ((groups, name.upper(), path) for path in below)
        else:
            yield from leaves(below, (*groups, name))


def endpoints(name: str) -> Iterator[tuple[str, str, str, str]]:
    """The endpoints of one exchange, at the address that ccxt itself would ask; placeholders stand as `{name}`."""
    exchange = getattr(ccxt, name)({"apiKey": "a" * 64, "secret": SECRETS[name]})
    for groups, method, path in leaves(exchange.api):
        marks = {each: f"zz{each}zz" for each in re.findall(r"\{(\w+)\}", path)}
        url = exchange.sign(exchange.implode_params(path, marks), list(groups), method, {})["url"]
        asked = urlsplit(url)
        yield name, method, asked.netloc, re.sub(r"zz(\w+?)zz", r"{\1}", asked.path)


json.dump(sorted({each for name in SECRETS for each in endpoints(name)}), sys.stdout)
