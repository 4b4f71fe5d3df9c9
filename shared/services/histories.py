"""Histories: the notes of a session, one row for each format, encrypted before they are stored."""

from __future__ import annotations

from shared.crypto.keyring import Keyrings
from shared.domain.errors import AlreadyExists, PreconditionFailed
from shared.domain.names import RECORDS
from shared.domain.note import Note, SessionType
from shared.domain.records import StoredHistory, StoredTranscript
from shared.domain.session import Session
from shared.ports import Change, Clock, Item, ItemStore, Patch, all_items
from shared.services.numbers import Numbers
from shared.services.record_rows import aad_of, fields_of, point_at, replacing, row_id, version_of


class Histories:
    """A session has one for each format; what one replaces stays as a version."""

    def __init__(self, *, items: ItemStore, keyrings: Keyrings, numbers: Numbers, clock: Clock) -> None:
        self._items = items
        self._keyrings = keyrings
        self._numbers = numbers
        self._clock = clock

    async def of(self, session: Session, session_type: SessionType | None = None) -> StoredHistory | None:
        """The newest history in a format, the session's own if none is said; encrypted."""
        key = _row_id(session, session_type or session.session_type)
        item = await self._items.read(RECORDS, session.therapist_clientid, key)
        return None if item is None else StoredHistory.model_validate(item.body)

    async def all_of(self, session: Session) -> list[StoredHistory]:
        """Every note that was written for the session in whatever format, older versions too, oldest first."""
        found: list[StoredHistory] = []
        for kind in (StoredHistory.KIND, version_of(StoredHistory.KIND)):
            equal = {"kind": kind, "session_id": session.session_id, "deleted": False}
            rows = all_items(self._items, RECORDS, session.therapist_clientid, equal=equal)
            found += [StoredHistory.model_validate(row.body) async for row in rows]
        return sorted(found, key=lambda row: (row.updated, row.version))

    async def note(self, stored: StoredHistory) -> Note:
        """The structured note with its evidence, decrypted. Raises: DecryptionFailed."""
        aad = aad_of(StoredHistory, stored.number, "note")
        return Note.model_validate_json(await self._keyrings.open(stored.therapist_client_id, stored.note, aad=aad))

    async def save(
        self, session: Session, stored: StoredTranscript, note: Note, text: str, edition: int = 0
    ) -> StoredHistory | None:
        """Store history and the transcript's summary in one batch; an older note stays as a version. Safe to repeat.

        A note in another format than the session's own is a history beside it and no summary of the transcript.
        None when the session has a newer transcript by now, or none any more: the note belongs to nothing.
        """
        key = _row_id(session, note.session_type)
        while True:
            old = await self._items.read(RECORDS, stored.therapist_client_id, key)
            same = old is not None and old.body["manifest"] == stored.manifest
            if old is not None and same and old.body.get("edition", 0) >= edition:
                return StoredHistory.model_validate(old.body)
            current = await self._items.read(RECORDS, stored.therapist_client_id, stored.id)
            if current is None or current.body["manifest"] != stored.manifest:
                return None
            try:
                return await self._write(session, stored, note, text, edition, old, current.etag)
            except (AlreadyExists, PreconditionFailed):
                continue  # somebody else wrote in between: look again

    async def _write(
        self,
        session: Session,
        stored: StoredTranscript,
        note: Note,
        text: str,
        edition: int,
        old: Item | None,
        etag: str,
    ) -> StoredHistory:
        """`etag` is that of the transcript, whose summary must not become another transcript's."""
        number = old.body["number"] if old else await self._numbers.take("histories")
        keyring = await self._keyrings.of(session.therapist_clientid)
        row = StoredHistory(
            **fields_of(session, StoredHistory.KIND, number, old, self._clock.now()),
            manifest=stored.manifest,
            session_type=note.session_type,
            edition=edition,
            transcript_summary=keyring.seal(text, aad=aad_of(StoredHistory, number, "transcript_summary")),
            note=keyring.seal(note.model_dump_json(), aad=aad_of(StoredHistory, number, "note")),
        )
        row = row.model_copy(update={"id": _row_id(session, note.session_type)})
        summary = [Change("set", "/updated", row.updated)]
        if note.session_type is session.session_type:
            sealed = keyring.seal(text, aad=aad_of(StoredTranscript, stored.number, "transcript_summary"))
            summary.append(Change("set", "/transcript_summary", sealed))
        await point_at(row, self._items)
        steps = [*replacing(row, old), Patch(stored.id, summary, etag)]
        await self._items.batch(RECORDS, row.therapist_client_id, steps)
        return row


def _row_id(session: Session, session_type: SessionType) -> str:
    own = row_id(StoredHistory.KIND, session)
    return own if session_type is session.session_type else f"{own}:{session_type}"
