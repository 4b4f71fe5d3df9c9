"""Processing sessions: two doors into one pipeline, and what becomes of what was asked."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localcloud.processes import free_port
from shared.adapters.embedded_notes import EmbeddedNoteEngine
from shared.domain.caller import Caller, Role
from shared.domain.errors import Conflict, EngineRefused, InvalidInput, NotFound, StoreUnavailable
from shared.domain.limits import Limits
from shared.domain.names import (
    DIRECTORY,
    FETCH_QUEUE,
    NOTES_QUEUE,
    PARTNER_UPLOADS,
    RECORDINGS_BLOBS,
    RECORDS,
    SESSIONS,
)
from shared.domain.note import Note, SessionType
from shared.domain.processing import ERRORS, Order, Status, error_of, status_of
from shared.domain.session import Session, State
from shared.domain.transcript import Segment, Transcript
from shared.domain.webhook import Outcome
from shared.ports import NoteRequest
from shared.services.name_speakers import name_speakers
from shared.services.read_processing import ask_for_another_note
from tests.engines import say, silence, wav
from tests.faults import Fault, When
from tests.unit.services.world import SCRIPT, Host, Process, Stores

PARTNER = Caller(id="partner1", roles=frozenset({Role.SERVICE}))
OTHER_PARTNER = Caller(id="partner2", roles=frozenset({Role.SERVICE}))
ADMIN = Caller(id="admin1", roles=frozenset({Role.ADMIN}))
PLAN = "## Goals\n- Sleeping through the night, without Zopiclone\n"
NAMES = {"client-7": "Marguerite"}
OWNER_NAME = "Bartholomew"
SECRETS = ("Zopiclone", "Marguerite", OWNER_NAME, "exhausted")
TURNS = (("A", SCRIPT[0]), ("B", SCRIPT[1]), ("A", SCRIPT[2]), ("B", SCRIPT[3]))


def recording(sentences: int = 4) -> bytes:
    """A WAV in which the script is said in two voices."""
    parts = []
    for n in range(sentences):
        with wave.open(io.BytesIO(say(n, voice=n % 2))) as one:
            parts.append(np.frombuffer(one.readframes(one.getnframes()), "<i2") / 32767)
    return wav(np.concatenate(parts))


def transcript() -> Transcript:
    segments = tuple(
        Segment(id=f"u{n}", start_ms=n * 1000, end_ms=n * 1000 + 900, speaker=speaker, text=text)
        for n, (speaker, text) in enumerate(TURNS, start=1)
    )
    return Transcript(segments=segments, duration_ms=5000)


async def owner_of(process: Process) -> str:
    """The partner's user, made by whoever asks first."""
    known = await process.users.check(PARTNER, "clinician-1")
    if known is not None:
        return known.id
    user = await process.users.create(PARTNER, partner_user_id="clinician-1", display_name=None, note_identifier=None)
    return user.id


def order(owner: str, **changes: Any) -> Order:
    given = {"owner_userid": owner, "names": {owner: OWNER_NAME, **NAMES}, "plan": PLAN}
    return Order.model_validate(given | changes)


async def put(process: Process, body: bytes) -> str:
    """Upload as a partner does; the address."""
    made = await process.uploads.url(PARTNER, filename="Marguerite.wav", content_type="audio/wav")
    name = process.blobs.name_in(PARTNER_UPLOADS, made.url)
    assert name is not None
    await process.blobs.put(PARTNER_UPLOADS, name, body, content_type="audio/wav", metadata={})
    return made.url


async def by_recording(process: Process, owner: str, body: bytes | None = None, **more: Any) -> str:
    url = more.pop("url", None) or await put(process, recording() if body is None else body)
    key = more.pop("key", None)
    return await process.processing.from_recording(PARTNER, order(owner, **more), url, key=key)


async def by_transcript(process: Process, owner: str, **more: Any) -> str:
    speakers = {"A": owner, "B": "client-7"}
    key = more.pop("key", None)
    return await process.processing.from_transcript(PARTNER, order(owner, **more), transcript(), speakers, key=key)


DOORS = {"recording": by_recording, "transcript": by_transcript}


@pytest.fixture(params=DOORS)
def by(request: pytest.FixtureRequest) -> Any:
    return DOORS[request.param]


class Listening(EmbeddedNoteEngine):
    """The embedded writer, and what it was asked."""

    def __init__(self) -> None:
        self.requests: list[NoteRequest] = []

    async def write(self, request: NoteRequest) -> Note:
        self.requests.append(request)
        return await super().write(request)


