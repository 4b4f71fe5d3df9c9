"""What wraps data keys."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel


class KekEngine(StrEnum):
    """What holds the key-encryption key."""

    LOCAL = "local"


class KeySettings(BaseModel):
    """The key-encryption key."""

    engine: KekEngine = KekEngine.LOCAL
    """`local`: a key file."""
    local_file: Path | None = None
    """Key file of the local engine."""
    local_create: bool = False
    """Make the key file when it is missing. Never where data already exists: what the old key wrapped is lost."""
