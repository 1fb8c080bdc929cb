"""The built files: kept by browsers for ever, and sent as small as the build has pressed them."""

from __future__ import annotations

import mimetypes
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

#: How files are pressed, the smallest first, and what such a file's name ends in.
PRESSED: Final = {"br": ".br", "gzip": ".gz"}


class Built(StaticFiles):
    """Built files carry a hash of their content in their name: they never change."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, pressed in a way that the browser takes."""
        accepted = _accepted(Headers(scope=scope).get("accept-encoding", ""))
        for coding, suffix in PRESSED.items():
            if coding in accepted and self.lookup_path(path + suffix)[1] is not None:
                answer = await super().get_response(path + suffix, scope)
                kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
                answer.headers["Content-Type"] = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
                answer.headers["Content-Encoding"] = coding
                break
        else:
            answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        answer.headers["Vary"] = "Accept-Encoding"
        return answer


def _accepted(header: str) -> set[str]:
    """The codings that a browser takes; one with `q=0` it does not."""
    parts = (each.strip().partition(";") for each in header.lower().split(","))
    return {coding.strip() for coding, _, quality in parts if quality.replace(" ", "") not in ("q=0", "q=0.0")}
