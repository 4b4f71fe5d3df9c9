"""The ordered list of a session's chunks, fixed at the seal. Its digest names all work done from it."""

from __future__ import annotations

import hashlib
from datetime import datetime

from shared.domain.model import Model


class ManifestChunk(Model):
    """One position. `blob` is None where the chunk never arrived."""

    position: int
    blob: str | None = None
    sha256: str | None = None
    size: int = 0


class Manifest(Model):
    """What a session's audio is made of. The content alone decides `digest`, never the time of sealing."""

    version: int = 1
    session_id: str
    therapist_userid: str
    therapist_clientid: str
    date: str
    chunks: tuple[ManifestChunk, ...]
    sealed_at: datetime

    @property
    def digest(self) -> str:
        """32 hex digits over the order, places and content of the chunks."""
        lines = [f"{self.version} {self.session_id}"]
        lines += [f"{chunk.position} {chunk.sha256 or 'missing'} {chunk.blob or ''}" for chunk in self.chunks]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]

    @property
    def missing(self) -> tuple[int, ...]:
        """Positions of chunks that never arrived."""
        return tuple(chunk.position for chunk in self.chunks if chunk.blob is None)


def manifest_path(session_id: str, digest: str) -> str:
    """Blob name in the `sealed` container."""
    return f"{session_id}/{digest}.json"
