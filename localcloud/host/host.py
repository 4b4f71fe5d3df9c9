"""The host put together: an app loaded, its triggers listened for, its HTTP functions served."""

import asyncio
import logging
import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Protocol

import uvicorn

from localcloud.host.blob_scan import BlobScan
from localcloud.host.blobs import BlobTriggers
from localcloud.host.functions import Function, supported
from localcloud.host.http import FrontEnd, with_cors
from localcloud.host.invoke import Invoker
from localcloud.host.keys import Keys
from localcloud.host.own import OwnPages
from localcloud.host.queues import QueueOptions, queue_listener
from localcloud.host.settings import HostSettings, SettingsError
from localcloud.host.storage import Accounts
from localcloud.host.timers import TimerListener
from localcloud.host.worker import Worker

log = logging.getLogger("localcloud.host")

_DRAIN_SECONDS = 3


class Listener(Protocol):
    """Runs functions as their events come."""

    async def run(self) -> None:
        """Listen until cancelled."""


class _Server(uvicorn.Server):
    """Tells when it serves, and leaves the signals to the host."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run_host(
    root: Path, worker: Worker, *, address: str, port: int, only: Collection[str] | None, keys: Keys | None
) -> None:
    """Serve the app in `root` until SIGINT or SIGTERM.

    `only` names the functions whose triggers are listened for, all when None. Raises SettingsError, FunctionLoadError.
    """
    settings = HostSettings.load(root)
    functions = supported(await worker.load(settings.root))
    unknown = set(only or ()) - {each.name for each in functions}
    if unknown:
        raise SettingsError(f"no such functions: {', '.join(sorted(unknown))}")
    active = [each for each in functions if (only is None or each.name in only) and not settings.disabled(each.name)]
    invoker = Invoker(worker, settings.function_timeout)
    accounts = Accounts()
    triggers = BlobTriggers(settings, accounts, invoker)
    listeners = _listeners(settings, active, accounts, invoker, triggers)
    status = {"id": settings.host_id, "worker": type(worker).__name__}
    pages = OwnPages(functions, invoker, triggers, status=status, keys=keys)
    front = FrontEnd(settings, active, invoker, own=pages.app, keys=keys)
    config = uvicorn.Config(
        with_cors(front, settings),
        host=address,
        port=port,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    try:
        await _serve(config, listeners, f"{len(active)} functions on http://{address}:{port}")
    finally:
        await worker.close()
        await accounts.close()


async def _serve(config: uvicorn.Config, listeners: Sequence[Listener], what: str) -> None:
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve())
        await server.up.wait()  # a port already taken ends the process before any message is
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(each, server.handle_exit, each, None)
        listening = [tasks.create_task(each.run()) for each in listeners]
        print(f"Host started: {what}", flush=True)  # noqa: T201 - what waits for the host reads this line
        await serving
        for task in listening:
            task.cancel()


def _listeners(
    settings: HostSettings,
    functions: Sequence[Function],
    accounts: Accounts,
    invoker: Invoker,
    triggers: BlobTriggers,
) -> list[Listener]:
    options = QueueOptions.read(settings)
    listeners: list[Listener] = []
    for function in functions:
        if function.kind == "queueTrigger":
            listeners.append(queue_listener(function, settings, accounts, invoker, options))
        elif function.kind == "timerTrigger":
            listeners.append(TimerListener(function, settings, accounts, invoker))
        elif function.kind == "blobTrigger":
            triggers.add(function)
    if triggers.any:
        listeners += [triggers.listener(options), BlobScan(settings, accounts, triggers)]
    return listeners
