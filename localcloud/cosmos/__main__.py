"""`python -m localcloud.cosmos --port N --data DIR`: the emulator as a process of its own."""

import argparse
import asyncio
import contextlib
import ipaddress
import signal
import sys
from pathlib import Path

from aiohttp import web

from localcloud.cosmos.auth import EMULATOR_KEY, MasterKey
from localcloud.cosmos.catalogue import Catalogue
from localcloud.cosmos.clock import Clock
from localcloud.cosmos.database_file import FileInUse, open_file
from localcloud.cosmos.faults import Faults
from localcloud.cosmos.server import CosmosServer
from localcloud.cosmos.service import CosmosService
from localcloud.cosmos.store import ItemStore

_FILE = "cosmos.sqlite3"
_SWEEP_SECONDS = 60.0
_SHUTDOWN_SECONDS = 5.0


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    options = _options()
    options.data.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(_serve(options.address, options.port, options.data, options.key))
    except FileInUse as error:
        sys.exit(str(error))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localcloud.cosmos", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="TCP port to listen on")
    parser.add_argument("--data", type=Path, required=True, help="folder of the SQLite file, made if missing")
    parser.add_argument("--address", default="127.0.0.1", type=_loopback, help="loopback address to listen on")
    parser.add_argument("--key", default=EMULATOR_KEY, type=MasterKey, help="account key in Base64")
    return parser.parse_args()


def _loopback(text: str) -> str:
    if not ipaddress.ip_address(text).is_loopback:
        raise argparse.ArgumentTypeError("only loopback addresses: the default key is public")
    return text


async def _serve(address: str, port: int, data: Path, key: MasterKey) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    with contextlib.closing(open_file(data / _FILE)) as db:
        faults = Faults()
        clock = Clock()
        store = ItemStore(db, faults.committed, clock)
        server = CosmosServer(CosmosService(Catalogue(db), store), key, faults, clock)
        runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        await web.TCPSite(runner, address, port).start()
        sys.stdout.write(f"cosmos ready http://{address}:{port}/\n")
        sys.stdout.flush()
        await _sweep_until(stop, store)
        await runner.cleanup()


async def _sweep_until(stop: asyncio.Event, store: ItemStore) -> None:
    while not stop.is_set():
        store.sweep_expired()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _SWEEP_SECONDS)


if __name__ == "__main__":
    main()
