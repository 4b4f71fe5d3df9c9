"""A sealed session, tried once and looked at."""

from __future__ import annotations

from shared.domain.manifest import Manifest
from shared.domain.names import SEALED_BLOBS
from shared.domain.session import Session, State
from shared.ports import SpeechEngine
from tests.unit.services.reading import transcript_of
from tests.unit.services.world import SCRIPT, SESSION, Process, Stores


async def session_of(stores: Stores) -> Session:
    return await Process(stores).ledger.get(SESSION)


async def try_once(stores: Stores, speech: SpeechEngine) -> None:
    digest = (await session_of(stores)).manifest
    body = await stores.blobs.read(SEALED_BLOBS, f"{SESSION}/{digest}.json")
    await Process(stores, speech=speech).transcribe(Manifest.model_validate_json(body))


async def assert_whole(stores: Stores) -> None:
    """The session is done, with everything that was said, once, and the two voices told apart."""
    assert (await session_of(stores)).state is State.DONE
    assert await transcript_of(stores) == list(SCRIPT)
    session = await session_of(stores)
    stored = await Process(stores).transcripts.of(session)
    assert stored is not None
    lines = (await Process(stores).transcripts.text(stored)).splitlines()
    assert [line.split(":")[0] for line in lines] == ["Speaker 1", "Speaker 2"] * 3
