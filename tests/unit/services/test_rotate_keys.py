"""Rotating data keys: everything comes to lie under a new one, whatever happens meanwhile, and nothing is lost."""

from __future__ import annotations

import ast
import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import shared
from shared.adapters.memory_items import MemoryItems
from shared.crypto.envelope import associated_data, is_envelope, key_id_of
from shared.crypto.keyring import KIND
from shared.domain.caller import Caller, Role
from shared.domain.document import PageRead
from shared.domain.errors import NotFound, Permanent, StoreUnavailable
from shared.domain.names import RECORDS, SESSIONS, WORDS_BLOBS
from shared.domain.processing import Order
from shared.domain.records import StoredHistory, StoredTranscript
from shared.domain.rotation import DataKeyRules
from shared.domain.session import State
from shared.domain.transcript import Segment, Transcript
from shared.ports import Change, Item
from shared.services.audit import AuditTrail
from shared.services.edit_record import Edit
from shared.services.idempotency import Answer, Attempt, IdempotencyKeys, Scope
from shared.services.kept_pages import KeptPages
from shared.services.name_speakers import name_speakers
from shared.services.renew_envelopes import Envelopes
from shared.services.rotate_keys import KeyRotation, Rotated
from tests.faults import Fault, Pause, When
from tests.unit.services.reading import history_of, summary_of, transcript_of
from tests.unit.services.test_erase_relationship import eraser, settle_erasure
from tests.unit.services.world import PAIR, SCRIPT, SESSION, THERAPIST, Host, Process, Stores, upload, uploads

PARTNER = Caller(id="partner1", roles=frozenset({Role.SERVICE}))
OWNER = "clinician-1"
URL = "https://127.0.0.1/recording.wav?sig=secret"
PLAN = "## Goals\n- Sleeping through the night"
ANSWER = b'{"said": "I feel exhausted"}'
PAGES = (PageRead(number=1, text="has not slept since March"),)
YEAR = DataKeyRules().max_age + timedelta(days=1)


def envelopes(process: Process) -> Envelopes:
    return Envelopes(items=process.items, blobs=process.blobs, keyrings=process.keyrings, clock=process.clock)


def rotation(process: Process, **rules: Any) -> KeyRotation:
    return KeyRotation(
        keyrings=process.keyrings,
        envelopes=envelopes(process),
        audit=AuditTrail(process.items, process.clock),
        clock=process.clock,
        limits=process.limits,
        rules=DataKeyRules.model_validate(rules),
    )


def far(stores: Stores) -> datetime:
    """When a run need not end."""
    return stores.clock.now() + timedelta(days=1)


async def rotate_all(stores: Stores, **rules: Any) -> Rotated:
    """A run, and those that follow it until nothing is open."""
    for _ in range(4):
        done = await rotation(Process(stores), **rules).run()
        if not done.open:
            return done
        stores.clock.move(hours=25)
    raise AssertionError("it never ends")


# ---- what there is -------------------------------------------------------------------------------------------------


async def a_session(host: Host) -> None:
    """With transcript and note, both in two versions, and a speaker's name."""
    await host.send_all(uploads(2))
    await host.settle()
    await host.send(upload(2))
    session = await host.settle()
    process = host.process
    await name_speakers(
        session,
        {"Speaker 1": "Marguerite"},
        THERAPIST,
        ledger=process.ledger,
        transcripts=process.transcripts,
        editor=process.editor,
        queues=process.queues,
    )
    assert (await host.settle()).state is State.DONE


async def some_requests(host: Host) -> list[str]:
    """Processing sessions: one that is done, and one whose recording was never fetched and left no row."""
    process = host.process
    user = await process.users.create(PARTNER, partner_user_id=OWNER, display_name=None, note_identifier=None)
    turns = [
        Segment(id=f"u{n}", start_ms=n * 1000, end_ms=n * 1000 + 900, speaker="AB"[n % 2], text=SCRIPT[n])
        for n in range(4)
    ]
    order = Order.model_validate({"owner_userid": user.id, "names": {user.id: "Bartholomew"}, "plan": PLAN})
    said = Transcript(segments=tuple(turns), duration_ms=5000)
    done = await process.processing.from_transcript(PARTNER, order, said, {"A": user.id})
    await host.settle(done)
    return [done, await process.processing.from_recording(PARTNER, order, URL)]


def answers(process: Process) -> IdempotencyKeys:
    return IdempotencyKeys(items=process.items, keyrings=process.keyrings, clock=process.clock)


