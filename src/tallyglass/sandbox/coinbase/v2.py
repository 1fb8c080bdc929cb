"""The v2 (Coinbase App) reads of an account: wallets, their transactions, bank transfers, the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from tallyglass.money import ZERO
from tallyglass.sandbox.coinbase.account import Account, Row, Transfer, Wallet
from tallyglass.sandbox.coinbase.answers import Call, Route, limit_of, seconds, v2_error
from tallyglass.sandbox.coinbase.catalog import LISTED, NATIVE, Currency
from tallyglass.sandbox.coinbase.events import address
from tallyglass.sandbox.coinbase.rows import money, path_of, row_v2, transfer_v2
from tallyglass.sandbox.model import Outgoing

T = TypeVar("T")

_WARNING = {
    "id": "missing_version",
    "message": "Please supply API version (YYYY-MM-DD) as CB-VERSION header",
    "url": "https://developers.coinbase.com/api#versioning",
}


def data(call: Call, content: Any, status: int = 200, pagination: dict[str, Any] | None = None) -> Outgoing:
    """The envelope of v2, with its warning for callers that name no version."""
    answer: dict[str, Any] = {"pagination": pagination} if pagination else {}
    answer["data"] = content
    if "cb-version" not in call.request.headers:
        answer["warnings"] = [_WARNING]
    return Outgoing.json(answer, status)


def listed(call: Call, items: Sequence[T], id_of: Callable[[T], str], at: Callable[[str], int | None]) -> Outgoing:
    """A page of `items` (oldest first) with the pagination object.

    `at` finds an item's index by its id. Each item is printed by `_printed`.
    """
    limit = call.request.shrunk(limit_of(call.one("limit"), 25, 100))
    order = "asc" if call.one("order") == "asc" else "desc"
    after, before = call.one("starting_after"), call.one("ending_before")
    size, forward = len(items), order == "asc"
    # places in the order that is asked for: 0 is the first row of the first page
    start, stop = 0, size
    if after:
        start = _place(at, after, size, forward=forward) + 1
    if before:
        stop = _place(at, before, size, forward=forward)
        start = max(start, stop - limit)
    # a page may hold fewer rows than asked for, although more follow
    stop = min(stop, start + (max(1, limit // 3) if call.mine.short_pages else limit))
    if after:
        start = max(start - call.request.overlap, 0)
    page = items[start:stop] if forward else items[size - stop : size - start][::-1]
    more, earlier = stop < size and bool(page), start > 0 and bool(page)
    following, preceding = id_of(page[-1]) if more else None, id_of(page[0]) if earlier else None

    def uri(name: str, item: str | None) -> str | None:
        given = {"limit": limit, **({"order": order} if forward else {}), name: item}
        return f"{call.request.path}?{urlencode(given)}" if item else None

    pagination = {
        "ending_before": before or None,
        "starting_after": after or None,
        "previous_ending_before": preceding,
        "next_starting_after": following,
        "limit": limit,
        "order": order,
        "previous_uri": uri("ending_before", preceding),
        "next_uri": uri("starting_after", following),
    }
    return data(call, [_printed(call, each) for each in page], pagination=pagination)


def _place(at: Callable[[str], int | None], item: str, size: int, *, forward: bool) -> int:
    index = at(item)
    if index is None:
        raise v2_error(404, "not_found", "Not found")
    return index if forward else size - 1 - index


def _printed(call: Call, item: object) -> dict[str, Any]:
    if isinstance(item, Row):
        return row_v2(item)
    if isinstance(item, Transfer):
        return transfer_v2(call.mine, item)
    if isinstance(item, Wallet):
        return wallet_v2(call.mine, item)
    assert isinstance(item, Currency)  # noqa: S101 -- there is nothing else in a list
    return _untouched(call.mine, item)


def currency_v2(account: Account, currency: Currency) -> dict[str, Any]:
    """A currency inside a wallet."""
    about: dict[str, Any] = {
        "code": currency.code,
        "name": currency.name,
        "color": currency.color,
        "sort_index": currency.sort_index,
        "exponent": currency.exponent,
        "type": "fiat" if currency.fiat else "crypto",
    }
    if not currency.fiat:
        about["address_regex"] = "^[0-9A-Za-z]{26,90}$"
        about["asset_id"] = account.ids.uuid("asset", currency.code)
        about["slug"] = currency.name.lower().replace(" ", "-")
    return about


def wallet_v2(account: Account, wallet: Wallet) -> dict[str, Any]:
    """A wallet that has been used: its balance includes what is on hold."""
    code, vault, staked = wallet.currency, wallet.kind == "vault", wallet.kind == "staked"
    printed: dict[str, Any] = {
        "id": wallet.id,
        "name": f"Staked {code}" if staked else f"{code} {'Vault' if vault else 'Wallet'}",
        "primary": wallet.primary,
        "type": "wallet" if staked else wallet.kind,
        "currency": currency_v2(account, LISTED[code]),
        "balance": money(wallet.balance, code),
        "created_at": seconds(wallet.created),
        "updated_at": seconds(wallet.updated or wallet.created),
        "resource": "account",
        "resource_path": path_of(wallet),
        "allow_deposits": True,
        "allow_withdrawals": wallet.primary,
    }
    return printed | ({"ready": True} if vault else {})


def _untouched(account: Account, currency: Currency) -> dict[str, Any]:
    return {
        "id": currency.code,
        "name": f"{currency.code} Wallet",
        "primary": False,
        "type": "fiat" if currency.fiat else "wallet",
        "currency": currency_v2(account, currency),
        "balance": money(ZERO, currency.code),
        "created_at": None,
        "updated_at": None,
        "resource": "account",
        "resource_path": f"/v2/accounts/{currency.code}",
        "allow_deposits": True,
        "allow_withdrawals": True,
    }


def _all_wallets(account: Account) -> list[Wallet | Currency]:
    """The last first: never-used currencies are shown at the end."""
    touched = {wallet.currency for wallet in account.wallets.values() if wallet.primary}
    unused = [currency for code, currency in LISTED.items() if code not in touched]
    return [*reversed(unused), *reversed(account.wallets.values())]


def accounts(call: Call) -> Outgoing:
    """All wallets, vaults too."""
    found = _all_wallets(call.mine)
    ids = [each.id if isinstance(each, Wallet) else each.code for each in found]
    by_id = {each: index for index, each in enumerate(ids)}
    return listed(call, found, lambda each: each.id if isinstance(each, Wallet) else each.code, by_id.get)


def one_account(call: Call) -> Outgoing:
    """One wallet, by its id or by its currency's code."""
    wallet = call.mine.find_wallet(call.path[0])
    if wallet is not None:
        return data(call, wallet_v2(call.mine, wallet))
    if call.path[0] in LISTED:
        return data(call, _untouched(call.mine, LISTED[call.path[0]]))
    raise v2_error(404, "not_found", "Not found")


