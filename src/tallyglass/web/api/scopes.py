"""What a token must be allowed to read for each address of the API. What is not named here no token reaches."""

from __future__ import annotations

from collections.abc import Mapping

#: By the first word of the address after its version.
NEEDED: Mapping[str, str] = {
    "worth": "worth",
    "performance": "worth",
    "prices": "worth",
    "holdings": "worth",
    "history": "history",
    "orders": "history",
    "transfers": "history",
    "reconcile": "history",
    "unparsed": "history",
    "keys": "keys",
    "connections": "keys",
    "findings": "keys",
    "journal": "keys",
}


def needed(path: str) -> str | None:
    """The scope for `/api/v1/NAME…`; None where no token leads."""
    _, api, version, name, *_ = (*path.split("/"), "", "", "", "")
    return NEEDED.get(name) if (api, version) == ("api", "v1") else None