def pages(process: Process) -> KeptPages:
    return KeptPages(items=process.items, keyrings=process.keyrings, clock=process.clock)


SCOPE = Scope(PARTNER, "create", "/things", "key-1", "request")


async def everything(stores: Stores) -> list[str]:
    """Every kind of thing this product encrypts; ids of the processing sessions."""
    host = Host(stores, Process(stores))
    await a_session(host)
    sessions = await some_requests(host)
    await host.process.webhooks.register(PARTNER.id, "https://127.0.0.1/hook")
    attempt = await answers(host.process).begin(SCOPE, repeatable=False)
    assert isinstance(attempt, Attempt)
    await answers(host.process).complete(attempt, Answer.of(200, [], ANSWER))
    await pages(host.process).keep("0123", PAGES)
    return sessions


def keys(stores: Stores) -> dict[UUID, Mapping[str, Any]]:
    """The data keys of everybody."""
    rows = [row.item.body for rows in stores.items._partitions.values() for row in rows.values()]
    return {UUID(row["kid"]): row for row in rows if row["kind"] == KIND}


def texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, and where it is."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from texts(inner, f"{path}.{name}")
    elif isinstance(value, Sequence):
        for inner in value:
            yield from texts(inner, f"{path}[]")


def sealed(stores: Stores) -> list[tuple[str, UUID]]:
    """Every envelope there is in any store, found by its form alone: where it lies and what key it names."""
    found = []
    for (container, _), rows in stores.items._partitions.items():
        for row in rows.values():
            body = row.item.body
            if body.get("expires", "9") > stores.clock.now().isoformat():
                places = texts(body, f"{container}/{body['kind']}")
                found += [(place, key_id_of(text)) for place, text in places if is_envelope(text)]
    for (container, _), (_, content) in stores.blobs._blobs.items():
        if content[:1] == b"\x01" and key_id_of(content) in keys(stores):
            found.append((container, key_id_of(content)))
    return found


def outdated(stores: Stores) -> Counter[str]:
    """Where envelopes lie that are not under their relationship's newest key."""
    known = keys(stores)
    newest: dict[str, Mapping[str, Any]] = {}
    for row in sorted(known.values(), key=lambda each: each["generation"]):
        newest[row["therapist_client_id"]] = row
    current = {UUID(row["kid"]) for row in newest.values()}
    return Counter(place for place, kid in sealed(stores) if kid not in current)


async def assert_readable(stores: Stores, sessions: Sequence[str]) -> None:
    """All of it, by a process that knows nothing but the stores."""
    process = Process(stores)
    assert await transcript_of(stores) == list(SCRIPT[:3])
    assert "exhausted" in await history_of(stores)
    assert await summary_of(stores) == await history_of(stores)
    session = await process.ledger.get(SESSION)
    stored = await process.transcripts.of(session)
    assert stored is not None
    assert (await process.transcripts.words(stored)).names == {"Speaker 1": "Marguerite"}
    histories = await process.histories.all_of(session)
    assert len(histories) >= 2
    for history in histories:
        assert (await process.histories.note(history)).sections
    done, waiting = [await process.requests.read(await process.ledger.get(key)) for key in sessions]
    assert done is not None
    assert waiting is not None
    assert (done.plan, waiting.plan, waiting.url) == (None, PLAN, URL)
    assert (await process.webhooks.secret_of(await process.webhooks.get(PARTNER.id))).startswith("whsec_")


# ---- what comes to lie under the new key -----------------------------------------------------------------------------

ENCRYPTED = {
    "directory/idempotency.answer",
    "directory/webhook.secret",
    "records/history.note",
    "records/history.transcript_summary",
    "records/history_version.note",
    "records/history_version.transcript_summary",
    "records/pages.pages",
    "records/transcript.transcript",
    "records/transcript.transcript_summary",
    "records/transcript_version.transcript",
    "records/transcript_version.transcript_summary",
    "sessions/request.brief",
    "sessions/request.plan",
    "sessions/request.url",
    "words",
}
"""Where envelopes lie. One more must be seen by `everything` above, and renewed."""


