"""What the exchange answers when it says no: a code, a text and an HTTP status (rest-api errors.md)."""

from __future__ import annotations


class Refusal(Exception):
    """The request is turned down. `code` is the contract, the text varies."""

    def __init__(self, code: int, msg: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code}: {msg}")
        self.code = code
        self.msg = msg
        self.status = status
        self.headers = headers or {}


def missing(name: str) -> Refusal:
    """A mandatory parameter is not there."""
    return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def neither(one: str, other: str) -> Refusal:
    """One of two parameters is needed."""
    return Refusal(-1102, f"Param '{one}' or '{other}' must be sent, but both were empty/null!")


def illegal(name: str, legal: str) -> Refusal:
    """A parameter has characters that it may not have."""
    return Refusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def invalid(name: str) -> Refusal:
    """A parameter has a value that it may not have."""
    return Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")


def too_wide(hours: int) -> Refusal:
    """A window on `/api` is wider than the exchange looks at."""
    return Refusal(-1127, f"More than {hours} hours between startTime and endTime.")


def rejected_key() -> Refusal:
    """Wrong address, missing right or dead key: the exchange does not say which."""
    return Refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def bad_symbol() -> Refusal:
    """No such market."""
    return Refusal(-1121, "Invalid symbol.")
