"""What Azure's speech engines ask of the service, and what they make of its answers, through the real SDKs."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.azure_answers import Patience
from shared.adapters.azure_speech.hearing import Pace
from shared.adapters.azure_speech.real_time import AzureSpeechEngine
from shared.domain.errors import EngineRefused, EngineUnavailable
from shared.domain.session import State
from tests.integration.azure_speech.sessions import assert_whole, session_of, try_once
from tests.servers.engines import azure_engine
from tests.servers.faults import Fault
from tests.servers.speech import SpeechServer
from tests.unit.services.world import SCRIPT, Host, Stores, uploads

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
