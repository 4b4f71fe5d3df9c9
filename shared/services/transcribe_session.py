"""From the manifest of a sealed session to its encrypted transcript, and on to the note."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from shared.domain.manifest import Manifest
from shared.domain.names import NOTES_QUEUE
from shared.domain.session import Session, SessionGap, State
from shared.ports import BlobStore, Clock, Queues, SpeechEngine
from shared.services.claims import Claims
from shared.services.end_processing import Endings
from shared.services.failures import recording_failures
from shared.services.ledger import Ledger
from shared.services.recordings import Recordings
from shared.services.session_audio import SessionAudio, session_audio
from shared.services.stages import Stage, transcribing
from shared.services.transcripts import Transcripts

log = logging.getLogger(__name__)


async def transcribe_session(
    manifest: Manifest,
    *,
    ledger: Ledger,
    claims: Claims,
    recordings: Recordings,
    transcripts: Transcripts,
    blobs: BlobStore,
    queues: Queues,
    speech: SpeechEngine,
    locale: str,
    endings: Endings,
    clock: Clock,
) -> None:
    """Stitch, transcribe and store; then ask for the note.

    May be called any number of times, also at once: the claim lets one worker through, and each result is stored
    under a name made from the manifest, so a run that died half-way is taken up where it left off. A manifest
    that a later one has replaced is left alone.
    Raises: Transient errors, after which the call is to be repeated.
    """
    session_id, digest = manifest.session_id, manifest.digest
    if await ledger.find(session_id) is None:
        log.info("session %s: erased, so there is nothing to transcribe", session_id)
        return
    claim = await claims.take(session_id, transcribing(digest))
    if claim is None:
        log.info("session %s: transcription of %s is done or under way", session_id, digest)
        return
    async with (
        recording_failures(session_id, digest, Stage.TRANSCRIBE, ledger=ledger, endings=endings, clock=clock),
        claims.working(claim),
    ):
        attempts = (await ledger.get(session_id)).attempts + 1
        session = await ledger.advance(session_id, digest, State.TRANSCRIBING, attempts=attempts)
        if session is not None:
            work = _Transcription(manifest, ledger, recordings, transcripts, blobs, queues, speech, locale, endings)
            await work.run(session)
        await claim.complete()


@dataclass(frozen=True)
class _Transcription:
    """The work itself, once it is claimed."""

    manifest: Manifest
    ledger: Ledger
    recordings: Recordings
    transcripts: Transcripts
    blobs: BlobStore
    queues: Queues
    speech: SpeechEngine
    locale: str
    endings: Endings

    async def run(self, session: Session) -> None:
        """From wherever an earlier run has left off."""
        stored = await self.transcripts.of(session)
        if stored is None or stored.manifest != self.manifest.digest:
            transcribed = await self._transcribe(session)
            if transcribed is None:
                return
            session = transcribed
        await self._pass_on(session)

    async def _transcribe(self, session: Session) -> Session | None:
        """Store the transcript and say so; None when there is nothing to write a note from."""
        digest, began = self.manifest.digest, time.monotonic()
        async with session_audio(self.manifest, blobs=self.blobs) as (path, audio):
            stitched = time.monotonic()
            facts = {"duration_ms": audio.duration_ms, "gaps": _gaps(audio)}
            advanced = await self.ledger.advance(session.session_id, digest, State.TRANSCRIBING, **facts)
            if advanced is None:
                return None
            heard = await self.speech.transcribe(path, locale=self.locale)
            transcript = heard.model_copy(update={"gaps": audio.gaps, "duration_ms": audio.duration_ms})
        timings = {"stitch_ms": _ms(began, stitched), "transcribe_ms": _ms(stitched, time.monotonic())}
        if not transcript.has_speech:
            log.info("session %s: no speech, so no transcript and no note", session.session_id)
            skipped = await self.ledger.advance(session.session_id, digest, State.SKIPPED, timings=timings)
            if skipped is not None:
                await self.endings.settle(skipped)
            return None
        stored = await self.transcripts.save(session, digest, transcript)
        log.info("session %s: transcript %d stored", session.session_id, stored.number)
        return await self.ledger.advance(session.session_id, digest, State.TRANSCRIBING, timings=timings)

    async def _pass_on(self, session: Session) -> None:
        """The transcript stands: say so everywhere, and ask for the note."""
        stored = await self.transcripts.of(session)
        assert stored is not None
        heard = {chunk.blob for chunk in self.manifest.chunks}
        chunks = (await self.ledger.chunks(session.session_id)).values()
        await self.recordings.mark_processed(session, [chunk for chunk in chunks if chunk.blob in heard])
        advanced = await self.ledger.advance(
            session.session_id, self.manifest.digest, State.TRANSCRIBED, attempts=0, transcript_id=stored.number
        )
        if advanced is not None:
            await ask_for_note(session.session_id, self.manifest.digest, self.queues)


async def ask_for_note(session_id: str, digest: str, queues: Queues) -> None:
    """Start the note stage for the transcript made from this manifest."""
    await queues.send(NOTES_QUEUE, {"session_id": session_id, "manifest": digest})


def _gaps(audio: SessionAudio) -> list[dict[str, object]]:
    gaps = [
        SessionGap(chunk=gap.chunk, reason=gap.reason, start_ms=gap.start_ms, end_ms=gap.end_ms) for gap in audio.gaps
    ]
    return [gap.model_dump(mode="json") for gap in gaps]


def _ms(start: float, end: float) -> int:
    return round((end - start) * 1000)
