"""Where HTTP meets FastAPI: each path operation is an Azure function of its own.

`@operation` registers a FastAPI path operation and, under the same name and route, an HTTP function whose trigger
hands its request to the FastAPI app over plain ASGI and streams the answer back. FastAPI parses, validates and
describes; the Functions host sees one named function for each operation. Bodies stream both ways: a multipart file
goes to a spooled file, never whole into memory.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, TypeVar

import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, StreamingResponse
from fastapi import FastAPI
from starlette.responses import StreamingResponse as Answer

from functions.http import idempotency, problems
from functions.http.audited import audited
from functions.http.body import Message, Receive, in_large_pieces
from functions.http.description import describe

log = logging.getLogger(__name__)

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Any]])

PREFIX = "/api"
_FROM_HOST = ("type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "headers")
_OPTIONAL = ("server", "client", "extensions")
_AHEAD = 4
"""Pieces of an answer that may wait for a slow client."""

api = FastAPI(
    title="Session Scribe",
    version="0.1.0",
    summary="Recorded therapy sessions: chunks in, encrypted transcript and clinical note out.",
    openapi_url=f"{PREFIX}/openapi.json",
    docs_url=None,
    redoc_url=None,
    redirect_slashes=False,
)
problems.install(api)
idempotency.install(api)


def _described() -> dict[str, Any]:
    """Made by the first who asks: by then every operation is registered."""
    if api.openapi_schema is None:
        api.openapi_schema = describe(api)
    return api.openapi_schema


api.openapi = _described  # type: ignore[method-assign]
blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


def operation(method: str, path: str, **described: Any) -> Callable[[Endpoint], Endpoint]:
    """Make an async function a path operation of the API and an Azure function of the same name.

    `path` is relative to `/api`, in the form both frameworks read (`sessions/{session_id}`); `described` goes to
    FastAPI (summary, status_code, responses, …).
    """

    def register(endpoint: Endpoint) -> Endpoint:
        known = {400: "Invalid input", 401: "No valid credentials", 503: "Try again later"}
        described["responses"] = {
            status: {"model": problems.Problem, "description": text} for status, text in known.items()
        } | described.get("responses", {})
        api.add_api_route(f"{PREFIX}/{path}", audited(endpoint), methods=[method], **described)
        _trigger(endpoint.__name__, method, path)
        return endpoint

    return register


def _trigger(name: str, method: str, path: str) -> None:
    async def trigger(req: Request) -> StreamingResponse:
        return await answer(req.scope, req.receive)

    trigger.__name__ = name
    blueprint.function_name(name)(blueprint.route(route=path, methods=[method])(trigger))


async def answer(scope: MutableMapping[str, Any], receive: Receive) -> Answer:
    """Run the API on a request and give its answer as it comes.

    The host's own scope carries the marks of its router; the API gets the request alone.
    """
    request = {key: scope[key] for key in _FROM_HOST} | {key: scope[key] for key in _OPTIONAL if key in scope}
    messages: asyncio.Queue[Message | None] = asyncio.Queue(_AHEAD)
    task = asyncio.create_task(_run(request, receive, messages))
    start = await messages.get()
    if start is None:
        raise RuntimeError("the API ended without an answer")
    response = Answer(_body(messages, task), start["status"])
    response.raw_headers = list(start["headers"])
    return response


async def _run(request: Message, receive: Receive, messages: asyncio.Queue[Message | None]) -> None:
    try:
        await api(request, in_large_pieces(receive), messages.put)
    except Exception as error:
        # It has been answered with a 500 by now. Its message is not ours and may hold anything, so it stays out.
        log.error("unexpected %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))  # noqa: TRY400
    finally:
        await messages.put(None)


async def _body(messages: asyncio.Queue[Message | None], task: asyncio.Task[None]) -> AsyncIterator[bytes]:
    try:
        while (message := await messages.get()) is not None:
            if message.get("body"):
                yield message["body"]
    finally:
        task.cancel()  # a client that went away needs no more of the answer


_trigger("get_openapi", "GET", "openapi.json")
