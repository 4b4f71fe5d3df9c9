"""The real v2 worker of Azure (`azure-functions-runtime`, Python 3.13 and later) behind this host.

It is spoken to as the real host speaks to it: the same requests, in objects that have the fields of the gRPC messages,
and HTTP through the worker's own web server, with the invocation's id in a header.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime  # type: ignore[import-not-found,unused-ignore]
from azure.functions.meta import Datum
from azure_functions_runtime.http_v2 import http_coordinator  # type: ignore[import-not-found,unused-ignore]
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from localcloud.host.functions import Function, FunctionLoadError
from localcloud.host.proxy import Proxy
from localcloud.host.worker import STREAMS_OFF, Call, Observed

_ADDRESS = "127.0.0.1"


class WorkerFailure(RuntimeError):
    """A function failed in the worker; the message is the one the worker sent."""


class _Message(SimpleNamespace):
    """A protobuf message to the eyes of the worker: fields as attributes, `WhichOneof` names the one that is set."""

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - protobuf's name
        return next(iter(vars(self)), None)


class _Messages:
    """The module of generated message classes the worker builds its answers from."""

    BindingInfo = type("BindingInfo", (SimpleNamespace,), {"undefined": None, "out": 1, "inout": 2})
    StatusResult = type("StatusResult", (SimpleNamespace,), {"Failure": 0, "Success": 1})

    def __getattr__(self, _: str) -> type[SimpleNamespace]:
        return SimpleNamespace


class RuntimeWorker:
    """Runs the app in the real worker, in this process."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._proxy: Proxy | None = None

    async def load(self, root: Path) -> list[Function]:
        """Have the worker index the app. Raises FunctionLoadError."""
        runtime.start_threadpool_executor()
        sys.path.insert(0, str(root))
        os.chdir(root)
        request = SimpleNamespace(
            request=SimpleNamespace(
                worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=str(root))
            ),
            properties={"host": _ADDRESS, "protos": _Messages()},
        )
        ready = await runtime.worker_init_request(request)
        if not ready.result.status:
            raise FunctionLoadError("(all)", ready.result.exception.message)
        if "HttpUri" in ready.capabilities:
            self._proxy = await Proxy.to(ready.capabilities["HttpUri"])
        indexed = await runtime.functions_metadata_request(request)
        functions = [self._function(each) for each in indexed.function_metadata_results or ()]
        if self._proxy is None and any(each.kind == "httpTrigger" for each in functions):
            raise FunctionLoadError("(all)", STREAMS_OFF)
        return functions

    def _function(self, indexed: Any) -> Function:
        if indexed.retry_options is not None:
            raise FunctionLoadError(indexed.name, "retry policies are not supported here")
        self._ids[indexed.name] = indexed.function_id
        return Function(indexed.name, tuple(json.loads(raw) for raw in indexed.raw_bindings))

    async def call(self, call: Call) -> None:
        """Run a function that is not HTTP. Raises WorkerFailure."""
        assert call.data is not None
        await self._invoke(call, _Message(**{str(call.data.type): call.data.value}))

    async def serve(self, call: Call, scope: Scope, receive: Receive, send: Send, observed: Observed) -> None:
        """Run an HTTP function, its connection forwarded to the worker's web server."""
        assert self._proxy is not None
        parts = {"method": scope["method"], "url": scope["path"], "headers": {}, "query": {}, "body": _Message()}
        running = asyncio.create_task(
            self._serve(call, _Message(http=SimpleNamespace(**parts, params=call.route)), observed)
        )
        try:
            if not await self._proxy.forward(scope, receive, send):
                # It may have left before the worker saw the request, which the invocation would wait for in vain.
                http_coordinator.set_http_request(call.invocation_id, Request({**scope, "path_params": {}}, _left))
        finally:
            await running

    async def close(self) -> None:
        """Close the connections to the worker's web server."""
        if self._proxy is not None:
            await self._proxy.close()

    async def _serve(self, call: Call, data: _Message, observed: Observed) -> None:
        try:
            await observed(self._invoke(call, data))
        except TimeoutError as error:
            http_coordinator.set_http_response(call.invocation_id, error)
            raise

    async def _invoke(self, call: Call, data: _Message) -> None:
        invocation = SimpleNamespace(
            invocation_id=call.invocation_id,
            function_id=self._ids[call.function.name],
            input_data=[_Message(data=data, name=call.function.parameter)],
            trigger_metadata=_typed(call.metadata),
            trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        request = SimpleNamespace(request=SimpleNamespace(invocation_request=invocation))
        answer = await runtime.invocation_request(request)
        if not answer.result.status:
            raise WorkerFailure(answer.result.exception.message)


def _typed(metadata: Mapping[str, Datum]) -> dict[str, _Message]:
    return {name: _Message(**{str(datum.type): datum.value}) for name, datum in metadata.items()}


async def _left() -> Message:
    return {"type": "http.disconnect"}
