"""The worker: turns what a trigger brought into Python values and calls the function.

`LibWorker` runs on any Python. What crosses into a function goes through azure-functions' own converters and the HTTP
extension's own web app, the code the real worker runs; only the glue between them is written here.
"""

import asyncio
import contextvars
import importlib
import inspect
import json
import os
import sys
import threading
import typing
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import azure.functions as func
from azure.functions.meta import Datum
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from localcloud.host.functions import Function, FunctionLoadError

Observed = Callable[[Awaitable[Any]], Awaitable[Any]]

_ANSWER = "localcloud.host.answer"  # where a connection carries what answers it
_locals = threading.local()

STREAMS_OFF = "HTTP functions must take the Request of azurefunctions.extensions.http.fastapi here"


@dataclass(frozen=True)
class Call:
    """One invocation: what the trigger brought, and facts about it under the names the converters look for."""

    function: Function
    invocation_id: str
    data: Datum | None = None
    metadata: Mapping[str, Datum] = field(default_factory=dict)
    route: Mapping[str, str] = field(default_factory=dict)


class Worker(Protocol):
    """What the host needs of a worker."""

    async def load(self, root: Path) -> list[Function]:
        """Index the app in `root`. Raises FunctionLoadError."""

    async def call(self, call: Call) -> None:
        """Run a function that is not HTTP; raises what it raised."""

    async def serve(self, call: Call, scope: Scope, receive: Receive, send: Send, observed: Observed) -> None:
        """Run an HTTP function on a live connection; `observed` wraps the run of the function itself."""

    async def close(self) -> None:
        """Let go of connections; a thread still inside a function is left to the end of the process."""


@dataclass(frozen=True)
class RetryContext:
    """Which try this is; without retry policies always the first."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: None = None


@dataclass(frozen=True)
class TraceContext:
    """The trace a call belongs to; this host starts none."""

    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InvocationContext:
    """What a function's `context` parameter holds, by the names of azure.functions.Context."""

    invocation_id: str
    function_name: str
    function_directory: str
    thread_local_storage: threading.local
    trace_context: TraceContext = TraceContext()
    retry_context: RetryContext = RetryContext()


@dataclass(frozen=True)
class _Loaded:
    run: Callable[..., Any]
    directory: str
    wants_context: bool


class LibWorker:
    """Calls the functions of an app in this process, synchronous ones in threads."""

    def __init__(self) -> None:
        self._loaded: dict[str, _Loaded] = {}
        self._web: Any = None
        threads = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT")
        # Not the loop's own pool: that one is waited for at the end, and a thread in a function cannot be ended.
        self._threads = ThreadPoolExecutor(int(threads) if threads else None, thread_name_prefix="function")

    async def load(self, root: Path) -> list[Function]:
        """Import the app and check that each parameter has its binding. Raises FunctionLoadError."""
        indexed = _app_in(root).get_functions()
        functions = [self._load(each) for each in indexed]
        if any(each.kind == "httpTrigger" for each in functions):
            self._web = _web_app()
        return functions

    async def call(self, call: Call) -> None:
        """Run a function that is not HTTP; raises what it raised."""
        converter = _converter(call.function.kind)
        await self._run(call, converter.decode(call.data, trigger_metadata=call.metadata))

    async def serve(self, call: Call, scope: Scope, receive: Receive, send: Send, observed: Observed) -> None:
        """Run an HTTP function inside the extension's web app, as the real worker does."""

        async def answer(request: Request) -> Any:
            request.path_params.clear()
            request.path_params.update(call.route)
            return await observed(self._run(call, request))

        await self._web({**scope, _ANSWER: answer}, receive, send)

    async def close(self) -> None:
        """Start no more functions in threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, call: Call, value: Any) -> Any:
        loaded = self._loaded[call.function.name]
        arguments = {call.function.parameter: value}
        if loaded.wants_context:
            arguments["context"] = InvocationContext(call.invocation_id, call.function.name, loaded.directory, _locals)
        if inspect.iscoroutinefunction(loaded.run):
            result = await loaded.run(**arguments)
        else:
            run = partial(contextvars.copy_context().run, _run_in_thread, call.invocation_id, loaded.run, arguments)
            result = await asyncio.get_running_loop().run_in_executor(self._threads, run)
        if result is not None and call.function.kind != "httpTrigger":
            raise RuntimeError(f"function {call.function.name} returned a value and has no binding for it")
        return result

    def _load(self, indexed: Any) -> Function:
        function = Function(indexed.get_function_name(), tuple(json.loads(raw) for raw in indexed.get_raw_bindings()))
        if indexed.get_settings_dict("retry_policy"):
            raise FunctionLoadError(function.name, "retry policies are not supported here")
        run = indexed.get_user_function()
        bound = {each["name"] for each in function.bindings} - {"$return"}
        parameters = set(inspect.signature(run).parameters)
        wants_context = "context" in parameters - bound
        if parameters - {"context"} != bound - {"context"}:
            raise FunctionLoadError(function.name, f"parameters {sorted(parameters)} but bindings {sorted(bound)}")
        _check_annotation(function, typing.get_type_hints(run).get(function.parameter))
        self._loaded[function.name] = _Loaded(run, str(Path(inspect.getfile(run)).parent), wants_context)
        return function


def _run_in_thread(invocation_id: str, run: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    _locals.invocation_id = invocation_id
    try:
        return run(**arguments)
    finally:
        _locals.invocation_id = None


def _app_in(root: Path) -> func.FunctionRegister:
    script = os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    sys.path.insert(0, str(root))
    os.chdir(root)
    module = importlib.import_module(Path(script).stem)
    apps = {id(each): each for each in vars(module).values() if isinstance(each, func.FunctionRegister)}
    if len(apps) != 1:
        raise FunctionLoadError(script, f"it must define one FunctionApp, it defines {len(apps)}")
    return next(iter(apps.values()))


def _check_annotation(function: Function, annotation: Any) -> None:
    if annotation is None:
        return
    if function.kind == "httpTrigger":
        base = _http_extension()
        if base is None or not base.RequestTrackerMeta.check_type(annotation):
            raise FunctionLoadError(function.name, STREAMS_OFF)
        return
    converter = _converter(function.kind)
    if not (isinstance(annotation, type) and converter.check_input_type_annotation(annotation)):
        raise FunctionLoadError(function.name, f"{function.kind} cannot bring a {annotation}")


def _converter(kind: str) -> Any:
    registry: Any = func.get_binding_registry()  # type: ignore[no-untyped-call]
    return registry.get(kind)


def _http_extension() -> ModuleType | None:
    """Return the extension's base once the app has imported an HTTP extension: that is what switches streams on."""
    base = sys.modules.get("azurefunctions.extensions.base")
    return base if base and base.HttpV2FeatureChecker.http_v2_enabled() else None


def _web_app() -> Any:
    base = _http_extension()
    if base is None:
        raise FunctionLoadError("(all)", STREAMS_OFF)
    web = importlib.import_module(base.ModuleTrackerMeta.get_module()).WebApp()
    request_type = base.RequestTrackerMeta.get_request_type()

    async def answer(request: Request) -> Any:
        return await request.scope[_ANSWER](request)

    answer.__annotations__["request"] = request_type
    web.route(answer)
    return web.get_app()
