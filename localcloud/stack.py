"""The whole product on one machine: storage, database, Functions host, and what they need to know of each other.

All state is in the home folder. Killed at any moment, the next start on the same home goes on with the open work.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from azure.cosmos import ContainerProxy, CosmosClient

from localcloud.azurite import Azurite, AzuriteNotInstalled, start_azurite
from localcloud.cosmos.process import Cosmos, start_cosmos
from localcloud.issuer import AUDIENCE, ISSUER, Issuer
from localcloud.processes import LOOPBACK, Child, ChildFailed, free_port, port_taken, start, wait_until_url
from localcloud.running import Running, withdraw

PROJECT = Path(__file__).parent.parent
_MODELS = str(PROJECT / ".local/models")

LAPTOP = {
    # The real host's waits are made for a fleet; one person at one machine wants to see things happen.
    "LOCALHOST_BLOB_POLL_SECONDS": "0.5",
    "LOCALHOST_MESSAGE_LEASE_SECONDS": "30",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:01",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:05",
    "SWEEP_SCHEDULE": "*/10 * * * * *",
    "UPLOADS_SCHEDULE": "0 17 * * * *",
    "REWRAP_SCHEDULE": "0 30 3 * * *",
    "ROTATE_SCHEDULE": "0 41 * * * *",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": str(512 * 1024 * 1024),
    "LIMITS__CLAIM_LEASE": "PT15S",
    "LIMITS__PUSH_AFTER": "PT20S",
    "LIMITS__SETTLE_AFTER": "PT10S",
    # Whoever has the laptop may let it call a webhook or fetch a recording of its own.
    "WEB__ALLOW_LOOPBACK": "true",
    "WEBHOOKS__FIRST_DELAY": "PT5S",
}
"""Settings that only a local stack has; the environment wins over each."""

FLAT_MEMORY = {
    # Each of a dozen threads would keep a heap of its own, as large as the largest body it ever read.
    "MALLOC_ARENA_MAX": "2",
    # Set once, glibc no longer raises it to the largest block it has seen: bodies go back to the system when freed.
    "MALLOC_MMAP_THRESHOLD_": str(4 * 1024 * 1024),
    # Pieces of bodies come and go by the MiB; fetching their pages anew each time took a seventh of an upload.
    "MALLOC_TRIM_THRESHOLD_": str(8 * 1024 * 1024),
}
"""How the C library keeps the app's memory, here as in Azure; it reads these when a process starts."""


class StackFailed(RuntimeError):
    """Something the stack needs is missing, or did not come up; the message says what to do."""


