"""Sessions heard by Azure's engines through the real SDKs, while the service fails in every way it can.

Whatever goes wrong, a session ends in `done`, or waits for its next try under a code that says what is the matter,
or ends as `failed` because the service refuses it for good. Afterwards nothing is missing and nothing doubled.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.azure_answers import Patience
from shared.adapters.azure_speech.hearing import Pace
from shared.adapters.azure_speech.real_time import AzureSpeechEngine
from shared.audio.sources import ChunkSource
from shared.audio.stitch import stitch
from shared.domain.errors import EngineRefused, EngineUnavailable
from shared.domain.manifest import Manifest
from shared.domain.names import SEALED_BLOBS
from shared.domain.session import Session, State
from shared.ports import SpeechEngine
from tests.engines import ToneSpeech, say
from tests.servers.engines import azure_engine
from tests.servers.fast_transcription import audio_of
from tests.servers.faults import Fault, Trouble
from tests.servers.speech import SpeechServer
from tests.unit.services.reading import transcript_of
from tests.unit.services.world import SCRIPT, SESSION, Host, Process, Stores, uploads

ENGINES = ["azure", "azure-fast", "azure-auto"]
ALWAYS = 99
SILENT_S = 1.5
"""How long an engine waits for a server that is known to be silent."""


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with SpeechServer(ToneSpeech(SCRIPT)) as running:
        yield running


@pytest.fixture
async def stores(tmp_path: Path) -> Stores:
    """A session of six chunks, therapist and client in turns, sealed and not yet heard."""
    stores = Stores(tmp_path)
    await Host(stores).send_all(uploads(len(SCRIPT)))
    return stores


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """The same session, stitched."""
    path = tmp_path / "session.flac"
    chunks = []
    for n in range(len(SCRIPT)):
        chunk = tmp_path / str(n)
        size = chunk.write_bytes(say(n, voice=n % 2))
        chunks.append(ChunkSource(str(n), chunk, size))
    stitch(chunks, path)
    return path


async def session_of(stores: Stores) -> Session:
    return await Process(stores).ledger.get(SESSION)


async def try_once(stores: Stores, speech: SpeechEngine) -> None:
    digest = (await session_of(stores)).manifest
    body = await stores.blobs.read(SEALED_BLOBS, f"{SESSION}/{digest}.json")
    await Process(stores, speech=speech).transcribe(Manifest.model_validate_json(body))


async def assert_whole(stores: Stores) -> None:
    """The session is done, with everything that was said, once, and the two voices told apart."""
    assert (await session_of(stores)).state is State.DONE
    assert await transcript_of(stores) == list(SCRIPT)
    session = await session_of(stores)
    stored = await Process(stores).transcripts.of(session)
    assert stored is not None
    lines = (await Process(stores).transcripts.text(stored)).splitlines()
    assert [line.split(":")[0] for line in lines] == ["Speaker 1", "Speaker 2"] * 3


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


# ---- how it is asked -----------------------------------------------------------------------------------------------

PARTS: dict[str, Any] = {"stretch": 1.2, "overlap": 0.6, "fast": {"max_length": 1.2}}
"""Seconds: the session of 1.8 goes in two."""


@pytest.mark.parametrize("name", ["azure", "azure-fast"])
async def test_what_is_too_long_for_one_conversation_or_file_goes_in_overlapping_parts(stores, server, name):
    await try_once(stores, azure_engine(name, server, **PARTS))
    await Host(stores).settle()
    await assert_whole(stores)
    assert len(server.requests) == 2


async def test_one_part_that_fails_is_asked_again_and_the_others_are_not(stores, server):
    server.faults = [Fault(status=429, path="/stt/")]
    await try_once(stores, azure_engine("azure", server, **PARTS))
    await Host(stores).settle()
    await assert_whole(stores)
    assert len(server.requests) == 3


async def test_a_short_session_is_heard_as_a_file_and_a_long_one_in_real_time(stores, server, tmp_path):
    await try_once(stores, azure_engine("azure-auto", server))
    assert [request.path for request in server.requests] == [server.fast.path]
    server.requests.clear()
    other = Stores(tmp_path / "long")
    other.folder.mkdir()
    await Host(other).send_all(uploads(len(SCRIPT)))
    await try_once(other, azure_engine("azure-auto", server, overlap=0.3, fast={"max_length": 1}))
    assert {request.path for request in server.requests} == {"/stt/speech/universal/v2"}
    for each in (stores, other):
        await Host(each).settle()
        await assert_whole(each)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_a_file_that_is_refused_is_heard_in_real_time(stores, server, status):
    server.faults = [Fault(status=status, path=server.fast.path)]
    await try_once(stores, azure_engine("azure-auto", server))
    await Host(stores).settle()
    await assert_whole(stores)
    assert len(server.contexts) == 1


async def test_an_answer_to_less_than_was_sent_is_no_answer(stores, server):
    server.fast.says_ms = 500
    with pytest.raises(EngineUnavailable):
        await try_once(stores, azure_engine("azure-fast", server))
    assert (await session_of(stores)).state is State.TRANSCRIBING


async def test_speakers_are_told_apart_words_timed_and_nothing_is_masked(audio, server):
    transcript = await azure_engine("azure", server).transcribe(audio, locale="en-GB", phrases=["sertraline"])
    [context] = server.contexts
    assert context["phraseDetection"]["language"] == "en-GB"
    assert context["phraseDetection"]["speakerDiarization"]["mode"] == "Anonymous"
    assert context["phraseOutput"]["detailed"]["options"] == ["WordTimings", "WordConfidence"]
    assert context["dgi"]["Groups"][0]["Items"] == [{"Text": "sertraline"}]
    assert server.requests[0].query["profanity"] == "raw"
    assert all(word.confidence == 1 for segment in transcript.segments for word in segment.words)

    await azure_engine("azure-fast", server).transcribe(audio, locale="en-GB", phrases=["sertraline"], speakers_hint=3)
    assert server.fast.definitions == [
        {
            "locales": ["en-GB"],
            "diarization": {"enabled": True, "maxSpeakers": 3},
            "phraseList": {"phrases": ["sertraline"]},
            "profanityFilterMode": "None",
        }
    ]


async def test_a_language_not_known_beforehand_is_found_out(audio, server):
    transcript = await azure_engine("azure", server, locales=["de-DE", "en-US"]).transcribe(audio, locale="auto")
    assert server.contexts[0]["languageId"]["languages"] == ["de-DE", "en-US"]
    assert transcript.locale == "de-DE"
    await azure_engine("azure-fast", server, locales=["de-DE", "en-US"]).transcribe(audio, locale="auto")
    assert server.fast.definitions[0]["locales"] == ["de-DE", "en-US"]


async def test_phrases_of_nobody_in_particular_make_no_third_speaker(audio, server):
    server.unknown = (0, 3)
    transcript = await azure_engine("azure", server).transcribe(audio, locale="en-US")
    assert [segment.text for segment in transcript.segments] == list(SCRIPT)
    assert {segment.speaker for segment in transcript.segments} == {"Speaker 1", "Speaker 2"}


async def test_what_is_heard_is_told_as_it_is_heard(audio, server):
    server.every_ms = 300
    told: list[int] = []
    await azure_engine("azure", server).transcribe(audio, locale="en-US", progress=told.append)
    assert told == sorted(told)
    assert len(told) > 2
    assert told[-1] == 1800


class Identity:
    """The app's identity, as azure-identity has it."""

    def __init__(self, *, known: bool = True) -> None:
        self.known = known

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        if not self.known:
            raise ClientAuthenticationError("no such identity")
        assert scopes == ("https://cognitiveservices.azure.com/.default",)
        return AccessToken("token", 4_000_000_000)


def with_identity(server: SpeechServer, identity: Identity) -> AzureSpeechEngine:
    pace = Pace(stretch_ms=60_000, overlap_ms=1000, at_once=1, answer_timeout_s=20)
    return AzureSpeechEngine(server.url, identity, locales=("en-US",), ahead_ms=60_000, pace=pace, patience=Patience(1))


async def test_an_identity_does_as_well_as_a_key(stores, server):
    await try_once(stores, with_identity(server, Identity()))
    await Host(stores).settle()
    await assert_whole(stores)
    assert server.requests[0].headers["Authorization"] == "Bearer token"
    assert "Ocp-Apim-Subscription-Key" not in server.requests[0].headers


async def test_without_a_token_nobody_is_asked(stores, server):
    with pytest.raises(EngineUnavailable):
        await try_once(stores, with_identity(server, Identity(known=False)))
    assert (await session_of(stores)).failures[-1].code == "engine_denied"
    assert server.requests == []


async def test_a_file_that_ends_before_its_end_is_refused(audio, server, tmp_path):
    torn = tmp_path / "torn.flac"
    torn.write_bytes(audio.read_bytes()[:-9000])
    with pytest.raises(EngineRefused):
        await azure_engine("azure", server).transcribe(torn, locale="en-US")
