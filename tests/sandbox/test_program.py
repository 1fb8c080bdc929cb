"""The sandbox as a program, and the central bank's table that it serves."""

from __future__ import annotations

import csv
import http.client
import ssl
import stat
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from support.sandbox import running_sandbox
from support.town import Town, in_town
from tallyglass.sandbox.ecb import COLUMNS

RATES = "/service/data/EXR/D..EUR.SP00.A?format=csvdata"


def test_the_central_banks_table_is_what_the_truth_prices_fiat_by() -> None:
    async def visit(town: Town) -> None:
        status, body = await town.get("/ecb" + RATES + "&startPeriod=2026-01-02")
        rows = list(csv.DictReader(body.decode().splitlines()))
        newest = max(row["TIME_PERIOD"] for row in rows)
        dollar = next(Decimal(r["OBS_VALUE"]) for r in rows if (r["CURRENCY"], r["TIME_PERIOD"]) == ("USD", newest))
        told = await town.control("GET", "truth")

        assert status == 200
        assert Decimal(told["prices"]["EUR"]) == dollar
        assert tuple(rows[0]) == COLUMNS
        assert rows[0]["KEY"] == f"EXR.D.{rows[0]['CURRENCY']}.EUR.SP00.A"
        assert len({row["CURRENCY"] for row in rows}) > 25
        assert all(date.fromisoformat(row["TIME_PERIOD"]).weekday() < 5 for row in rows)
        assert min(row["TIME_PERIOD"] for row in rows) == "2026-01-02"

    in_town(visit)


@pytest.mark.parametrize(
    ("path", "status", "lines"),
    [
        ("/D.USD+GBP.EUR.SP00.A?format=csvdata&startPeriod=2026-09-07&endPeriod=2026-09-11", 200, 1 + 2 * 5),
        ("/D.USD.EUR.SP00.A?format=csvdata&startPeriod=2026-09-05&endPeriod=2026-09-06", 404, 0),
        ("/D.USD.EUR.SP00.A?format=csvdata&lastNObservations=3", 200, 1 + 3),
        ("/D.XXX.EUR.SP00.A?format=csvdata", 404, 0),
        ("/D.USD.EUR?format=csvdata", 400, 0),
        ("/D.USD.EUR.SP00.A?format=csvdata&startPeriod=yesterday", 400, 0),
        ("/D.USD.EUR.SP00.A", 406, 0),
    ],
)
def test_the_central_bank_answers_what_is_asked(path: str, status: int, lines: int) -> None:
    async def visit(town: Town) -> None:
        got, body = await town.get("/ecb/service/data/EXR" + path)

        assert got == status
        assert (len(body.splitlines()) if status == 200 else 0) == lines

    in_town(visit)


def test_the_program_tells_where_it_listens_to_its_owner_alone(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as sandbox:
        assert stat.S_IMODE(sandbox.state_file.stat().st_mode) == 0o600
        assert sandbox.state["base_url"] == sandbox.base_url
        assert sandbox.state["sources"]["ecb"]["hosts"] == {"data-api.ecb.europa.eu": f"{sandbox.base_url}/ecb"}
        assert sandbox.state["sources"].keys() > {"ecb", "norgesbank", "defillama", "coingecko"}
        for exchange in sandbox.state["exchanges"].values():
            for fields in exchange["keys"].values():
                assert fields["key"]
                assert fields["secret"]
        assert sandbox.request("GET", "/ecb" + RATES).status == 200
    assert sandbox.process.returncode == 0
    with running_sandbox(tmp_path) as again:
        assert again.key("kraken") == sandbox.key("kraken")


def test_with_tls_it_speaks_to_those_who_trust_its_authority_and_to_nobody_else(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, tls=True) as sandbox:
        assert sandbox.base_url.startswith("https://127.0.0.1:")
        assert sandbox.ca == tmp_path / "sandbox" / "ca.pem"
        assert sandbox.request("GET", "/ecb" + RATES).status == 200
        port = int(sandbox.base_url.rpartition(":")[2])
        trusting = ssl.create_default_context(cafile=str(sandbox.ca))
        trusting.set_alpn_protocols(["h2", "http/1.1"])
        by_name = http.client.HTTPSConnection("localhost", port, context=trusting)
        by_name.request("GET", "/_control/truth")
        assert by_name.getresponse().status == 200
        assert by_name.sock.selected_alpn_protocol() == "http/1.1"
        by_name.close()
        stranger = http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.request("GET", "/_control/truth")
        stranger.close()