async def with_webhook(process: Process) -> None:
    if await process.webhooks.find(PARTNER.id) is None:
        await process.webhooks.register(PARTNER.id, "https://127.0.0.1/hook")


async def announced(process: Process) -> list[Outcome]:
    page = await process.webhooks.deliveries(PARTNER.id, limit=100, continuation=None)
    return [delivery.outcome for delivery in page.deliveries]


def stored_text(stores: Stores) -> str:
    """Everything that was ever stored and stands, as far as it can be read."""
    items = "".join(row.text for rows in stores.items._partitions.values() for row in rows.values())
    blobs = "".join(
        f"{name}{info.metadata}{content.decode('latin-1')}"
        for (_, name), (info, content) in stores.blobs._blobs.items()
    )
    return items + blobs


# ---- through both doors --------------------------------------------------------------------------------------------


async def test_what_was_said_becomes_a_note(host, by):
    await with_webhook(host.process)
    owner = await owner_of(host.process)
    processing_id = await by(host.process, owner)
    session = await host.settle(processing_id)
    found = await host.process.processing_reader.get(PARTNER, processing_id)
    assert status_of(found.session) is Status.DONE
    assert [segment.text for segment in found.transcript.segments] == list(SCRIPT[:4])
    assert found.note.session_type is SessionType.STANDARD
    assert session.therapist_clientid == session.therapist_userid == owner
    assert await announced(host.process) == [Outcome.DONE]


async def test_names_plan_and_address_are_nowhere_in_the_clear_and_the_plan_is_gone_in_the_end(stores, host, by):
    processing_id = await by(host.process, await owner_of(host.process))
    waiting = {row["id"]: row for row in stores.partition(SESSIONS, processing_id)}["request"]
    assert {"brief", "plan"} <= waiting.keys()
    texts = [stored_text(stores)]
    await host.settle(processing_id)
    texts.append(stored_text(stores))
    for text in texts:
        assert [word for word in SECRETS if word.lower() in text.lower()] == []
    ended = {row["id"]: row for row in stores.partition(SESSIONS, processing_id)}["request"]
    assert "brief" in ended
    assert not {"plan", "url"} & ended.keys()


async def test_the_plan_is_there_for_the_first_note_and_only_for_that(stores, host, by):
    process, engine = host.process, Listening()
    process.notes = engine
    processing_id = await by(process, await owner_of(process))
    session = await host.settle(processing_id)
    await ask_for_another_note(session, SessionType.SOAP, ledger=process.ledger, queues=process.queues)
    await host.settle(processing_id)
    assert [(asked.session_type, asked.plan) for asked in engine.requests] == [
        (SessionType.STANDARD, PLAN),
        (SessionType.SOAP, None),
    ]


async def test_people_and_the_owners_instructions_reach_the_writer(host, by):
    process, engine = host.process, Listening()
    process.notes = engine
    owner = await owner_of(process)
    await process.instructions.keep("standard", owner, title=None, markdown="Write short sentences.")
    await host.settle(await by(process, owner, pronouns={"client-7": "FeminineHer"}))
    [asked] = engine.requests
    assert [(person.name, person.pronouns, person.is_owner) for person in asked.people] == [
        (OWNER_NAME, None, True),
        ("Marguerite", "FeminineHer", False),
    ]
    assert asked.instructions == "Write short sentences."


async def test_another_note_stands_beside_the_first_which_stays_as_it_was(stores, host, by):
    process = host.process
    processing_id = await by(process, await owner_of(process))
    session = await host.settle(processing_id)
    before = await process.processing_reader.get(PARTNER, processing_id)
    for session_type in (SessionType.SOAP, SessionType.SOAP):
        session = await ask_for_another_note(session, session_type, ledger=process.ledger, queues=process.queues)
        assert status_of(session) is Status.PROCESSING
        session = await host.settle(processing_id)
    after = await process.processing_reader.get(PARTNER, processing_id)
    assert (after.note, after.version) == (before.note, 1)
    written = await process.processing_reader.notes(PARTNER, processing_id)
    assert [(row.session_type, row.version) for row in written] == [
        (SessionType.STANDARD, 1),
        (SessionType.SOAP, 1),
        (SessionType.SOAP, 2),
    ]
    for version in (1, 2):
        found = await process.processing_reader.get(PARTNER, processing_id, SessionType.SOAP, version)
        assert (found.note.session_type, found.version) == (SessionType.SOAP, version)
    for session_type, never in ((SessionType.DAP, None), (SessionType.SOAP, 3)):
        with pytest.raises(NotFound):
            await process.processing_reader.get(PARTNER, processing_id, session_type, never)