async def test_no_envelope_in_any_store_stays_under_an_old_key(stores):
    sessions = await everything(stores)
    assert {place for place, _ in sealed(stores)} == ENCRYPTED
    before = keys(stores)
    stores.clock.at += YEAR
    done = await rotate_all(stores)
    assert not done.failed
    assert outdated(stores) == {}
    assert {kid for _, kid in sealed(stores)}.isdisjoint(before)
    assert {row["generation"] for kid, row in keys(stores).items() if kid not in before} == {2}
    await assert_readable(stores, sessions)


def test_whatever_encrypts_is_known_here():
    """Who encrypts something new has to play it in `everything`, or nobody would see it forgotten."""
    root = Path(shared.__file__).parent
    found = set()
    for path in sorted(root.rglob("*.py")):
        text = path.read_text("utf-8")
        tree = ast.walk(ast.parse(text)) if ".seal" in text else ()
        calls = [node.func for node in tree if isinstance(node, ast.Call)]
        if any(isinstance(call, ast.Attribute) and call.attr in {"seal", "seal_bytes"} for call in calls):
            found.add(path.relative_to(root).as_posix())
    assert found == {
        "services/edit_record.py",
        "services/histories.py",
        "services/idempotency.py",
        "services/kept_pages.py",
        "services/processing_requests.py",
        "services/renew_envelopes.py",
        "services/transcripts.py",
        "services/webhooks.py",
    }


async def test_nothing_but_the_encryption_changes(stores, host):
    """Neither times nor versions: nobody has edited anything."""
    await a_session(host)
    before = {row["id"]: row for row in stores.partition(RECORDS, PAIR) if row["kind"] != KIND}
    stores.clock.at += YEAR
    await rotate_all(stores)
    for row in stores.partition(RECORDS, PAIR):
        if row["kind"] != KIND:
            plain = {name: text for name, text in row.items() if not is_envelope(str(text))}
            assert plain.items() <= before[row["id"]].items()
            assert plain.keys() | {"transcript", "transcript_summary", "note"} >= row.keys()


async def test_older_keys_stay_and_open_what_clients_have_kept(stores, host):
    await a_session(host)
    (row,) = [row for row in stores.partition(RECORDS, PAIR) if row["kind"] == "transcript"]
    stores.clock.at += YEAR
    await rotate_all(stores)
    keyring = await Process(stores).keyrings.load(PAIR)
    assert len(keyring.keys) == 2
    assert keyring.open(row["transcript"], aad=f"transcripts/{row['number']}/transcript")


async def test_an_answer_is_kept_for_a_caller_of_any_id(process):
    scope = Scope(Caller(id="https://idp.example/users/7", roles=PARTNER.roles), "create", "/things", "key-1", "asked")
    attempt = await answers(process).begin(scope, repeatable=False)
    assert isinstance(attempt, Attempt)
    await answers(process).complete(attempt, Answer.of(200, [], ANSWER))
    assert isinstance(await answers(process).begin(scope, repeatable=False), Answer)


async def test_what_ends_after_a_day_is_left_to_it(stores, process):
    await everything(stores)
    stores.clock.at += timedelta(hours=1)
    await rotation(process, replace_before=stores.clock.at).run()
    assert set(outdated(stores)) == {"directory/idempotency.answer", "records/pages.pages"}
    kept = await answers(process).begin(SCOPE, repeatable=False)
    assert isinstance(kept, Answer)
    assert kept.content == ANSWER
    assert await pages(process).recall("0123") == list(PAGES)
    stores.clock.move(hours=23)
    assert outdated(stores) == {}


# ---- when -----------------------------------------------------------------------------------------------------------


async def test_a_run_with_nothing_due_reads_the_list_and_no_more(stores, host):
    await a_session(host)
    fault = Fault()
    assert await rotation(Process(stores, fault)).run() == Rotated()
    assert fault.calls == ["query"]
    stores.clock.at += YEAR
    await rotate_all(stores)
    fault = Fault()
    assert await rotation(Process(stores, fault)).run() == Rotated()
    assert fault.calls == ["query"]


async def test_leaked_keys_are_replaced_at_once_and_once(stores, process, clock):
    await process.keyrings.load(PAIR)
    clock.move(hours=1)
    leaked = clock.now()
    clock.move(hours=1)
    for _ in range(4):
        await rotation(Process(stores), replace_before=leaked).run()
        clock.move(hours=1)
    keyring = await Process(stores).keyrings.load(PAIR)
    assert [key.created > leaked for key in keyring.keys] == [False, True]


async def test_a_moment_to_come_replaces_nothing_yet(process, clock):
    await process.keyrings.load(PAIR)
    assert await rotation(process, replace_before=clock.now() + timedelta(days=1)).run() == Rotated()


