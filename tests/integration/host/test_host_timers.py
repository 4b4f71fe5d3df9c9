"""When timers fire: on time, once for what was missed, from one host at a time."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from tests.integration.host.hosting import Hosts, RunningHost, Witness, until


async def hosts_container(blobs: BlobServiceClient) -> ContainerClient:
    container = blobs.get_container_client("azure-webjobs-hosts")
    with suppress(ResourceExistsError):
        await container.create_container()
    return container


async def store_status(blobs: BlobServiceClient, hosts: Hosts, *, last: datetime) -> None:
    """Leave what a host leaves that ran `nightly` at `last`."""
    content = {"Last": last, "Next": last + timedelta(days=1), "LastUpdated": last}
    text = json.dumps({name: moment.isoformat() for name, moment in content.items()})
    await (await hosts_container(blobs)).upload_blob(status_name(hosts), text.encode(), overwrite=True)


async def read_status(blobs: BlobServiceClient, hosts: Hosts) -> dict[str, Any]:
    download = await (await hosts_container(blobs)).download_blob(status_name(hosts))
    status: dict[str, Any] = json.loads(await download.readall())
    return status


def status_name(hosts: Hosts) -> str:
    return f"timers/host-{hosts.mark}/Host.Functions.nightly/status"


def three_o_clock(days_ago: int) -> datetime:
    """Return a due time of `nightly` that many whole days and some hours ago."""
    day = datetime.now(UTC) - timedelta(days=days_ago, hours=3)
    return day.replace(hour=3, minute=0, second=0, microsecond=0)


async def until_logged(host: RunningHost, text: str) -> None:
    async def logged() -> bool:
        return text in host.child.log.read_text()

    await until(logged)


async def test_a_timer_fires_each_time_it_is_due_even_after_failures(hosts: Hosts, witness: Witness):
    hosts.start("often")
    for _ in range(3):
        assert not (await witness.meet("often")).answer("fail")["past_due"]


async def test_a_timer_may_be_an_interval(hosts: Hosts, witness: Witness):
    hosts.start("often", settings={"OFTEN": "00:00:01"})
    for _ in range(2):
        (await witness.meet("often")).answer()


async def test_what_was_missed_fires_once_at_the_start(hosts: Hosts, witness: Witness, blobs: BlobServiceClient):
    await store_status(blobs, hosts, last=three_o_clock(days_ago=3))
    host = hosts.start("nightly")
    assert (await witness.meet("nightly")).answer()["past_due"]
    await until_logged(host, "nightly succeeded in")
    await asyncio.to_thread(host.child.stop)
    assert datetime.fromisoformat((await read_status(blobs, hosts))["Next"]) > datetime.now(UTC)
    assert not witness.has_met("nightly")


async def test_what_was_not_missed_does_not_fire(hosts: Hosts, witness: Witness, blobs: BlobServiceClient):
    await store_status(blobs, hosts, last=three_o_clock(days_ago=0))
    hosts.start("nightly", "often")
    (await witness.meet("often")).answer()
    (await witness.meet("often")).answer()
    assert not witness.has_met("nightly")


async def test_a_timer_asked_to_fires_at_the_start(hosts: Hosts, witness: Witness):
    hosts.start("at_start")
    assert not (await witness.meet("at_start")).answer()["past_due"]


async def test_a_host_killed_in_the_middle_of_a_timer_runs_it_again_at_once(
    hosts: Hosts, witness: Witness, blobs: BlobServiceClient
):
    await store_status(blobs, hosts, last=three_o_clock(days_ago=3))
    host = hosts.start("nightly")
    await witness.meet("nightly")
    host.child.kill()
    hosts.start("nightly")
    assert (await witness.meet("nightly")).answer()["past_due"]


async def test_a_second_host_waits_until_the_first_stops(hosts: Hosts, witness: Witness):
    first = hosts.start("often", settings={"LOCALHOST_MESSAGE_LEASE_SECONDS": "600"})
    (await witness.meet("often")).answer()
    second = hosts.start("often", settings={"LOCALHOST_MESSAGE_LEASE_SECONDS": "600"})
    await until_logged(second, "often waits for its lock")
    await asyncio.to_thread(first.child.stop)
    (await witness.meet("often")).answer()
    assert second.child.alive


async def test_a_timer_can_be_called_by_hand(hosts: Hosts, witness: Witness):
    async with hosts.start("nightly").client() as client:
        assert (await client.post("/admin/functions/nightly", json={"input": ""})).status_code == 202
        assert not (await witness.meet("nightly")).answer()["past_due"]
