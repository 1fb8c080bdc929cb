"""Ids that look random and are the same at every start with one seed."""

from __future__ import annotations

from hashlib import blake2b


class Ids:
    """Makes ids out of a seed and what they are for."""

    def __init__(self, seed: int) -> None:
        self._root = blake2b(f"{seed} coinbase".encode())

    def hex(self, size: int, *parts: object) -> str:
        """`size` bytes (up to 64) that stand for the parts, in hexadecimal digits."""
        made = self._root.copy()
        made.update("\x1f".join(map(str, parts)).encode())
        return made.hexdigest()[: 2 * size]

    def bytes(self, size: int, *parts: object) -> bytes:
        """The same as bytes."""
        return bytes.fromhex(self.hex(size, *parts))

    def uuid(self, *parts: object) -> str:
        """A UUID of version 4's shape."""
        digits = self.hex(16, *parts)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
