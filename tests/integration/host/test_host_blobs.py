"""What happens when a blob is written: each version runs its function, whatever stops the host on the way."""

import asyncio
import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from azure.storage.queue.aio import QueueServiceClient

from tests.integration.host.hosting import Hosts, Witness, until


async def write(container: ContainerClient, name: str, text: str) -> str:
    """Write a blob; return its ETag with its quotes."""
    blob = await container.upload_blob(name, text.encode(), overwrite=True)
    return (await blob.get_blob_properties()).etag


async def test_a_blob_written_before_the_start_runs_the_function(
    hosts: Hosts, witness: Witness, sealed: ContainerClient
):
    await write(sealed, "s-1/manifest.json", "{}")
    host = hosts.start("on_sealed")
    seen = (await witness.meet("on_sealed")).answer()
    assert seen["name"] == f"{sealed.container_name}/s-1/manifest.json"
    assert (seen["content"], seen["length"]) == ("{}", 2)
    assert seen["uri"].endswith("manifest.json")
    assert host.child.alive


async def test_one_version_runs_once_and_the_next_again(hosts: Hosts, witness: Witness, sealed: ContainerClient):
    hosts.start("on_sealed")
    await write(sealed, "a.json", "first")
    assert (await witness.meet("on_sealed")).answer()["content"] == "first"
    await write(sealed, "a.json", "second")
    assert (await witness.meet("on_sealed")).answer()["content"] == "second"
    await write(sealed, "b.json", "other")
    assert (await witness.meet("on_sealed")).answer()["content"] == "other"
    assert not witness.has_met("on_sealed")


async def test_a_restart_runs_nothing_again(hosts: Hosts, witness: Witness, sealed: ContainerClient):
    await write(sealed, "a.json", "first")
    host = hosts.start("on_sealed")
    (await witness.meet("on_sealed")).answer()
    await asyncio.to_thread(host.child.stop)
    hosts.start("on_sealed")
    await write(sealed, "b.json", "second")
    assert (await witness.meet("on_sealed")).answer()["content"] == "second"
    assert not witness.has_met("on_sealed")


async def test_a_name_outside_the_path_runs_nothing(hosts: Hosts, witness: Witness, sealed: ContainerClient):
    await write(sealed, "a.txt", "not json")
    await write(sealed, "b.json", "json")
    hosts.start("on_sealed")
    assert (await witness.meet("on_sealed")).answer()["content"] == "json"
    assert not witness.has_met("on_sealed")


async def test_a_container_made_after_the_start_is_watched(hosts: Hosts, witness: Witness, blobs: BlobServiceClient):
    hosts.start("on_sealed")
    await write(await blobs.create_container(hosts.names["SEALED"]), "a.json", "late")
    assert (await witness.meet("on_sealed")).answer()["content"] == "late"


async def test_a_failed_run_comes_again(hosts: Hosts, witness: Witness, sealed: ContainerClient):
    await write(sealed, "a.json", "first")
    hosts.start("on_sealed")
    (await witness.meet("on_sealed")).answer("fail")
    (await witness.meet("on_sealed")).answer()


async def test_a_host_killed_in_the_middle_of_a_function_runs_it_again(
    hosts: Hosts, witness: Witness, sealed: ContainerClient
):
    await write(sealed, "a.json", "first")
    host = hosts.start("on_sealed")
    await witness.meet("on_sealed")
    host.child.kill()
    hosts.start("on_sealed")
    assert (await witness.meet("on_sealed")).answer()["content"] == "first"


@pytest.mark.parametrize("incomplete", [True, False])
async def test_only_an_incomplete_receipt_lets_the_event_come_again(
    hosts: Hosts, witness: Witness, sealed: ContainerClient, blobs: BlobServiceClient, incomplete: bool
):
    """What a host leaves that was killed before, or after, it queued the event."""
    etag = await write(sealed, "a.json", "first")
    receipt = f"blobreceipts/host-{hosts.mark}/Host.Functions.on_sealed/{etag}/{sealed.container_name}/a.json"
    hosts_container = blobs.get_container_client("azure-webjobs-hosts")
    if not await hosts_container.exists():
        await hosts_container.create_container()
    await hosts_container.upload_blob(receipt, b"", metadata={"Incomplete": "Incomplete"} if incomplete else {})
    hosts.start("on_sealed")
    if incomplete:
        assert (await witness.meet("on_sealed")).answer()["content"] == "first"
    await write(sealed, "b.json", "second")
    assert (await witness.meet("on_sealed")).answer()["content"] == "second"
    assert not witness.has_met("on_sealed")


