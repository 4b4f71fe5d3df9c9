"""Settings in, services out: the only place that knows every adapter.

Nothing connects here. Clients open with their first use and heavy engines load with theirs, so importing the app
and starting it cost little.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from shared.adapters.azure_identity import app_identity
from shared.adapters.cosmos_items import CosmosItems
from shared.adapters.jwt_tokens import JwtVerifier
from shared.bootstrap.engines import document_engine, note_engine, speech_engine
from shared.bootstrap.stores import kek, storage
from shared.bootstrap.web import guarded_web
from shared.crypto.keyring import Keyrings
from shared.domain.limits import Limits
from shared.ports import BlobStore, Clock, DocumentEngine, NoteEngine, Queues, SpeechEngine, Web
from shared.services.api_keys import ApiKeys
from shared.services.audit import AuditTrail
from shared.services.claims import Claims
from shared.services.client_documents import ClientDocuments
from shared.services.create_processing import ProcessingSessions
from shared.services.deliver_webhook import Courier
from shared.services.delivery_log import DeliveryLog
from shared.services.edit_record import RecordEditor
from shared.services.end_processing import Endings
from shared.services.erase_relationship import Eraser
from shared.services.histories import Histories
from shared.services.idempotency import IdempotencyKeys
from shared.services.instructions import Instructions
from shared.services.kept_pages import KeptPages
from shared.services.ledger import Ledger
from shared.services.numbers import Numbers
from shared.services.partner_uploads import PartnerUploads
from shared.services.processing_requests import ProcessingRequests
from shared.services.read_processing import ProcessingReader
from shared.services.read_records import RecordReader
from shared.services.recordings import Recordings
from shared.services.relationship_traces import Traces
from shared.services.relationships import Relationships
from shared.services.renew_envelopes import Envelopes
from shared.services.rotate_keys import KeyRotation
from shared.services.sweep import Sweeper
from shared.services.transcripts import Transcripts
from shared.services.users import Users
from shared.services.webhooks import Webhooks
from shared.settings import Settings


class SystemClock:
    """The time of this machine, or a fixed stretch ahead of it."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        """See Clock.now."""
        return datetime.now(UTC) + self._ahead


@dataclass(frozen=True)
class Services:
    """What triggers hand to use cases."""

    blobs: BlobStore
    queues: Queues
    clock: Clock
    limits: Limits
    locale: str
    keyrings: Keyrings
    numbers: Numbers
    ledger: Ledger
    claims: Claims
    recordings: Recordings
    transcripts: Transcripts
    histories: Histories
    reader: RecordReader
    editor: RecordEditor
    relationships: Relationships
    sweeper: Sweeper
    eraser: Eraser
    key_rotation: KeyRotation
    tokens: JwtVerifier
    api_keys: ApiKeys
    audit: AuditTrail
    idempotency: IdempotencyKeys
    instructions: Instructions
    web: Web
    webhooks: Webhooks
    users: Users
    requests: ProcessingRequests
    endings: Endings
    processing: ProcessingSessions
    processing_reader: ProcessingReader
    partner_uploads: PartnerUploads
    max_recording_bytes: int
    courier: Courier
    speech: SpeechEngine
    notes: NoteEngine
    documents: DocumentEngine
    client_documents: ClientDocuments
    checks: dict[str, Callable[[], Awaitable[object]]]
    """What readiness asks, by the dependency's name; each raises when it is away."""


@cache
def services() -> Services:
    """The process's services, built at the first call that needs them."""
    return build(Settings())


