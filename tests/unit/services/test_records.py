"""Reading, changing and deleting records: what is found, what is refused, what stays."""

from __future__ import annotations

from typing import Any

import pytest

from shared.crypto.envelope import associated_data, is_envelope
from shared.domain.caller import Caller, Role
from shared.domain.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed
from shared.domain.names import DIRECTORY, RECORDS
from shared.domain.records import Record, Recording, StoredHistory, StoredTranscript, pointer_id
from shared.services.edit_record import Edit
from shared.services.read_records import PARTITIONS_A_PAGE
from tests.unit.services.reading import opened
from tests.unit.services.world import PAIR, SESSION, THERAPIST, Host, Process, Stores, upload, uploads

CLIENT = Caller(id="client2", roles=frozenset({Role.CLIENT}))
STRANGERS = [
    Caller(id="therapist9", roles=frozenset({Role.THERAPIST})),
    Caller(id="client9", roles=frozenset({Role.CLIENT})),
    Caller(id="therapist1", roles=frozenset({Role.CLIENT})),
    Caller(id="therapist1"),
]
SERVICE = Caller(id="partner1", roles=frozenset({Role.SERVICE}))
KINDS: list[type[Record]] = [Recording, StoredTranscript, StoredHistory]


@pytest.fixture
async def done(stores: Stores, host: Host) -> Process:
    """A process of an app that has one finished session of two chunks."""
    await host.send_all(uploads(2))
    await host.settle()
    return Process(stores)


async def only(process: Process, kind: type[Any]) -> Any:
    """The newest row there is of a kind."""
    return (await process.reader.page(THERAPIST, kind, relationship=PAIR)).rows[0]


async def number_of(process: Process, kind: type[Any]) -> int:
    return int((await only(process, kind)).number)


# ---- by wire id ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_a_record_is_found_by_its_number(done, kind):
    row = await only(done, kind)
    for caller in (THERAPIST, CLIENT, SERVICE):
        assert (await done.reader.get(caller, kind, row.number)).row == row


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_somebody_elses_record_is_answered_like_none(done, stranger):
    number = await number_of(done, StoredHistory)
    with pytest.raises(NotFound) as theirs:
        await done.reader.get(stranger, StoredHistory, number)
    with pytest.raises(NotFound) as none:
        await done.reader.get(stranger, StoredHistory, 10_000)
    assert theirs.value.code == none.value.code == "history_not_found"
    assert str(theirs.value).replace(str(number), "10000") == str(none.value)


async def test_a_pointer_whose_row_never_came_leads_nowhere(done, stores):
    body = {"kind": "pointer", "partition": PAIR, "item": f"recording:{SESSION}:i9"}
    await stores.items.create(DIRECTORY, "recording:777", {"id": "recording:777", **body})
    with pytest.raises(NotFound):
        await done.reader.get(THERAPIST, Recording, 777)


async def test_a_number_that_a_lost_try_took_does_not_lead_to_the_row_of_another(done, stores):
    """Two tries of one upload leave two pointers to one row; the row says which number it goes by."""
    row = await only(done, Recording)
    body = {"kind": "pointer", "partition": PAIR, "item": row.id}
    await stores.items.create(DIRECTORY, "recording:778", {"id": "recording:778", **body})
    with pytest.raises(NotFound):
        await done.reader.get(THERAPIST, Recording, 778)


async def test_a_row_of_before_there_were_deletion_dates_is_found(done, stores):
    row = await only(done, StoredHistory)
    item = await stores.items.read(RECORDS, PAIR, row.id)
    del item.body["deleted_at"]
    await stores.items.replace(RECORDS, PAIR, item.body)
    assert (await done.reader.get(THERAPIST, StoredHistory, row.number)).row == row


async def test_a_record_that_names_no_client_is_open_to_its_relationships_client(stores, host):
    await host.send(upload(0))
    await host.send(upload(0, session_id="session-2", client_userid=None))
    process = Process(stores)
    [row] = (await process.reader.page(THERAPIST, Recording, session_id="session-2")).rows
    assert row.client_userid is None
    assert (await process.reader.get(CLIENT, Recording, row.number)).row == row
    with pytest.raises(NotFound):
        await process.reader.get(STRANGERS[1], Recording, row.number)


# ---- lists ---------------------------------------------------------------------------------------------------------


