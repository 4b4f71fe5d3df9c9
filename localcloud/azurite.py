"""Azurite, the storage emulator from npm: how the local stack and the tests start it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from localcloud.processes import LOOPBACK, Child, free_ports, start, wait_until_port

ACCOUNT = "devstoreaccount1"
# Public and the same everywhere: the emulator's documented account key.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_DURABLE = Path(__file__).with_name("durable.cjs")
_SCRIPT = Path(__file__).parent.parent / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


class AzuriteNotInstalled(RuntimeError):
    """Node or the npm packages are missing."""


@dataclass(frozen=True)
class AzuritePorts:
    """The loopback ports of the three services."""

    blob: int
    queue: int
    table: int

    @classmethod
    def free(cls) -> "AzuritePorts":
        """Return three ports nobody listens on."""
        return cls(*free_ports(3))


@dataclass(frozen=True)
class Azurite:
    """A running emulator."""

    child: Child
    ports: AzuritePorts

    @property
    def connection_string(self) -> str:
        """What storage clients and the Functions setting `AzureWebJobsStorage` take."""
        return connection_string(self.ports)

    def stop(self) -> None:
        """Stop it; what it holds in memory is written first."""
        self.child.stop()


def connection_string(ports: AzuritePorts) -> str:
    """Return the connection string of an emulator on `ports`."""
    services = {"Blob": ports.blob, "Queue": ports.queue, "Table": ports.table}
    endpoints = "".join(f"{name}Endpoint=http://{LOOPBACK}:{port}/{ACCOUNT};" for name, port in services.items())
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};{endpoints}"


def start_azurite(home: Path, ports: AzuritePorts | None = None, *, durable: bool = False) -> Azurite:
    """Start the emulator on its state in `home` and return once all three services accept connections.

    `durable` makes it keep every write it has answered, even when it is killed; each write takes longer.
    Raises: AzuriteNotInstalled; ChildFailed when it does not come up.
    """
    node = shutil.which("node")
    if node is None:
        raise AzuriteNotInstalled("node is not on PATH")
    if not _SCRIPT.exists():
        raise AzuriteNotInstalled("azurite is not installed: run `npm ci` in the project's folder")
    ports = ports or AzuritePorts.free()
    home.mkdir(parents=True, exist_ok=True)
    preload = ["--require", str(_DURABLE)] if durable else []
    child = start("azurite", [node, *preload, str(_SCRIPT), *_options(home, ports)], log=home / "azurite.log")
    for port in (ports.blob, ports.queue, ports.table):
        wait_until_port(child, port)
    return Azurite(child, ports)


def _options(home: Path, ports: AzuritePorts) -> list[str]:
    return [
        "--silent",
        "--disableTelemetry",
        "--skipApiVersionCheck",  # the SDKs speak newer versions of the API than the emulator knows
        *("--blobPort", str(ports.blob), "--queuePort", str(ports.queue), "--tablePort", str(ports.table)),
        *("--location", str(home)),
    ]
