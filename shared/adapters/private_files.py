"""Files that hold secrets: readable by their owner only, from the first byte on."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def create_private_file(path: Path, content: bytes) -> bool:
    """Write a file with mode 0600 that must not exist yet; False when it did, which is then left as it is.

    Two processes may try at once: one wins, and nobody ever reads half a file.
    """
    draft = _draft(path, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def replace_private_file(path: Path, content: bytes) -> None:
    """Write a file with mode 0600 in place of what was there, whole or not at all."""
    _draft(path, content).replace(path)


def _draft(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft
