"""Signs requests as ccxt and Coinbase's own client do: jobs as JSON on stdin, the signed requests on stdout."""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

import json
import secrets
import sys
import time

import ccxt
import jwt
from coinbase.jwt_generator import build_jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

KRAKEN, BINANCE, COINBASE = ccxt.kraken(), ccxt.binance(), ccxt.coinbase()
BINANCE.options["recvWindow"] = None  # ours sends none
BINANCE_GROUPS = {
    "/api/v3/": ["private"],
    "/sapi/v1/": ["sapi"],
    "/sapi/v2/": ["sapiV2"],
    "/sapi/v3/": ["sapiV3"],
    "/sapi/v4/": ["sapiV4"],
    "/fapi/v1/": ["fapiPrivate"],
    "/fapi/v2/": ["fapiPrivateV2"],
    "/fapi/v3/": ["fapiPrivateV3"],
    "/dapi/v1/": ["dapiPrivate"],
}


def kraken(job: dict) -> dict:
    """ccxt's request, with our nonce."""
    KRAKEN.apiKey, KRAKEN.secret = job["key"], job["secret"]
    KRAKEN.incrementing_nonce = lambda: job["nonce"]
    return KRAKEN.sign(job["path"].removeprefix("/0/private/"), ["private"], job["method"], dict(job["params"]))


def binance(job: dict) -> dict:
    """ccxt's request, at our time. ccxt puts the time before the params, we behind them: told to do as we do."""
    BINANCE.apiKey, BINANCE.secret = job["key"], job["secret"]
    BINANCE.nonce = lambda: job["time_ms"]
    BINANCE.extend = lambda first, second: {**second, **first}
    prefix, group = next(each for each in BINANCE_GROUPS.items() if job["path"].startswith(each[0]))
    try:
        return BINANCE.sign(job["path"].removeprefix(prefix), group, job["method"], dict(job["params"]))
    finally:
        del BINANCE.extend


def coinbase(job: dict) -> dict:
    """ccxt's request and the official client's token, at our time, with our randomness; and what both read in ours."""
    COINBASE.apiKey, COINBASE.secret = job["key"], job["secret"]
    COINBASE.seconds = lambda: job["time_ms"] // 1000
    COINBASE.random_bytes = lambda length: job["random"]
    version, path = ("v2", job["path"][4:]) if job["path"].startswith("/v2/") else ("v3", job["path"][8:])
    made = COINBASE.sign(path, [version, "private"], job["method"], dict(job["params"]))
    time.time = lambda: job["time_ms"] / 1000
    secrets.token_hex = lambda: job["random"]
    made["official"] = build_jwt(job["key"], job["secret"], job["uri"])
    unbound = {"verify_exp": False, "verify_nbf": False}
    public = load_pem_public_key(job["public"].encode())
    made["read"] = jwt.decode(job["token"], public, algorithms=["ES256", "EdDSA"], options=unbound)
    return made


SIGNERS = {"kraken": kraken, "binance": binance, "coinbase": coinbase}
given = json.load(sys.stdin)
json.dump([SIGNERS[given["exchange"]](job) for job in given["jobs"]], sys.stdout)
