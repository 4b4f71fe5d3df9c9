"""Take in a processing session, by the address of its recording or with its transcript.

    1 check           nothing is stored for input we refuse
    2 relationship    named by the owner's user id
    3 session         its lines on the sweeper's list and with its relationship, then ledger and encrypted request
                      in one batch
    4 transcript      where it came with the request: stored as if it had been heard
    5 message         to the stage that is next; the sweeper starts it, should that be lost

Under an Idempotency-Key the session's id is made from the key, so that a repeated request does what is left to do.
"""

from __future__ import annotations

import hashlib
import json
from uuid import NAMESPACE_URL, uuid4, uuid5

from shared.domain.access import note
from shared.domain.caller import Caller
from shared.domain.errors import Conflict, InvalidInput, NotFound, SourceUnavailable
from shared.domain.names import PARTNER_UPLOADS
from shared.domain.note import Person, Pronouns
from shared.domain.processing import Brief, Order
from shared.domain.session import Door, Session, State
from shared.domain.transcript import Transcript
from shared.ports import BlobStore, Clock, Queues, Web
from shared.services.fetch_recording import ask_for_recording
from shared.services.ledger import Ledger
from shared.services.partner_uploads import is_upload_of
from shared.services.processing_requests import Asked, ProcessingRequests
from shared.services.relationships import Relationships
from shared.services.transcribe_session import ask_for_note
from shared.services.transcripts import Transcripts
from shared.services.users import User, Users, uuid_or_none

_NAMESPACE = uuid5(NAMESPACE_URL, "session-scribe:processing-sessions")


