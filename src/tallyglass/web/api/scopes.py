"""What a token must be allowed to read for each address of the API. What is not listed there no token reaches."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from tallyglass.web.api.addresses import ADDRESSES

_BELOW: Final = "/api/v1/"


def allows(path: str, scopes: Collection[str]) -> bool:
    """Whether who may read that much may read this; what the API is, whoever may read anything."""
    if path == f"{_BELOW}openapi.json":
        return bool(scopes)
    name = path.removeprefix(_BELOW)
    address = ADDRESSES.get("history/{id}" if name.startswith("history/") else name)
    return path.startswith(_BELOW) and address is not None and address.scope in scopes
