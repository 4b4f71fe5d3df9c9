"""Hosts in processes of their own, and the witness the functions of the test app talk to."""

import asyncio
import json
import os
import sys
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from localcloud.azurite import Azurite
from localcloud.processes import Child, free_port, start, wait_until_url

PROJECT = Path(__file__).parents[3]
APP = PROJECT / "tests" / "data" / "host_app"
PATIENCE_SECONDS = 60

# The conformance run sets these: another interpreter, and the real worker in it.
PYTHON = os.environ.get("HOST_TEST_PYTHON", sys.executable)
WORKER = os.environ.get("HOST_TEST_WORKER", "lib")


@dataclass(frozen=True)
class Meeting:
    """A function of the test app that waits to be told what to do."""

    facts: dict[str, Any]
    answered: "asyncio.Future[str]"

    def answer(self, text: str = "go") -> dict[str, Any]:
        """Let the function go on, or `fail`; return what it saw."""
        self.answered.set_result(text)
        return self.facts


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return once a condition holds that nobody tells of: a queue is empty, a log has a line."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


class Witness:
    """Meets the functions of the test app, each when it runs."""

    def __init__(self) -> None:
        self._met: defaultdict[str, asyncio.Queue[Meeting]] = defaultdict(asyncio.Queue)
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator["Witness"]:
        """Be there for functions to talk to."""
        witness = cls()
        server = await asyncio.start_server(witness._take, "127.0.0.1", 0)
        witness.port = server.sockets[0].getsockname()[1]
        yield witness
        server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            facts = json.loads(await reader.readline())
            meeting = Meeting(facts, asyncio.get_running_loop().create_future())
            self._met[facts["function"]].put_nowait(meeting)
            left = asyncio.create_task(reader.read())
            left.add_done_callback(lambda _: meeting.answered.cancel())
            await asyncio.wait([meeting.answered])
            left.cancel()
            if not meeting.answered.cancelled():
                writer.write(meeting.answered.result().encode() + b"\n")
        finally:
            writer.close()

    async def meet(self, function: str) -> Meeting:
        """Wait until the function runs; a run that has ended meanwhile, with its host, is passed over."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                meeting = await self._met[function].get()
                if not meeting.answered.cancelled():
                    return meeting

    def has_met(self, function: str) -> bool:
        """Whether a run of the function waits to be met."""
        return not self._met[function].empty()


@dataclass(frozen=True)
class RunningHost:
    """A host in a process of its own."""

    child: Child
    url: str

    def client(self) -> httpx.AsyncClient:
        """Return an HTTP client of it."""
        return httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_SECONDS)


@dataclass
class Hosts:
    """Starts hosts of the test app on one storage account, and stops them."""

    azurite: Azurite
    witness: Witness
    directory: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    running: list[Child] = field(default_factory=list)

    @property
    def names(self) -> dict[str, str]:
        """The application settings that keep one test's queues, containers and locks apart from another's."""
        return {
            "JOBS_QUEUE": f"jobs-{self.mark}",
            "THREAD_QUEUE": f"thread-{self.mark}",
            "SEALED": f"sealed-{self.mark}",
            "GRID": f"grid-{self.mark}",
            "AzureFunctionsWebHost__hostid": f"host-{self.mark}",
            "OFTEN": "* * * * * *",
        }

    def start(
        self, *functions: str, arguments: Sequence[str] = (), settings: Mapping[str, str] | None = None
    ) -> RunningHost:
        """Start a host of these functions, of all when none is named, and return once it serves."""
        port = free_port()
        environment = {
            **os.environ,
            **self.names,
            "PYTHONPATH": str(PROJECT),
            "AzureWebJobsStorage": self.azurite.connection_string,
            "WITNESS_PORT": str(self.witness.port),
            "LOCALHOST_BLOB_POLL_SECONDS": "0.2",
            "LOCALHOST_MESSAGE_LEASE_SECONDS": "2",
            **(settings or {}),
        }
        command = [PYTHON, "-m", "localcloud.host", "--root", str(APP), "--port", str(port), "--worker", WORKER]
        command += [*arguments, *(("--functions", *functions) if functions else ())]
        child = start("host", command, log=self.directory / f"host-{port}.log", env=environment, cwd=PROJECT)
        self.running.append(child)
        wait_until_url(child, f"http://127.0.0.1:{port}/admin/host/ping")
        return RunningHost(child, f"http://127.0.0.1:{port}")

    def stop(self) -> None:
        """Stop all that still run."""
        for child in self.running:
            child.stop()