async def test_no_more_notes_before_the_first_is_there(host, by):
    processing_id = await by(host.process, await owner_of(host.process))
    session = await host.process.ledger.get(processing_id)
    with pytest.raises(Conflict):
        await ask_for_another_note(session, SessionType.SOAP, ledger=host.process.ledger, queues=host.process.queues)


async def test_a_speaker_who_is_named_is_named_in_a_new_version_of_every_note(host, by):
    process = host.process
    processing_id = await by(process, await owner_of(process))
    session = await host.settle(processing_id)
    session = await ask_for_another_note(session, SessionType.SOAP, ledger=process.ledger, queues=process.queues)
    session = await host.settle(processing_id)
    found = await process.processing_reader.get(PARTNER, processing_id)
    label = found.transcript.segments[1].speaker
    for _ in range(2):  # naming them again changes nothing
        await name(process, session, {label: "Henrietta"})
        session = await host.settle(processing_id)
    for session_type in (SessionType.STANDARD, SessionType.SOAP):
        found = await process.processing_reader.get(PARTNER, processing_id, session_type)
        assert found.version == 2
        [one] = [one for one in found.note.speakers if one.speaker == label]
        assert (one.person.name, one.confidence) == ("Henrietta", 1.0)


async def name(process: Process, session: Session, names: dict[str, str]) -> None:
    await name_speakers(
        session,
        names,
        PARTNER,
        ledger=process.ledger,
        transcripts=process.transcripts,
        editor=process.editor,
        queues=process.queues,
    )


async def test_speakers_of_a_transcript_are_who_the_mapping_says(host):
    owner = await owner_of(host.process)
    processing_id = await by_transcript(host.process, owner)
    await host.settle(processing_id)
    found = await host.process.processing_reader.get(PARTNER, processing_id)
    assert [(one.speaker, one.role, one.person.key, one.confidence) for one in found.note.speakers] == [
        ("A", "therapist", owner, 1.0),
        ("B", "client", "client-7", 1.0),
    ]


# ---- whose it is ---------------------------------------------------------------------------------------------------


async def test_it_is_its_partners_and_an_admins_and_nobody_elses(host, by):
    owner = await owner_of(host.process)
    processing_id = await by(host.process, owner)
    await host.settle(processing_id)
    for caller in (PARTNER, ADMIN):
        assert (await host.process.processing_reader.get(caller, processing_id)).note is not None
        assert (await host.process.relationships.reach(caller, owner)).id == owner
    with pytest.raises(NotFound):
        await host.process.processing_reader.get(OTHER_PARTNER, processing_id)
    with pytest.raises(NotFound):
        await host.process.relationships.reach(OTHER_PARTNER, owner)
    with pytest.raises(NotFound):
        await host.process.relationships.require_partner(OTHER_PARTNER, owner)


@pytest.mark.parametrize("owner", ["clinician-1", "18f27b1e-2871-4bea-bacd-65704dbb3780", "somebody-elses"])
async def test_the_owner_must_be_a_user_of_the_partners_by_uuid(stores, process, by, owner):
    await owner_of(process)
    if owner == "somebody-elses":
        user = await process.users.create(OTHER_PARTNER, partner_user_id="x", display_name=None, note_identifier=None)
        owner = user.id
    with pytest.raises(InvalidInput) as refused:
        await by(process, owner)
    assert refused.value.code == "owner_not_found"
    assert list(stores.partition(SESSIONS, "~open")) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"names": {"client-7": "Marguerite"}}, "owner_not_named"),
        ({"pronouns": {"client-8": "NeutralThem"}}, "unknown_speaker"),
    ],
)
async def test_people_must_be_named(process, by, changes, code):
    with pytest.raises(InvalidInput) as refused:
        await by(process, await owner_of(process), **changes)
    assert refused.value.code == code


async def test_an_owner_whose_records_are_being_erased_takes_no_more(process, stores, by):
    owner = await owner_of(process)
    await process.relationships.admit(PARTNER, owner, therapist_userid=owner, client_userid=None, partner=PARTNER.id)
    key = f"relationship:{owner}"
    item = await stores.items.read(DIRECTORY, key, key)
    await stores.items.upsert(DIRECTORY, key, {**item.body, "state": "erasing"})
    with pytest.raises(InvalidInput) as refused:
        await by(Process(stores), owner)
    assert refused.value.code == "owner_erased"