class ProcessingSessions:
    """The two doors. Both give the id of the processing session, which is a session's id."""

    def __init__(
        self,
        *,
        users: Users,
        relationships: Relationships,
        ledger: Ledger,
        requests: ProcessingRequests,
        transcripts: Transcripts,
        blobs: BlobStore,
        queues: Queues,
        web: Web,
        clock: Clock,
    ) -> None:
        self._users = users
        self._relationships = relationships
        self._ledger = ledger
        self._requests = requests
        self._transcripts = transcripts
        self._blobs = blobs
        self._queues = queues
        self._web = web
        self._clock = clock

    async def from_recording(self, caller: Caller, order: Order, url: str, *, key: str | None = None) -> str:
        """Take in a session whose recording is to be fetched; `key` is the request's Idempotency-Key.

        Raises: InvalidInput (`owner_not_found`, `owner_not_named`, `unknown_speaker`, `url_not_allowed`);
        Conflict (`idempotency_conflict`); StoreUnavailable.
        """
        user, people = await self._checked(caller, order)
        upload = self._blobs.name_in(PARTNER_UPLOADS, url)
        if upload is None:
            await self._check_address(url)
        elif not any(is_upload_of(partner, upload) for partner in (caller.id, user.partner)):
            raise InvalidInput("recordingUrl is no upload of yours", code="url_not_allowed")
        session = self._session(user, order, key)
        session = session.model_copy(update={"door": Door.RECORDING_URL, "upload": upload})
        brief = Brief(people=people, fingerprint=_fingerprint(order, url))
        session = await self._open(caller, session, Asked(brief, None if upload is not None else url, order.plan))
        if session.state is State.RECEIVING and not session.received:
            await ask_for_recording(session.session_id, self._queues)
        return session.session_id

    async def from_transcript(
        self,
        caller: Caller,
        order: Order,
        transcript: Transcript,
        speakers: dict[str, str],
        *,
        key: str | None = None,
    ) -> str:
        """Take in a session with its transcript; `speakers` leads from its labels to `order.names`.

        Raises: as `from_recording`, for `speakers` as well; TooLarge.
        """
        user, people = await self._checked(caller, order)
        names = self._named(transcript, speakers, order)
        if not transcript.has_speech:
            raise InvalidInput("nobody says anything in the transcript", code="transcript_empty")
        fingerprint = _fingerprint(order, transcript.model_dump_json(), speakers)
        transcript = transcript.model_copy(update={"names": names})
        session = self._session(user, order, key)
        digest = hashlib.sha256(f"{session.session_id}\n{fingerprint}".encode()).hexdigest()[:32]
        # It is born with its transcript heard: if that never comes to be stored, the note stage says so.
        facts = {"manifest": digest, "state": State.TRANSCRIBED, "duration_ms": transcript.duration_ms}
        session = session.model_copy(update={"door": Door.TRANSCRIPT, **facts})
        brief = Brief(people=people, speakers=speakers, fingerprint=fingerprint)
        session = await self._open(caller, session, Asked(brief, None, order.plan))
        if not session.state.final:
            stored = await self._transcripts.save(session, digest, transcript)
            await self._ledger.advance(
                session.session_id, digest, State.TRANSCRIBED, attempts=0, transcript_id=stored.number
            )
            await ask_for_note(session.session_id, digest, self._queues)
        return session.session_id

    async def _checked(self, caller: Caller, order: Order) -> tuple[User, tuple[Person, ...]]:
        """The owner, and the people."""
        owner = uuid_or_none(order.owner_userid)
        if owner is None:
            raise _no_owner()
        try:
            user = await self._users.get(caller, owner)
        except NotFound:
            raise _no_owner() from None
        people = tuple(
            Person(
                key=key,
                name=name,
                pronouns=Pronouns(order.pronouns[key]) if key in order.pronouns else None,
                is_owner=uuid_or_none(key) == owner,
            )
            for key, name in order.names.items()
        )
        if not any(person.is_owner for person in people):
            raise InvalidInput("speakerNames must name the owner, under ownerUserId", code="owner_not_named")
        if not order.pronouns.keys() <= order.names.keys():
            raise InvalidInput("speakerPronouns may only speak of those in speakerNames", code="unknown_speaker")
        return user, people

    def _named(self, transcript: Transcript, speakers: dict[str, str], order: Order) -> dict[str, str]:
        heard = {segment.speaker for segment in transcript.segments}
        if not (speakers.keys() <= heard and set(speakers.values()) <= order.names.keys()):
            raise InvalidInput(
                "speakerMapping leads from speakers of the transcript to ids in speakerNames", code="unknown_speaker"
            )
        return {label: order.names[person] for label, person in speakers.items()}

    async def _check_address(self, url: str) -> None:
        try:
            await self._web.check(url)
        except SourceUnavailable:
            return  # whether it can be reached shows when it is fetched, as often as it takes

    def _session(self, owner: User, order: Order, key: str | None) -> Session:
        now, partner = self._clock.now(), owner.partner
        return Session(
            session_id=str(uuid5(_NAMESPACE, f"{len(partner)}:{partner}:{key}") if key is not None else uuid4()),
            therapist_userid=owner.id,
            therapist_clientid=owner.id,
            date=f"{now:%Y-%m-%d}",
            created=now,
            updated=now,
            session_type=order.session_type,
            participants_type=order.participants_type,
            partner=partner,
        )

    async def _open(self, caller: Caller, session: Session, asked: Asked) -> Session:
        """The session as it stands then: this one, or the one an earlier try of the same request has made."""
        owner = session.therapist_userid
        try:
            await self._relationships.admit(
                caller, owner, therapist_userid=owner, client_userid=None, partner=session.partner
            )
            await self._requests.list_with_relationship(session)
            opened = await self._ledger.open(session, await self._requests.item(session, asked))
        except NotFound:
            raise InvalidInput(
                "the records of this owner were erased: make another user", code="owner_erased"
            ) from None
        note(opened, allowed=True)
        stands = await self._requests.read(opened)
        if stands is None or stands.brief.fingerprint != asked.brief.fingerprint:
            raise Conflict("another request came with this Idempotency-Key", code="idempotency_conflict")
        return opened


def _no_owner() -> InvalidInput:
    return InvalidInput(
        "ownerUserId must be the userId of a user of yours: the UUID from POST /users, not your own id for them",
        code="owner_not_found",
    )


def _fingerprint(order: Order, *more: object) -> str:
    return hashlib.sha256(json.dumps([order.model_dump(mode="json"), *more]).encode()).hexdigest()
