"""A command whose flags are the fields of a dataclass: a long question stays one thing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Asked = TypeVar("Asked")


def flags(asked: type[Asked]) -> Callable[[Callable[[Asked], None]], Callable[..., None]]:
    """Let Typer read the flags off a dataclass, each field annotated as a parameter would be."""

    def taken(command: Callable[[Asked], None]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            command(asked(**given))

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.signature(asked, eval_str=True)  # type: ignore[attr-defined]
        return run

    return taken
