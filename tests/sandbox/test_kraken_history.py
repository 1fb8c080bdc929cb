"""The fake Kraken's books: ledger, trades, orders, transfers, rewards, and how they page."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.kraken import NOW, Bench, Client, assert_adds_up, assert_books_agree, grown
from tallyglass.sandbox.kraken.account import Row
from tallyglass.sandbox.kraken.timeline import Timeline

_START = NOW - 90 * 86_400


@pytest.fixture(scope="module")
def bench() -> Bench:
    return grown()


@pytest.fixture(scope="module")
def client(bench: Bench) -> Client:
    return bench.client()


def test_balances_use_legacy_codes_suffixes_and_fixed_decimals(client: Client) -> None:
    balance: dict[str, str] = client.ask("Balance")

    assert {"ZEUR", "ZUSD", "XXBT", "XETH", "XXDG", "XXRP", "DOT", "DOT28.S", "ETH.F", "XBT.M"} <= set(balance)
    assert len(balance["ZEUR"].partition(".")[2]) == 4
    assert len(balance["XXBT"].partition(".")[2]) == 10
    assert set(client.ask("Balance", assetVersion="1")) >= {"EUR", "BTC", "DOGE", "ETH.F"}


def test_the_ledger_adds_up_to_the_balances_row_by_row(client: Client) -> None:
    assert_adds_up(client)


def test_the_true_books_say_what_the_ledger_says(bench: Bench, client: Client) -> None:
    assert_books_agree(bench, client)


def test_every_fill_is_a_trade_with_two_rows_and_a_closed_order(client: Client) -> None:
    trades, orders = (
        client.all("TradesHistory", "trades", ledgers="true"),
        client.all("ClosedOrders", "closed", trades="true"),
    )
    rows = client.all("Ledgers", "ledger", type="trade")
    by_trade: dict[str, set[str]] = defaultdict(set)
    for row_id, row in rows.items():
        by_trade[row["refid"]].add(row_id)

    assert len(orders) == 130 < len(trades)
    assert by_trade == {txid: set(trade["ledgers"]) for txid, trade in trades.items()}
    assert all(txid in orders[trade["ordertxid"]]["trades"] for txid, trade in trades.items())
    assert sum(len(order["trades"]) for order in orders.values()) == len(trades)
    for order in orders.values():
        parts = [trades[txid] for txid in order["trades"]]
        for whole, part in (("vol_exec", "vol"), ("cost", "cost"), ("fee", "fee")):
            assert Decimal(order[whole]) == sum(Decimal(each[part]) for each in parts)
    assert {trade["postxid"] for trade in trades.values()} == {"TKH2SE-M7IF5-CFI7LT"}


def test_a_fill_shows_cost_and_fee_as_the_ledger_moves_them(client: Client) -> None:
    txid, trade = next(iter(client.all("TradesHistory", "trades").items()))
    legs = {row["asset"]: row for row in client.all("Ledgers", "ledger").values() if row["refid"] == txid}

    assert (trade["pair"], trade["vol"], trade["price"]) == ("XXBTZEUR", "0.01000000", "80000.00000")
    assert (trade["cost"], trade["fee"]) == ("800.00000", "2.00000")
    assert (legs["ZEUR"]["amount"], legs["ZEUR"]["fee"]) == ("-800.0000", "2.0000")
    assert (legs["XXBT"]["amount"], legs["XXBT"]["fee"]) == ("0.0100000000", "0.0000000000")
    assert legs["ZEUR"]["time"] == trade["time"] == legs["XXBT"]["time"]


def test_instant_buys_stand_in_the_ledger_alone(client: Client) -> None:
    rows = [row for row in client.all("Ledgers", "ledger").values() if row["type"] in ("spend", "receive")]
    swaps: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if not row["subtype"]:
            swaps[row["refid"]].append(f"{row['type']} {row['asset']} {row['amount']} {row['fee']}")

    assert list(swaps.values()) == [
        ["spend ZUSD -100.0000 1.0000", "receive XXRP 50.00000000 0.00000000"],
        ["spend XXRP -10.00000000 0.00000000", "receive ZUSD 19.0000 0.5000"],
    ]
    for refid in swaps:
        assert refid.startswith("T")
        assert client.error("QueryTrades", txid=refid) == "EOrder:Invalid order"


def test_rewards_are_staking_rows_on_a_suffixed_code(client: Client) -> None:
    rewards = [row for row in client.all("Ledgers", "ledger").values() if row["type"] == "staking"]

    assert [(row["asset"], Decimal(row["amount"]), Decimal(row["fee"])) for row in rewards] == [
        ("DOT28.S", Decimal("0.0002"), Decimal("0.00006")),
        ("ETH.F", Decimal("0.0003"), Decimal(0)),
        ("ETH.F", Decimal("0.0004"), Decimal(0)),
    ]
    assert len({row["refid"] for row in rewards}) == 3


def test_old_staking_moves_have_two_refids_and_automatic_earning_one(client: Client) -> None:
    rows = client.all("Ledgers", "ledger").values()
    old = [row for row in rows if row["type"] == "transfer"]
    new = [row for row in rows if row["subtype"] == "autoallocation"]

    assert [row["subtype"] for row in old] == ["spottostaking", "stakingfromspot"]
    assert [row["asset"] for row in old] == ["DOT", "DOT28.S"]
    assert old[0]["refid"] != old[1]["refid"]
    assert [row["asset"] for row in new] == ["XETH", "ETH.F"]
    assert new[0]["refid"] == new[1]["refid"]
    for out, back in (old, new):
        assert Decimal(out["amount"]) == -Decimal(back["amount"]) < 0


def test_a_failed_withdrawal_has_two_rows_that_cancel_each_other(bench: Bench, client: Client) -> None:
    failed = next(each for each in client.ask("WithdrawStatus") if each["status"] == "Failure")
    rows = [row for row in client.all("Ledgers", "ledger").values() if row["refid"] == failed["refid"]]

    assert [row["type"] for row in rows] == ["withdrawal", "withdrawal"]
    assert sum(Decimal(row["amount"]) for row in rows) == 0 == sum(Decimal(row["fee"]) for row in rows)
    assert Decimal(rows[1]["fee"]) < 0
    assert sum(leg[2] for leg in bench.venue.books["main"].postings[failed["refid"]].legs) == 0


def test_deposits_and_withdrawals_tell_their_transaction(client: Client) -> None:
    deposits, withdrawals = client.ask("DepositStatus", asset="XDG"), client.ask("WithdrawStatus", asset="XBT")

    assert [(each["asset"], each["amount"], each["txid"]) for each in deposits] == [
        ("XXDG", "1500.00000000", "d0" * 32)
    ]
    [sent] = withdrawals
    assert (sent["amount"], sent["fee"], sent["txid"]) == ("0.05000000", "0.0001000000", "b7" * 32)
    assert isinstance(sent["time"], int)
    ledger = {row["refid"]: row for row in client.all("Ledgers", "ledger", type="withdrawal").values()}
    assert (Decimal(ledger[sent["refid"]]["amount"]), Decimal(ledger[sent["refid"]]["fee"])) == (
        Decimal("-0.05"),
        Decimal("0.0001"),
    )


def test_transfers_page_by_cursor(client: Client) -> None:
    seen, cursor = [], "true"
    while cursor:
        page = client.ask("DepositStatus", cursor=cursor, limit="2")
        seen += [each["refid"] for each in page["deposit"]]
        cursor = page["next_cursor"]

    assert seen == [each["refid"] for each in client.ask("DepositStatus")]
    assert len(seen) == 3


def test_pages_hold_fifty_newest_first(client: Client) -> None:
    first, second = client.ask("TradesHistory"), client.ask("TradesHistory", ofs="50")
    count = len(client.all("TradesHistory", "trades"))
    times = [trade["time"] for page in (first, second) for trade in page["trades"].values()]

    assert (len(first["trades"]), len(second["trades"]), first["count"]) == (50, 50, count)
    assert times == sorted(times, reverse=True)
    assert client.ask("TradesHistory", ofs=str(count)) == {"trades": {}, "count": count}
    assert "count" not in client.ask("TradesHistory", without_count="true")


def test_bounds_leave_out_the_start_and_keep_the_end(client: Client) -> None:
    trades = client.all("TradesHistory", "trades")
    times = sorted({trade["time"] for trade in trades.values()})
    window = client.all("TradesHistory", "trades", start=str(times[3]), end=str(times[5]))

    assert {trade["time"] for trade in window.values()} == {times[4], times[5]}
    assert client.ask("TradesHistory", start=str(times[5]), end=str(times[3])) == {"trades": {}, "count": 0}
    assert client.ask("TradesHistory", start="0", end="0")["count"] == len(trades)


def test_ids_are_bounds_that_lose_nothing_at_equal_times(client: Client) -> None:
    rows = list(client.all("Ledgers", "ledger"))
    walked: list[str] = []
    end: dict[str, str] = {}
    while page := list(client.ask("Ledgers", **end)["ledger"])[1 if end else 0 :]:
        walked += page
        end = {"end": walked[-1]}

    assert walked == rows[::-1]
    assert list(client.all("Ledgers", "ledger", start=rows[-3])) == rows[-2:]
    assert client.error("Ledgers", start="LAAAAA-AAAAA-AAAAAA") == "EGeneral:Invalid arguments"


def test_filters_by_asset_and_type(client: Client) -> None:
    everything = client.all("Ledgers", "ledger")

    assert client.all("Ledgers", "ledger", asset="XBT, ZUSD") == {
        row_id: row for row_id, row in everything.items() if row["asset"] in ("XXBT", "ZUSD")
    }
    assert {row["type"] for row in client.all("Ledgers", "ledger", type="sale").values()} == {"spend", "receive"}
    assert client.error("Ledgers", type="earn").startswith("EGeneral:Invalid arguments")


def test_what_happens_later_shows_in_a_filter_used_before() -> None:
    bench = grown()
    client = bench.client()
    before = client.ask("Ledgers", type="deposit")["count"]

    bench.happen("deposit", NOW - 10, "GBP", "12")
    bench.happen("deposit", _START + 5, "EUR", "7")  # belongs far back

    assert client.ask("Ledgers", type="deposit")["count"] == before + 2
    assert next(iter(client.ask("Ledgers")["ledger"].values()))["asset"] == "ZGBP"
    assert_adds_up(client)


def test_single_rows_can_be_asked_for_by_id(client: Client) -> None:
    rows, trades = client.all("Ledgers", "ledger"), client.all("TradesHistory", "trades")
    some_rows, some_trades = list(rows)[:2], list(trades)[:2]

    assert client.ask("QueryLedgers", id=", ".join(some_rows)) == {each: rows[each] for each in some_rows}
    assert client.ask("QueryTrades", txid=",".join(some_trades)) == {each: trades[each] for each in some_trades}
    assert client.error("QueryLedgers", id=",".join(list(rows)[:21])).startswith("EGeneral:Invalid arguments")


def test_a_keys_own_window_narrows_its_history(bench: Bench) -> None:
    key = bench.venue.keys["can_trade"]
    key.memory["query_from"] = int(_START + 49_970)
    client = bench.client("can_trade")

    assert client.ask("GetApiKeyInfo")["queryFrom"] == str(int(_START + 49_970))
    assert {row["type"] for row in client.ask("Ledgers")["ledger"].values()} == {"staking"}
    assert client.ask("TradesHistory") == {"trades": {}, "count": 0}
    del key.memory["query_from"]


def test_closed_orders_can_be_windowed_by_either_time(client: Client) -> None:
    first = next(iter(client.all("ClosedOrders", "closed").values()))
    between = str(first["opentm"] + 1)  # it was opened before and closed after

    assert client.ask("ClosedOrders", start=between, closetime="close")["count"] == 130
    assert client.ask("ClosedOrders", start=between, closetime="open")["count"] < 130
    assert first["closetm"] > Decimal(between)


def test_a_split_fill_has_a_row_per_wallet_and_is_one_trade() -> None:
    bench = grown()
    bench.venue.specials["split_fill"]("main", NOW)
    client = bench.client()

    newest = list(client.ask("Ledgers")["ledger"].values())[:3]

    assert Counter(row["asset"] for row in newest) == {"ZEUR": 2, "SOL": 1}
    [refid] = {row["refid"] for row in newest}
    cost = -sum(Decimal(row["amount"]) for row in newest if row["asset"] == "ZEUR")
    assert Decimal(client.ask("QueryTrades", txid=refid)[refid]["cost"]) == cost


@pytest.mark.parametrize(("odd", "said"), [("unknown_type", "moonrebate/"), ("unknown_subtype", "staking/lunarbonus")])
def test_rows_that_nobody_documents_can_be_ordered(odd: str, said: str) -> None:
    bench = grown()
    bench.venue.specials[odd]("main", NOW)

    row = next(iter(bench.client().ask("Ledgers")["ledger"].values()))

    assert f"{row['type']}/{row['subtype']}" == said


def test_one_seed_gives_the_same_account_each_time() -> None:
    first, again, other = (grown(seed).client().ask("Ledgers") for seed in (5, 5, 6))

    assert first == again
    assert set(first["ledger"]).isdisjoint(other["ledger"])


@given(
    times=st.lists(st.integers(0, 20), max_size=40),
    start=st.none() | st.integers(-1, 21),
    end=st.none() | st.integers(-1, 21),
    ofs=st.integers(0, 45),
)
def test_a_timeline_pages_as_a_sorted_list_would(
    times: list[int], start: int | None, end: int | None, ofs: int
) -> None:
    line: Timeline[Row] = Timeline()
    rows = [
        Row(f"L{at}", "R", float(time), "trade", "", "DOT" if at % 2 else "ADA", Decimal(1), Decimal(0))
        for at, time in enumerate(times)
    ]
    for at, row in enumerate(rows):
        line.add(row)
        if at == len(rows) // 2:
            line.view("dot", lambda row: row.code == "DOT")

    inside = [
        row
        for row in sorted(rows, key=lambda row: row.time)
        if (start is None or row.time > start) and (end is None or row.time <= end)
    ]
    odd = [row for row in inside if row.code == "DOT"]

    assert line.page(start, end, ofs, 10) == (inside[::-1][ofs : ofs + 10], len(inside))
    view = line.view("dot", lambda row: row.code == "DOT")
    assert view.page(start, end, ofs, 10) == (odd[::-1][ofs : ofs + 10], len(odd))