@pytest.mark.parametrize("speakers", [{"C": "client-7"}, {"A": "nobody"}])
async def test_a_mapping_leads_from_speakers_to_people(process, speakers):
    asked = order(await owner_of(process))
    with pytest.raises(InvalidInput) as refused:
        await process.processing.from_transcript(PARTNER, asked, transcript(), speakers)
    assert refused.value.code == "unknown_speaker"


async def test_another_partners_upload_is_not_taken(process):
    made = await process.uploads.url(OTHER_PARTNER, filename=None, content_type=None)
    with pytest.raises(InvalidInput) as refused:
        await by_recording(process, await owner_of(process), url=made.url)
    assert refused.value.code == "url_not_allowed"


@pytest.mark.parametrize("url", ["http://10.0.0.1/a.wav", "http://169.254.169.254/latest", "ftp://example.org/a", "x"])
async def test_an_address_that_may_not_be_asked_is_refused_at_once(process, url):
    with pytest.raises(InvalidInput) as refused:
        await by_recording(process, await owner_of(process), url=url)
    assert refused.value.code == "url_not_allowed"


async def test_the_same_request_under_a_key_is_taken_in_once(stores, host, by):
    owner = await owner_of(host.process)
    more = {"key": "k1"} if by is by_transcript else {"key": "k1", "url": await put(host.process, recording())}
    first = await by(host.process, owner, **more)
    await host.settle(first)
    assert await by(host.process, owner, **more) == first
    assert stores.queues.take(FETCH_QUEUE) is stores.queues.take(NOTES_QUEUE) is None
    with pytest.raises(Conflict):
        await by(host.process, owner, **{**more, "plan": "another"})
    assert await by(host.process, owner, **{**more, "key": "k2"}) != first


# ---- how it fails --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no audio at all, but a text that goes on for a while", "recording_unusable"),
        (b"", "recording_unusable"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "recording_unusable"),
        (silence(), "no_speech"),
    ],
    ids=["text", "nothing", "a head only", "silence"],
)
async def test_what_cannot_be_used_ends_in_an_error_that_says_so(stores, host, body, code):
    await with_webhook(host.process)
    processing_id = await by_recording(host.process, await owner_of(host.process), body)
    session = await host.settle(processing_id)
    assert status_of(session) is Status.ERROR
    assert error_of(session) == ERRORS[code]
    assert await announced(host.process) == [Outcome.ERROR]
    request = {row["id"]: row for row in stores.partition(SESSIONS, processing_id)}["request"]
    assert "plan" not in request


async def test_an_address_where_nothing_was_put_is_unusable(host):
    made = await host.process.uploads.url(PARTNER, filename=None, content_type=None)
    processing_id = await by_recording(host.process, await owner_of(host.process), url=made.url)
    assert error_of(await host.settle(processing_id)) == ERRORS["recording_unusable"]


async def test_a_recording_that_is_too_large_is_unusable(host):
    processing_id = await by_recording(host.process, await owner_of(host.process), recording() + bytes(10_000_000))
    assert error_of(await host.settle(processing_id)) == ERRORS["recording_unusable"]


async def test_a_source_that_never_answers_is_asked_often_and_then_given_up(stores):
    host = Host(stores, Process(stores, limits=Limits(max_attempts=3)))
    await with_webhook(host.process)
    url = f"http://127.0.0.1:{free_port()}/recording.wav"
    processing_id = await by_recording(host.process, await owner_of(host.process), url=url)
    session = await host.settle(processing_id)
    assert error_of(session) == ERRORS["source_unavailable"]
    assert len(session.failures) > 3
    assert await announced(host.process) == [Outcome.ERROR]


async def test_a_failed_fetch_can_be_taken_up_again(stores, host):
    made = await host.process.uploads.url(PARTNER, filename=None, content_type=None)
    processing_id = await by_recording(host.process, await owner_of(host.process), url=made.url)
    await with_webhook(host.process)
    await host.settle(processing_id)
    name = host.process.blobs.name_in(PARTNER_UPLOADS, made.url)
    await stores.blobs.put(PARTNER_UPLOADS, name, recording(), content_type="audio/wav", metadata={})
    await host.process.retry(processing_id)
    assert (await host.settle(processing_id)).state is State.DONE
    assert sorted(await announced(host.process)) == [Outcome.DONE, Outcome.ERROR]