async def test_a_blob_that_always_fails_goes_to_the_poison_queue_after_five_tries(
    hosts: Hosts, witness: Witness, sealed: ContainerClient, queues: QueueServiceClient
):
    etag = await write(sealed, "a.json", "first")
    hosts.start("on_sealed")
    for _ in range(5):
        (await witness.meet("on_sealed")).answer("fail")
    event = await poisoned(queues, sealed.container_name)
    assert event["FunctionId"] == "Host.Functions.on_sealed"
    assert (event["BlobName"], event["ETag"]) == ("a.json", etag)
    assert not witness.has_met("on_sealed")


async def poisoned(queues: QueueServiceClient, container: str) -> dict[str, Any]:
    """Wait for the event of a blob in `container` among those given up."""
    queue = queues.get_queue_client("webjobs-blobtrigger-poison")
    found: list[dict[str, Any]] = []

    async def arrived() -> bool:
        with suppress(ResourceNotFoundError):  # nothing has ever been given up
            peeked = await queue.peek_messages(max_messages=32)
            events = [json.loads(base64.b64decode(message.content)) for message in peeked]
            found.extend(event for event in events if event["ContainerName"] == container)
        return bool(found)

    await until(arrived)
    return found[0]


class TestEventGrid:
    PATH = "/runtime/webhooks/blobs?functionName=Host.Functions.on_grid"

    def event(self, url: str) -> list[dict[str, Any]]:
        data = {"api": "PutBlob", "url": url, "blobType": "BlockBlob", "eTag": "0x8D4BCC2E4835CD0"}
        return [{"id": "e-1", "eventType": "Microsoft.Storage.BlobCreated", "subject": "", "data": data}]

    async def test_the_handshake_is_answered_with_its_code(self, hosts: Hosts):
        async with hosts.start("on_grid").client() as client:
            answer = await client.post(
                self.PATH,
                headers={"aeg-event-type": "SubscriptionValidation"},
                json=[{"id": "v-1", "data": {"validationCode": "code-17", "validationUrl": ""}}],
            )
        assert answer.json() == {"validationResponse": "code-17"}

    async def test_a_notification_runs_the_function(self, hosts: Hosts, witness: Witness, blobs: BlobServiceClient):
        container = await blobs.create_container(hosts.names["GRID"])
        blob = await container.upload_blob("s 1/m.json", b"written")
        async with hosts.start("on_grid").client() as client:
            for _ in range(2):
                headers = {"aeg-event-type": "Notification"}
                answer = await client.post(self.PATH, headers=headers, json=self.event(blob.url))
                assert answer.status_code == 202
                seen = (await witness.meet("on_grid")).answer()  # delivered twice it runs twice: there are no receipts
                assert (seen["name"], seen["content"]) == (f"{container.container_name}/s 1/m.json", "written")

    async def test_a_blob_nobody_told_of_runs_nothing(
        self, hosts: Hosts, witness: Witness, blobs: BlobServiceClient, sealed: ContainerClient
    ):
        await (await blobs.create_container(hosts.names["GRID"])).upload_blob("m.json", b"written")
        hosts.start("on_grid", "on_sealed")
        await write(sealed, "a.json", "scanned")
        (await witness.meet("on_sealed")).answer()
        assert not witness.has_met("on_grid")

    async def test_what_is_no_event_is_refused(self, hosts: Hosts):
        async with hosts.start("on_grid").client() as client:
            for kind, content in [("Notification", b"{"), ("Notification", b"[{}]"), ("Other", b"[]")]:
                answer = await client.post(self.PATH, headers={"aeg-event-type": kind}, content=content)
                assert answer.status_code == 400

    async def test_an_unknown_function_is_refused(self, hosts: Hosts):
        async with hosts.start("on_grid").client() as client:
            answer = await client.post(
                self.PATH + "2", headers={"aeg-event-type": "Notification"}, json=self.event("http://x/a/b/c")
            )
        assert answer.status_code == 400