async def test_every_year_there_is_another(stores, host):
    await a_session(host)
    for year in range(2, 5):
        stores.clock.at += YEAR
        await rotate_all(stores)
        assert len((await Process(stores).keyrings.load(PAIR)).keys) == year
        assert outdated(stores) == {}
    assert await transcript_of(stores) == list(SCRIPT[:3])


async def test_a_line_without_keys_costs_one_look_a_year(stores, process):
    with suppress(asyncio.CancelledError):
        await Process(stores, Fault(2, When.DIES_AFTER)).keyrings.load(PAIR)
    stores.clock.at += YEAR
    await rotation(process).run()
    assert list(stores.partition(RECORDS, PAIR)) == []
    fault = Fault()
    await rotation(Process(stores, fault)).run()
    assert fault.calls == ["query"]


async def test_keys_of_which_nobody_knows_what_lies_under_them_are_named(stores, process, caplog):
    """Whoever files keys under a new kind of name has to say what is to be renewed."""
    await process.keyrings.load("letters:clinic1")
    await process.keyrings.load(PAIR)
    stores.clock.at += YEAR
    with pytest.raises(Permanent, match="letters:clinic1"):
        await rotation(process).run()
    assert "letters:clinic1: rotating its data key met keys_unknown" in caplog.text
    assert len((await process.keyrings.load(PAIR)).keys) == 2


# ---- at the same time -----------------------------------------------------------------------------------------------


async def test_what_a_process_that_remembers_the_old_key_writes_is_renewed_as_well(stores, host, clock):
    await a_session(host)
    clock.at += YEAR
    remembering = Process(stores)
    await remembering.keyrings.of(PAIR)
    first = await rotation(Process(stores)).run()
    assert (first.settled, first.open) == (0, 1)
    (row,) = await remembering.reader.of_client(THERAPIST, StoredTranscript, PAIR, "client2")
    await remembering.editor.edit(THERAPIST, StoredTranscript, row.number, Edit({"transcript": "edited"}))
    assert outdated(stores) == {"records/transcript.transcript": 1}
    clock.move(minutes=5)
    assert (await rotation(Process(stores)).run()).open == 1  # others may still remember
    clock.move(minutes=5)
    assert (await rotation(Process(stores)).run()).settled == 1
    assert outdated(stores) == {}
    assert await transcript_of(stores) == ["edited"]


async def test_an_edit_that_comes_first_wins(stores, host):
    await a_session(host)
    await host.process.keyrings.rotate(PAIR)
    pause = Pause("patch")
    renewing = asyncio.create_task(envelopes(Process(stores, items=pause.over(stores.items))).renew(PAIR, far(stores)))
    await pause.reached.wait()
    (row,) = await host.process.reader.of_client(THERAPIST, StoredTranscript, PAIR, "client2")
    await host.process.editor.edit(THERAPIST, StoredTranscript, row.number, Edit({"transcript": "edited"}))
    pause.go.set()
    assert (await renewing).complete
    assert await transcript_of(stores) == ["edited"]
    assert outdated(stores) == {}


@pytest.mark.parametrize(("method", "when"), [("info", When.AFTER), ("read", When.AFTER), ("replace", When.BEFORE)])
async def test_names_that_are_given_meanwhile_stay(stores, host, method, when):
    await a_session(host)
    await host.process.keyrings.rotate(PAIR)
    pause = Pause(method, when)
    renewing = asyncio.create_task(envelopes(Process(stores, blobs=pause.over(stores.blobs))).renew(PAIR, far(stores)))
    await pause.reached.wait()
    process, session = host.process, await host.process.ledger.get(SESSION)
    stored = await process.transcripts.of(session)
    assert stored is not None
    words = await process.transcripts.words(stored)
    await process.transcripts.keep_words(stored, words.model_copy(update={"names": {"Speaker 1": "Ottilie"}}))
    pause.go.set()
    assert (await renewing).complete
    assert (await Process(stores).transcripts.words(stored)).names == {"Speaker 1": "Ottilie"}
    assert outdated(stores) == {}


