"""`Idempotency-Key` on every POST: a request that comes again under its key has its effect once.

FastAPI's route is where both ends meet: the endpoint with what was parsed, which tells one request from another, and
the answer as it goes out, which is kept. No operation has to do anything for it. One that does no harm when it is done
again says so with `@repeatable`; one that can tell its own earlier try takes an `AttemptNow`.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Annotated, Any, TypeVar, cast

from fastapi import BackgroundTasks, Depends, FastAPI, Header, Request, Response, UploadFile
from fastapi.encoders import jsonable_encoder
from fastapi.routing import APIRoute
from starlette.datastructures import UploadFile as AnyUpload
from starlette.responses import StreamingResponse

from functions.http.auth import App
from functions.http.problems import Problem
from shared.bootstrap import Services
from shared.domain.access import Decision, noting
from shared.domain.caller import Caller
from shared.domain.errors import Permanent
from shared.services.idempotency import Answer, Attempt, Scope

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Any]])

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
ENDS = 64 * 1024
"""Bytes from a file's beginning and from its end that count, with its name and size: a body is not read twice."""
_CLASH = "The Idempotency-Key came with another request, or that request is still being worked on"
_NOT_ASKED = (Services, Caller, Attempt, Request, Response, BackgroundTasks)
"""What an endpoint is given besides what the request says."""


async def _key(
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="Chosen by you, new for each thing you want done. A request that comes again under its key "
            "within 24 hours is not carried out twice: it gets the answer of the first.",
        ),
    ] = None,
) -> str | None:
    return idempotency_key


IdempotencyKey = Annotated[str | None, Depends(_key)]
"""The key itself, for an operation that can make its ids from it."""


async def _first(app: App) -> Attempt:
    return Attempt(app.clock.now())


AttemptNow = Annotated[Attempt, Depends(_first)]
"""When the request was first made, and whether an earlier try may have had its effect."""


def repeatable(endpoint: Endpoint) -> Endpoint:
    """Mark an operation that does no harm when it is done again: a read, or a write that finds what it wrote.

    Required where the answer holds what a patient said: such an answer is not kept. Goes below `@operation`.
    """
    endpoint.repeatable = True  # type: ignore[attr-defined]
    return endpoint


class _Turn:
    """One request, from its header to its answer."""

    def __init__(self, request: Request) -> None:
        self.key = request.headers.get(HEADER)
        self.path = request.url.path
        self._app: Services | None = None
        self._attempt: Attempt | None = None
        self._reached: list[Decision] = []

    def hold(self, app: Services, attempt: Attempt, reached: list[Decision]) -> None:
        """The endpoint runs, and it is this attempt's."""
        self._app, self._attempt, self._reached = app, attempt, reached

    async def answered(self, response: Response) -> None:
        """Keep the answer, if it is one of success."""
        if self._app is None or self._attempt is None:
            return
        if not 200 <= response.status_code < 300:  # noqa: PLR2004
            await self._app.idempotency.fail(self._attempt, had_no_effect=True)
            return
        body = b"" if isinstance(response, StreamingResponse) else bytes(response.body)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers]
        await self._app.idempotency.complete(
            self._attempt, Answer.of(response.status_code, headers, body, self._reached)
        )

    async def failed(self, error: Exception) -> None:
        """A refusal had no effect; of anything else nobody knows."""
        if self._app is not None and self._attempt is not None:
            await self._app.idempotency.fail(self._attempt, had_no_effect=isinstance(error, Permanent))


_turn: ContextVar[_Turn] = ContextVar("turn")


class IdempotentRoute(APIRoute):
    """A path operation whose POSTs honour `Idempotency-Key`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **described: Any) -> None:
        if "POST" in (described.get("methods") or ()):
            endpoint = _once(endpoint)
            described["dependencies"] = [*(described.get("dependencies") or ()), Depends(_key)]
            described["responses"] = _with_clash(described.get("responses") or {})
        super().__init__(path, endpoint, **described)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Around FastAPI's own."""
        handler = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return handler

        async def handle(request: Request) -> Response:
            turn = _Turn(request)
            before = _turn.set(turn)
            try:
                response = await handler(request)
            except Exception as error:
                await turn.failed(error)
                raise
            finally:
                _turn.reset(before)
            await turn.answered(response)
            return response

        return handle


def install(api: FastAPI) -> None:
    """Before the first operation is registered."""
    api.router.route_class = IdempotentRoute


def _with_clash(responses: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    own = responses.get(409)
    return {**responses, 409: {"model": Problem, "description": f"{own['description']}. {_CLASH}" if own else _CLASH}}


def _once(endpoint: Endpoint) -> Endpoint:
    """Run the endpoint unless its answer is known. Not to be told from the endpoint itself where there is no key."""
    again_is_fine = getattr(endpoint, "repeatable", False)

    @functools.wraps(endpoint)
    async def run(**given: Any) -> Any:
        turn = _turn.get()
        if turn.key is None or "caller" not in given:
            return await endpoint(**given)
        app: Services = given["app"]
        caller: Caller = given["caller"]
        scope = Scope(caller, endpoint.__name__, turn.path, turn.key, await _asked(given))
        begun = await app.idempotency.begin(scope, repeatable=again_is_fine)
        if isinstance(begun, Answer):
            await app.audit.record(caller, endpoint.__name__, begun.reached, "ok")
            return _replayed(begun)
        given |= {name: begun for name, value in given.items() if isinstance(value, Attempt)}
        with noting() as reached:
            turn.hold(app, begun, reached)
            return await endpoint(**given)

    return cast("Endpoint", run)


def _replayed(answer: Answer) -> Response:
    response = Response(answer.content, answer.status)
    for name, value in answer.headers:
        response.headers[name] = value
    response.headers[REPLAYED] = "true"
    return response


async def _asked(given: dict[str, Any]) -> str:
    told = {name: await _told(value) for name, value in given.items() if not isinstance(value, _NOT_ASKED)}
    return json.dumps(told, sort_keys=True)


async def _told(value: Any) -> Any:
    if isinstance(value, list):
        return [await _told(each) for each in value]
    return await _ends(value) if isinstance(value, AnyUpload) else jsonable_encoder(value)


async def _ends(file: UploadFile | AnyUpload) -> list[Any]:
    size = file.size or 0
    digest = hashlib.sha256(await file.read(ENDS))
    await file.seek(max(size - ENDS, 0))
    digest.update(await file.read(ENDS))
    await file.seek(0)
    return [file.filename, size, digest.hexdigest()]
