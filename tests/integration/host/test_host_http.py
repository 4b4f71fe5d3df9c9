"""What a client of a Functions app sees: routes, streams, limits, keys."""

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from localcloud.azurite import Azurite
from tests.integration.host.hosting import WORKER, Hosts, RunningHost, Witness

MEGABYTE = 1024 * 1024
FUNCTIONS = [
    *("upload", "upload_first", "upload_cut", "trickle", "endless", "item_by_number", "item_by_word"),
    *("order_a", "order_b", "whoami", "boom", "switched_off"),
]


@pytest.fixture(scope="module")
async def watching() -> AsyncIterator[Witness]:
    async with Witness.listening() as witness:
        yield witness


@pytest.fixture(scope="module")
async def host(
    azurite: Azurite, watching: Witness, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningHost]:
    hosts = Hosts(azurite, watching, tmp_path_factory.mktemp("http"))
    yield hosts.start(
        *FUNCTIONS,
        settings={
            "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": str(64 * MEGABYTE),
            "AzureWebJobs.switched_off.Disabled": "true",
        },
    )
    hosts.stop()


@pytest.fixture
async def client(host: RunningHost) -> AsyncIterator[httpx.AsyncClient]:
    async with host.client() as client:
        yield client


async def pieces(count: int, size: int = MEGABYTE) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * size


