"""Ids that look random and are the same at every start with one seed."""

from __future__ import annotations

from hashlib import blake2b


class Ids:
    """Makes ids out of a seed and what they are for."""

    def __init__(self, seed: int) -> None:
        self._seed = str(seed)

    def bytes(self, size: int, *parts: object) -> bytes:
        """`size` bytes (up to 64) that stand for the parts."""
        text = "\x1f".join([self._seed, "coinbase", *map(str, parts)])
        return blake2b(text.encode(), digest_size=size).digest()

    def uuid(self, *parts: object) -> str:
        """A UUID of version 4's shape."""
        raw = bytearray(self.bytes(16, *parts))
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        digits = raw.hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def hex(self, size: int, *parts: object) -> str:
        """`size` bytes in hexadecimal digits."""
        return self.bytes(size, *parts).hex()
