"""What the store says when it cannot be used. Apart, so that to name it loads no database."""

from __future__ import annotations


class StoreError(Exception):
    """The database cannot be used: `text` says why, `fix` what to do."""

    code = "store"

    def __init__(self, text: str, fix: str = "Nothing was half-written: what is stored is as it was before.") -> None:
        super().__init__(text)
        self.text = text
        self.fix = fix