async def test_a_note_that_cannot_be_written_leaves_the_transcript(stores, by):
    process = Process(stores, notes=Fault(1, error=EngineRefused).over(Listening()))
    host = Host(stores, process)
    processing_id = await by(process, await owner_of(process))
    session = await host.settle(processing_id)
    found = await process.processing_reader.get(PARTNER, processing_id)
    assert error_of(session) == ERRORS["engine_refused"]
    assert found.transcript is not None
    assert found.note is None
    await process.retry(processing_id)
    assert (await host.settle(processing_id)).state is State.DONE


async def test_a_transcript_whose_storing_broke_off_ends_in_an_error(tmp_path, stores, host):
    """The session is there, the words are not: the process died in between, and its client did not come back."""
    owner, elsewhere = await owner_of(host.process), Stores(tmp_path)
    steps = Fault()
    await by_transcript(Process(elsewhere, steps), await owner_of(Process(elsewhere)))
    with pytest.raises(StoreUnavailable):
        await by_transcript(Process(stores, Fault(steps.calls.index("put") + 1)), owner)
    [line] = stores.partition(SESSIONS, "~open")
    assert error_of(await host.settle(line["id"])) == ERRORS["request_incomplete"]


# ---- nothing accepted is lost --------------------------------------------------------------------------------------


async def run(folder: Path, fault: Fault, by: Any) -> tuple[Stores, str]:
    """A partner asks until it is answered; afterwards the host has all the time in the world."""
    stores = Stores(folder)
    await with_webhook(Process(stores))
    owner = await owner_of(Process(stores))
    more = {"url": await put(Process(stores), recording())} if by is by_recording else {}
    host = Host(stores, Process(stores, fault), copies=2)
    processing_id = await host.insist(lambda process: by(process, owner, key="the-key", **more))
    await host.settle(processing_id)
    for _ in range(2):  # what came after the end of the last stage is healed by the sweeper
        await host.ring()
        await host.deliver()
    return stores, processing_id


async def assert_whole(stores: Stores, processing_id: str) -> None:
    process = Process(stores)
    found = await process.processing_reader.get(PARTNER, processing_id)
    assert found.session.state is State.DONE
    assert found.transcript is not None
    assert found.note is not None
    assert [segment.text for segment in found.transcript.segments] == list(SCRIPT[:4])
    assert (found.note.session_type, found.version) == (SessionType.STANDARD, 1)
    assert await announced(process) == [Outcome.DONE]
    request = {row["id"]: row for row in stores.partition(SESSIONS, processing_id)}["request"]
    assert not {"plan", "url"} & request.keys()
    rows = list(stores.partition(RECORDS, found.session.therapist_clientid))
    kinds = sorted(row["kind"] for row in rows)
    recordings = [row for row in rows if row["kind"] == "recording"]
    once = ["data_key", "history", "request_line", "transcript"]
    assert kinds == sorted([*once, *["recording"] * len(recordings)])
    assert sorted(row["blob"] for row in recordings) == stores.blob_names(RECORDINGS_BLOBS)
    assert all(row["is_processed"] for row in recordings)


@pytest.mark.parametrize("when", [When.AFTER, When.DIES_AFTER], ids=lambda when: when.name.lower())
async def test_a_fault_at_any_step_costs_nothing(tmp_path, by, when):
    steps = Fault()
    (tmp_path / "0").mkdir()
    await assert_whole(*await run(tmp_path / "0", steps, by))
    assert len(steps.calls) > 40  # otherwise the faults are not where the work is
    for number, call in enumerate(steps.calls, start=1):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            await assert_whole(*await run(folder, Fault(number, when), by))
        except AssertionError as error:
            error.add_note(f"with a fault at call {number}, {call}")
            raise


# ---- uploads -------------------------------------------------------------------------------------------------------


async def test_an_uploads_name_says_nothing_and_it_is_gone_after_a_day(stores, process, clock):
    await put(process, recording())
    [name] = stores.blob_names(PARTNER_UPLOADS)
    assert "Marguerite" not in name
    assert name.endswith(".wav")
    await process.uploads.expire()
    assert stores.blob_names(PARTNER_UPLOADS) == [name]
    clock.move(days=2)
    await process.uploads.expire()
    assert stores.blob_names(PARTNER_UPLOADS) == []