async def test_a_plan_that_is_forgotten_meanwhile_stays_forgotten(stores, host):
    *_, waiting = await some_requests(host)
    session = await host.process.ledger.get(waiting)
    await host.process.keyrings.rotate(session.therapist_clientid)
    meanwhile = ForgetsFirst(stores, waiting)
    renewing = Process(stores, items=meanwhile)
    assert (await envelopes(renewing).renew(session.therapist_clientid, far(stores))).complete
    asked = await Process(stores).requests.read(session)
    assert asked is not None
    assert (asked.plan, asked.url) == (None, URL)
    assert outdated(stores) == {}


class SameItems(MemoryItems):
    """The items of the stores, once more."""

    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self._partitions, self._counter = stores.items._partitions, stores.items._counter
        self._stores = stores


class ForgetsFirst(SameItems):
    """Whoever patches a request finds that its plan was forgotten a moment ago."""

    def __init__(self, stores: Stores, session_id: str) -> None:
        super().__init__(stores)
        self._session_id = session_id

    async def patch(
        self, container: str, partition: str, item_id: str, changes: Sequence[Change], *, etag: str | None = None
    ) -> Item:
        if (container, partition) == (SESSIONS, self._session_id):
            process = Process(self._stores)
            await process.requests.forget(await process.ledger.get(self._session_id), "plan")
        return await super().patch(container, partition, item_id, changes, etag=etag)


async def test_a_client_that_writes_under_an_old_key_has_it_encrypted_with_the_new(stores, host):
    await a_session(host)
    old = await host.process.keyrings.load(PAIR)
    (row,) = await host.process.reader.of_client(THERAPIST, StoredHistory, PAIR, "client2")
    aad = associated_data("histories", row.number, "transcript_summary")
    await Process(stores).keyrings.rotate(PAIR)
    await host.process.keyrings.load(PAIR)
    edit = Edit({"transcript_summary": old.seal("by the client", aad=aad)})
    written = await host.process.editor.edit(THERAPIST, StoredHistory, row.number, edit)
    newest = (await host.process.keyrings.of(PAIR)).newest
    assert key_id_of(written.row.transcript_summary) == newest.kid
    assert await host.process.keyrings.open(PAIR, written.row.transcript_summary, aad=aad) == b"by the client"


async def test_two_runs_at_once_make_one_key(stores, host):
    await a_session(host)
    stores.clock.at += YEAR
    pause = Pause("batch")
    slow = asyncio.create_task(rotation(Process(stores, items=pause.over(stores.items))).run())
    await pause.reached.wait()
    await rotation(Process(stores)).run()
    pause.go.set()
    await slow
    assert len((await Process(stores).keyrings.load(PAIR)).keys) == 2
    assert outdated(stores) == {}


PORTS = {
    "query": "items",
    "batch": "items",
    "patch": "items",
    "info": "blobs",
    "read": "blobs",
    "replace": "blobs",
}


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
@pytest.mark.parametrize("method", PORTS)
async def test_what_is_erased_meanwhile_stays_erased(stores, host, method, when):
    await a_session(host)
    stores.clock.at += YEAR
    pause, port = Pause(method, when), PORTS[method]
    running = asyncio.create_task(rotation(Process(stores, **{port: pause.over(getattr(stores, port))})).run())
    await pause.reached.wait()
    await eraser(Process(stores)).erase(PAIR)
    pause.go.set()
    await running
    assert stores.blobs._blobs == {}
    assert {row["kind"] for row in stores.partition(RECORDS, PAIR)} == {"shredded_key"}
    with pytest.raises(NotFound):
        await Process(stores).keyrings.load(PAIR)
    await settle_erasure(stores)
    assert await rotation(Process(stores)).run() == Rotated()


async def test_a_request_that_left_no_other_row_is_erased_with_its_relationship(stores, host):
    sessions = await some_requests(host)
    owner = (await host.process.ledger.get(sessions[0])).therapist_clientid
    for line in list(stores.partition(SESSIONS, "~open")):  # given up long ago
        await stores.items.delete(SESSIONS, "~open", line["id"])
    receipt = await eraser(Process(stores)).erase(owner)
    assert receipt.counts["sessions"] == 2
    for session_id in sessions:
        assert list(stores.partition(SESSIONS, session_id)) == []


