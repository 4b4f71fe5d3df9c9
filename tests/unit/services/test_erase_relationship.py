"""Erasing a relationship: nothing is left but a receipt, whatever happened on the way, and nothing comes back."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from shared.domain.caller import Caller, Role
from shared.domain.document import DocumentPath
from shared.domain.erasure import Receipt
from shared.domain.errors import Conflict, NotFound, StoreUnavailable
from shared.domain.manifest import Manifest
from shared.domain.names import AUDIO_BLOBS, AUDIT, DIRECTORY, DOCUMENTS_BLOBS, RECORDS, SEALED_BLOBS, SESSIONS
from shared.services.audit import AuditTrail
from shared.services.erase_relationship import Eraser
from shared.services.ledger import OPEN
from shared.services.relationship_traces import Traces
from tests.engines import ToneSpeech
from tests.faults import Fault, Pause, When
from tests.unit.services.world import PAIR, SCRIPT, SESSION, THERAPIST, Host, Process, Stores, upload, uploads

OTHER_PAIR = "therapist1_client3"
OTHER_SESSION = "session-of-another"
SERVICE = Caller(id="partner1", roles=frozenset({Role.SERVICE}))
PERSONAL = ("therapist1", "client2")
RUN = 3
"""Chunks of the session that is erased."""


def eraser(process: Process) -> Eraser:
    return Eraser(
        items=process.items,
        traces=Traces(items=process.items, blobs=process.blobs, ledger=process.ledger),
        keyrings=process.keyrings,
        documents=process.client_documents,
        relationships=process.relationships,
        audit=AuditTrail(process.items, process.clock),
        clock=process.clock,
        limits=process.limits,
    )


def left(stores: Stores) -> dict[str, dict[str, Any]]:
    """Items that name the pair or its people; the audit trail outlives them."""
    found = {}
    for (container, _), rows in stores.items._partitions.items():
        for row in rows.values():
            names = (PAIR, *PERSONAL) if container != RECORDS else (PAIR,)
            if container != AUDIT and any(f'"{name}"' in row.text or f"{name}/" in row.text for name in names):
                found[f"{container}/{row.item.body['id']}"] = row.item.body
    return found


def assert_erased(stores: Stores, receipt: Receipt) -> None:
    """Only the receipt and the numbers of the shredded keys are there."""
    assert stores.blobs._blobs == {}
    assert {f"directory/relationship:{PAIR}", "records/dek:1"} == set(left(stores))
    tomb = left(stores)[f"directory/relationship:{PAIR}"]
    assert tomb["receipt"] == receipt.model_dump(mode="json")
    assert not any(f'"{name}"' in json.dumps(tomb) for name in PERSONAL)
    assert "wrapped" not in left(stores)["records/dek:1"]
    assert list(stores.partition(SESSIONS, SESSION)) == []
    assert [
        partition
        for (name, partition), rows in stores.items._partitions.items()
        if name == DIRECTORY and rows and partition.split(":")[0] in {"recording", "transcript", "history"}
    ] == []


async def settle_erasure(stores: Stores) -> None:
    """Time passes, and the sweeper comes by, until the list of open work is empty."""
    for _ in range(6):
        stores.clock.move(minutes=11)
        process = Process(stores)
        await eraser(process).resume()
        await process.sweeper.sweep()
    assert [line for line in stores.partition(SESSIONS, OPEN) if line["kind"] == "erasure"] == []


@pytest.fixture
async def done(stores: Stores, host: Host) -> None:
    """A session with transcript and note."""
    await host.send_all(uploads(RUN))
    await host.settle()


# ---- what is erased -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("done")
async def test_nothing_is_left_but_the_receipt(stores, process):
    before = len(stores.blobs._blobs)
    receipt = await eraser(process).erase(PAIR)
    assert receipt.counts == {"sessions": 1, "records": RUN + 2, "blobs": before, "documents": 0, "data_keys": 1}
    assert len(receipt.key_ids) == 1
    await settle_erasure(stores)
    assert_erased(stores, receipt)


@pytest.mark.usefixtures("done")
async def test_asked_again_it_answers_the_same(stores, process, clock):
    receipt = await eraser(process).erase(PAIR)
    clock.move(minutes=1)
    assert await eraser(process).erase(PAIR) == receipt
    await settle_erasure(stores)
    assert await eraser(Process(stores)).erase(PAIR) == receipt


@pytest.mark.usefixtures("done")
async def test_another_relationship_is_left_alone(stores, host):
    await host.send(upload(1, last=True, therapist_clientid=OTHER_PAIR, session_id=OTHER_SESSION, index=0))
    await host.settle(OTHER_SESSION)
    before = {key: info for key, info in stores.blobs._blobs.items() if OTHER_PAIR in key[1] or OTHER_SESSION in key[1]}
    rows = list(stores.partition(RECORDS, OTHER_PAIR))
    await eraser(host.process).erase(PAIR)
    await settle_erasure(stores)
    assert stores.blobs._blobs == before
    assert list(stores.partition(RECORDS, OTHER_PAIR)) == rows
    assert await Process(stores).relationships.ids_of(THERAPIST) == [OTHER_PAIR]


async def test_a_session_that_is_still_recorded_goes_too(stores, host):
    await host.send(upload(0))
    receipt = await eraser(host.process).erase(PAIR)
    assert (receipt.counts["sessions"], receipt.counts["blobs"]) == (1, 1)
    await settle_erasure(stores)
    assert_erased(stores, receipt)


async def test_a_relationship_without_sessions_leaves_no_door_open(stores, process):
    await process.relationships.provision(PAIR, therapist_userid="therapist1", client_userid="client2")
    receipt = await eraser(process).erase(PAIR)
    assert receipt.counts == {"sessions": 0, "records": 0, "blobs": 0, "documents": 0, "data_keys": 1}
    with pytest.raises(NotFound):
        await Process(stores).keyrings.load(PAIR)


async def test_what_never_was_cannot_be_erased(process):
    with pytest.raises(NotFound):
        await eraser(process).erase("never-was")


# ---- the client's documents -----------------------------------------------------------------------------------------

LETTER, SCAN, THERAPISTS, NAMESAKES = (
    "letters/User/client2/2026-02-23/letter.pdf",
    "scans/User/client2/2026-02-22/scan.pdf",
    "letters/Therapist/therapist1/2026-02-23/letter.pdf",
    "letters/User/client22/2026-02-23/letter.pdf",
)


@pytest.fixture
async def documents(stores: Stores, process: Process, done: None) -> None:
    """Two of the client's, under different features, one of the therapist's and one of somebody else's."""
    for path in (LETTER, SCAN):
        await process.client_documents.enter("client2", path.partition("/")[0])
    for path in (LETTER, SCAN, THERAPISTS, NAMESAKES):
        await stores.blobs.create(DOCUMENTS_BLOBS, path, b"%PDF-", content_type="application/pdf", metadata={})


