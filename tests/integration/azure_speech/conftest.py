"""A speech resource, and a session for it to hear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.audio.sources import ChunkSource
from shared.audio.stitch import stitch
from tests.engines import ToneSpeech, say
from tests.servers.speech import SpeechServer
from tests.unit.services.world import SCRIPT, Host, Stores, uploads


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with SpeechServer(ToneSpeech(SCRIPT)) as running:
        yield running


@pytest.fixture
async def stores(tmp_path: Path) -> Stores:
    """A session of six chunks, therapist and client in turns, sealed and not yet heard."""
    stores = Stores(tmp_path)
    await Host(stores).send_all(uploads(len(SCRIPT)))
    return stores


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """The same session, stitched."""
    path = tmp_path / "session.flac"
    chunks = []
    for n in range(len(SCRIPT)):
        chunk = tmp_path / str(n)
        size = chunk.write_bytes(say(n, voice=n % 2))
        chunks.append(ChunkSource(str(n), chunk, size))
    stitch(chunks, path)
    return path
