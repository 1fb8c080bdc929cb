"""krakenex against the fake Kraken: a job as JSON on stdin, what it saw as JSON on stdout."""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

import json
import sys

import krakenex


def main(job: dict) -> dict:
    api = krakenex.API(job["key"], job["secret"])
    api.uri = job["url"]
    if job["do"] == "call":
        return api.query_private(job["name"], job["params"])
    found: dict[str, dict] = {}
    while page := api.query_private("Ledgers", {"ofs": len(found)})["result"]["ledger"]:
        found |= page
    return {
        "balances": api.query_private("Balance")["result"],
        "ledger": found,
        "orders": api.query_private("OpenOrders")["result"]["open"],
        "time": api.query_public("Time")["result"]["unixtime"],
    }


sys.stdout.write(json.dumps(main(json.load(sys.stdin))))
