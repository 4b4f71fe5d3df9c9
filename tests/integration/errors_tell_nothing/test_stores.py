"""Of blobs, queues and items no error tells what was stored, asked or answered."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.adapters.azure_blobs import WHOLE, AzureBlobs
from shared.adapters.azure_queues import AzureQueues
from shared.adapters.cosmos_items import CosmosItems
from shared.adapters.item_rules import Listing
from shared.domain.errors import StoreUnavailable
from shared.domain.names import RECORDINGS_BLOBS, SESSIONS
from shared.ports import Change, Create, Delete
from tests.integration.errors_tell_nothing.telling import (
    ALWAYS,
    NONSENSE,
    REFUSALS,
    SIGNATURE,
    Call,
    assert_tells_nothing,
    raised_by,
    raised_under,
)
from tests.servers.cosmos_account import Account
from tests.servers.faults import Fault, Trouble
from tests.servers.quoting import BODY, HEADERS, SECRET, Quoting


def account(storage: Quoting, kind: str) -> str:
    return f"{kind}Endpoint={storage.url}/account;SharedAccessSignature=sv=2024-11-04&sig={SIGNATURE}"


@pytest.fixture
async def blobs(storage: Quoting) -> AsyncIterator[AzureBlobs]:
    async with AsyncExitStack() as made:
        opened = AzureBlobs(account(storage, "Blob"))
        made.push_async_callback(opened.close)
        yield opened


async def drained(pieces: AsyncIterator[object]) -> None:
    async with aclosing(pieces):  # type: ignore[type-var]
        async for _ in pieces:
            pass


def every_use(blobs: AzureBlobs) -> list[Call]:
    where = (RECORDINGS_BLOBS, "therapist/pair/2026-02-23/rec.wav")
    how: dict[str, Any] = {"content_type": "audio/wav", "metadata": {}}
    return [
        lambda: blobs.info(*where),
        lambda: blobs.read(*where),
        lambda: drained(blobs.stream(*where)),
        lambda: drained(blobs.list(RECORDINGS_BLOBS, "therapist/")),
        lambda: blobs.create(*where, b"sound", **how),
        lambda: blobs.create(*where, io.BytesIO(bytes(WHOLE + 1)), **how),
        lambda: blobs.put(*where, b"sound", **how),
        lambda: blobs.delete(*where),
        lambda: blobs.signed_upload_url(*where, expires=datetime(2099, 1, 1, tzinfo=UTC)),
    ]


@pytest.mark.parametrize("status", [NONSENSE, *REFUSALS])
async def test_blobs(storage, blobs, status):
    storage.status = status
    raised = await raised_by(*every_use(blobs))
    assert_tells_nothing(raised, hidden=None if status == NONSENSE else SECRET)


async def test_a_success_that_cannot_be_read_is_asked_for_again(storage, blobs):
    storage.status = NONSENSE
    raised = await raised_by(*every_use(blobs))
    assert {type(error) for error in raised} == {StoreUnavailable}


async def test_blobs_of_a_service_that_is_away(storage, blobs):
    look, *_ = every_use(blobs)
    assert_tells_nothing(await raised_under(storage, Fault(Trouble.DROPPED, ALWAYS), look), hidden=None)


@pytest.mark.parametrize("status", [NONSENSE, *REFUSALS])
async def test_queues(storage, status):
    storage.status = status
    queues = AzureQueues(account(storage, "Queue"))
    raised = await raised_by(lambda: queues.send("fetch", {"session_id": "session-1"}), queues.reachable)
    await queues.close()
    assert_tells_nothing(raised, hidden=None if status == NONSENSE else SECRET)


@pytest.mark.parametrize("status", [NONSENSE, *REFUSALS, 449, 503])
async def test_items(status):
    cosmos = Account(status=status, body=BODY, headers=dict(HEADERS), text=SECRET if status == NONSENSE else None)
    await cosmos.start()
    items = CosmosItems(cosmos.endpoint, "a2V5")
    body = {"id": "one", "session_id": "s", "text": SECRET}
    changes = [Change("set", "/text", SECRET)]
    raised = await raised_by(
        lambda: items.read(SESSIONS, "s", "one"),
        lambda: items.create(SESSIONS, "s", body),
        lambda: items.upsert(SESSIONS, "s", body),
        lambda: items.replace(SESSIONS, "s", body, etag="etag"),
        lambda: items.patch(SESSIONS, "s", "one", changes),
        lambda: items.delete(SESSIONS, "s", "one"),
        lambda: items.batch(SESSIONS, "s", [Create(body), Delete("two")]),
        lambda: items.query(SESSIONS, "s", equal={"text": SECRET}),
    )
    await items.close()
    assert_tells_nothing(raised, hidden=None if status == NONSENSE else SECRET)
    cosmos.container_status = status
    items = CosmosItems(cosmos.endpoint, "a2V5")
    raised += await raised_by(lambda: items.read(SESSIONS, "s", "one"))
    assert_tells_nothing(raised, hidden=None)
    await items.close()
    await cosmos.stop()


async def test_a_list_asked_to_go_on_from_nowhere(cosmos):
    """The emulator, as the service, quotes the continuation that it does not understand."""
    items = CosmosItems(cosmos.endpoint, cosmos.key, may_create=True)
    for n in range(2):
        await items.upsert(SESSIONS, "s-of-nobody", {"id": f"{n}", "session_id": "s-of-nobody"})
    first = await items.query(SESSIONS, "s-of-nobody", equal={}, limit=1)
    assert first.continuation is not None
    forged = Listing(SESSIONS, "s-of-nobody", {}, None, False, 1).continuation(SECRET)
    raised = await raised_by(lambda: items.query(SESSIONS, "s-of-nobody", equal={}, limit=1, continuation=forged))
    await items.close()
    assert_tells_nothing(raised, hidden=None)