# ---- it gets done ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", list(When))
async def test_a_run_that_ends_at_any_step_loses_nothing_and_is_gone_on_with(stores, when):
    """In the first run, which does the work, and in the second, which looks again and settles it."""
    sessions = await everything(stores)
    stores.clock.at += YEAR
    for steps_at_least in (50, 30):
        for step in count(1):
            after = deepcopy(stores)
            fault = Fault(step, when)
            with suppress(StoreUnavailable, asyncio.CancelledError):
                await rotation(Process(after, fault)).run()
            if len(fault.calls) < step:
                break
            await assert_readable(after, sessions)
            assert not (await rotate_all(after)).failed
            assert outdated(after) == {}
            assert len((await Process(after).keyrings.load(PAIR)).keys) == 2
        assert step > steps_at_least
        await rotation(Process(stores)).run()
        stores.clock.move(hours=25)


class Slow(SameItems):
    """Each change takes a minute."""

    async def patch(
        self, container: str, partition: str, item_id: str, changes: Sequence[Change], *, etag: str | None = None
    ) -> Item:
        self._stores.clock.move(minutes=1)
        return await super().patch(container, partition, item_id, changes, etag=etag)


async def test_a_run_ends_in_time_and_the_next_goes_on(stores, host):
    await a_session(host)
    others = [f"pair{n}" for n in range(4)]
    for other in others:
        await host.process.keyrings.load(other)
    stores.clock.at += YEAR
    runs = []
    for _ in range(30):
        began = stores.clock.now()
        runs.append(await rotation(Process(stores, items=Slow(stores)), run_time=timedelta(minutes=3)).run())
        assert stores.clock.now() - began <= timedelta(minutes=5)
        stores.clock.move(hours=1)
        if runs[-1] == Rotated():
            break
    assert runs[0].open == 5
    assert runs[-1] == Rotated()
    assert sum(run.settled for run in runs) == 5
    assert outdated(stores) == {}
    assert {len((await Process(stores).keyrings.load(each)).keys) for each in (PAIR, *others)} == {2}


async def test_what_does_not_open_is_named_and_holds_up_nothing_else(stores, host, caplog):
    await a_session(host)
    await host.process.keyrings.load("pair2")
    (row,) = [row for row in stores.partition(RECORDS, PAIR) if row["kind"] == "history"]
    swapped = {**row, "note": row["transcript_summary"]}
    await stores.items.replace(RECORDS, PAIR, swapped)
    stores.clock.at += YEAR
    await rotation(host.process).run()
    stores.clock.move(hours=1)
    done = await rotation(host.process).run()
    assert (done.settled, done.open, done.failed) == (1, 0, (PAIR,))
    assert outdated(stores) == {"records/history.note": 1}
    assert f"relationship {PAIR}: histories/{row['number']}/note does not open" in caplog.text


async def test_words_of_a_transcript_that_never_came_to_be_hold_up_nothing(stores, host):
    await a_session(host)
    lost = (await host.process.keyrings.of(PAIR)).seal_bytes(b"{}", aad="transcripts/999/words")
    await stores.blobs.put(WORDS_BLOBS, f"{SESSION}/lost.bin", lost, content_type="x/y", metadata={})
    stores.clock.at += YEAR
    assert not (await rotate_all(stores)).failed
    assert outdated(stores) == {"words": 1}


async def test_a_store_that_is_away_for_one_does_not_keep_the_others_waiting(stores, process):
    for each in (PAIR, "pair2"):
        await process.keyrings.load(each)
    stores.clock.at += YEAR
    with pytest.raises(StoreUnavailable):
        await rotation(Process(stores, Fault(2))).run()  # the first call reads the list
    assert [len((await Process(stores).keyrings.load(each)).keys) for each in (PAIR, "pair2")] == [1, 2]


# ---- what is said of it ---------------------------------------------------------------------------------------------


async def test_the_log_says_how_many_are_done_and_open_and_the_trail_that_it_was_done(stores, host, caplog):
    caplog.set_level(logging.INFO)
    await a_session(host)
    stores.clock.at += YEAR
    await rotation(Process(stores)).run()
    assert "data keys: 0 relationships settled, 1 open, 0 with what does not open; 7 items" in caplog.text
    trail = AuditTrail(stores.items, stores.clock)
    assert (await trail.page(PAIR, limit=10, continuation=None)).entries == []
    stores.clock.move(hours=1)
    await rotation(Process(stores)).run()
    assert "data keys: 1 relationships settled, 0 open" in caplog.text
    (entry,) = (await trail.page(PAIR, limit=10, continuation=None)).entries
    assert (entry.caller, entry.operation, entry.resources) == (
        "session-scribe",
        "rotate_keys",
        (f"relationship:{PAIR}",),
    )
    assert not any(said in caplog.text for said in (*SCRIPT, "Marguerite"))