async def test_a_list_is_newest_first(stores, host, clock):
    for n in range(3):
        await host.send(upload(n))
        clock.move(seconds=1)
    listed = await Process(stores).reader.page(THERAPIST, Recording, session_id=SESSION)
    assert [row.filename for row in listed.rows] == ["rec-2.wav", "rec-1.wav", "rec-0.wav"]


async def test_pages_hold_each_record_once(stores, host):
    await host.send_all(uploads(5))
    reader, found, continuation = Process(stores).reader, [], None
    while True:
        listed = await reader.page(THERAPIST, Recording, relationship=PAIR, limit=2, continuation=continuation)
        assert len(listed.rows) <= 2
        found += [row.filename for row in listed.rows]
        continuation = listed.continuation
        if continuation is None:
            break
    assert sorted(str(name) for name in found) == [f"rec-{n}.wav" for n in range(5)]


@pytest.mark.parametrize("caller", [THERAPIST, CLIENT])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_all_of_ones_own_come_relationship_by_relationship(stores, host, caller, limit):
    for pair in ("pair-b", "pair-a", "pair-c"):
        await host.send_all([upload(n, therapist_clientid=pair, session_id=f"session-{pair}") for n in range(2)])
    reader, found, continuation = Process(stores).reader, [], None
    while True:
        listed = await reader.page(caller, Recording, limit=limit, continuation=continuation)
        found += [(row.therapist_client_id, row.number) for row in listed.rows]
        continuation = listed.continuation
        if continuation is None:
            break
    assert [pair for pair, _ in found] == ["pair-a"] * 2 + ["pair-b"] * 2 + ["pair-c"] * 2
    assert len(set(found)) == 6


async def test_one_page_looks_into_so_many_relationships_and_says_where_it_stopped(stores, process, host):
    pairs = [f"pair-{n:03}" for n in range(PARTITIONS_A_PAGE)]
    for pair in pairs:
        await process.relationships.admit(THERAPIST, pair, therapist_userid=THERAPIST.id, client_userid=None)
    await host.send(upload(0, therapist_clientid="pair-999"))
    first = await process.reader.page(THERAPIST, Recording)
    assert first.rows == []
    second = await process.reader.page(THERAPIST, Recording, continuation=first.continuation)
    assert [row.therapist_client_id for row in second.rows] == ["pair-999"]
    assert second.continuation is None


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_nobody_lists_what_is_somebody_elses(done, stranger):
    assert (await done.reader.page(stranger, Recording)).rows == []
    with pytest.raises(NotFound, match="no relationship"):
        await done.reader.page(stranger, Recording, relationship=PAIR)
    with pytest.raises(NotFound, match="no session"):
        await done.reader.page(stranger, Recording, session_id=SESSION)


async def test_a_list_line_of_a_relationship_that_became_somebody_elses_shows_nothing(done, stores):
    key = "relationships:therapist:therapist9"
    await stores.items.create(DIRECTORY, key, {"id": key, "relationships": {PAIR: "2026-02-23T09:00:00Z"}})
    assert (await done.reader.page(STRANGERS[0], Recording)).rows == []


async def test_a_relationship_of_before_there_were_lists_is_listed_from_its_next_upload_on(stores, host):
    key = f"relationship:{PAIR}"
    body = {"id": key, "kind": "relationship", "therapist_userid": THERAPIST.id, "client_userid": "client2"}
    await stores.items.create(DIRECTORY, key, body)
    assert (await Process(stores).relationships.ids_of(THERAPIST)) == []
    await host.send(upload(0))
    for caller in (THERAPIST, CLIENT):
        assert (await Process(stores).relationships.ids_of(caller)) == [PAIR]


async def test_a_client_sees_no_record_that_names_another_client(stores, host):
    await host.send(upload(0))
    await host.send(upload(0, session_id="session-2"))
    process = Process(stores)
    [other] = (await process.reader.page(THERAPIST, Recording, session_id="session-2")).rows
    await stores.items.replace(RECORDS, PAIR, other.model_dump(mode="json") | {"client_userid": "client3"})
    rows = (await process.reader.page(CLIENT, Recording, relationship=PAIR)).rows
    assert [row.session_id for row in rows] == [SESSION]
    assert await process.reader.of_client(CLIENT, Recording, PAIR, "client3") == []
    assert len(await process.reader.of_client(THERAPIST, Recording, PAIR, "client3")) == 1


async def test_a_service_says_which_records_it_means(done):
    with pytest.raises(InvalidInput) as refused:
        await done.reader.page(SERVICE, Recording)
    assert refused.value.code == "filter_required"
    assert len((await done.reader.page(SERVICE, Recording, session_id=SESSION)).rows) == 2