def wallet_of(call: Call) -> Wallet | None:
    """The wallet that the path names; None for a currency that was never used. Raises `Refused`."""
    wallet = call.mine.find_wallet(call.path[0])
    if wallet is None and call.path[0] not in LISTED:
        raise v2_error(404, "not_found", "Not found")
    return wallet


def transactions(call: Call) -> Outgoing:
    """A page of a wallet's rows."""
    wallet = wallet_of(call)
    if wallet is None:
        return listed(call, [], str, lambda _: None)

    def at(row_id: str) -> int | None:
        row = call.mine.rows.get(row_id)
        return wallet.rows.index((row.time, row.n)) if row and row.wallet is wallet else None

    return listed(call, wallet.rows.items, lambda row: row.id, at)


def one_transaction(call: Call) -> Outgoing:
    """One row of a wallet."""
    row = call.mine.rows.get(call.path[1])
    if row is None or row.wallet is not wallet_of(call):
        raise v2_error(404, "not_found", "Not found")
    return data(call, row_v2(row))


def _transfers(call: Call, kind: str) -> list[Transfer]:
    wallet = wallet_of(call)
    return [each for each in call.mine.transfers.items if each.kind == kind and each.row.wallet is wallet]


def _transfer_routes(kind: str) -> list[Route]:
    def many(call: Call) -> Outgoing:
        found = _transfers(call, kind)
        by_id = {each.id: index for index, each in enumerate(found)}
        return listed(call, found, lambda each: each.id, by_id.get)

    def one(call: Call) -> Outgoing:
        for each in _transfers(call, kind):
            if each.id == call.path[1]:
                return data(call, transfer_v2(call.mine, each))
        raise v2_error(404, "not_found", "Not found")

    base = f"/v2/accounts/{{}}/{kind}s"
    return [Route("GET", base, "read", many), Route("GET", f"{base}/{{}}", "read", one)]


def addresses(call: Call) -> Outgoing:
    """The deposit address of a wallet."""
    wallet = wallet_of(call)
    found = []
    if wallet is not None and wallet.kind == "wallet":
        own = call.mine.ids.uuid("address", wallet.id)
        found.append(
            {
                "id": own,
                "address": address(call.mine, wallet.currency, wallet.id),
                "name": None,
                "created_at": seconds(wallet.created),
                "updated_at": seconds(wallet.created),
                "network": LISTED[wallet.currency].network,
                "resource": "address",
                "resource_path": f"{path_of(wallet)}/addresses/{own}",
            }
        )
    nothing_more = listed(call, [], str, lambda _: None)
    if not found:
        return nothing_more
    none = dict.fromkeys(("ending_before", "starting_after", "previous_uri", "next_uri"))
    return data(call, found, pagination={**none, "limit": 25, "order": "desc"})


def user(call: Call) -> Outgoing:
    """Who the key belongs to; `native_currency` is that of every `native_amount`."""
    account = call.mine
    return data(
        call,
        {
            "id": account.user_id,
            "name": "Test User" if account.name == "main" else "Other User",
            "username": None,
            "profile_location": None,
            "profile_bio": None,
            "profile_url": None,
            "avatar_url": "https://images.example/avatar",
            "resource": "user",
            "resource_path": "/v2/user",
            "legacy_id": account.ids.hex(12, "legacy", account.name),
            "time_zone": "Pacific Time (US & Canada)",
            "native_currency": NATIVE,
            "bitcoin_unit": "BTC",
            "state": "CA",
            "country": {"code": "US", "name": "United States of America", "is_in_europe": False},
            "nationality": {"code": "US", "name": "United States of America"},
            "region_supports_fiat_transfers": True,
            "region_supports_crypto_to_crypto_transfers": True,
            "created_at": seconds(account.opened),
            "supports_rewards": True,
            "tiers": {"completed_description": "Level 3", "upgrade_button_text": None, "header": None, "body": None},
            "has_made_a_purchase": True,
            "needs_kyc_remediation": False,
            "user_type": "individual",
        },
    )


ROUTES = [
    Route("GET", "/v2/accounts", "read", accounts),
    Route("GET", "/v2/accounts/{}", "read", one_account),
    Route("GET", "/v2/accounts/{}/transactions", "read", transactions),
    Route("GET", "/v2/accounts/{}/transactions/{}", "read", one_transaction),
    Route("GET", "/v2/accounts/{}/addresses", "read", addresses),
    Route("GET", "/v2/user", "read", user),
    *_transfer_routes("deposit"),
    *_transfer_routes("withdrawal"),
]
