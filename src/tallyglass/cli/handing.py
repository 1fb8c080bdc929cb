"""How a key is handed over on the command line: a file, a prompt, a password manager, or a pair that is made here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from tallyglass.app import exchanges as pages
from tallyglass.app import key_file
from tallyglass.app.problems import Problem
from tallyglass.cli import prompt
from tallyglass.cli.options import options
from tallyglass.keeper.client import MADE, REFERENCE

KeyFile = Annotated[
    str, typer.Option("--key-file", help="JSON with key and secret; - for standard input. Without it: a prompt.")
]
KeyFrom = Annotated[
    str, typer.Option("--key-from", help="op://…, bws:…, pass:…, keyring:…, fd:N: from your password manager.")
]
Keep = Annotated[bool, typer.Option("--keep-reference", help="Do not store the key: fetch it anew after each unlock.")]
KeyId = Annotated[
    str,
    typer.Option("--key-id", help="The public part, where the secret alone is kept there, or the pair is made here."),
]


@dataclass(frozen=True, slots=True)
class Given:
    """What was said of a key on the command line. None of it is secret."""

    file: str = ""
    source: str = ""
    keep: bool = False
    id: str = ""

    def check(self) -> None:
        """Refuse what does not go together, before anything is asked for or fetched."""
        if self.file and (self.source or self.id):
            raise Problem("usage", "A key comes from one place.", "Leave --key-file away, or the other.")
        if self.keep and not self.source:
            text = "A reference is kept of a key that is fetched from somewhere."
            raise Problem("usage", text, "Name the place: --key-from op://… (or bws:, pass:, keyring:).")

    def fields(self, exchange: str) -> dict[str, str]:
        """The parts of the key: fetched, from a file, of the pair that was made here, else typed without echo."""
        parts = pages.key_parts(exchange)
        self.check()
        options.here()  # before a key is asked for
        if self.source:
            return self._fetched()
        if self.id:
            return {"key": self.id, MADE: "yes"}
        return key_file.read_key_file(self.file) if self.file else prompt.key_fields(parts)

    def _fetched(self) -> dict[str, str]:
        from tallyglass.app import secrets

        if not self.keep:
            return secrets.fetch(self.source, self.id)
        secrets.check_kept(self.source)
        return {**secrets.fetch(self.source, self.id), REFERENCE: self.source}
