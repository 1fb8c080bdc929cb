"""Problems: what a user is told when something cannot be done, with a stable code and the next step."""

from __future__ import annotations

from tallyglass.keeper.client import KeeperError
from tallyglass.store.errors import StoreError


class Problem(Exception):
    """Something the user can do something about."""

    def __init__(self, code: str, text: str, fix: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.fix = fix


Told = (Problem, KeeperError, StoreError)
"""Everything that has a code, a text for people and a next step (`fix`)."""

Trouble = Problem | KeeperError | StoreError
