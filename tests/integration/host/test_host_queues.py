"""What happens to a queue message: run, retried, given up, and never lost."""

import asyncio
import base64
from contextlib import suppress

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from localcloud.azurite import Azurite
from localcloud.host.queues import QueueListener, QueueOptions
from localcloud.host.storage import Accounts
from tests.integration.host.hosting import Hosts, Witness, until

LEASE = 600


async def send(queue: QueueClient, text: str) -> None:
    await queue.send_message(base64.b64encode(text.encode()).decode())


async def left_in(queue: QueueClient) -> int:
    return (await queue.get_queue_properties()).approximate_message_count or 0


async def until_empty(queue: QueueClient) -> None:
    async def empty() -> bool:
        return await left_in(queue) == 0

    await until(empty)


async def first_in(queue: QueueClient) -> str:
    """Wait for a message of a queue that may not exist yet; return it as it stands."""
    found: list[str] = []

    async def arrived() -> bool:
        with suppress(ResourceNotFoundError):
            found.extend([str(each.content) async for each in queue.receive_messages()])
        return bool(found)

    await until(arrived)
    return found[0]


def poison(queues: QueueServiceClient, queue: QueueClient) -> QueueClient:
    return queues.get_queue_client(f"{queue.queue_name}-poison")


async def test_a_message_runs_the_function_and_goes_when_it_succeeds(hosts: Hosts, witness: Witness, jobs: QueueClient):
    await send(jobs, "session s-1")
    hosts.start("on_job")
    meeting = await witness.meet("on_job")
    assert await left_in(jobs) == 1
    seen = meeting.answer()
    assert seen["body"] == "session s-1"
    assert seen["dequeue_count"] == 1
    assert seen["has_times"]
    await until_empty(jobs)


async def test_a_message_sent_later_is_picked_up(hosts: Hosts, witness: Witness, jobs: QueueClient):
    hosts.start("on_job")
    for number in range(3):
        await send(jobs, f"session {number}")
        assert (await witness.meet("on_job")).answer()["body"] == f"session {number}"


async def test_a_queue_made_after_the_start_is_listened_to(hosts: Hosts, witness: Witness, queues: QueueServiceClient):
    hosts.start("on_job")
    queue = await queues.create_queue(hosts.names["JOBS_QUEUE"])
    await send(queue, "session s-1")
    (await witness.meet("on_job")).answer()


async def test_a_failed_message_comes_again(hosts: Hosts, witness: Witness, jobs: QueueClient):
    await send(jobs, "session s-1")
    host = hosts.start("on_job")
    assert (await witness.meet("on_job")).answer("fail")["dequeue_count"] == 1
    assert (await witness.meet("on_job")).answer()["dequeue_count"] == 2
    await until_empty(jobs)
    assert "session s-1" not in host.child.log.read_text()


async def test_a_message_that_always_fails_is_moved_to_the_poison_queue(
    hosts: Hosts, witness: Witness, jobs: QueueClient, queues: QueueServiceClient
):
    await send(jobs, "session s-1")
    hosts.start("on_job")
    for attempt in (1, 2, 3):
        assert (await witness.meet("on_job")).answer("fail")["dequeue_count"] == attempt
    content = await first_in(poison(queues, jobs))
    assert base64.b64decode(content) == b"session s-1"
    await until_empty(jobs)
    assert not witness.has_met("on_job")


async def test_a_failed_message_stays_hidden_for_the_visibility_timeout(
    hosts: Hosts, witness: Witness, jobs: QueueClient
):
    await send(jobs, "session s-1")
    hosts.start("on_job", settings={"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:10:00"})
    (await witness.meet("on_job")).answer("fail")
    await send(jobs, "session s-2")
    assert (await witness.meet("on_job")).answer()["body"] == "session s-2"
    assert not witness.has_met("on_job")
    assert await left_in(jobs) >= 1


async def test_what_is_not_base64_goes_straight_to_the_poison_queue(
    hosts: Hosts, witness: Witness, jobs: QueueClient, queues: QueueServiceClient
):
    await jobs.send_message("session s-1, as plain text")
    hosts.start("on_job")
    assert await first_in(poison(queues, jobs)) == "session s-1, as plain text"
    await until_empty(jobs)
    assert not witness.has_met("on_job")


async def test_plain_text_is_taken_where_host_json_says_so(hosts: Hosts, witness: Witness, jobs: QueueClient):
    await jobs.send_message("session s-1, as plain text")
    hosts.start("on_job", settings={"AzureFunctionsJobHost__extensions__queues__messageEncoding": "none"})
    assert (await witness.meet("on_job")).answer()["body"] == "session s-1, as plain text"


