"""What a client reads in the end: transcripts and notes, decrypted."""

from __future__ import annotations

from shared.crypto.envelope import associated_data
from shared.domain.records import StoredHistory, StoredTranscript
from tests.unit.services.world import PAIR, THERAPIST, Process, Stores


async def transcript_of(stores: Stores) -> list[str]:
    """The sentences of the one transcript there is, in order, without their speakers."""
    process = Process(stores)
    (row,) = await process.reader.of_client(THERAPIST, StoredTranscript, PAIR, "client2")
    text = await opened(process, row.transcript, "transcripts", row.number, "transcript")
    return [line.split(": ", 1)[-1] for line in text.splitlines()]


async def summary_of(stores: Stores) -> str:
    """The summary of the one transcript there is."""
    process = Process(stores)
    (row,) = await process.reader.of_client(THERAPIST, StoredTranscript, PAIR, "client2")
    return await opened(process, row.transcript_summary, "transcripts", row.number, "transcript_summary")


async def history_of(stores: Stores) -> str:
    """The note in the one history there is."""
    process = Process(stores)
    (row,) = await process.reader.of_client(THERAPIST, StoredHistory, PAIR, "client2")
    return await opened(process, row.transcript_summary, "histories", row.number, "transcript_summary")


async def opened(process: Process, envelope: str, resource: str, number: int, field: str) -> str:
    aad = associated_data(resource, number, field)
    return (await process.keyrings.open(PAIR, envelope, aad=aad)).decode()
