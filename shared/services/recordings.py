"""The rows of chunks."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.errors import AlreadyExists, NotFound
from shared.domain.names import RECORDS
from shared.domain.records import Recording
from shared.domain.session import Session, StoredChunk
from shared.domain.times import iso
from shared.ports import MAX_STEPS, Change, Clock, ItemStore, Patch
from shared.services.record_rows import point_at


class Recordings:
    """Writes them: one for each chunk, and on all of a session's that its transcript stands."""

    def __init__(self, items: ItemStore, clock: Clock) -> None:
        self._items = items
        self._clock = clock

    async def add(self, session: Session, chunk: StoredChunk) -> None:
        """The row of a chunk; adding it again changes nothing."""
        row = Recording(
            id=_row_id(session, chunk),
            therapist_client_id=session.therapist_clientid,
            number=chunk.recording_id,
            session_id=session.session_id,
            therapist_userid=session.therapist_userid,
            client_userid=session.client_userid,
            therapist_session_id=session.therapist_session_id,
            partner=session.partner,
            created=iso(chunk.received_at),
            updated=iso(chunk.received_at),
            chunk_id=chunk.chunk_id,
            filename=chunk.filename,
            blob=chunk.blob,
            is_last_blob=chunk.mark.last,
        )
        await point_at(row, self._items)
        try:
            await self._items.create(RECORDS, row.therapist_client_id, row.model_dump(mode="json"))
        except AlreadyExists:
            return  # an earlier try got this far

    async def mark_processed(self, session: Session, chunks: Sequence[StoredChunk]) -> None:
        """Say on each chunk's row that the session's transcript stands."""
        for start in range(0, len(chunks), MAX_STEPS):
            part = chunks[start : start + MAX_STEPS]
            changes = [Change("set", "/is_processed", True), Change("set", "/updated", iso(self._clock.now()))]
            steps = [Patch(_row_id(session, chunk), changes) for chunk in part]
            try:
                await self._items.batch(RECORDS, session.therapist_clientid, steps)
            except NotFound:
                # A crash between ledger and row, healed by nobody's retry.
                for chunk in part:
                    await self.add(session, chunk)
                await self._items.batch(RECORDS, session.therapist_clientid, steps)


def _row_id(session: Session, chunk: StoredChunk) -> str:
    return f"recording:{session.session_id}:{chunk.chunk_id}"
