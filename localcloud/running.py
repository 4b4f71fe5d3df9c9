"""What a running stack tells other commands on the same machine: where it is, in a file only its user can read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from shared.adapters.private_files import replace_private_file


class NothingRuns(RuntimeError):
    """No stack has left word in this home folder."""


@dataclass(frozen=True)
class Running:
    """A stack that is up. The database's key is that of its emulator."""

    url: str
    cosmos_endpoint: str
    cosmos_key: str

    def announce(self, home: Path) -> None:
        """Write it down for others."""
        replace_private_file(_file(home), json.dumps(asdict(self)).encode())


def running_in(home: Path) -> Running:
    """The stack that runs on this home. Raises: NothingRuns."""
    try:
        return Running(**json.loads(_file(home).read_bytes()))
    except FileNotFoundError:
        raise NothingRuns(f"no stack runs in {home}: start one (make run), or set SCRIBE_HOME") from None


def withdraw(home: Path) -> None:
    """Take the word back; there may be none."""
    _file(home).unlink(missing_ok=True)


def _file(home: Path) -> Path:
    return home / "stack.json"