@pytest.mark.usefixtures("documents")
async def test_the_clients_documents_go_and_the_receipt_says_which(stores, process):
    receipt = await eraser(process).erase(PAIR)
    assert receipt.counts["documents"] == 2
    assert receipt.documents == tuple(DocumentPath.parse(path).resource for path in (LETTER, SCAN))
    assert "letter" not in receipt.model_dump_json()
    assert stores.blob_names(DOCUMENTS_BLOBS) == [THERAPISTS, NAMESAKES]
    await settle_erasure(stores)
    assert set(left(stores)) == {f"directory/relationship:{PAIR}", "records/dek:1"}


@pytest.mark.usefixtures("documents")
async def test_documents_stay_until_the_clients_last_relationship_goes(stores, process):
    await process.relationships.provision(OTHER_PAIR, therapist_userid="therapist9", client_userid="client2")
    assert (await eraser(process).erase(PAIR)).counts["documents"] == 0
    await settle_erasure(stores)
    assert LETTER in stores.blob_names(DOCUMENTS_BLOBS)
    assert (await eraser(Process(stores)).erase(OTHER_PAIR)).counts["documents"] == 2
    assert LETTER not in stores.blob_names(DOCUMENTS_BLOBS)


@pytest.mark.usefixtures("documents")
async def test_what_a_client_uploads_after_the_erasure_is_theirs_anew(stores, process):
    await eraser(process).erase(PAIR)
    stores.clock.move(minutes=5)
    await process.client_documents.enter("client2", "letters")
    await stores.blobs.create(DOCUMENTS_BLOBS, LETTER, b"%PDF-", content_type="application/pdf", metadata={})
    await settle_erasure(stores)
    assert LETTER in stores.blob_names(DOCUMENTS_BLOBS)
    assert await Process(stores).client_documents.of("client2") == [LETTER]


@pytest.mark.usefixtures("documents")
async def test_an_erasure_that_dies_anywhere_takes_the_documents_in_the_end(stores):
    for step in range(1, 60, 3):
        with suppress(asyncio.CancelledError):
            await eraser(Process(stores, Fault(step, When.DIES_AFTER))).erase(PAIR)
    await settle_erasure(stores)
    assert await Process(stores).client_documents.of("client2") == []
    assert (await eraser(Process(stores)).erase(PAIR)).counts["documents"] == 2


# ---- nothing comes back ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("done")
async def test_nobody_reaches_it_and_nobody_uploads_to_it(stores, process):
    await eraser(process).erase(PAIR)
    for after in (process, Process(stores)):
        with pytest.raises(NotFound):
            await after.relationships.reach(SERVICE, PAIR)
        with pytest.raises(NotFound):
            await after.keyrings.of(PAIR)
        with pytest.raises(NotFound):
            await after.accept(upload(0, session_id="afterwards"))
        with pytest.raises(Conflict) as refused:
            await after.relationships.provision(PAIR, therapist_userid="therapist1", client_userid=None)
        assert refused.value.code == "relationship_erased"


