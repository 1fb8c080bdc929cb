"""The tables: one schema for SQLCipher and PostgreSQL. Money is text or NUMERIC, never a float."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as text_

from tallyglass.store.columns import Day, Instant, Json, Money

metadata = MetaData()
_id = BigInteger().with_variant(Integer, "sqlite")

#: Entries that have such a name. In plain words, since SQLite takes a partial index only for these very ones.
NAMED = {"txid": text_("txid <> ''"), "order_id": text_("order_id <> ''")}

settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Json, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("lease_until", Instant, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("next_due", Instant),
    Column("failures", Integer, nullable=False, default=0),
)

raw_pages = Table(
    "raw_pages",
    metadata,
    Column("id", _id, primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("stream", String(128), nullable=False),
    Column("read", String(64), nullable=False),
    Column("params", Json, nullable=False),
    Column("cursor", Json, nullable=False),
    Column("received_at", Instant, nullable=False),
    #: zlib
    Column("body", LargeBinary, nullable=False),
    Index("raw_pages_by_stream", "connection", "stream", "id"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("stream", String(128), primary_key=True),
    Column("cursor", Json, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

#: What many entries have in common, told once: entries stay small, and a filter finds its few among a million.
buckets = Table(
    "buckets",
    metadata,
    Column("id", _id, primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(8), nullable=False),
    Column("note", Text, nullable=False),
    #: What the ids begin with: see `rows.prefix`.
    Column("prefix", String(200), nullable=False),
    #: What the legs move, each asset once, in alphabetical order: JSON.
    Column("assets", Text, nullable=False),
    UniqueConstraint("connection", "prefix", "kind", "status", "note", "assets"),
)

entries = Table(
    "entries",
    metadata,
    Column("pk", _id, primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("id", String(200), nullable=False),
    Column("time", Instant, nullable=False),
    Column("bucket", _id, ForeignKey("buckets.id"), nullable=False),
    Column("txid", Text, nullable=False),
    #: The exchange's order, where it is told: among the facts, and here to be found by.
    Column("order_id", Text, nullable=False),
    #: JSON, amounts as text: an entry is read and written whole, and a million rows are far less work than four.
    Column("legs", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("raw_page", _id, ForeignKey("raw_pages.id")),
    UniqueConstraint("connection", "id"),
    Index("entries_by_time", "time"),
    Index("entries_by_bucket", "bucket", "time"),
    Index("entries_by_page", "raw_page"),
    Index("entries_by_txid", "txid", sqlite_where=NAMED["txid"], postgresql_where=NAMED["txid"]),
    Index("entries_by_order", "order_id", sqlite_where=NAMED["order_id"], postgresql_where=NAMED["order_id"]),
)

#: What every wallet holds by all its done entries, kept in the transactions that book them.
sums = Table(
    "sums",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("account", String(64), primary_key=True),
    Column("asset", String(64), primary_key=True),
    Column("amount", Money, nullable=False),
    #: How many legs made it; a sum of none is gone.
    Column("legs", BigInteger, nullable=False),
)

#: What each day's done entries moved, and of it what came from outside, was paid, was earned: see `ledger.daily`.
day_moves = Table(
    "day_moves",
    metadata,
    Column("day", Day, primary_key=True),
    #: A connection, or what is on the way between two.
    Column("connection", String(64), primary_key=True),
    Column("asset", String(64), primary_key=True),
    Column("amount", Money, nullable=False),
    #: None = nothing.
    Column("flow", Money),
    Column("fee", Money),
    Column("reward", Money),
    sqlite_with_rowid=False,
)

#: Days of which `day_moves` may tell what is so no more. Noted in the transactions that book, counted anew when asked.
stale_days = Table(
    "stale_days",
    metadata,
    Column("day", Day, primary_key=True),
)

#: What all was worth at the end of each day, in a currency. Derived: thrown away from a day on that is not what it was.
worth_days = Table(
    "worth_days",
    metadata,
    Column("currency", String(64), primary_key=True),
    Column("day", Day, primary_key=True),
    Column("total", Money, nullable=False),
    Column("flow", Money, nullable=False),
    Column("fees", Money, nullable=False),
    Column("rewards", Money, nullable=False),
    #: What is missing or old, by asset.
    Column("causes", Json, nullable=False),
    sqlite_with_rowid=False,
)

#: The same by asset and by connection; apart, since whoever asks for totals need not read it.
worth_parts = Table(
    "worth_parts",
    metadata,
    Column("currency", String(64), primary_key=True),
    Column("day", Day, primary_key=True),
    #: JSON: {name: value}.
    Column("assets", Text, nullable=False),
    Column("connections", Text, nullable=False),
    sqlite_with_rowid=False,
)

#: What an entry was before the exchange told otherwise.
changes = Table(
    "changes",
    metadata,
    Column("pk", _id, primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("entry", String(200), nullable=False),
    #: When the answer came that told otherwise.
    Column("at", Instant, nullable=False),
    Column("was", Json, nullable=False),
    Index("changes_by_entry", "connection", "entry"),
)

unparsed = Table(
    "unparsed",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("stream", String(128), primary_key=True),
    Column("id", String(200), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("raw_page", _id, ForeignKey("raw_pages.id")),
    Column("seen_at", Instant, nullable=False),
    Index("unparsed_by_page", "raw_page"),
)

#: Found anew whenever entries or decisions have changed; kept so that a page of history need not search.
transfers = Table(
    "transfers",
    metadata,
    Column("sent_connection", String(64), primary_key=True),
    Column("sent_id", String(200), primary_key=True),
    Column("received_connection", String(64), nullable=False),
    Column("received_id", String(200), nullable=False),
    #: user, hash, amount, order
    Column("basis", String(8), nullable=False),
    UniqueConstraint("received_connection", "received_id"),
)

#: Not keyed by the entries' places: what was said outlives a full sync.
transfer_decisions = Table(
    "transfer_decisions",
    metadata,
    Column("sent_connection", String(64), primary_key=True),
    Column("sent_id", String(200), primary_key=True),
    Column("received_connection", String(64), primary_key=True),
    Column("received_id", String(200), primary_key=True),
    #: matched, apart
    Column("said", String(8), nullable=False),
    Column("said_at", Instant, nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", _id, primary_key=True),
    Column("connection", String(64), nullable=False),
    #: When these balances were first seen …
    Column("taken_at", Instant, nullable=False),
    #: … and when they were last seen unchanged.
    Column("seen_at", Instant, nullable=False),
    #: Whether they were then the whole and borne out by the history, as far as it was known; never before that is seen.
    Column("complete", Boolean, nullable=False),
    Index("snapshots_by_connection", "connection", "id"),
)

balances = Table(
    "balances",
    metadata,
    Column("snapshot", _id, ForeignKey("snapshots.id", ondelete="CASCADE"), primary_key=True),
    Column("account", String(64), primary_key=True),
    Column("asset", String(64), primary_key=True),
    Column("total", Money, nullable=False),
    Column("locked", Money),
    sqlite_with_rowid=False,
)

orders = Table(
    "orders",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("market", String(64), nullable=False),
    Column("side", String(4), nullable=False),
    Column("type", String(32), nullable=False),
    Column("price", Money),
    Column("amount", Money, nullable=False),
    Column("filled", Money, nullable=False),
    Column("time", Instant, nullable=False),
)

markets = Table(
    "markets",
    metadata,
    Column("exchange", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("base", String(64), nullable=False),
    Column("quote", String(64), nullable=False),
    Column("aliases", Json, nullable=False),
    Column("open", Boolean, nullable=False),
)

wallets = Table(
    "wallets",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("asset", String(64), nullable=False),
)

tickers = Table(
    "tickers",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("base", String(64), primary_key=True),
    Column("quote", String(64), primary_key=True),
    Column("price", Money, nullable=False),
    Column("at", Instant, nullable=False),
)

rates = Table(
    "rates",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("per_euro", Money, nullable=False),
    sqlite_with_rowid=False,
)

freshness = Table(
    "freshness",
    metadata,
    #: A connection, or a source of prices.
    Column("source", String(64), primary_key=True),
    #: balances, orders, history, tickers, markets, rates
    Column("part", String(32), primary_key=True),
    Column("fresh_at", Instant),
    Column("failed_at", Instant),
    Column("fault", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("fix", Text, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    #: code:about
    Column("id", String(200), primary_key=True),
    Column("code", String(64), nullable=False),
    #: "" = the whole house.
    Column("connection", String(64), nullable=False),
    #: urgent, warning, notice
    Column("severity", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("snoozed_until", Instant),
    Column("snooze_reason", Text, nullable=False),
    #: The severity at which an alert last told of it; "" = never.
    Column("alerted", String(8), nullable=False),
    #: None = open.
    Column("closed_at", Instant),
)

#: Where alerts go. The address is a secret, as safe here as everything else of the user's.
channels = Table(
    "channels",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("address", Text, nullable=False),
    Column("least", String(8), nullable=False),
    Column("created_at", Instant, nullable=False),
)

#: Every message to a channel: written before it is sent, in the transaction that notes what it tells of.
deliveries = Table(
    "deliveries",
    metadata,
    Column("pk", _id, primary_key=True),
    Column("channel", String(64), nullable=False),
    #: alert, mended, digest, test
    Column("kind", String(8), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("next_try", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("fault", Text, nullable=False),
    Column("delivered_at", Instant),
    Column("given_up_at", Instant),
)

egress = Table(
    "egress",
    metadata,
    #: A proxy, or "" = the direct way.
    Column("way", String(200), primary_key=True),
    Column("address", String(45), primary_key=True),
    Column("since", Instant, primary_key=True),
    Column("last_at", Instant, nullable=False),
    #: Two services told the same, and none another.
    Column("sure", Boolean, nullable=False),
    #: None = it is so now.
    Column("ended_at", Instant),
)
