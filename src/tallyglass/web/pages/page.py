"""A page: where it is, what it is called, what it shows; and the frame that it stands in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import FastAPI, Request
from starlette.responses import Response

from tallyglass.app.passkeys import Passkeys
from tallyglass.app.service import Service
from tallyglass.app.session import Session
from tallyglass.web.auth.gate import Gate
from tallyglass.web.look import Figures

Model = dict[str, Any]
Query = Mapping[str, str]
#: So many lines of a long list one page has.
PAGE = 50


class Frame(Protocol):
    """What shows a page in the frame of the house, or says why it cannot."""

    @property
    def service(self) -> Service:
        """What runs behind the pages."""

    @property
    def gate(self) -> Gate:
        """Who may look."""

    @property
    def passkeys(self) -> Passkeys:
        """What asks for passkeys."""

    def prove(self, request: Request, back: str) -> Response | None:
        """Nothing, if the reader has just proved who he is; else the way to where he can, which leads on to `back`."""

    def shown(self, request: Request, page: Page, build: Callable[[Session], Model]) -> Response:
        """A page with what `build` gives it, or the page that says why not."""

    def done(self, request: Request, do: Callable[[Session], Response]) -> Response:
        """What was asked for, or the page that says why not."""

    def plain(self, request: Request, name: str, model: Model) -> Response:
        """A piece of a page, by the name of its template."""

    async def changed(self, request: Request, do: Callable[[Session, dict[str, str]], None]) -> Response:
        """What a form asks for; then back to the page that it stood on, or the page that says why not."""

    def figures(self, request: Request, currency: str) -> Figures:
        """Figures as this reader wants to see them."""


def no_buttons(_app: FastAPI, _frame: Frame) -> None:
    """A page that only shows."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: where it is, what it is called, what it shows. Its template and icon have its id's name."""

    id: str
    path: str
    title: str
    #: The names that its template uses, from a session and the words of the address. Runs in a thread.
    build: Callable[[Session, Query], Model]
    #: The id of the page of the rail that it belongs to, if it is not there itself.
    under: str = ""
    #: Looks for news by itself; not where a reader writes.
    live: bool = True
    #: Puts the page's buttons and further addresses among the routes.
    buttons: Callable[[FastAPI, Frame], None] = no_buttons