def build(settings: Settings, clock: Clock | None = None) -> Services:
    """Wire everything together. Raises: ValueError when settings contradict each other."""
    clock = clock or SystemClock(settings.clock.ahead)
    identity = cache(partial(app_identity, developing=not settings.in_production))
    blobs, queues = storage(settings.storage, identity)
    cosmos = settings.cosmos
    items = CosmosItems(
        cosmos.endpoint,
        cosmos.key.get_secret_value() if cosmos.key else identity(),
        database=cosmos.database,
        may_create=cosmos.create,
    )
    keyrings = Keyrings(items=items, kek=kek(settings.keys, identity), clock=clock)
    numbers = Numbers(items)
    ledger = Ledger(items, clock)
    claims = Claims(items, clock, settings.limits.claim_lease)
    audit = AuditTrail(items, clock)
    relationships = Relationships(items, clock, provision_on_upload=settings.auth.provision_on_upload)
    client_documents = ClientDocuments(items=items, blobs=blobs, clock=clock)
    reader = RecordReader(items=items, relationships=relationships, ledger=ledger)
    web = guarded_web(settings.web)
    transcripts = Transcripts(items=items, blobs=blobs, keyrings=keyrings, numbers=numbers, clock=clock)
    histories = Histories(items=items, keyrings=keyrings, numbers=numbers, clock=clock)
    deliveries = DeliveryLog(items)
    webhooks = Webhooks(
        items=items,
        log=deliveries,
        keyrings=keyrings,
        web=web,
        queues=queues,
        clock=clock,
        limits=settings.limits,
        http_on_loopback=settings.web.allow_loopback,
    )
    requests = ProcessingRequests(items, keyrings)
    endings = Endings(ledger, requests, webhooks)
    users = Users(items, clock)
    return Services(
        blobs=blobs,
        queues=queues,
        clock=clock,
        limits=settings.limits,
        locale=settings.speech.locale,
        keyrings=keyrings,
        numbers=numbers,
        ledger=ledger,
        claims=claims,
        recordings=Recordings(items, clock),
        transcripts=transcripts,
        histories=histories,
        reader=reader,
        editor=RecordEditor(items=items, reader=reader, relationships=relationships, keyrings=keyrings, clock=clock),
        relationships=relationships,
        sweeper=Sweeper(
            ledger=ledger,
            claims=claims,
            blobs=blobs,
            queues=queues,
            endings=endings,
            clock=clock,
            limits=settings.limits,
        ),
        tokens=JwtVerifier(
            issuer=settings.auth.issuer, audience=settings.auth.audience, jwks_url=settings.auth.jwks_url
        ),
        api_keys=ApiKeys(items, clock),
        audit=audit,
        eraser=Eraser(
            items=items,
            traces=Traces(items=items, blobs=blobs, ledger=ledger),
            keyrings=keyrings,
            documents=client_documents,
            relationships=relationships,
            audit=audit,
            clock=clock,
            limits=settings.limits,
        ),
        key_rotation=KeyRotation(
            keyrings=keyrings,
            envelopes=Envelopes(items=items, blobs=blobs, keyrings=keyrings, clock=clock),
            audit=audit,
            clock=clock,
            limits=settings.limits,
            rules=settings.keys.data_keys,
        ),
        idempotency=IdempotencyKeys(items=items, keyrings=keyrings, clock=clock),
        instructions=Instructions(items, clock),
        web=web,
        webhooks=webhooks,
        courier=Courier(
            log=deliveries,
            webhooks=webhooks,
            web=web,
            queues=queues,
            clock=clock,
            rules=settings.webhooks,
            limits=settings.limits,
        ),
        users=users,
        requests=requests,
        endings=endings,
        processing=ProcessingSessions(
            users=users,
            relationships=relationships,
            ledger=ledger,
            requests=requests,
            transcripts=transcripts,
            blobs=blobs,
            queues=queues,
            web=web,
            clock=clock,
        ),
        processing_reader=ProcessingReader(ledger, transcripts, histories),
        partner_uploads=PartnerUploads(
            blobs, clock, valid=settings.processing.upload_url_valid, kept=settings.processing.uploads_kept
        ),
        max_recording_bytes=settings.processing.max_recording_bytes,
        speech=speech_engine(settings.speech, identity, developing=not settings.in_production),
        notes=note_engine(settings.notes, identity),
        documents=document_engine(settings.documents, identity, KeptPages(items=items, keyrings=keyrings, clock=clock)),
        client_documents=client_documents,
        checks={
            "blobs": lambda: blobs.info("sealed", "readiness"),
            "queues": queues.reachable,
            "cosmos": lambda: items.read("directory", "readiness", "readiness"),
        },
    )