@dataclass
class Stack:
    """A running stack. `settings` are the app's, on top of the environment's."""

    home: Path
    port: int = 0
    host_command: str = "local"
    settings: Mapping[str, str] = field(default_factory=dict)
    _azurite: Azurite | None = None
    _cosmos: Cosmos | None = None
    _host: Child | None = None
    _account: CosmosClient | None = None

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://{LOOPBACK}:{self.port}/api"

    @property
    def issuer(self) -> Issuer:
        """Who issues tokens this stack believes."""
        return Issuer(self.home)

    @property
    def azurite(self) -> Azurite:
        """The storage emulator."""
        assert self._azurite is not None
        return self._azurite

    @property
    def cosmos(self) -> Cosmos:
        """The database emulator, which a stack on a database of the environment's has not."""
        assert self._cosmos is not None
        return self._cosmos

    @property
    def host_alive(self) -> bool:
        """Whether the Functions host runs."""
        return self._host is not None and self._host.alive

    @property
    def cosmos_endpoint(self) -> str:
        """URL of the database account."""
        return self.settings.get("COSMOS__ENDPOINT") or os.environ["COSMOS__ENDPOINT"]

    @property
    def cosmos_key(self) -> str:
        """Key of the database account."""
        return self.settings.get("COSMOS__KEY") or os.environ["COSMOS__KEY"]

    def container(self, name: str) -> ContainerProxy:
        """A container of the app's database, for who wants to see what stands there."""
        if self._account is None:  # one for the stack's life: each starts threads that look after its endpoints
            self._account = CosmosClient(self.cosmos_endpoint, self.cosmos_key, enable_endpoint_discovery=False)
        return self._account.get_database_client("scribe").get_container_client(name)

    @property
    def host_log(self) -> Path:
        """Where the host and the app log."""
        return self.home / "host.log"

    def host_tail(self) -> str:
        """The last lines of the host's log."""
        return self._host.tail() if self._host is not None else ""

    def start(self) -> None:
        """Bring everything up. Raises: StackFailed, with the log of what failed."""
        if self.port and port_taken(self.port):  # whoever has it might answer in our name
            raise StackFailed(f"port {self.port} is taken: stop who listens there, or set SCRIBE_PORT")
        try:
            self.start_stores()
            self.start_host()
            Running(self.url, self.cosmos_endpoint, self.cosmos_key).announce(self.home)
        except (ChildFailed, AzuriteNotInstalled) as error:
            self.stop()
            raise StackFailed(str(error)) from error

    def start_stores(self) -> None:
        """Start storage and database; from then on `settings` say where they are."""
        self.start_azurite()
        if "COSMOS__ENDPOINT" not in os.environ:
            self.start_cosmos()
        self.settings = {**self._app_settings(), **self.settings}

    def start_azurite(self) -> None:
        """Start the storage emulator; after its end again, on the same ports and data."""
        ports = self._azurite.ports if self._azurite else None
        self._azurite = start_azurite(self.home / "azurite", ports, durable=True)

    def start_cosmos(self) -> None:
        """Start the database emulator; after its end again, on the same port and data."""
        port = urlsplit(self._cosmos.endpoint).port if self._cosmos else None
        self._cosmos = start_cosmos(self.home / "cosmos", port)

    def start_host(self) -> None:
        """Start the Functions host on the stores that run."""
        self.port = self.port or free_port()
        everything = {**LAPTOP, **FLAT_MEMORY, **os.environ, **self.settings, "TMPDIR": str(self._new_scratch())}
        self._host = start("host", self._host_arguments(), log=self.host_log, env=everything, cwd=PROJECT)
        wait_until_url(self._host, f"{self.url}/health", timeout_seconds=120)

    @property
    def host_pid(self) -> int:
        """The Functions host's process."""
        assert self._host is not None
        return self._host.popen.pid

    def kill_host(self) -> None:
        """End the host as a power cut would."""
        assert self._host is not None
        self._host.kill()

    def kill(self) -> None:
        """End everything as a power cut would."""
        for child in self._children:
            child.kill()

    def stop(self) -> None:
        """End everything in order: first who writes, then what is written to."""
        if self._account is not None:
            self._account.close()
            self._account = None
        withdraw(self.home)
        for child in self._children:
            child.stop()

    @property
    def fallen(self) -> Child | None:
        """A process that has ended by itself."""
        return next((child for child in self._children if not child.alive), None)

    @property
    def scratch(self) -> Path:
        """Where the host keeps audio while it works on it."""
        return self.home.absolute() / "tmp"

    def _new_scratch(self) -> Path:
        """Empty: a host that was killed has left audio behind, in the clear."""
        if self.scratch.exists():
            shutil.rmtree(self.scratch)
        self.scratch.mkdir(mode=0o700, parents=True)
        return self.scratch

    @property
    def _children(self) -> list[Child]:
        """Who runs: first who writes, then what is written to."""
        stores = [running.child for running in (self._cosmos, self._azurite) if running is not None]
        return [*([self._host] if self._host is not None else []), *stores]

    def _app_settings(self) -> dict[str, str]:
        self.issuer.prepare()
        keys = self.home.absolute() / "keys"
        return {
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "PYTHON_ENABLE_INIT_INDEXING": "1",
            "AzureWebJobsStorage": self.azurite.connection_string,
            "STORAGE__CONNECTION_STRING": self.azurite.connection_string,
            **self._cosmos_settings(),
            "AUTH__ISSUER": ISSUER,
            "AUTH__AUDIENCE": AUDIENCE,
            "AUTH__JWKS_URL": self.issuer.jwks_url,
            "AUTH__PROVISION_ON_UPLOAD": "true",
            "KEYS__LOCAL_FILE": str(keys / "kek.json"),
            "KEYS__LOCAL_CREATE": "true",
            "SPEECH__EMBEDDED__CACHE_DIR": os.environ.get("SPEECH__EMBEDDED__CACHE_DIR", _MODELS),
        }

    def _cosmos_settings(self) -> dict[str, str]:
        """The emulator's, unless the environment names a database of its own."""
        if self._cosmos is None:
            return {}
        return {"COSMOS__ENDPOINT": self._cosmos.endpoint, "COSMOS__KEY": self._cosmos.key, "COSMOS__CREATE": "true"}

    def _host_arguments(self) -> list[str]:
        if self.host_command == "func":
            func = shutil.which("func")
            if func is None:
                raise StackFailed("HOST=func, but `func` (Azure Functions Core Tools) is not on PATH")
            return [func, "start", "--port", str(self.port)]
        return [sys.executable, "-m", "localcloud.host", "--root", str(PROJECT), "--port", str(self.port)]


def say(text: str) -> None:
    """Tell whoever watches the terminal."""
    print(text, flush=True)  # noqa: T201
