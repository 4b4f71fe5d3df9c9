"""A world to run the use cases in: stores that outlive processes, processes that die, a client and a host.

The client sends a chunk again until it is accepted. The host raises an event for each version of a manifest blob,
delivers events and messages more than once, tries what failed again, and rings the sweeper's bell.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from shared.adapters.embedded_notes import EmbeddedNoteEngine
from shared.adapters.local_kek import LocalKek
from shared.adapters.memory_blobs import MemoryBlobs
from shared.adapters.memory_items import MemoryItems
from shared.adapters.memory_queues import MemoryQueues
from shared.bootstrap.web import guarded_web
from shared.crypto.keyring import Keyrings
from shared.domain.caller import Caller, Role
from shared.domain.errors import Transient
from shared.domain.limits import Limits
from shared.domain.manifest import Manifest
from shared.domain.names import FETCH_QUEUE, NOTES_QUEUE, SEALED_BLOBS
from shared.domain.session import Session
from shared.ports import BlobStore, ItemStore, NoteEngine, Queues, SpeechEngine, Web
from shared.services import transcribe_session, write_note
from shared.services.accept_chunk import Accepted, Upload, accept_chunk
from shared.services.claims import Claims
from shared.services.client_documents import ClientDocuments
from shared.services.create_processing import ProcessingSessions
from shared.services.delivery_log import DeliveryLog
from shared.services.edit_record import RecordEditor
from shared.services.end_processing import Endings
from shared.services.fetch_recording import fetch_recording
from shared.services.give_up import give_up
from shared.services.histories import Histories
from shared.services.instructions import Instructions
from shared.services.ledger import Ledger
from shared.services.numbers import Numbers
from shared.services.partner_uploads import PartnerUploads
from shared.services.processing_requests import ProcessingRequests
from shared.services.read_processing import ProcessingReader
from shared.services.read_records import RecordReader
from shared.services.recordings import Recordings
from shared.services.relationships import Relationships
from shared.services.retry_session import retry_session
from shared.services.seal_session import finalize
from shared.services.stages import Stage
from shared.services.sweep import Sweeper
from shared.services.transcribe_day import Day, Pause, transcribe_day
from shared.services.transcripts import Transcripts
from shared.services.users import Users
from shared.services.webhooks import Webhooks
from shared.settings.web import WebSettings
from tests.engines import ToneSpeech, say
from tests.faults import Fault

T = TypeVar("T")

THERAPIST = Caller(id="therapist1", roles=frozenset({Role.THERAPIST}))
PAIR = "therapist1_client2"
SESSION = "session-1"

SCRIPT = (
    "How have you been sleeping since we last met?",
    "I have been sleeping badly since March and I feel exhausted.",
    "What goes through your mind when you lie awake?",
    "I worry about losing my job and about my daughter.",
    "Shall we practise the breathing exercise again this week?",
    "Yes, the breathing exercise helped me on Tuesday evening.",
)
"""One sentence a chunk, therapist and client in turns."""

MAX_RECORDING_BYTES = 10_000_000

MAX_DELIVERIES = 5
"""How often the host delivers what keeps failing before it gives up on it."""


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 2, 23, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Stores:
    """What outlives every process."""

    folder: Path
    items: MemoryItems = field(default_factory=MemoryItems)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    clock: SetClock = field(default_factory=SetClock)

    @property
    def kek(self) -> LocalKek:
        return LocalKek(self.folder / "kek.json", may_create=True)

    def partition(self, container: str, partition: str) -> Iterable[dict[str, Any]]:
        """Bodies of everything in a partition."""
        return [row.item.body for row in self.items._rows(container, partition).values()]

    @property
    def empty(self) -> bool:
        """Whether nobody has ever stored anything."""
        return not (any(self.items._partitions.values()) or self.blobs._blobs or any(self.queues._waiting.values()))

    def blob_names(self, container: str) -> list[str]:
        return sorted(name for inside, name in self.blobs._blobs if inside == container)

    def manifests(self) -> list[tuple[str, str]]:
        """Name and version of every manifest: what the host has events for."""
        return sorted(
            (name, info.etag) for (inside, name), (info, _) in self.blobs._blobs.items() if inside == SEALED_BLOBS
        )


class Process:
    """One process of the app over the stores, with a fault between it and them where one is given."""

    def __init__(
        self,
        stores: Stores,
        fault: Fault | None = None,
        *,
        items: ItemStore | None = None,
        blobs: BlobStore | None = None,
        speech: SpeechEngine | None = None,
        notes: NoteEngine | None = None,
        limits: Limits | None = None,
        provision_on_upload: bool = True,
    ) -> None:
        fault = fault or Fault()
        self.clock = stores.clock
        self.limits = limits or Limits()
        self.items: ItemStore = fault.over(items or stores.items)
        self.blobs: BlobStore = fault.over(blobs or stores.blobs)
        self.queues: Queues = fault.over(stores.queues)
        self.speech: SpeechEngine = speech or ToneSpeech(SCRIPT)
        self.notes: NoteEngine = notes or EmbeddedNoteEngine()
        self.numbers = Numbers(self.items)
        self.ledger = Ledger(self.items, self.clock)
        self.claims = Claims(self.items, self.clock, self.limits.claim_lease)
        self.keyrings = Keyrings(items=self.items, kek=stores.kek, clock=self.clock)
        self.recordings = Recordings(self.items, self.clock)
        self.transcripts = Transcripts(
            items=self.items, blobs=self.blobs, keyrings=self.keyrings, numbers=self.numbers, clock=self.clock
        )
        self.histories = Histories(items=self.items, keyrings=self.keyrings, numbers=self.numbers, clock=self.clock)
        self.relationships = Relationships(self.items, self.clock, provision_on_upload=provision_on_upload)
        self.client_documents = ClientDocuments(items=self.items, blobs=self.blobs, clock=self.clock)
        self.reader = RecordReader(items=self.items, relationships=self.relationships, ledger=self.ledger)
        self.editor = RecordEditor(
            items=self.items,
            reader=self.reader,
            relationships=self.relationships,
            keyrings=self.keyrings,
            clock=self.clock,
        )
        self.web: Web = fault.over(guarded_web(WebSettings(allow_loopback=True)))
        self.delivery_log = DeliveryLog(self.items)
        self.webhooks = Webhooks(
            items=self.items,
            log=self.delivery_log,
            keyrings=self.keyrings,
            web=self.web,
            queues=self.queues,
            clock=self.clock,
            limits=self.limits,
            http_on_loopback=True,
        )
        self.users = Users(self.items, self.clock)
        self.instructions = Instructions(self.items, self.clock)
        self.requests = ProcessingRequests(self.items, self.keyrings)
        self.endings = Endings(self.ledger, self.requests, self.webhooks)
        self.processing = ProcessingSessions(
            users=self.users,
            relationships=self.relationships,
            ledger=self.ledger,
            requests=self.requests,
            transcripts=self.transcripts,
            blobs=self.blobs,
            queues=self.queues,
            web=self.web,
            clock=self.clock,
        )
        self.processing_reader = ProcessingReader(self.ledger, self.transcripts, self.histories)
        self.uploads = PartnerUploads(self.blobs, self.clock, valid=timedelta(hours=1), kept=timedelta(days=1))
        self.sweeper = Sweeper(
            ledger=self.ledger,
            claims=self.claims,
            blobs=self.blobs,
            queues=self.queues,
            endings=self.endings,
            clock=self.clock,
            limits=self.limits,
        )

    async def accept(self, upload: Upload, caller: Caller = THERAPIST) -> Accepted:
        return await accept_chunk(
            upload,
            caller,
            relationships=self.relationships,
            ledger=self.ledger,
            recordings=self.recordings,
            numbers=self.numbers,
            blobs=self.blobs,
            clock=self.clock,
            limits=self.limits,
        )

    async def finalize(self, session_id: str = SESSION) -> Session:
        return await finalize(session_id, ledger=self.ledger, blobs=self.blobs, clock=self.clock)

    async def transcribe_day(
        self,
        caller: Caller = THERAPIST,
        *,
        therapist_userid: str = THERAPIST.id,
        day: date | None = None,
        wait_s: float = 60,
        pause: Pause | None = None,
    ) -> Day:
        """Without a `pause` nothing happens while it waits but that time passes."""

        async def tick(seconds: float) -> None:
            self.clock.move(seconds=seconds)

        return await transcribe_day(
            caller,
            therapist_userid=therapist_userid,
            relationship_id=PAIR,
            day=day or self.clock.now().date(),
            wait=timedelta(seconds=wait_s),
            relationships=self.relationships,
            reader=self.reader,
            ledger=self.ledger,
            transcripts=self.transcripts,
            blobs=self.blobs,
            clock=self.clock,
            pause=pause or tick,
        )

    async def transcribe(self, manifest: Manifest) -> None:
        await transcribe_session.transcribe_session(
            manifest,
            ledger=self.ledger,
            claims=self.claims,
            recordings=self.recordings,
            transcripts=self.transcripts,
            blobs=self.blobs,
            queues=self.queues,
            speech=self.speech,
            locale="en-US",
            endings=self.endings,
            clock=self.clock,
        )

    async def write_note(self, session_id: str, digest: str) -> None:
        await write_note.write_note(
            session_id,
            digest,
            ledger=self.ledger,
            claims=self.claims,
            transcripts=self.transcripts,
            histories=self.histories,
            requests=self.requests,
            instructions=self.instructions,
            notes=self.notes,
            endings=self.endings,
            clock=self.clock,
        )

    async def retry(self, session_id: str = SESSION) -> Session:
        return await retry_session(
            session_id, ledger=self.ledger, claims=self.claims, blobs=self.blobs, queues=self.queues, clock=self.clock
        )

    async def fetch(self, session_id: str) -> None:
        await fetch_recording(
            session_id,
            ledger=self.ledger,
            claims=self.claims,
            requests=self.requests,
            recordings=self.recordings,
            numbers=self.numbers,
            blobs=self.blobs,
            web=self.web,
            endings=self.endings,
            clock=self.clock,
            max_bytes=MAX_RECORDING_BYTES,
        )

    async def give_up(self, session_id: str, digest: str | None, stage: str) -> None:
        await give_up(
            session_id,
            digest,
            stage=Stage(stage),
            ledger=self.ledger,
            claims=self.claims,
            endings=self.endings,
            clock=self.clock,
            limits=self.limits,
        )


class Host:
    """Plays the client and the Functions host around one process, and starts another when that one dies."""

    def __init__(
        self, stores: Stores, process: Process | None = None, *, copies: int = 1, storm: Fault | None = None
    ) -> None:
        """`storm` is what every process it starts runs in."""
        self.stores = stores
        self._storm = storm
        self.process = process or Process(stores, storm)
        self._copies = copies
        self._delivered: set[tuple[str, str]] = set()

    def restart(self) -> None:
        """The process is dead: whatever comes next is served by a new one, which knows nothing."""
        if self._storm is not None:
            self._storm.dead = False
        self.process = Process(self.stores, self._storm)

    async def send(self, upload: Upload) -> Accepted:
        """Send a chunk until it is accepted, as a client does."""
        for _ in range(MAX_DELIVERIES):
            upload.body.seek(0)
            try:
                return await self.process.accept(upload)
            except Transient:
                continue
            except asyncio.CancelledError:
                self.restart()
        raise AssertionError("the chunk was never accepted")

    async def insist(self, ask: Callable[[Process], Awaitable[T]]) -> T:
        """Ask until it is answered, as a partner does."""
        for _ in range(MAX_DELIVERIES):
            try:
                return await ask(self.process)
            except Transient:
                continue
            except asyncio.CancelledError:
                self.restart()
        raise AssertionError("the request was never answered")

    async def send_all(self, uploads: Sequence[Upload]) -> None:
        for upload in uploads:
            await self.send(upload)

    async def deliver(self) -> None:
        """Deliver every event and message there is, and those that come of them."""
        while True:
            new = [event for event in self.stores.manifests() if event not in self._delivered]
            fetch = self.stores.queues.take(FETCH_QUEUE)
            message = self.stores.queues.take(NOTES_QUEUE)
            if not new and message is None and fetch is None:
                return
            if fetch is not None:
                await self._deliver("fetch", fetch["session_id"], None)
            self._delivered.update(new)
            for name, _ in new:
                manifest = Manifest.model_validate_json(await self.stores.blobs.read(SEALED_BLOBS, name))
                await self._deliver("transcribe", manifest.session_id, manifest.digest, manifest)
            if message is not None:
                await self._deliver("note", message["session_id"], message["manifest"])

    async def _deliver(self, stage: str, session_id: str, digest: str | None, manifest: Manifest | None = None) -> None:
        """A process that dies takes the delivery with it: the worst a host may do."""
        tries, copies = 0, self._copies
        while copies and tries < MAX_DELIVERIES:
            tries += 1
            try:
                if manifest is not None:
                    await self.process.transcribe(manifest)
                elif digest is None:
                    await self.process.fetch(session_id)
                else:
                    await self.process.write_note(session_id, digest)
                copies, tries = copies - 1, 0
            except Transient:
                continue
            except asyncio.CancelledError:
                self.restart()
                return
        if copies:
            await self.process.give_up(session_id, digest, stage)

    async def ring(self) -> None:
        """The sweeper's timer; it rings again whatever came of it."""
        try:
            await self.process.sweeper.sweep()
        except Transient:
            pass
        except asyncio.CancelledError:
            self.restart()

    async def settle(self, session_id: str = SESSION, *, rounds: int = 12) -> Session:
        """Let time pass until nothing is left to do for the session."""
        for _ in range(rounds):
            await self.deliver()
            session = await Ledger(self.stores.items, self.stores.clock).get(session_id)
            if session.state.final and session.received == session.sealed_chunks:
                return session
            self.stores.clock.move(minutes=6)
            await self.ring()
        return session


def upload(position: int = 0, *, last: bool = False, content: bytes | None = None, **fields: Any) -> Upload:
    """A chunk in which sentence `position` of the script is said; `fields` change the upload."""
    body = say(position % len(SCRIPT), voice=position % 2) if content is None else content
    given: dict[str, Any] = {
        "therapist_userid": THERAPIST.id,
        "therapist_clientid": PAIR,
        "session_id": SESSION,
        "filename": f"rec-{position}.wav",
        "content_type": "audio/wav",
        "client_userid": "client2",
        "index": position,
        "body": io.BytesIO(body),
        "size": len(body),
        "is_last": last,
    }
    return Upload(**(given | fields))


def uploads(count: int, **fields: Any) -> list[Upload]:
    """A whole session of `count` chunks in order, the last one marked."""
    return [upload(n, last=n == count - 1, **fields) for n in range(count)]
