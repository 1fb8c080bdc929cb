"""The keeper's socket: who may ask, what can be asked, and how an answer or an error goes back."""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from tallyglass.keeper import answers, errors
from tallyglass.keeper.client import peer_uid
from tallyglass.keeper.door import Response
from tallyglass.keeper.errors import KeeperError
from tallyglass.keeper.service import Service

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_SERVICE = web.AppKey("service", Service)
_LARGEST = 256 * 1024
#: What a locked keeper answers; everything else waits for `unlock`.
_OPEN = frozenset(("/health", "/seal-key", "/create", "/unlock", "/lock"))

log = logging.getLogger("tallyglass.keeper")


def application(service: Service) -> web.Application:
    """The whole vocabulary. None of it takes a URL, a path, a method or a header."""
    app = web.Application(middlewares=[_guard], client_max_size=_LARGEST)
    app[_SERVICE] = service
    app.add_routes(
        [
            web.get("/health", _health),
            web.get("/seal-key", _seal_key),
            web.post("/create", _create),
            web.post("/unlock", _unlock),
            web.post("/lock", _lock),
            web.post("/passphrase", _passphrase),
            web.post("/store-key", _store_key),
            web.post("/inspect", _inspect),
            web.post("/admit", _admit),
            web.get("/connections", _connections),
            web.post("/connections/{id}/recheck", _recheck),
            web.post("/connections/{id}/freeze", _freeze),
            web.post("/connections/{id}/thaw", _thaw),
            web.post("/connections/{id}/forget", _forget),
            web.post("/read", _read),
            web.post("/public-read", _public_read),
            web.get("/journal", _journal),
            web.get("/journal/verify", _verify),
            web.post("/journal/restart", _restart),
            web.get("/egress", _egress),
        ]
    )
    return app


async def listen(app: web.Application, path: Path) -> web.AppRunner:
    """Serve on a socket that only its owner can open. The folder is 0700, so there is no moment in between."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
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
            _service(request).insist_on_open()
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


async def _body(request: web.Request, *names: str) -> tuple[Any, ...]:
    """The members of the request's JSON body, in this order; each must be there, and nothing else."""
    try:
        told = json.loads(await request.read() or b"{}")
    except ValueError:
        told = None
    if not isinstance(told, dict) or set(told) != set(names):
        raise KeeperError("bad_call", "The keeper does not understand this call.", "Update both sides of it.")
    return tuple(told[name] for name in names)


def _as(kind: type[T], value: Any) -> T:
    if not isinstance(value, kind):
        raise KeeperError("bad_call", "The keeper does not understand this call.", "Update both sides of it.")
    return value


def _params(value: Any) -> dict[str, str]:
    return {_as(str, name): _as(str, each) for name, each in _as(dict, value).items()}


def _service(request: web.Request) -> Service:
    return request.app[_SERVICE]


def _json(value: Any) -> web.Response:
    return web.json_response(answers.plain(value))


def _raw(response: Response) -> web.Response:
    told = {"X-At": answers.plain(response.at), "X-Ms": str(response.ms)}
    return web.Response(body=response.body, headers=told, content_type="application/octet-stream")


async def _health(request: web.Request) -> web.Response:
    return _json(_service(request).health())


async def _seal_key(request: web.Request) -> web.Response:
    return _json(_service(request).seal_key())


async def _create(request: web.Request) -> web.Response:
    (sealed,) = await _body(request, "sealed")
    await _service(request).create(_as(str, sealed))
    return _json({})


async def _unlock(request: web.Request) -> web.Response:
    (sealed,) = await _body(request, "sealed")
    await _service(request).unlock(_as(str, sealed))
    return _json({})


async def _lock(request: web.Request) -> web.Response:
    _service(request).lock()
    return _json({})


async def _passphrase(request: web.Request) -> web.Response:
    (sealed,) = await _body(request, "sealed")
    await _service(request).change_passphrase(_as(str, sealed))
    return _json({})


async def _store_key(request: web.Request) -> web.Response:
    return _json({"key": _service(request).store_key()})


async def _inspect(request: web.Request) -> web.Response:
    exchange, sealed = await _body(request, "exchange", "sealed")
    return _json(await _service(request).inspect(_as(str, exchange), _as(str, sealed)))


async def _admit(request: web.Request) -> web.Response:
    exchange, sealed, label, accept = await _body(request, "exchange", "sealed", "label", "accept_unproven")
    service = _service(request)
    accepts = _as(bool, accept)
    return _json(await service.admit(_as(str, exchange), _as(str, sealed), _as(str, label), accept_unproven=accepts))


async def _connections(request: web.Request) -> web.Response:
    return _json({"connections": _service(request).connections()})


async def _recheck(request: web.Request) -> web.Response:
    return _json(await _service(request).recheck(request.match_info["id"]))


async def _freeze(request: web.Request) -> web.Response:
    (why,) = await _body(request, "why")
    _service(request).freeze(request.match_info["id"], _as(str, why))
    return _json({})


async def _thaw(request: web.Request) -> web.Response:
    return _json(await _service(request).thaw(request.match_info["id"]))


async def _forget(request: web.Request) -> web.Response:
    _service(request).forget(request.match_info["id"])
    return _json({})


async def _read(request: web.Request) -> web.Response:
    connection, read, params = await _body(request, "connection", "read", "params")
    return _raw(await _service(request).read(_as(str, connection), _as(str, read), _params(params)))


async def _public_read(request: web.Request) -> web.Response:
    source, read, params = await _body(request, "source", "read", "params")
    return _raw(await _service(request).public_read(_as(str, source), _as(str, read), _params(params)))


async def _journal(request: web.Request) -> web.Response:
    limit = request.query.get("limit", "100")
    if not limit.isascii() or not limit.isdigit():
        raise KeeperError("bad_call", "The limit must be a whole number.")
    return _json({"rows": _service(request).journal(int(limit), request.query.get("connection", ""))})


async def _verify(request: web.Request) -> web.Response:
    return _json(_service(request).verify_journal())


async def _restart(request: web.Request) -> web.Response:
    (why,) = await _body(request, "why")
    return _json({"aside": _service(request).restart_journal(_as(str, why))})


async def _egress(request: web.Request) -> web.Response:
    return _json({"addresses": _service(request).egress()})