@pytest.mark.parametrize("continuation", ["", "x", "W10=", "bnVsbA==", "é", "WyJhIiwgMV0="])
@pytest.mark.parametrize("wanted", [{}, {"relationship": PAIR}, {"session_id": SESSION}])
async def test_a_continuation_of_nobody_is_refused(done, continuation, wanted):
    with pytest.raises(InvalidInput) as refused:
        await done.reader.page(THERAPIST, Recording, continuation=continuation, **wanted)
    assert refused.value.code == "invalid_continuation"


async def test_a_session_is_not_listed_under_another_relationship(done):
    with pytest.raises(NotFound, match="no session"):
        await done.reader.page(THERAPIST, Recording, session_id=SESSION, relationship="another")


# ---- changes -------------------------------------------------------------------------------------------------------


async def test_plain_text_is_stored_encrypted(done, stores):
    number = await number_of(done, StoredTranscript)
    text = "Speaker 1: mended by hand"
    written = await done.editor.edit(THERAPIST, StoredTranscript, number, Edit({"transcript": text}))
    assert is_envelope(written.row.transcript)
    assert await opened(done, written.row.transcript, "transcripts", number, "transcript") == text
    assert not any("mended" in str(body) for body in stores.partition(RECORDS, PAIR))


async def test_an_envelope_made_for_the_field_is_stored_as_it_is(done):
    number = await number_of(done, StoredHistory)
    keyring = await done.keyrings.of(PAIR)
    envelope = keyring.seal("by the client", aad=associated_data("histories", number, "transcript_summary"))
    edit = Edit({"transcript_summary": envelope})
    assert (await done.editor.edit(THERAPIST, StoredHistory, number, edit)).row.transcript_summary == envelope


async def test_an_envelope_made_for_another_place_is_refused(done):
    number = await number_of(done, StoredHistory)
    keyring = await done.keyrings.of(PAIR)
    strange = await done.keyrings.of("another-pair")
    before = await done.reader.get(THERAPIST, StoredHistory, number)
    for envelope in (
        keyring.seal("moved", aad=associated_data("histories", number + 1, "transcript_summary")),
        keyring.seal("moved", aad=associated_data("transcripts", number, "transcript_summary")),
        strange.seal("moved", aad=associated_data("histories", number, "transcript_summary")),
    ):
        with pytest.raises(InvalidInput) as refused:
            await done.editor.edit(THERAPIST, StoredHistory, number, Edit({"transcript_summary": envelope}))
        assert refused.value.code == "invalid_envelope"
    assert await done.reader.get(THERAPIST, StoredHistory, number) == before


async def test_a_change_needs_the_version_it_was_made_from(done):
    number = await number_of(done, Recording)
    first = await done.reader.get(THERAPIST, Recording, number)
    edit = Edit({"filename": "renamed.wav"})
    second = await done.editor.edit(THERAPIST, Recording, number, edit, if_match=first.etag)
    assert second.etag != first.etag
    for tag in (first.etag, f"W/{second.etag}", second.etag.strip('"'), ""):
        with pytest.raises(PreconditionFailed):
            await done.editor.edit(THERAPIST, Recording, number, Edit({"filename": "again.wav"}), if_match=tag)
        with pytest.raises(PreconditionFailed):
            await done.editor.delete(THERAPIST, Recording, number, if_match=tag)
    assert (await done.reader.get(THERAPIST, Recording, number)).row.filename == "renamed.wav"
    await done.editor.edit(THERAPIST, Recording, number, edit, if_match=f'"other", {second.etag}')
    await done.editor.edit(THERAPIST, Recording, number, edit, if_match="*")


async def test_a_change_says_when_it_was_made(done, clock):
    row = await only(done, Recording)
    clock.move(hours=1)
    written = (await done.editor.edit(THERAPIST, Recording, row.number, Edit({"is_processed": None}))).row
    assert (written.created, written.is_processed) == (row.created, None)
    assert written.updated > row.updated


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (Recording, "therapist_userid", "therapist9"),
        (Recording, "therapist_client_id", "another-pair"),
        (Recording, "session_id", "session-9"),
        (StoredHistory, "client_userid", "client9"),
        (StoredHistory, "therapist_userid", 9),
    ],
)
async def test_a_record_stays_where_it_is(done, kind, name, value):
    row = await only(done, kind)
    with pytest.raises(Conflict) as refused:
        await done.editor.edit(THERAPIST, kind, row.number, Edit({}, {name: value}))
    assert refused.value.code == "record_moved"
    for same in (getattr(row, name), None):
        assert (await done.editor.edit(THERAPIST, kind, row.number, Edit({}, {name: same}))).row.id == row.id


