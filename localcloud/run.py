"""`make run`: the local stack, until SIGINT or SIGTERM.

python -m localcloud.run          `SCRIBE_PORT`, `SCRIBE_HOME`, `HOST=func`
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from localcloud.stack import Stack, StackFailed, say

WATCH_SECONDS = 0.5


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the home folder. Raises: StackFailed when another stack runs on it."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "stack.lock").open("w") as lock:
        _lock(lock, home)
        yield


def _lock(lock: IO[str], home: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StackFailed(f"another stack runs on {home}: stop it, or set SCRIBE_HOME") from None


def run(stack: Stack, told: threading.Event) -> None:
    """Run the stack until `told`. Raises: StackFailed, also when one of its processes ends by itself."""
    say(f"starting in {stack.home} …")
    stack.start()
    try:
        say(f"ready {stack.url}")
        while not told.wait(WATCH_SECONDS):
            if fallen := stack.fallen:
                raise StackFailed(f"{fallen.name} ended by itself\n{fallen.tail()}")
    finally:
        say("stopping …")
        stack.stop()


def main() -> int:
    """Run the stack until SIGINT or SIGTERM: 0; 1 when something failed."""
    home = Path(os.environ.get("SCRIBE_HOME", ".local"))
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    try:
        with only_one(home):
            run(Stack(home, int(os.environ.get("SCRIBE_PORT", "7071")), os.environ.get("HOST", "local")), told)
    except StackFailed as failure:
        say(f"error: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
