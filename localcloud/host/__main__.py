"""Start the host: `python -m localcloud.host --root DIR --port N`."""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from localcloud.host.functions import FunctionLoadError
from localcloud.host.host import run_host
from localcloud.host.keys import Keys
from localcloud.host.settings import SettingsError
from localcloud.host.worker import LibWorker, Worker


def main() -> None:
    """Run until told to stop; exit code 1 when the app or its settings cannot be loaded."""
    options = _arguments()
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("azure", "uvicorn", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    code = 0
    try:
        keys = Keys.load(options.enable_auth) if options.enable_auth else None
        asyncio.run(
            run_host(
                options.root,
                _worker(options.worker),
                address=options.address,
                port=options.port,
                only=options.functions,
                keys=keys,
            )
        )
    except (FunctionLoadError, SettingsError) as error:
        logging.getLogger("localcloud.host").error("%s", error)  # noqa: TRY400 - the message says it all
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a synchronous function past its time limit still holds a thread, which a plain exit waits for


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m localcloud.host", description="A local Azure Functions host.")
    parser.add_argument("--root", type=Path, default=Path(), help="the folder of host.json and function_app.py")
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--functions", nargs="+", metavar="NAME", help="run these functions only")
    parser.add_argument("--enable-auth", type=Path, metavar="KEYS", help="require access keys, from this JSON file")
    parser.add_argument("--worker", choices=("lib", "runtime"), default="lib", help="runtime: the real worker")
    parser.add_argument("--log-level", default="info")
    return parser.parse_args()


def _worker(name: str) -> Worker:
    if name == "lib":
        return LibWorker()
    from localcloud.host.runtime_worker import RuntimeWorker  # noqa: PLC0415 - there is none below Python 3.13

    return RuntimeWorker()


main()
