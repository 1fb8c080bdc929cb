"""The keeper's socket: who may ask, what can be asked, and how an answer or an error goes back."""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from pathlib import Path
from typing import Any

from aiohttp import web

from tallyglass.keeper import answers, errors
from tallyglass.keeper.door import Response
from tallyglass.keeper.endpoint import peer_uid
from tallyglass.keeper.errors import KeeperError
from tallyglass.keeper.service import Service

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_SERVICE = web.AppKey("service", Service)
_LARGEST = 256 * 1024
#: What a locked keeper answers; everything else waits for `unlock`.
_OPEN = frozenset(("/health", "/seal-key", "/create", "/unlock", "/lock"))

_ROTATE = {"connection": str, "sealed": str, "accept_unproven": bool, "same_account": bool}

log = logging.getLogger("tallyglass.keeper")


def application(service: Service) -> web.Application:
    """The whole vocabulary. None of it takes a URL, a path, a method or a header."""
    app = web.Application(middlewares=[_guard], client_max_size=_LARGEST)
    app[_SERVICE] = service
    for path, act, members in (
        ("/health", Service.health, {}),
        ("/seal-key", Service.seal_key, {}),
        ("/create", Service.create, {"sealed": str}),
        ("/unlock", Service.unlock, {"sealed": str}),
        ("/prove", Service.prove, {"sealed": str}),
        ("/lock", Service.lock, {}),
        ("/passphrase", Service.change_passphrase, {"sealed": str}),
        ("/store-key", Service.store_key, {}),
        ("/inspect", Service.inspect, {"exchange": str, "sealed": str}),
        ("/admit", Service.admit, {"exchange": str, "sealed": str, "label": str, "accept_unproven": bool}),
        ("/connections", Service.connections, {}),
        ("/recheck", Service.recheck, {"connection": str}),
        ("/freeze", Service.freeze, {"connection": str, "why": str}),
        ("/thaw", Service.thaw, {"connection": str}),
        ("/rotate", Service.rotate, _ROTATE),
        ("/prove-dead", Service.prove_dead, {"connection": str, "old": bool}),
        ("/forget", Service.forget, {"connection": str, "old": bool}),
        ("/make-key", Service.make_key, {"exchange": str, "anew": bool}),
        ("/unsupplied", Service.unsupplied, {}),
        ("/supply", Service.supply, {"connection": str, "sealed": str}),
        ("/read", Service.read, {"connection": str, "read": str, "params": dict}),
        ("/public-read", Service.public_read, {"source": str, "read": str, "params": dict}),
        ("/journal", Service.journal, {"limit": int, "connection": str, "since": str, "until": str}),
        ("/journal/verify", Service.verify_journal, {}),
        ("/journal/restart", Service.restart_journal, {"why": str}),
        ("/journal/restored", Service.restored, {"made_at": str}),
        ("/egress", Service.egress, {}),
        ("/ways", Service.ways, {}),
        ("/echo", Service.echo, {"source": str, "read": str, "exchange": str}),
    ):
        app.router.add_post(path, _call(act, members))
    return app


def _call(act: Callable[..., Any], members: Mapping[str, type]) -> Handler:
    """A handler that takes a JSON object of exactly these members; what a read brings back goes on as it is."""

    async def handle(request: web.Request) -> web.StreamResponse:
        answer = act(request.app[_SERVICE], **_told(await request.read(), members))
        if isawaitable(answer):
            answer = await answer
        if isinstance(answer, Response):
            at_and_ms = {"X-At": answers.plain(answer.at), "X-Ms": str(answer.ms)}
            return web.Response(body=answer.body, headers=at_and_ms, content_type="application/octet-stream")
        return web.json_response({"answer": answers.plain(answer)})

    return handle


def _told(raw: bytes, members: Mapping[str, type]) -> dict[str, Any]:
    try:
        told = json.loads(raw)
    except ValueError:
        told = None
    if (
        isinstance(told, dict)
        and told.keys() == members.keys()
        and all(_is(told[each], members[each]) for each in told)
    ):
        return told
    raise KeeperError("bad_call", "The keeper does not understand this call.", "Update both sides of it.")


def _is(value: object, kind: type) -> bool:
    """Whether a value is of exactly this kind; an object holds texts alone."""
    return type(value) is kind and not (isinstance(value, dict) and {type(each) for each in value.values()} - {str})


async def listen(app: web.Application, path: Path) -> web.AppRunner:
    """Serve on a socket that only its owner can open. The folder is 0700, so there is no moment in between."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2)
    await runner.setup()
    await web.UnixSite(runner, os.fspath(path)).start()
    os.chmod(path, 0o600)  # noqa: PTH101 - pathlib's is taken for blocking, as if this were not
    return runner


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    connection = request.get_extra_info("socket")
    if connection is None or peer_uid(connection) != os.getuid():
        return web.json_response(errors.told(KeeperError("stranger", "This keeper serves another user.")), status=403)
    try:
        if request.path not in _OPEN:
            request.app[_SERVICE].insist_on_open()
        return await handler(request)
    except KeeperError as error:
        log.debug("refused", extra={"what": error.code})
        return web.json_response(errors.told(error), status=error.status)
    except web.HTTPException as error:
        unknown = KeeperError("bad_call", "The keeper knows no such call.", "Update both sides of it.")
        return web.json_response(errors.told(unknown), status=error.status)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a message may hold a secret, its type cannot
        log.error("failed", extra={"what": type(error).__name__, "where": frames(error)})  # noqa: TRY400 - see above
        failed = KeeperError("keeper_failed", "The keeper failed.", "Its log says where; please report that.")
        return web.json_response(errors.told(failed), status=500)


def frames(error: BaseException) -> str:
    """Where an error came from: files, lines and names, none of the values."""
    found = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in reversed(found))