async def test_a_function_longer_than_the_lease_keeps_its_message(azurite: Azurite, jobs: QueueClient):
    """Half a lease passes when the test says so: each time the message is hidden anew, under a new pop receipt."""
    passed, receipts, told = asyncio.Queue[None](), list[str](), asyncio.Queue[int]()
    finish = asyncio.Event()

    async def half_a_lease(seconds: float) -> None:
        receipts.append(str(at_work[0].pop_receipt))
        told.put_nowait(int(seconds))
        await passed.get()

    async def work(message: QueueMessage, body: bytes) -> bool:
        at_work.append(message)
        await finish.wait()
        return True

    at_work: list[QueueMessage] = []
    accounts, options = Accounts(), QueueOptions(16, 8, 5, 0.0, 2.0, base64=True, lease=LEASE)
    listener = QueueListener(
        accounts, azurite.connection_string, jobs.queue_name, options=options, handle=work, pause=half_a_lease
    )
    await send(jobs, "session s-1")
    listening = asyncio.create_task(listener.run())
    for _ in range(6):
        assert await told.get() == LEASE // 2
        passed.put_nowait(None)
    await told.get()
    assert len(set(receipts)) == 7
    with pytest.raises(HttpResponseError):
        await jobs.update_message(at_work[0].id, receipts[0], visibility_timeout=0)
    assert len(at_work) == 1
    finish.set()
    await until_empty(jobs)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await accounts.close()


async def test_no_more_run_at_once_than_a_batch_and_the_threshold(hosts: Hosts, witness: Witness, jobs: QueueClient):
    for number in range(4):
        await send(jobs, f"session {number}")
    hosts.start(
        "on_job",
        settings={
            "AzureFunctionsJobHost__extensions__queues__batchSize": "2",
            "AzureFunctionsJobHost__extensions__queues__newBatchThreshold": "0",
        },
    )
    first, second = await witness.meet("on_job"), await witness.meet("on_job")
    first.answer()
    assert not witness.has_met("on_job")
    second.answer()
    for _ in range(2):
        (await witness.meet("on_job")).answer()
    await until_empty(jobs)


async def test_a_function_beyond_its_time_limit_is_tried_again(hosts: Hosts, witness: Witness, jobs: QueueClient):
    await send(jobs, "session s-1")
    host = hosts.start("on_job", settings={"AzureFunctionsJobHost__functionTimeout": "00:00:01"})
    await witness.meet("on_job")
    assert (await witness.meet("on_job")).answer()["dequeue_count"] == 2
    assert "on_job timed out in" in host.child.log.read_text()


async def test_a_host_killed_in_the_middle_of_a_function_runs_it_again(
    hosts: Hosts, witness: Witness, jobs: QueueClient
):
    await send(jobs, "session s-1")
    host = hosts.start("on_job")
    first = (await witness.meet("on_job")).facts
    host.child.kill()
    hosts.start("on_job")
    second = (await witness.meet("on_job")).answer()
    assert second["id"] == first["id"]
    assert second["dequeue_count"] == 2
    await until_empty(jobs)


async def test_a_host_told_to_stop_gives_back_what_runs(hosts: Hosts, witness: Witness, jobs: QueueClient):
    await send(jobs, "session s-1")
    host = hosts.start("on_job", settings={"LOCALHOST_MESSAGE_LEASE_SECONDS": "600"})
    await witness.meet("on_job")
    assert await asyncio.to_thread(host.child.stop, 30) == 0
    hosts.start("on_job")
    assert (await witness.meet("on_job")).answer()["dequeue_count"] == 2


async def test_synchronous_functions_run_side_by_side(hosts: Hosts, witness: Witness, queues: QueueServiceClient):
    queue = await queues.create_queue(hosts.names["THREAD_QUEUE"])
    await send(queue, "session s-1")
    await send(queue, "session s-2")
    hosts.start("on_job_in_thread")
    both = [await witness.meet("on_job_in_thread"), await witness.meet("on_job_in_thread")]
    assert {each.answer()["body"] for each in both} == {"session s-1", "session s-2"}
    await until_empty(queue)


async def test_a_disabled_function_takes_nothing(hosts: Hosts, witness: Witness, jobs: QueueClient):
    await send(jobs, "session s-1")
    async with hosts.start("on_job", "whoami", settings={"AzureWebJobs.on_job.Disabled": "1"}).client() as client:
        await client.get("/api/whoami")
    assert not witness.has_met("on_job")
    assert (await jobs.peek_messages())[0].dequeue_count == 0


async def test_a_function_can_be_called_by_hand(hosts: Hosts, witness: Witness, jobs: QueueClient):
    async with hosts.start("on_job").client() as client:
        assert (await client.post("/admin/functions/on_job", json={"input": "session s-1"})).status_code == 202
        assert (await witness.meet("on_job")).answer()["body"] == "session s-1"
