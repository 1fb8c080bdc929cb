"""Every kind of row that the fake Kraken's ledger may hold: in step with its books, told where it belongs, and late."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from support.kraken import NOW, Bench, Client, assert_adds_up, assert_books_agree, grown
from tallyglass.sandbox.growth import grow
from tallyglass.sandbox.incidents import Incidents
from tallyglass.sandbox.kraken import create
from tallyglass.sandbox.kraken.special import HAPPENINGS, INCIDENTS
from tallyglass.sandbox.wishes import BadWish
from tallyglass.sandbox.world import WorldPrices

_NEEDS = {
    "opt_out": "opt_in",
    "migration": "opt_in",
    "earn_reward": "opt_in",
    "credited_fill": "fee_credits",
    "deposits_arrive": "pending_deposit",
    "deposits_return": "pending_deposit",
    "withdrawals_leave": "held_withdrawal",
    "withdrawals_return": "held_withdrawal",
    "rollover": "open_position",
    "close_position": "open_position",
    "settle_position": "open_position",
}


def rich() -> Bench:
    bench = grown()
    for symbol in ("SOL", "ADA", "USDC", "LINK"):
        bench.happen("deposit", NOW - 900, symbol, "30")
    return bench


def happen(bench: Bench, *names: str) -> None:
    for late, name in enumerate(names):
        bench.venue.specials[name]("main", NOW + late)


@pytest.mark.parametrize("name", HAPPENINGS)
def test_whatever_happens_keeps_ledger_and_books_in_step(name: str) -> None:
    bench = rich()
    before = len(bench.client().all("Ledgers", "ledger"))
    happen(bench, *([_NEEDS[name]] if name in _NEEDS else []), name)

    client = bench.client(first=1000)
    assert_adds_up(client)
    assert_books_agree(bench, client)
    assert len(client.all("Ledgers", "ledger")) > before or name in (
        "failed_deposit",
        "pending_deposit",
        "deposits_return",
    )


@pytest.mark.parametrize("name", ["deposits_arrive", "rollover", "withdrawals_return", "earn_reward", "to_futures"])
def test_what_cannot_happen_is_refused(name: str) -> None:
    bench = Bench()
    with pytest.raises(BadWish) as refused:
        happen(bench, name)
    assert refused.value.status == 409


@pytest.mark.parametrize("seed", [1, 2])
def test_every_account_of_some_years_has_met_everything(seed: int) -> None:
    prices = WorldPrices(seed, NOW)
    venue: Any = create(seed, prices, NOW)
    for _, account, act in grow({"kraken": venue}, prices, seed):
        venue.record(account, act)

    main = venue.house.accounts["main"]
    types = {row.type for row in main.ledger}
    subtypes = {row.subtype for row in main.ledger}
    assert types >= {
        *("trade", "margin", "rollover", "settled", "spend", "receive", "deposit", "withdrawal", "transfer"),
        *("staking", "earn", "reward", "dividend", "invite bonus", "adjustment", "credit", "conversion", "sale"),
        *("nfttrade", "nftcreatorfee", "nftrebate", "custodytransfer"),
    }
    assert subtypes >= {
        *("tradespot", "dustsweeping", "allocation", "deallocation", "migration", "reward", "airdrop"),
        *("spottofutures", "spotfromfutures", "delistingconversion", "spottostaking", "stakingfromspot"),
    }
    assert not main.positions
    assert min(venue.books["main"].wallets().values()) >= 0


def test_a_position_is_opened_charged_and_closed() -> None:
    bench = rich()
    client = bench.client()
    euros = Decimal(client.ask("Balance")["ZEUR"])
    happen(bench, "open_position")
    [(held, position)] = client.ask("OpenPositions").items()
    opened = client.ask("QueryTrades", txid=held)[held]
    secured = client.ask("TradeBalance")
    happen(bench, "rollover", "rollover", "close_position")
    newest = list(client.ask("Ledgers")["ledger"].values())[:4]
    after = client.ask("TradesHistory", type="closed position")["trades"]
    [closing] = client.ask("TradesHistory", type="closing position")["trades"].items()

    assert (position["posstatus"], position["type"], position["ordertxid"]) == ("open", "buy", opened["ordertxid"])
    assert (opened["leverage"], opened["postxid"], opened["posstatus"]) == ("2", held, "open")
    assert Decimal(opened["margin"]) * 2 == Decimal(opened["cost"])
    assert Decimal(secured["m"]) > 0
    assert client.ask("OpenPositions") == {}
    assert [row["type"] for row in newest] == ["margin", "rollover", "rollover", "margin"]
    assert [row["refid"] for row in newest] == [closing[0], held, held, held]
    assert [Decimal(row["amount"]) for row in newest[1:]] == [0, 0, 0]
    assert min(Decimal(row["fee"]) for row in newest) > 0
    assert Decimal(newest[0]["amount"]) == Decimal(after[held]["net"]) != 0
    assert (after[held]["posstatus"], after[held]["trades"], closing[1]["misc"]) == ("closed", [closing[0]], "closing")
    assert Decimal(client.ask("Balance")["ZEUR"]) == euros + sum(
        Decimal(row["amount"]) - Decimal(row["fee"]) for row in newest
    )
    assert client.ask("TradesHistory", type="no position")["count"] == client.ask("TradesHistory")["count"] - 2
    assert client.ask("TradesHistory", type="any position")["count"] == 2


def test_a_settled_position_brings_the_coins_themselves() -> None:
    bench = rich()
    happen(bench, "open_position", "settle_position")
    client = bench.client()
    base, quote = sorted(list(client.ask("Ledgers")["ledger"].values())[:2], key=lambda row: row["asset"])

    assert [row["type"] for row in (base, quote)] == ["settled", "settled"]
    assert (base["refid"], base["asset"], quote["asset"]) == (quote["refid"], "XETH", "ZEUR")
    assert Decimal(base["amount"]) > 0 > Decimal(quote["amount"])


def statuses(client: Client, name: str) -> list[tuple[Any, Any]]:
    return [(each["status"], each.get("status-prop")) for each in client.ask(name)]


def test_a_deposit_on_its_way_is_told_and_counts_when_it_arrives() -> None:
    bench = rich()
    client = bench.client()
    rows, balance = client.ask("Ledgers")["count"], client.ask("Balance")["XXBT"]
    happen(bench, "pending_deposit")
    waiting = client.ask("DepositStatus")[0]

    assert (waiting["status"], client.ask("Ledgers")["count"], client.ask("Balance")["XXBT"]) == (
        "Pending",
        rows,
        balance,
    )
    assert waiting["refid"] not in bench.venue.books["main"].postings

    happen(bench, "deposits_arrive")
    [newest] = list(client.ask("Ledgers")["ledger"].values())[:1]

    assert statuses(client, "DepositStatus")[0] == ("Success", None)
    assert (newest["refid"], newest["type"]) == (waiting["refid"], "deposit")
    assert Decimal(client.ask("Balance")["XXBT"]) == Decimal(balance) + Decimal(waiting["amount"])
    assert bench.venue.books["main"].postings[waiting["refid"]].kind == "deposit"


def test_a_deposit_that_is_sent_back_never_counts() -> None:
    bench = rich()
    happen(bench, "pending_deposit", "deposits_return")
    client = bench.client()

    assert statuses(client, "DepositStatus")[0] == ("Failure", "return")
    assert client.ask("DepositStatus")[0]["refid"] not in bench.venue.books["main"].postings


@pytest.mark.parametrize(
    ("then", "status", "lost"),
    [("withdrawals_leave", ("Success", None), Decimal("2.6")), ("withdrawals_return", ("Failure", "canceled"), 0)],
)
def test_a_withdrawal_on_hold_leaves_or_comes_back(then: str, status: tuple[str, Any], lost: Decimal) -> None:
    bench = rich()
    client = bench.client()
    before = Decimal(client.ask("Balance")["ZEUR"])
    happen(bench, "held_withdrawal")

    assert statuses(client, "WithdrawStatus")[0] == ("Pending", "onhold")
    assert Decimal(client.ask("Balance")["ZEUR"]) == before - Decimal("2.6")

    happen(bench, then)

    assert statuses(client, "WithdrawStatus")[0] == status
    assert Decimal(client.ask("Balance")["ZEUR"]) == before - lost


def test_a_history_that_is_cut_loses_rows_and_no_balance() -> None:
    bench = grown()
    client = bench.client()
    rows = client.all("Ledgers", "ledger")
    trades = client.all("TradesHistory", "trades")
    balance, truth = client.ask("Balance"), bench.venue.books["main"].truth()
    cut = sorted(row["time"] for row in rows.values())[len(rows) // 2]
    bench.venue.cut("main", datetime.fromtimestamp(float(cut), UTC))

    assert client.all("Ledgers", "ledger") == {key: row for key, row in rows.items() if row["time"] >= cut}
    assert client.all("TradesHistory", "trades") == {key: row for key, row in trades.items() if row["time"] >= cut}
    assert client.ask("Balance") == balance
    assert bench.venue.books["main"].truth() == truth
    assert client.ask("OpenOrders")["open"]
    assert client.error("QueryLedgers", id=next(iter(rows))) == "EOrder:Invalid order"


def test_a_key_may_lack_the_box_for_closed_orders_and_trades() -> None:
    bench = grown()
    happen(bench, "no_closed_trades")
    client = bench.client()

    assert client.ask("GetApiKeyInfo")["permissions"] == ["query-funds", "query-open-trades", "query-ledger"]
    for name in ("TradesHistory", "ClosedOrders", "QueryTrades"):
        assert client.error(name, txid="T") == "EGeneral:Permission denied"
    assert client.ask("Ledgers")["count"]


def test_the_trade_of_a_partly_filled_order_names_that_order() -> None:
    bench = grown()
    traded = {"price": "50000", "cost": "500", "fee": "1.3", "fee_asset": "EUR"}
    bench.happen("trade", NOW - 90, "BTC", "0.01", quote="EUR", **traded)
    bench.happen("order", NOW - 90, "BTC", "0.03", quote="EUR", price="50000", filled=Decimal("0.01"))
    client = bench.client()
    newest = client.ask("ClosedOrders")["count"]
    txid, order = next(iter(client.ask("OpenOrders", trades="true")["open"].items()))

    assert (order["vol"], order["vol_exec"], order["cost"]) == ("0.03000000", "0.01000000", "500.00000")
    assert {client.ask("QueryTrades", txid=each)[each]["ordertxid"] for each in order["trades"]} == {txid}
    assert newest == 130


def test_incidents_go_round_and_waits_for_what_cannot_be_afforded() -> None:
    bench = Bench()
    bench.venue.incidents = Incidents(("to_futures", "credit"))
    for number in range(60):
        bench.happen("deposit", NOW - 1000 + number, "XRP", "1")
    types = [row.subtype or row.type for row in bench.venue.house.accounts["main"].ledger if row.type != "deposit"]

    assert types == ["credit"]
    assert set(INCIDENTS) <= set(HAPPENINGS)
