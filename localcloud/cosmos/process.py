"""The emulator as a child process: how the local stack and the tests start it."""

import sys
from dataclasses import dataclass
from pathlib import Path

from localcloud.cosmos.auth import EMULATOR_KEY
from localcloud.processes import LOOPBACK, Child, free_port, start, wait_until_url

_PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cosmos:
    """A running emulator: what clients need, and its process."""

    endpoint: str
    key: str
    child: Child

    def stop(self) -> None:
        """Stop it; everything acknowledged is on disk already."""
        self.child.stop()


def start_cosmos(home: Path, port: int | None = None) -> Cosmos:
    """Start the emulator on its state in `home`, on a free port unless told, and return once it answers.

    Raises: ChildFailed when it does not come up.
    """
    home, port = home.resolve(), port or free_port()
    endpoint = f"http://{LOOPBACK}:{port}/"
    command = [sys.executable, "-m", "localcloud.cosmos", "--port", str(port), "--data", str(home)]
    child = start("cosmos", command, log=home / "cosmos.log", cwd=_PROJECT)
    wait_until_url(child, f"{endpoint}_emulator/stats")
    return Cosmos(endpoint, EMULATOR_KEY, child)
