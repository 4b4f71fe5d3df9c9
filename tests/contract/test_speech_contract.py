"""What every SpeechEngine keeps: the embedded one on a real voice, our tests' own, and Azure's over a server.

With `AZURE_TEST_SPEECH__AZURE__ENDPOINT` set (`https://<name>.cognitiveservices.azure.com`), and
`AZURE_TEST_SPEECH__AZURE__KEY` or an identity with the role Cognitive Services Speech User, a real subscription is held
to it as well. It is sent half a minute of audio by each of two engines.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from shared.adapters.embedded_speech import EmbeddedSpeechEngine
from shared.audio.flac import RATE, FlacWriter, read_blocks
from shared.audio.sources import ChunkSource
from shared.audio.stitch import stitch
from shared.bootstrap.azure_speech import azure_speech_engine
from shared.domain.errors import EngineRefused
from shared.domain.transcript import Transcript
from shared.ports import SpeechEngine
from shared.settings.speech import AzureSpeechSettings, SpeechEngineName
from tests.engines import ToneSpeech, say
from tests.servers.engines import azure_engine
from tests.servers.speech import SpeechServer

ENDPOINT = "AZURE_TEST_SPEECH__AZURE__ENDPOINT"
SCRIPT = ["Good afternoon, Maria.", "It has been a rough couple of weeks.", "Tell me about it."]
THERAPY = Path("tests/data/speech/therapy_tts.flac")
THERAPY_MS = 30_000
"""Of the dialogue, from its start: several turns of both voices."""


TONES = ["tones", "azure", "azure-fast", "azure-auto"]
"""Engines that are asked in the language of tones; Azure's over a server that understands it."""

SUBSCRIPTION = ["subscription/azure", "subscription/azure-fast"] if ENDPOINT in os.environ else []


@dataclass(frozen=True)
class Heard:
    """One engine, the audio of two voices it was given, and what it made of it."""

    engine: SpeechEngine
    audio_ms: int
    transcript: Transcript
    progress: list[int]


@pytest.fixture(scope="session")
def speech_server() -> Iterator[SpeechServer]:
    with SpeechServer(ToneSpeech(SCRIPT)) as server:
        yield server


@pytest.fixture(scope="session", params=[*TONES, "embedded", *SUBSCRIPTION])
async def heard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Heard:
    folder = tmp_path_factory.mktemp("speech")
    audio = folder / "session.flac"
    audio_ms = _tones(folder, audio) if request.param in TONES else _beginning_of(THERAPY, audio)
    engine: SpeechEngine
    if request.param == "tones":
        engine = ToneSpeech(SCRIPT)
    elif request.param == "embedded":
        engine = EmbeddedSpeechEngine(cache_dir=folder)
    elif request.param in SUBSCRIPTION:
        engine = azure_speech_engine(SpeechEngineName(Path(request.param).name), subscription())
    else:
        engine = azure_engine(request.param, request.getfixturevalue("speech_server"))
    told: list[int] = []
    transcript = await engine.transcribe(audio, locale="en-US", progress=told.append)
    return Heard(engine, audio_ms, transcript, told)


def subscription() -> AzureSpeechSettings:
    """A real resource: its address, and its key unless the identity that runs the tests may speak to it."""
    key = os.environ.get("AZURE_TEST_SPEECH__AZURE__KEY")
    return AzureSpeechSettings(endpoint=os.environ[ENDPOINT], key=SecretStr(key) if key else None)


def _tones(folder: Path, audio: Path) -> int:
    spoken = [say(0), say(1, voice=1), say(2)]
    for n, chunk in enumerate(spoken):
        (folder / str(n)).write_bytes(chunk)
    return stitch([ChunkSource(str(n), folder / str(n), len(c)) for n, c in enumerate(spoken)], audio).duration_ms


def _beginning_of(whole: Path, audio: Path) -> int:
    with FlacWriter(audio) as flac:
        block = next(read_blocks(whole, THERAPY_MS))
        flac.write_samples((block * 32767).astype(np.int16))
    return len(block) * 1000 // RATE


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    path = tmp_path / "quiet.flac"
    with FlacWriter(path) as flac:
        flac.write_samples(np.zeros(3 * RATE, dtype=np.int16))
    return path


def test_what_was_said_is_there(heard):
    said = " ".join(segment.text for segment in heard.transcript.segments)
    assert heard.transcript.has_speech
    assert "Good afternoon, Maria" in said


def test_segments_come_in_order_of_time_within_the_audio(heard):
    segments = heard.transcript.segments
    assert all(0 <= s.start_ms < s.end_ms <= heard.audio_ms for s in segments)
    assert all(a.start_ms <= b.start_ms for a, b in pairwise(segments))


def test_segment_ids_are_unique(heard):
    ids = [segment.id for segment in heard.transcript.segments]
    assert len(ids) == len(set(ids))


def test_words_lie_in_their_segment_and_make_up_its_text(heard):
    for segment in heard.transcript.segments:
        assert segment.words
        assert " ".join(word.text.strip() for word in segment.words) == segment.text.strip()
        assert all(segment.start_ms <= w.start_ms <= w.end_ms <= segment.end_ms for w in segment.words)


def test_speakers_are_numbered_in_order_of_first_word(heard):
    speakers = list(dict.fromkeys(segment.speaker for segment in heard.transcript.segments))
    assert speakers == ["Speaker 1", "Speaker 2"]


def test_the_length_of_the_audio_is_known_and_reported(heard):
    assert heard.transcript.duration_ms == pytest.approx(heard.audio_ms, abs=50)
    assert heard.progress == sorted(heard.progress)
    assert heard.progress[-1] == heard.transcript.duration_ms


def test_the_transcript_says_what_made_it(heard):
    chosen = "azure/fast-transcription" if heard.engine.name == "azure/auto" else heard.engine.name
    assert heard.transcript.engine == chosen


async def test_silence_is_never_put_into_words(heard, quiet):
    transcript = await heard.engine.transcribe(quiet, locale="en-US")
    assert transcript.segments == ()
    assert not transcript.has_speech
    assert transcript.duration_ms == pytest.approx(3000, abs=50)


async def test_damaged_audio_is_refused(heard, tmp_path):
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC" + bytes(500))
    with pytest.raises(EngineRefused):
        await heard.engine.transcribe(broken, locale="en-US")