@pytest.mark.usefixtures("done")
async def test_a_process_that_remembers_it_leaves_nothing_in_the_end(stores, process):
    remembering = Process(stores)
    await remembering.relationships.reach(THERAPIST, PAIR)
    await remembering.keyrings.of(PAIR)
    receipt = await eraser(process).erase(PAIR)
    await remembering.accept(upload(0, last=True, session_id="afterwards"))
    assert stores.blob_names("recordings") != []
    await settle_erasure(stores)
    assert_erased(stores, receipt)


@pytest.mark.parametrize(("method", "port"), [("create", "blobs"), ("batch", "items"), ("upsert", "items")])
async def test_an_upload_under_way_leaves_nothing_in_the_end(stores, host, method, port):
    await host.send(upload(0))
    pause = Pause(method)
    slow = Process(stores, **{port: pause.over(getattr(stores, port))})
    task = asyncio.create_task(slow.accept(upload(1)))
    await pause.reached.wait()
    receipt = await eraser(host.process).erase(PAIR)
    pause.go.set()
    await asyncio.gather(task, return_exceptions=True)
    await settle_erasure(stores)
    assert_erased(stores, receipt)


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
@pytest.mark.parametrize("method", ["put", "batch", "upsert", "patch"])
async def test_a_transcription_under_way_ends_quietly(stores, host, method, when):
    await host.send_all(uploads(RUN))
    [(name, _)] = stores.manifests()
    manifest = Manifest.model_validate_json(await stores.blobs.read(SEALED_BLOBS, name))
    pause = Pause(method, when)
    port = "blobs" if method == "put" else "items"
    slow = Process(stores, **{port: pause.over(getattr(stores, port))})
    await slow.keyrings.of(PAIR)
    task = asyncio.create_task(slow.transcribe(manifest))
    await pause.reached.wait()
    receipt = await eraser(host.process).erase(PAIR)
    pause.go.set()
    await task
    await slow.transcribe(manifest)
    await slow.write_note(SESSION, manifest.digest)
    await settle_erasure(stores)
    assert_erased(stores, receipt)


async def test_a_transcription_that_is_heard_while_erased_stores_nothing_to_read(stores, host):
    await host.send_all(uploads(RUN))
    [(name, _)] = stores.manifests()
    manifest = Manifest.model_validate_json(await stores.blobs.read(SEALED_BLOBS, name))
    pause = Pause("transcribe", When.AFTER)
    slow = Process(stores, speech=pause.over(ToneSpeech(SCRIPT)))
    task = asyncio.create_task(slow.transcribe(manifest))
    await pause.reached.wait()
    await eraser(host.process).erase(PAIR)
    pause.go.set()
    await task
    assert stores.blob_names(AUDIO_BLOBS) == []
    assert [row["kind"] for row in stores.partition(RECORDS, PAIR)] == ["shredded_key"]


async def test_a_session_id_that_somebody_else_took_meanwhile_is_theirs(stores, host):
    await host.send_all(uploads(RUN))
    await eraser(host.process).erase(PAIR)
    await host.send(upload(1, therapist_clientid=OTHER_PAIR, index=0))
    await settle_erasure(stores)
    assert (await Process(stores).ledger.get(SESSION)).therapist_clientid == OTHER_PAIR
    assert len(stores.blob_names("recordings")) == 1


# ---- it gets done ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", [When.DIES_BEFORE, When.DIES_AFTER, When.BEFORE, When.AFTER])
async def test_it_is_done_whichever_step_a_process_dies_at(tmp_path, when):
    for at in count(1):
        stores = Stores(tmp_path / f"{when.name}-{at}")
        host = Host(stores, Process(stores))
        await host.send_all(uploads(RUN))
        await host.settle()
        fault = Fault(at, when)
        doomed = eraser(Process(stores, fault))
        with suppress(asyncio.CancelledError, StoreUnavailable):
            await doomed.erase(PAIR)
        if len(fault.calls) < at:
            break  # it has struck at every step
        await settle_erasure(stores)
        [row] = stores.partition(DIRECTORY, f"relationship:{PAIR}")
        if row["state"] == "erased":
            assert_erased(stores, await eraser(Process(stores)).erase(PAIR))
        else:
            assert at <= 3, "only before the order stands may nothing come of it"
    assert at > 20


@pytest.mark.usefixtures("done")
async def test_what_a_process_left_undone_is_in_the_audit_trail(stores):
    with pytest.raises(StoreUnavailable):
        await eraser(Process(stores, Fault(12))).erase(PAIR)
    await settle_erasure(stores)
    page = await AuditTrail(stores.items, stores.clock).page(PAIR, limit=10, continuation=None)
    assert [(entry.caller, entry.operation) for entry in page.entries] == [("session-scribe", "finish_erasures")]
    assert page.broken_at is None


@pytest.mark.usefixtures("done")
async def test_erased_from_two_sides_at_once(stores):
    receipts = await asyncio.gather(*(eraser(Process(stores)).erase(PAIR) for _ in range(2)))
    assert receipts[0].key_ids == receipts[1].key_ids
    await settle_erasure(stores)
    assert_erased(stores, await eraser(Process(stores)).erase(PAIR))