async def test_a_client_that_was_never_named_is_named_once(stores, host):
    await host.send(upload(0, last=True, client_userid=None))
    await host.settle()
    process = Process(stores)
    number = await number_of(process, StoredHistory)
    named = await process.editor.edit(THERAPIST, StoredHistory, number, Edit({}, {"client_userid": 7}))
    assert named.row.client_userid == "7"
    await process.editor.edit(THERAPIST, StoredHistory, number, Edit({}, {"client_userid": 7}))
    with pytest.raises(Conflict):
        await process.editor.edit(THERAPIST, StoredHistory, number, Edit({}, {"client_userid": 8}))


async def test_a_client_is_named_as_the_relationships(stores, host):
    await host.send(upload(0, client_userid=None))
    await host.send(upload(0, session_id="session-2"))
    process = Process(stores)
    [row] = (await process.reader.page(THERAPIST, Recording, session_id=SESSION)).rows
    with pytest.raises(Conflict):
        await process.editor.edit(THERAPIST, Recording, row.number, Edit({}, {"client_userid": "client9"}))
    named = await process.editor.edit(THERAPIST, Recording, row.number, Edit({}, {"client_userid": "client2"}))
    assert named.row.client_userid == "client2"


async def test_a_client_changes_nothing(done):
    for kind in KINDS:
        number = await number_of(done, kind)
        before = await done.reader.get(CLIENT, kind, number)
        with pytest.raises(Forbidden):
            await done.editor.edit(CLIENT, kind, number, Edit({"therapist_session_id": 5}))
        with pytest.raises(Forbidden):
            await done.editor.delete(CLIENT, kind, number)
        assert await done.reader.get(CLIENT, kind, number) == before


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_stranger_changes_nothing_and_learns_nothing(done, stranger):
    number = await number_of(done, StoredTranscript)
    with pytest.raises(NotFound):
        await done.editor.edit(stranger, StoredTranscript, number, Edit({"transcript": "x"}))
    with pytest.raises(NotFound):
        await done.editor.delete(stranger, StoredTranscript, number)
    assert not (await only(done, StoredTranscript)).deleted


# ---- deletion ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_a_deleted_record_is_shown_nowhere_and_kept(done, stores, kind):
    row = await only(done, kind)
    await done.editor.delete(THERAPIST, kind, row.number)
    with pytest.raises(NotFound):
        await done.reader.get(SERVICE, kind, row.number)
    with pytest.raises(NotFound):
        await done.editor.delete(THERAPIST, kind, row.number)
    listed = (await done.reader.page(THERAPIST, kind, relationship=PAIR)).rows
    assert row.number not in [left.number for left in listed]
    assert row.number not in [left.number for left in await done.reader.of_client(THERAPIST, kind, PAIR, "client2")]
    kept = await stores.items.read(RECORDS, PAIR, row.id)
    assert kept.body["deleted"] is True
    assert kept.body["deleted_at"]


async def test_pointers_lead_from_every_row(done, stores):
    for body in stores.partition(RECORDS, PAIR):
        if "number" in body:
            key = pointer_id(body["kind"], body["number"])
            assert (await stores.items.read(DIRECTORY, key, key)).body["item"] == body["id"]


# ---- relationships ---------------------------------------------------------------------------------------------------


async def test_a_client_named_elsewhere_a_moment_ago_is_not_refused_from_memory(stores, process):
    await process.relationships.admit(THERAPIST, PAIR, therapist_userid=THERAPIST.id, client_userid=None)
    other = Process(stores).relationships
    await other.admit(THERAPIST, PAIR, therapist_userid=THERAPIST.id, client_userid="client2")
    assert (await process.relationships.reach(CLIENT, PAIR)).client_userid == "client2"
    assert await process.relationships.ids_of(CLIENT) == [PAIR]


async def test_a_relationship_that_is_gone_is_forgotten_in_time(stores, process, clock):
    await process.relationships.admit(THERAPIST, PAIR, therapist_userid=THERAPIST.id, client_userid=None)
    await stores.items.delete(DIRECTORY, f"relationship:{PAIR}", f"relationship:{PAIR}")
    clock.move(minutes=1)
    with pytest.raises(NotFound):
        await process.relationships.reach(THERAPIST, PAIR)
