"""Recordings, transcripts and histories: rows of a relationship, their texts encrypted before they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.crypto.envelope import associated_data
from shared.crypto.keyring import Keyrings
from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.domain.names import DIRECTORY, RECORDS, WORDS_BLOBS
from shared.domain.note import Note, SessionType
from shared.domain.records import Record, Recording, StoredHistory, StoredTranscript, pointer_id
from shared.domain.session import Session, StoredChunk
from shared.domain.times import iso
from shared.domain.transcript import Transcript, render_text
from shared.ports import BlobStore, Change, Clock, Create, Item, ItemStore, Patch, Replace, Step
from shared.services.numbers import Numbers

BATCH = 100
"""Cosmos DB's limit of operations in one transactional batch."""


class Records:
    """The records container and the directory that leads from a wire id to a row."""

    def __init__(
        self, *, items: ItemStore, blobs: BlobStore, keyrings: Keyrings, numbers: Numbers, clock: Clock
    ) -> None:
        self._items = items
        self._blobs = blobs
        self._keyrings = keyrings
        self._numbers = numbers
        self._clock = clock

    # ---- recordings --------------------------------------------------------------------------------------------

    async def add_recording(self, session: Session, chunk: StoredChunk) -> None:
        """The row of a chunk; adding it again changes nothing."""
        row = Recording(
            id=_recording_key(session, chunk),
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
        await self._point_at(row)
        try:
            await self._items.create(RECORDS, row.therapist_client_id, row.model_dump(mode="json"))
        except AlreadyExists:
            return  # an earlier try got this far

    async def mark_processed(self, session: Session, chunks: Sequence[StoredChunk]) -> None:
        """Say on each chunk's row that the session's transcript stands."""
        for start in range(0, len(chunks), BATCH):
            part = chunks[start : start + BATCH]
            changes = [Change("set", "/is_processed", True), Change("set", "/updated", iso(self._clock.now()))]
            steps = [Patch(_recording_key(session, chunk), changes) for chunk in part]
            try:
                await self._items.batch(RECORDS, session.therapist_clientid, steps)
            except NotFound:
                # A crash between ledger and row, healed by nobody's retry.
                for chunk in part:
                    await self.add_recording(session, chunk)
                await self._items.batch(RECORDS, session.therapist_clientid, steps)

    # ---- transcripts -------------------------------------------------------------------------------------------

    async def transcript(self, session: Session) -> StoredTranscript | None:
        """The session's newest transcript, encrypted."""
        item = await self._items.read(RECORDS, session.therapist_clientid, _key("transcript", session))
        return None if item is None else StoredTranscript.model_validate(item.body)

    async def words(self, stored: StoredTranscript) -> Transcript:
        """The transcript with segments and words, decrypted. Raises: NotFound, DecryptionFailed."""
        sealed = await self._blobs.read(WORDS_BLOBS, stored.words_blob)
        opened = await self._keyrings.open_bytes(stored.therapist_client_id, sealed, aad=_aad(stored, "words"))
        return Transcript.model_validate_json(opened)

    async def text(self, stored: StoredTranscript) -> str:
        """The transcript as people read it, decrypted; edits included. Raises: DecryptionFailed."""
        opened = await self._keyrings.open(
            stored.therapist_client_id, stored.transcript, aad=_aad(stored, "transcript")
        )
        return opened.decode()

    async def keep_words(self, stored: StoredTranscript, transcript: Transcript) -> None:
        """Encrypt segments and words and store them beside the audio, in place of what was there."""
        keyring = await self._keyrings.of(stored.therapist_client_id)
        sealed = keyring.seal_bytes(transcript.model_dump_json().encode(), aad=_aad(stored, "words"))
        name, kind = stored.words_blob, "application/octet-stream"
        await self._blobs.put(WORDS_BLOBS, name, sealed, content_type=kind, metadata={})

    async def save_transcript(self, session: Session, manifest: str, transcript: Transcript) -> StoredTranscript:
        """Encrypt and store; an older transcript of the session stays as a version. Safe to repeat.

        Gives the transcript that stands then: another worker's, if it came first or is of a newer manifest.
        """
        while True:
            old = await self._items.read(RECORDS, session.therapist_clientid, _key("transcript", session))
            if old is not None and _as_new(old, manifest, session.sealed_chunks):
                return StoredTranscript.model_validate(old.body)
            try:
                return await self._write_transcript(session, manifest, transcript, old)
            except (AlreadyExists, PreconditionFailed):
                continue  # somebody else wrote in between: look again

    async def _write_transcript(
        self, session: Session, manifest: str, transcript: Transcript, old: Item | None
    ) -> StoredTranscript:
        number = old.body["number"] if old else await self._numbers.take("transcripts")
        keyring = await self._keyrings.of(session.therapist_clientid)
        words_blob = f"{session.session_id}/{manifest}.bin"
        row = StoredTranscript(
            **self._common(session, "transcript", number, old),
            manifest=manifest,
            chunks=session.sealed_chunks,
            transcript=keyring.seal(render_text(transcript), aad=associated_data("transcripts", number, "transcript")),
            transcript_summary=keyring.seal("", aad=associated_data("transcripts", number, "transcript_summary")),
            words_blob=words_blob,
        )
        await self.keep_words(row, transcript)
        await self._point_at(row)
        await self._items.batch(RECORDS, row.therapist_client_id, _replacing(row, old))
        return row

    # ---- histories ---------------------------------------------------------------------------------------------

    async def history(self, session: Session, session_type: SessionType | None = None) -> StoredHistory | None:
        """The newest history in a format, the session's own if none is said; encrypted."""
        key = _history_key(session, session_type or session.session_type)
        item = await self._items.read(RECORDS, session.therapist_clientid, key)
        return None if item is None else StoredHistory.model_validate(item.body)

    async def histories(self, session: Session) -> list[StoredHistory]:
        """Every note that was written for the session in whatever format, older versions too, oldest first."""
        found: list[StoredHistory] = []
        for kind in (StoredHistory.KIND, version_of(StoredHistory.KIND)):
            continuation = None
            while True:
                page = await self._items.query(
                    RECORDS,
                    session.therapist_clientid,
                    equal={"kind": kind, "session_id": session.session_id, "deleted": False},
                    continuation=continuation,
                )
                found += [StoredHistory.model_validate(item.body) for item in page.items]
                continuation = page.continuation
                if continuation is None:
                    break
        return sorted(found, key=lambda row: (row.updated, row.version))

    async def note(self, stored: StoredHistory) -> Note:
        """The structured note with its evidence, decrypted. Raises: DecryptionFailed."""
        aad = associated_data("histories", stored.number, "note")
        return Note.model_validate_json(await self._keyrings.open(stored.therapist_client_id, stored.note, aad=aad))

    async def save_note(
        self, session: Session, stored: StoredTranscript, note: Note, text: str, edition: int = 0
    ) -> StoredHistory | None:
        """Store history and the transcript's summary in one batch; an older note stays as a version. Safe to repeat.

        A note in another format than the session's own is a history beside it and no summary of the transcript.
        None when the session has a newer transcript by now, or none any more: the note belongs to nothing.
        """
        key = _history_key(session, note.session_type)
        while True:
            old = await self._items.read(RECORDS, stored.therapist_client_id, key)
            same = old is not None and old.body["manifest"] == stored.manifest
            if old is not None and same and old.body.get("edition", 0) >= edition:
                return StoredHistory.model_validate(old.body)
            current = await self._items.read(RECORDS, stored.therapist_client_id, stored.id)
            if current is None or current.body["manifest"] != stored.manifest:
                return None
            try:
                return await self._write_history(session, stored, note, text, edition, old, current.etag)
            except (AlreadyExists, PreconditionFailed):
                continue  # somebody else wrote in between: look again

    async def _write_history(
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
            **self._common(session, "history", number, old),
            manifest=stored.manifest,
            session_type=note.session_type,
            edition=edition,
            transcript_summary=keyring.seal(text, aad=associated_data("histories", number, "transcript_summary")),
            note=keyring.seal(note.model_dump_json(), aad=associated_data("histories", number, "note")),
        )
        row = row.model_copy(update={"id": _history_key(session, note.session_type)})
        summary = [Change("set", "/updated", row.updated)]
        if note.session_type is session.session_type:
            sealed = keyring.seal(text, aad=_aad(stored, "transcript_summary"))
            summary.append(Change("set", "/transcript_summary", sealed))
        await self._point_at(row)
        steps = [*_replacing(row, old), Patch(stored.id, summary, etag)]
        await self._items.batch(RECORDS, row.therapist_client_id, steps)
        return row

    # ---- shared ------------------------------------------------------------------------------------------------

    def _common(self, session: Session, kind: str, number: int, old: Item | None) -> dict[str, Any]:
        now = iso(self._clock.now())
        return {
            "id": _key(kind, session),
            "therapist_client_id": session.therapist_clientid,
            "number": number,
            "session_id": session.session_id,
            "therapist_userid": session.therapist_userid,
            "client_userid": session.client_userid,
            "therapist_session_id": session.therapist_session_id,
            "partner": session.partner,
            "created": old.body["created"] if old else now,
            "updated": now,
            "date": iso(session.created),
            "version": old.body["version"] + 1 if old else 1,
        }

    async def _point_at(self, row: Record) -> None:
        """Lead from the wire id to the row. A pointer to a row that never came leads nowhere, which is a 404."""
        body = {
            "id": pointer_id(row.kind, row.number),
            "kind": "pointer",
            "partition": row.therapist_client_id,
            "item": row.id,
        }
        await self._items.upsert(DIRECTORY, str(body["id"]), body)


def _as_new(old: Item, manifest: str, chunks: int) -> bool:
    """Whether a row was made from this manifest or from one that holds more."""
    return bool(old.body["manifest"] == manifest or old.body.get("chunks", 0) > chunks)


def _replacing(row: Record, old: Item | None) -> list[Step]:
    """Steps that put a row in place of its older version and keep that under a name of its own."""
    body = row.model_dump(mode="json")
    if old is None:
        return [Create(body)]
    kept = {key: value for key, value in old.body.items() if not key.startswith("_")}
    kept |= {"id": f"{row.id}:v{old.body['version']}", "kind": version_of(row.kind)}
    return [Create(kept), Replace(body, etag=old.etag)]


def version_of(kind: str) -> str:
    """The kind of rows that a newer one has replaced."""
    return f"{kind}_version"


def _history_key(session: Session, session_type: SessionType) -> str:
    own = _key("history", session)
    return own if session_type is session.session_type else f"{own}:{session_type}"


def _key(kind: str, session: Session) -> str:
    return f"{kind}:{session.session_id}"


def _recording_key(session: Session, chunk: StoredChunk) -> str:
    return f"recording:{session.session_id}:{chunk.chunk_id}"


def _aad(stored: StoredTranscript, field: str) -> str:
    return associated_data("transcripts", stored.number, field)
