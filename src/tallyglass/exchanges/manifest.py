"""The manifest: one exchange on one declarative page, validated; and the shape of the requests it allows."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote, urlencode

VOCABULARY = frozenset(
    (
        *("key_info", "balances", "open_orders", "trades", "ledger", "deposits", "withdrawals", "conversions"),
        *("rewards", "transfers", "fiat", "positions", "tickers", "candles", "markets", "server_time", "rates"),
        "address",
    )
)

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_PATH = re.compile(r"/|(/[A-Za-z0-9._-]+|/([a-z]+:)?\{[a-z_]+\})+")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_PARAM = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_VALUE = re.compile(r"[\x20-\x7e\u00a1-\U0010ffff]{0,1000}")
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class BadManifest(ValueError):
    """The page does not say what a manifest must say."""


class NotListed(PermissionError):
    """The read, or a param of it, is not on the manifest: the door does not open."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, complete but unsigned: built only by `Read.call`, so only from the allow-list."""

    method: Literal["GET", "POST"]
    host: str
    #: The path with its placeholders filled in, percent-encoded.
    path: str
    #: In the order in which they go out.
    params: tuple[tuple[str, str], ...] = ()

    @property
    def query(self) -> str:
        """The params, percent-encoded as a query string or form body."""
        return urlencode(self.params, quote_via=quote)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes a signature fresh. Made by the door; fixed in tests."""

    #: The exchange's clock as well as we know it, in milliseconds since 1970.
    time_ms: int
    #: Strictly rising per key.
    nonce: int
    #: At least 32 random bytes.
    random: bytes


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it goes out. Holds a signature: never logged, never kept."""

    method: Literal["GET", "POST"]
    host: str
    #: Path and query string, percent-encoded.
    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Read:
    """One line of the allow-list."""

    id: str
    method: Literal["GET", "POST"]
    host: str
    path: str
    #: What a caller may pass; placeholders of the path among them.
    params: tuple[str, ...]
    #: What always goes along and no caller can change.
    fixed: tuple[tuple[str, str], ...]
    #: Signed with a key, or public.
    signed: bool
    bucket: str
    cost: float
    #: The rights, in the exchange's words, that it needs.
    needs: tuple[str, ...]
    purpose: str
    #: The page of the exchange's documentation that it was checked against.
    docs: str

    def call(self, params: Mapping[str, str]) -> Call:
        """The request for these params. Raises `NotListed` for a param, or a value, that is not allowed."""
        for name, value in params.items():
            if name not in self.params:
                raise NotListed(f"{self.id}: the manifest lists no param {name!r}")
            if not _VALUE.fullmatch(value):
                raise NotListed(f"{self.id}: the value of {name!r} is not a plain text")
        path = self.path
        for name in _PLACEHOLDER.findall(self.path):
            value = params.get(name, "")
            if not _SEGMENT.fullmatch(value):
                raise NotListed(f"{self.id}: {name!r} must be one plain path segment")
            path = path.replace("{" + name + "}", value)
        inline = set(_PLACEHOLDER.findall(self.path))
        sent = [(name, params[name]) for name in self.params if name in params and name not in inline]
        return Call(self.method, self.host, path, (*self.fixed, *sent))

    def makes(self, method: str, host: str, path: str) -> bool:
        """Whether this read makes requests of that method, to that host, at that path (filled in, without query)."""
        ours, asked = self.path.split("/"), path.split("/")
        return (method, host, len(asked)) == (self.method, self.host, len(ours)) and all(
            _fills(part, theirs) for part, theirs in zip(ours, asked, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Bucket:
    """A rate budget: `capacity` units, refilled at `refill` units a second."""

    id: str
    scope: Literal["key", "ip"]
    capacity: float
    refill: float


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that the user hands over."""

    name: str
    label: str
    secret: bool
    pattern: re.Pattern[str]
    #: What else is to be known of it.
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One exchange (tier `native`) or one source of public figures (tier `source`)."""

    id: str
    name: str
    home: str
    docs_url: str
    tier: Literal["native", "source"]
    regions: tuple[str, ...]
    scheme: str
    fields: tuple[Field, ...]
    #: `monotonic`: calls of one key go out one after another, each with a higher nonce.
    nonce: Literal["monotonic", "timestamp", "none"]
    self_generated: tuple[str, ...]
    #: The read that tells a key's rights, and the one that tells the account if that does not.
    permissions_read: str
    account_read: str
    proves: tuple[str, ...]
    tells: Mapping[str, bool]
    ip: Mapping[str, Any]
    buckets: Mapping[str, Bucket]
    #: Per stream, how far back the API reaches, in words for the user.
    history: Mapping[str, str]
    rotation: Mapping[str, int]
    #: `page`: where keys are made, `link`: its address; `steps` to a key (`own_steps`: of a pair made here);
    #: `tick`, `leave`: boxes; `boxes`: wire word → label; `reach`: how far back history goes, in short.
    labels: Mapping[str, Any]
    reads: Mapping[str, Read]

    def read(self, read_id: str) -> Read:
        """The read of that id. Raises `NotListed`."""
        try:
            return self.reads[read_id]
        except KeyError:
            raise NotListed(f"{self.id}: the manifest lists no read {read_id!r}") from None

    def lists(self, method: str, host: str, path: str) -> bool:
        """Whether any read makes such a request. The last question before one leaves the house."""
        return any(read.makes(method, host, path) for read in self.reads.values())

    def box(self, word: str) -> str:
        """The label of a permission in the exchange's own words; the wire word itself when there is none."""
        return str(self.labels.get("boxes", {}).get(word, word))


def load(path: Path) -> Manifest:
    """Read and check one page. Raises `BadManifest` with the file and the reason."""
    try:
        page = tomllib.loads(path.read_text(encoding="utf-8"))
        manifest = _manifest(page)
    except (KeyError, TypeError, ValueError, AttributeError, re.error) as error:
        raise BadManifest(f"{path}: {error!r}") from error
    if manifest.id != path.parent.name:
        raise BadManifest(f"{path}: id {manifest.id!r} is not the name of the folder")
    return manifest


def _fills(part: str, theirs: str) -> bool:
    """Whether a piece of a path is that of the manifest, with a plain segment where that has a placeholder."""
    prefix, brace, _ = part.partition("{")
    if not brace:
        return theirs == part
    return theirs.startswith(prefix) and _SEGMENT.fullmatch(theirs.removeprefix(prefix)) is not None


def _manifest(page: Mapping[str, Any]) -> Manifest:
    exchange, auth = page["exchange"], page.get("auth", {})
    permissions = page.get("permissions", {})
    _only(page, "exchange auth permissions ip limits history rotation labels reads")
    _only(exchange, "id name home docs_url tier regions")
    _only(auth, "scheme fields nonce self_generated")
    _only(permissions, "read account_read proves ip expiry account created")
    buckets = {b["id"]: _bucket(b) for b in page["limits"]["buckets"]}
    manifest = Manifest(
        id=exchange["id"],
        name=exchange["name"],
        home=exchange["home"],
        docs_url=exchange["docs_url"],
        tier=_one_of(exchange["tier"], "native", "source"),
        regions=tuple(exchange.get("regions", ())),
        scheme=auth.get("scheme", "none"),
        fields=tuple(_field(f) for f in auth.get("fields", ())),
        nonce=_one_of(auth.get("nonce", "none"), "monotonic", "timestamp", "none"),
        self_generated=tuple(auth.get("self_generated", ())),
        permissions_read=permissions.get("read", ""),
        account_read=permissions.get("account_read", ""),
        proves=tuple(permissions.get("proves", ())),
        tells=MappingProxyType({k: bool(permissions.get(k, False)) for k in ("ip", "expiry", "account", "created")}),
        ip=MappingProxyType(dict(page.get("ip", {}))),
        buckets=MappingProxyType(buckets),
        history=MappingProxyType(dict(page.get("history", {}))),
        rotation=MappingProxyType(dict(page.get("rotation", {}))),
        labels=MappingProxyType(dict(page.get("labels", {}))),
        reads=MappingProxyType({r["id"]: _read(r, buckets) for r in page["reads"]}),
    )
    if len(manifest.reads) != len(page["reads"]):
        raise ValueError("two reads have one id")
    if manifest.tier == "native":
        manifest.read(manifest.permissions_read)
    return manifest


def _read(row: Mapping[str, Any], buckets: Mapping[str, Bucket]) -> Read:
    _only(row, "id method host path params fixed signed bucket cost needs purpose docs")
    if row["id"].split(".")[0] not in VOCABULARY:
        raise ValueError(f"read id {row['id']!r} is not in the vocabulary")
    if not _HOST.fullmatch(row["host"]) or not _PATH.fullmatch(row["path"]):
        raise ValueError(f"read {row['id']}: host or path is malformed")
    params = tuple(row.get("params", ()))
    fixed = tuple((str(k), str(v)) for k, v in row.get("fixed", {}).items())
    names = [*params, *(name for name, _ in fixed)]
    if len(set(names)) != len(names) or not all(_PARAM.fullmatch(n) for n in names):
        raise ValueError(f"read {row['id']}: params are malformed or named twice")
    if not set(_PLACEHOLDER.findall(row["path"])) <= set(params):
        raise ValueError(f"read {row['id']}: a placeholder of the path is no param")
    if row["bucket"] not in buckets:
        raise ValueError(f"read {row['id']}: no bucket {row['bucket']!r}")
    if not row["purpose"].strip():
        raise ValueError(f"read {row['id']}: no purpose")
    return Read(
        id=row["id"],
        method=_one_of(row["method"], "GET", "POST"),
        host=row["host"],
        path=row["path"],
        params=params,
        fixed=fixed,
        signed=bool(row.get("signed", True)),
        bucket=row["bucket"],
        cost=row["cost"],
        needs=tuple(row.get("needs", ())),
        purpose=row["purpose"],
        docs=row["docs"],
    )


def _bucket(row: Mapping[str, Any]) -> Bucket:
    _only(row, "id scope capacity refill")
    if row["capacity"] <= 0 or row["refill"] <= 0:
        raise ValueError(f"bucket {row['id']}: not above zero")
    return Bucket(row["id"], _one_of(row["scope"], "key", "ip"), row["capacity"], row["refill"])


def _field(row: Mapping[str, Any]) -> Field:
    _only(row, "name label hint secret pattern")
    pattern = re.compile(row["pattern"], re.ASCII)
    return Field(row["name"], row["label"], bool(row["secret"]), pattern, row.get("hint", ""))


def _only(table: Mapping[str, Any], names: str) -> None:
    extra = set(table) - set(names.split())
    if extra:
        raise ValueError(f"unknown keys: {', '.join(sorted(extra))}")


def _one_of(value: Any, *allowed: Any) -> Any:
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(map(str, allowed))}")
    return value
