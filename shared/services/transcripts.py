"""Transcripts: the text in a row, segments and words in a blob beside the audio, both encrypted before they leave."""

from __future__ import annotations

from shared.crypto.keyring import Keyrings
from shared.domain.errors import AlreadyExists, PreconditionFailed
from shared.domain.names import RECORDS, WORDS_BLOBS
from shared.domain.records import StoredTranscript
from shared.domain.session import Session
from shared.domain.transcript import Transcript, render_text
from shared.ports import BlobStore, Clock, Item, ItemStore
from shared.services.numbers import Numbers
from shared.services.record_rows import aad_of, fields_of, point_at, replacing, row_id


class Transcripts:
    """A session has one; what it replaces stays as a version."""

    def __init__(
        self, *, items: ItemStore, blobs: BlobStore, keyrings: Keyrings, numbers: Numbers, clock: Clock
    ) -> None:
        self._items = items
        self._blobs = blobs
        self._keyrings = keyrings
        self._numbers = numbers
        self._clock = clock

    async def of(self, session: Session) -> StoredTranscript | None:
        """The session's newest transcript, encrypted."""
        item = await self._items.read(RECORDS, session.therapist_clientid, row_id(StoredTranscript.KIND, session))
        return None if item is None else StoredTranscript.model_validate(item.body)

    async def words(self, stored: StoredTranscript) -> Transcript:
        """The transcript with segments and words, decrypted. Raises: NotFound, DecryptionFailed."""
        sealed = await self._blobs.read(WORDS_BLOBS, stored.words_blob)
        aad = aad_of(StoredTranscript, stored.number, "words")
        opened = await self._keyrings.open_bytes(stored.therapist_client_id, sealed, aad=aad)
        return Transcript.model_validate_json(opened)

    async def text(self, stored: StoredTranscript) -> str:
        """The transcript as people read it, decrypted; edits included. Raises: DecryptionFailed."""
        aad = aad_of(StoredTranscript, stored.number, "transcript")
        return (await self._keyrings.open(stored.therapist_client_id, stored.transcript, aad=aad)).decode()

    async def keep_words(self, stored: StoredTranscript, transcript: Transcript) -> None:
        """Encrypt segments and words and store them beside the audio, in place of what was there."""
        keyring = await self._keyrings.of(stored.therapist_client_id)
        aad = aad_of(StoredTranscript, stored.number, "words")
        sealed = keyring.seal_bytes(transcript.model_dump_json().encode(), aad=aad)
        name, kind = stored.words_blob, "application/octet-stream"
        await self._blobs.put(WORDS_BLOBS, name, sealed, content_type=kind, metadata={})

    async def save(self, session: Session, manifest: str, transcript: Transcript) -> StoredTranscript:
        """Encrypt and store; an older transcript of the session stays as a version. Safe to repeat.

        Gives the transcript that stands then: another worker's, if it came first or is of a newer manifest.
        """
        key = row_id(StoredTranscript.KIND, session)
        while True:
            old = await self._items.read(RECORDS, session.therapist_clientid, key)
            if old is not None and _as_new(old, manifest, session.sealed_chunks):
                return StoredTranscript.model_validate(old.body)
            try:
                return await self._write(session, manifest, transcript, old)
            except (AlreadyExists, PreconditionFailed):
                continue  # somebody else wrote in between: look again

    async def _write(
        self, session: Session, manifest: str, transcript: Transcript, old: Item | None
    ) -> StoredTranscript:
        number = old.body["number"] if old else await self._numbers.take("transcripts")
        keyring = await self._keyrings.of(session.therapist_clientid)
        text, summary = (aad_of(StoredTranscript, number, field) for field in ("transcript", "transcript_summary"))
        row = StoredTranscript(
            **fields_of(session, StoredTranscript.KIND, number, old, self._clock.now()),
            manifest=manifest,
            chunks=session.sealed_chunks,
            transcript=keyring.seal(render_text(transcript), aad=text),
            transcript_summary=keyring.seal("", aad=summary),
            words_blob=f"{session.session_id}/{manifest}.bin",
        )
        await self.keep_words(row, transcript)
        await point_at(row, self._items)
        await self._items.batch(RECORDS, row.therapist_client_id, replacing(row, old))
        return row


def _as_new(old: Item, manifest: str, chunks: int) -> bool:
    """Whether a row was made from this manifest or from one that holds more."""
    return bool(old.body["manifest"] == manifest or old.body.get("chunks", 0) > chunks)
