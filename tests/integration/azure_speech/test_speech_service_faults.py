"""Sessions heard by Azure's engines through the real SDKs, while the service fails in every way it can.

Whatever goes wrong, a session ends in `done`, or waits for its next try under a code that says what is the matter,
or ends as `failed` because the service refuses it for good. Afterwards nothing is missing and nothing doubled.
"""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest

from shared.domain.errors import EngineUnavailable
from shared.domain.session import State
from tests.integration.azure_speech.sessions import assert_whole, session_of, try_once
from tests.servers.engines import azure_engine
from tests.servers.fast_transcription import audio_of
from tests.servers.faults import Fault, Trouble
from tests.unit.services.world import Host, Process

ENGINES = ["azure", "azure-fast", "azure-auto"]
ALWAYS = 99
SILENT_S = 1.5
"""How long an engine waits for a server that is known to be silent."""


# ---- what lasts ----------------------------------------------------------------------------------------------------

LASTING = [
    (Fault(status=401), "engine_denied"),
    (Fault(status=403), "engine_denied"),
    (Fault(status=404), "engine_misconfigured"),
    (Fault(status=429), "engine_busy"),
    (Fault(status=429, headers={"Retry-After": "3600"}), "engine_busy"),
    (Fault(status=500), "engine_unavailable"),
    (Fault(status=503), "engine_unavailable"),
    (Fault(Trouble.SILENT), "engine_unavailable"),
    (Fault(Trouble.DROPPED), "engine_unavailable"),
    (Fault(Trouble.TRUNCATED), "engine_unavailable"),
    (Fault(Trouble.MALFORMED), "engine_unavailable"),
]


def said(fault: object) -> str:
    return f"{fault.trouble.name}-{fault.status}".lower() if isinstance(fault, Fault) else str(fault)


@pytest.mark.parametrize(("fault", "code"), LASTING, ids=said)
@pytest.mark.parametrize("name", ["azure", "azure-fast"])
async def test_a_fault_that_lasts_is_named_and_costs_nothing_once_it_is_over(stores, server, name, fault, code):
    server.faults = [Fault(fault.trouble, ALWAYS, status=fault.status, headers=fault.headers)]
    patience: dict[str, Any] = {"answer_timeout": SILENT_S, "fast": {"timeout": SILENT_S}}
    speech = azure_engine(name, server, **(patience if fault.trouble is Trouble.SILENT else {}))
    with pytest.raises(EngineUnavailable) as raised:
        await try_once(stores, speech)
    # The host logs what is raised, and with an error of the SDK's what the service had answered.
    assert "azure.core.exceptions" not in "".join(traceback.format_exception(raised.value))
    session = await session_of(stores)
    assert session.state is State.TRANSCRIBING
    [failure] = session.failures
    assert (failure.code, failure.stage, failure.transient) == (code, "transcribe", True)

    server.faults.clear()
    await Host(stores, Process(stores, speech=azure_engine(name, server))).settle()
    await assert_whole(stores)


@pytest.mark.parametrize("name", ENGINES)
async def test_what_the_service_refuses_for_good_fails_and_can_be_retried(stores, server, name):
    server.faults = [Fault(status=400, times=ALWAYS)]
    host = Host(stores, Process(stores, speech=azure_engine(name, server)))
    session = await host.settle()
    assert session.state is State.FAILED
    assert [failure.code for failure in session.failures] == ["engine_refused"]

    server.faults.clear()
    await host.process.retry()
    await host.settle()
    await assert_whole(stores)


async def test_a_wrong_key_is_the_operators_fault_and_not_the_sessions(stores, server):
    with pytest.raises(EngineUnavailable):
        await try_once(stores, azure_engine("azure", server, key="not-the-key"))
    assert (await session_of(stores)).failures[-1].code == "engine_denied"
    assert len(server.requests) == 1  # asking again would change nothing


# ---- what passes ---------------------------------------------------------------------------------------------------

PASSING = [
    Fault(status=429),
    Fault(status=429, headers={"Retry-After": "0"}),
    Fault(status=503),
    Fault(Trouble.SLOW, seconds=0.05),
    Fault(Trouble.DROPPED),
    Fault(Trouble.TRUNCATED),
    Fault(Trouble.MALFORMED),
]


@pytest.mark.parametrize("fault", PASSING, ids=said)
@pytest.mark.parametrize("name", ENGINES)
async def test_a_fault_that_passes_is_not_even_noticed(stores, server, name, fault):
    server.faults = [Fault(fault.trouble, 1, status=fault.status, headers=fault.headers, seconds=fault.seconds)]
    await try_once(stores, azure_engine(name, server, attempts=3))
    session = await session_of(stores)
    assert (session.state, session.failures, session.attempts) == (State.TRANSCRIBED, (), 0)
    await Host(stores).settle()
    await assert_whole(stores)


@pytest.mark.parametrize("after_ms", [0, 250, 450, 900, 1400, 1790])
async def test_a_connection_that_breaks_anywhere_is_taken_up_where_it_broke(stores, server, after_ms):
    server.faults = [Fault(Trouble.DROPPED, after_ms=after_ms)]
    await try_once(stores, azure_engine("azure", server))
    await Host(stores).settle()
    await assert_whole(stores)
    assert len(server.contexts) == 2


@pytest.mark.parametrize("code", [1000, 1011, 4429])
async def test_a_connection_that_the_service_closes_is_taken_up_again(stores, server, code):
    server.faults = [Fault(status=code, after_ms=900)]
    await try_once(stores, azure_engine("azure", server, attempts=2))
    await Host(stores).settle()
    await assert_whole(stores)


async def test_a_file_is_sent_whole_each_time_it_is_sent(stores, server):
    server.faults = [Fault(status=503), Fault(status=429, headers={"Retry-After": "0"}), Fault(Trouble.DROPPED)]
    await try_once(stores, azure_engine("azure-fast", server, attempts=4))
    sent = {audio_of(request) for request in server.requests}
    assert len(server.requests) == 4
    assert len(sent) == 1
    assert sent.pop().startswith(b"fLaC")


async def test_whoever_no_longer_waits_is_not_waited_for(stores, server):
    server.faults = [Fault(Trouble.SILENT, after_ms=300)]
    trying = asyncio.create_task(try_once(stores, azure_engine("azure", server)))
    async with asyncio.timeout(20):
        await asyncio.to_thread(server.contexts_came.wait)
        trying.cancel()
        # The SDK takes ten seconds to leave a dead peer; a loop that it held up would not get here in time.
        with pytest.raises(asyncio.CancelledError):
            await trying
    assert server.open == 1
