"""The embedded engine on real sound. How wrong it is stands at the end of the run, under "measured"."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shared.adapters.embedded_speech import EmbeddedSpeechEngine
from shared.adapters.embedded_speech.blocks import LONGEST_S
from shared.adapters.embedded_speech.voices import VOICE_MODEL, Voiceprints, tell_apart
from shared.audio.flac import RATE, FlacWriter, read_blocks
from shared.domain.errors import EngineRefused
from shared.domain.transcript import Transcript
from tests.scoring import Errors, Turn, attributed_word_errors, diarization_errors, word_errors
from tests.speech_corpus import COMMITTED, LARGER, Recording, recordings

DIALOGUE = COMMITTED / "therapy_tts.flac"
MONOLOGUE = COMMITTED / "austen_0870.flac"
QUIET_S = 20
WRONG_IN_NOISE = 0.065
"""In the degraded recordings of the larger corpus: 5.6 % were measured, and heard once 9.4 %. Processors round
differently, and a few words differ with that."""

Samples = npt.NDArray[np.float64]
Hearing = Callable[[Recording], Awaitable[Transcript]]
Scoring = Callable[[str, list[Recording]], Awaitable["Scores"]]
Sound = Callable[[Samples], Samples]


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speech-models")


@pytest.fixture(scope="session")
def engine(cache_dir: Path) -> EmbeddedSpeechEngine:
    return EmbeddedSpeechEngine(cache_dir=cache_dir)


@pytest.fixture(scope="session")
def heard(engine: EmbeddedSpeechEngine) -> Hearing:
    """The transcript of a recording, made once however many tests read it."""
    known: dict[str, Transcript] = {}

    async def transcript(recording: Recording) -> Transcript:
        if recording.id not in known:
            known[recording.id] = await engine.transcribe(recording.audio, locale="en-US")
        return known[recording.id]

    return transcript


def text_of(transcript: Transcript) -> str:
    return " ".join(segment.text for segment in transcript.segments)


@pytest.fixture(scope="session")
def told_apart() -> Callable[[Recording], list[Turn]]:
    """Who speaks when, from the sound alone."""
    ears = Voiceprints(VOICE_MODEL, threads=2)

    def turns(recording: Recording) -> list[Turn]:
        found = tell_apart(ears.listen(np.concatenate(list(read_blocks(recording.audio, 60_000))), 0), None)
        return [Turn(turn.start_ms / 1000, turn.end_ms / 1000, str(turn.voice)) for turn in found]

    return cache(turns)


class Scores:
    """What went wrong in some recordings, summed."""

    def __init__(self) -> None:
        self.words = self.attributed = self.diarization = Errors()
        self.miscounted: list[str] = []

    def add(self, recording: Recording, transcript: Transcript, turns: list[Turn]) -> None:
        if recording.text:
            self.words += word_errors(recording.text, text_of(transcript))
        if recording.lines:
            said = [(segment.speaker, segment.text) for segment in transcript.segments]
            self.attributed += attributed_word_errors(recording.lines, said)
        if recording.turns:
            self.diarization += diarization_errors(recording.turns, turns)
        if len({segment.speaker for segment in transcript.segments}) != recording.speakers:
            self.miscounted.append(recording.id)

    def row(self, name: str) -> str:
        kinds = {"WER": self.words, "cpWER": self.attributed, "DER": self.diarization}
        cells = "  ".join(f"{kind} {errors if errors.total else '     -'}" for kind, errors in kinds.items())
        return f"{name:<40} {cells}  speakers miscounted {len(self.miscounted)}"


@pytest.fixture
def score(heard: Hearing, told_apart: Callable[[Recording], list[Turn]], measured: list[str]) -> Scoring:
    """Scores recordings, each and together, for the test and for the table at the end of the run."""

    async def scored(name: str, chosen: list[Recording]) -> Scores:
        together = Scores()
        for recording in chosen:
            transcript = await heard(recording)
            turns = told_apart(recording) if recording.turns else []
            alone = Scores()
            for scores in (alone, together):
                scores.add(recording, transcript, turns)
            if (row := alone.row(f"  {recording.id}")) not in measured:
                measured.append(row)
        measured.append(together.row(f"{name}, {len(chosen)} in all"))
        return together

    return scored


async def test_the_therapy_dialogue_is_heard_word_for_word_and_turn_for_turn(score: Scoring, heard: Hearing):
    dialogue = next(recording for recording in recordings(COMMITTED) if recording.audio == DIALOGUE)
    scores = await score("therapy dialogue", [dialogue])
    transcript = await heard(dialogue)
    assert scores.words.rate <= 0.008
    assert scores.attributed.rate <= 0.018
    assert scores.diarization.rate <= 0.04
    speakers = [speaker for speaker, _ in groupby(segment.speaker for segment in transcript.segments)]
    assert speakers == ["Speaker 1", "Speaker 2"] * 10 + ["Speaker 1"]
    assert len(speakers) == len(dialogue.lines)


async def test_one_reader_is_one_speaker_heard_word_for_word(score: Scoring):
    read = [recording for recording in recordings(COMMITTED) if recording.audio != DIALOGUE]
    scores = await score("read speech", read)
    assert scores.words.rate <= 0.025
    assert not scores.miscounted


@pytest.mark.skipif(not LARGER.is_dir(), reason="no larger corpus (SCRIBE_SPEECH_CORPUS)")
async def test_real_speech_and_dialogues_of_the_larger_corpus(score: Scoring):
    clean = [recording for recording in recordings(LARGER) if not recording.degraded]
    real = await score(
        "larger corpus, real", [recording for recording in clean if recording.audio.name != DIALOGUE.name]
    )
    assert real.words.rate <= 0.025
    assert not real.miscounted
    together = await score("larger corpus, clean", clean)
    assert together.attributed.rate <= 0.018
    assert together.diarization.rate <= 0.04
    assert not together.miscounted


@pytest.mark.skipif(not LARGER.is_dir(), reason="no larger corpus (SCRIBE_SPEECH_CORPUS)")
async def test_noisy_rooms_of_the_larger_corpus(score: Scoring):
    noisy = [recording for recording in recordings(LARGER) if recording.degraded]
    scores = await score("larger corpus, degraded", noisy)
    assert scores.words.rate <= WRONG_IN_NOISE
    assert scores.diarization.rate <= 0.096
    assert not scores.miscounted


async def test_segments_are_in_order_with_ids_words_times_and_confidence(engine: EmbeddedSpeechEngine, heard: Hearing):
    dialogue = next(recording for recording in recordings(COMMITTED) if recording.audio == DIALOGUE)
    transcript = await heard(dialogue)
    assert [segment.id for segment in transcript.segments] == [f"s{n + 1}" for n in range(len(transcript.segments))]
    words = [word for segment in transcript.segments for word in segment.words]
    assert all(before.start_ms <= after.start_ms for before, after in pairwise(words))
    assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in words)
    assert all(word.start_ms <= word.end_ms <= transcript.duration_ms for word in words)
    assert all(segment.end_ms - segment.start_ms <= 15_000 and segment.confidence for segment in transcript.segments)
    assert (transcript.engine, transcript.locale) == (engine.name, "en-US") == ("embedded/whisper-base", "en-US")
    assert transcript.duration_ms == 123_320


async def test_the_name_of_a_medicine_is_put_right(heard: Hearing):
    dialogue = next(recording for recording in recordings(COMMITTED) if recording.audio == DIALOGUE)
    assert "sertraline" in text_of(await heard(dialogue))


async def test_a_language_is_found_when_nobody_names_it(engine: EmbeddedSpeechEngine):
    transcript = await engine.transcribe(MONOLOGUE, locale="auto")
    assert transcript.locale == "en"
    assert transcript.has_speech


def beginning(path: Path, seconds: float) -> Samples:
    return np.concatenate(list(read_blocks(path, 60_000)))[: round(seconds * RATE)].astype(np.float64)


def with_long_pauses(sound: Samples, times: int, target: Path) -> Path:
    """The sound again and again, each in a block of its own: the pauses are as long as a block may be."""
    pause = np.zeros(LONGEST_S * RATE - len(sound))
    return written(np.concatenate([sound, *[pause, sound] * (times - 1)]), target)


def written(sound: Samples, target: Path) -> Path:
    with FlacWriter(target) as flac:
        flac.write_samples((sound * 32767).astype(np.int16))
    return target


async def test_a_given_number_of_speakers_is_believed(engine: EmbeddedSpeechEngine, tmp_path: Path):
    two = written(beginning(DIALOGUE, 12), tmp_path / "two.flac")
    for hint in (1, 2):
        transcript = await engine.transcribe(two, locale="en-US", speakers_hint=hint)
        assert len({segment.speaker for segment in transcript.segments}) == hint


async def test_speakers_stay_the_same_from_block_to_block(engine: EmbeddedSpeechEngine, tmp_path: Path):
    dialogue = next(recording for recording in recordings(COMMITTED) if recording.audio == DIALOGUE)
    opening = beginning(DIALOGUE, dialogue.turns[5].end)
    progress: list[int] = []
    transcript = await engine.transcribe(
        with_long_pauses(opening, 2, tmp_path / "twice.flac"), locale="en-US", progress=progress.append
    )
    assert len(progress) > 1
    assert progress == sorted(progress)
    assert progress[-1] == transcript.duration_ms
    said = [(segment.speaker, segment.text) for segment in transcript.segments]
    assert attributed_word_errors(dialogue.lines[:6] * 2, said).rate <= 0.018


def buzz(phase: Samples) -> Samples:
    """A tone with three overtones."""
    harmonics = np.arange(1, 5)[:, None]
    return np.asarray((np.sin(harmonics * phase) / harmonics).sum(axis=0) / 5)


def silence(_times: Samples) -> Samples:
    return np.zeros(QUIET_S * RATE)


def noise(_times: Samples) -> Samples:
    return np.random.default_rng(1).standard_normal(QUIET_S * RATE) / 10


def hum(times: Samples) -> Samples:
    return buzz(2 * np.pi * 50 * times)


def melody(times: Samples) -> Samples:
    notes = 220 * 2 ** (np.random.default_rng(1).integers(0, 24, QUIET_S * 4) / 12)
    return buzz(2 * np.pi * np.repeat(notes, RATE // 4) * times)


def clicks(_times: Samples) -> Samples:
    sound, random = np.zeros(QUIET_S * RATE), np.random.default_rng(1)
    for at in random.integers(0, len(sound) - 1600, 50):
        sound[at : at + 1600] += random.standard_normal(1600) * np.exp(-np.arange(1600) / 200) / 4
    return np.asarray(np.clip(sound, -1, 1))


@pytest.mark.parametrize("sound", [silence, noise, hum, melody, clicks])
@pytest.mark.parametrize("locale", ["en-US", "auto"])
async def test_where_nobody_speaks_nothing_is_written(
    engine: EmbeddedSpeechEngine, tmp_path: Path, sound: Sound, locale: str
):
    quiet = written(sound(np.arange(QUIET_S * RATE) / RATE), tmp_path / "quiet.flac")
    transcript = await engine.transcribe(quiet, locale=locale)
    assert transcript.segments == ()
    assert not transcript.has_speech
    assert transcript.duration_ms == QUIET_S * 1000


async def test_text_survives_when_voices_cannot_be_told_apart(
    cache_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "damaged.onnx").write_bytes(b"not a model")
    engine = EmbeddedSpeechEngine(cache_dir=cache_dir, voice_model=tmp_path / "damaged.onnx")
    with caplog.at_level(logging.WARNING):
        transcript = await engine.transcribe(MONOLOGUE, locale="en-US")
    assert "leisure to consider" in text_of(transcript)
    assert {segment.speaker for segment in transcript.segments} == {"Speaker 1"}
    warnings = [record.getMessage() for record in caplog.records if "speakers not told apart" in record.getMessage()]
    assert len(warnings) == 1
    assert "leisure" not in caplog.text


async def test_what_is_not_audio_is_refused(engine: EmbeddedSpeechEngine, tmp_path: Path):
    (tmp_path / "letter.flac").write_bytes(b"Dear doctor" * 1000)
    with pytest.raises(EngineRefused):
        await engine.transcribe(tmp_path / "letter.flac", locale="en-US")


async def test_a_language_the_model_does_not_know_is_refused(engine: EmbeddedSpeechEngine):
    with pytest.raises(EngineRefused):
        await engine.transcribe(MONOLOGUE, locale="tlh")


async def test_a_cancelled_transcription_stops_and_the_next_one_runs(engine: EmbeddedSpeechEngine, tmp_path: Path):
    loop, begun, progress = asyncio.get_running_loop(), asyncio.Event(), list[int]()

    def note(ms: int) -> None:
        progress.append(ms)
        loop.call_soon_threadsafe(begun.set)

    audio = with_long_pauses(beginning(MONOLOGUE, 7), 4, tmp_path / "long.flac")
    work = asyncio.create_task(engine.transcribe(audio, locale="en-US", progress=note))
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (await engine.transcribe(MONOLOGUE, locale="en-US")).has_speech
    assert len(progress) <= 2