def peak_memory(host: RunningHost) -> int:
    status = Path(f"/proc/{host.child.popen.pid}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


async def test_route_parameters_reach_the_request_as_text(client):
    answer = await client.get("/api/items/17?word=a%20b")
    assert answer.json() == {"function": "item_by_number", "id": "17", "query": {"word": "a b"}}


async def test_a_constraint_hands_the_request_to_the_next_function(client):
    assert (await client.get("/api/items/word")).json() == {"function": "item_by_word", "name": "word"}


async def test_no_constraint_met_is_404(client):
    assert (await client.get("/api/items/Word-17")).status_code == 404


async def test_routes_are_tried_in_the_order_of_function_names(client):
    assert (await client.get("/api/order/exact")).text == "a"


async def test_a_wrong_method_moves_on_to_the_next_route(client):
    assert (await client.post("/api/order/exact")).text == "b"


async def test_a_method_no_route_takes_is_404_not_405(client):
    assert (await client.put("/api/items/17")).status_code == 404
    assert (await client.delete("/api/items/word")).status_code == 200


async def test_a_disabled_function_is_404(client):
    assert (await client.get("/api/switched_off")).status_code == 404


async def test_a_synchronous_function_runs_in_a_thread_and_knows_its_invocation(client):
    seen = (await client.get("/api/whoami")).json()
    assert seen["function"] == "whoami"
    assert seen["in_thread"]
    assert seen["invocation"] == seen["header"]


async def test_an_exception_is_500_and_in_the_log_with_its_message(client, host):
    answer = await client.get("/api/boom")
    assert answer.status_code == 500
    assert "boom" not in answer.text
    log = host.child.log.read_text()
    assert "boom failed in" in log
    assert "boom for session s-1" in log


async def test_a_chunked_upload_arrives_whole(client):
    answer = await client.post("/api/upload", content=pieces(20))
    expected = hashlib.sha256(b"".join([piece async for piece in pieces(20)])).hexdigest()
    assert answer.json() == {"bytes": 20 * MEGABYTE, "sha256": expected}


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
async def test_an_upload_streams_through_without_being_held(client, host):
    await client.post("/api/upload", content=pieces(2))
    before = peak_memory(host)
    assert (await client.post("/api/upload", content=pieces(60))).json()["bytes"] == 60 * MEGABYTE
    assert peak_memory(host) - before < 10 * MEGABYTE


async def test_a_function_reads_the_first_piece_before_the_last_is_sent(client, watching):
    met = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first "
        await met.wait()
        yield b"last"

    sending = asyncio.create_task(client.post("/api/upload/first", content=body()))
    meeting = await watching.meet("upload_first")
    assert meeting.answer()["first"] == "first "
    met.set()
    assert (await sending).text == "first last"


async def test_an_answer_arrives_before_it_ends(client, watching):
    async with client.stream("GET", "/api/trickle") as answer:
        assert answer.headers["x-own"] == "kept"
        lines = answer.aiter_lines()
        assert await anext(lines) == "first"
        (await watching.meet("trickle")).answer()
        assert await anext(lines) == "last"


async def test_a_client_that_leaves_ends_the_answer(client, watching):
    async with client.stream("GET", "/api/endless") as answer:
        await anext(answer.aiter_lines())
    (await watching.meet("endless")).answer()


async def test_a_client_that_leaves_ends_the_upload(host, watching):
    _, writer = await asyncio.open_connection("127.0.0.1", int(host.url.rpartition(":")[2]))
    writer.write(b"POST /api/upload/cut HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nonly this")
    await writer.drain()
    (await watching.meet("upload_cut")).answer()
    writer.close()
    assert (await watching.meet("upload_cut")).answer()["ended"] == "ClientDisconnect"


async def test_an_announced_body_above_the_limit_is_413(client):
    answer = await client.post("/api/upload", content=b"x" * (64 * MEGABYTE + 1))
    assert answer.status_code == 413


async def test_a_chunked_body_above_the_limit_is_413_and_ends_for_the_function(client, watching):
    sending = asyncio.create_task(client.post("/api/upload/cut", content=pieces(65)))
    (await watching.meet("upload_cut")).answer()
    assert (await watching.meet("upload_cut")).answer()["ended"] == "ClientDisconnect"
    assert (await sending).status_code == 413


async def test_a_body_of_exactly_the_limit_is_taken(client):
    assert (await client.post("/api/upload", content=pieces(64))).json()["bytes"] == 64 * MEGABYTE


async def test_the_host_lists_its_functions(client):
    listed = (await client.get("/admin/functions")).json()
    upload = next(each for each in listed if each["name"] == "upload")
    assert {binding["type"] for binding in upload["config"]["bindings"]} == {"httpTrigger", "http"}
    assert (await client.get("/admin/functions/nobody")).status_code == 404


async def test_the_host_tells_that_it_runs_and_through_which_worker(client):
    status = (await client.get("/admin/host/status")).json()
    assert status["state"] == "Running"
    assert status["worker"] == {"lib": "LibWorker", "runtime": "RuntimeWorker"}[WORKER]


async def test_the_log_has_one_line_for_an_invocation_and_nothing_of_its_content(client, host):
    await client.get("/api/items/4711?word=secret-word")
    log = host.child.log.read_text()
    assert "item_by_number succeeded in" in log
    assert "secret-word" not in log


class TestKeys:
    @pytest.fixture
    async def guarded(self, hosts: Hosts, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
        keys = {
            "master": "m-key",
            "host": {"default": "h-key"},
            "system": {"blobs_extension": "s-key"},
            "functions": {"order_b": {"default": "b-key"}},
        }
        (tmp_path / "keys.json").write_text(json.dumps(keys))
        running = hosts.start(
            "order_b", "whoami", "master_only", arguments=("--enable-auth", str(tmp_path / "keys.json"))
        )
        async with running.client() as client:
            yield client

    async def test_each_level_takes_its_keys_and_no_others(self, guarded):
        async def status(path: str, key: str) -> int:
            answer: httpx.Response = await guarded.get(path, headers={"x-functions-key": key})
            return answer.status_code

        assert await status("/api/whoami", "") == 200
        assert [await status("/api/order/exact", key) for key in ("", "wrong", "s-key")] == [401, 401, 401]
        assert [await status("/api/order/exact", key) for key in ("b-key", "h-key", "m-key")] == [200, 200, 200]
        assert [await status("/api/master", key) for key in ("h-key", "m-key")] == [401, 200]
        assert [await status("/admin/functions", key) for key in ("", "h-key", "m-key")] == [401, 401, 200]

    async def test_a_key_may_come_in_the_query(self, guarded):
        assert (await guarded.get("/api/order/exact?code=b-key")).status_code == 200

    async def test_webhooks_take_the_system_key(self, guarded):
        path = "/runtime/webhooks/blobs?functionName=Host.Functions.on_grid"
        assert (await guarded.post(path)).status_code == 401
        assert (await guarded.post(f"{path}&code=s-key")).status_code == 400  # in, but no event


async def test_a_function_beyond_its_time_limit_is_500(hosts):
    async with hosts.start(
        "forever", settings={"AzureFunctionsJobHost__functionTimeout": "00:00:01"}
    ).client() as client:
        assert (await client.get("/api/forever")).status_code == 500
    assert "forever timed out in" in hosts.running[0].log.read_text()
