"""What telling speakers apart costs: the embedded speech engine against bare faster-whisper on the same blocks.

`python -m bench.speech [--minutes 60] [--audio session.flac]`: the audio is repeated until it is long enough. Processor
time is compared, so that a busy machine does not change the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from shared.adapters.embedded_speech import EmbeddedSpeechEngine
from shared.adapters.embedded_speech.blocks import cut_at_silence
from shared.adapters.embedded_speech.model import WHISPER_BASE, locate
from shared.adapters.embedded_speech.voices import VOICE_MODEL, Voiceprints, find_speech, tell_apart
from shared.audio.flac import RATE, FlacWriter, read_blocks

PROJECT = Path(__file__).parents[1]
MODELS = PROJECT / ".local" / "models"
THREADS = 2
READ_MS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--audio", type=Path, default=PROJECT / "tests/data/speech/therapy_tts.flac")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder) / "session.flac"
        seconds = lengthened(arguments.audio, audio, arguments.minutes * 60)
        engine = EmbeddedSpeechEngine(cache_dir=MODELS, threads=THREADS)
        ours = measured(lambda: asyncio.run(engine.transcribe(audio, locale="en-US")))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        bare = measured(lambda: transcribe_bare(audio))
        voices = measured(lambda: diarize(audio))
    print(f"audio                      {seconds / 60:8.1f} min")
    print(f"engine, processor time     {ours[0] / seconds:8.3f} of real time (wall {ours[1] / seconds:.3f})")
    print(f"bare faster-whisper        {bare[0] / seconds:8.3f} of real time (wall {bare[1] / seconds:.3f})")
    print(f"speakers alone             {voices[0] / seconds:8.3f} of real time (wall {voices[1] / seconds:.3f})")
    print(f"engine / bare              {ours[0] / bare[0]:8.2f}")
    print(f"engine, peak memory        {memory:8d} MB")


def lengthened(source: Path, target: Path, seconds: float) -> float:
    """Repeat `source` to at least `seconds`; gives the length reached, in seconds."""
    with FlacWriter(target) as flac:
        while flac.samples < seconds * RATE:
            for block in read_blocks(source, READ_MS):
                flac.write_samples((block * 32768).astype(np.int16))
        return flac.samples / RATE


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Processor seconds and wall seconds of some work."""
    processor, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - processor, time.perf_counter() - wall


def transcribe_bare(audio: Path) -> int:
    """Words heard by faster-whisper as it comes, int8 and one beam, block by block."""
    from faster_whisper import WhisperModel  # noqa: PLC0415 (not before the engine's memory was measured)

    whisper = WhisperModel(locate(WHISPER_BASE.name, MODELS), device="cpu", compute_type="int8", cpu_threads=THREADS)
    words = 0
    for block in cut_at_silence(read_blocks(audio, READ_MS), find_speech):
        passages, _ = whisper.transcribe(
            block.samples,
            language="en",
            beam_size=1,
            vad_filter=True,
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        words += sum(len(passage.words or ()) for passage in passages)
    return words


def diarize(audio: Path) -> int:
    """Turns found in the sound alone."""
    ears = Voiceprints(VOICE_MODEL, threads=THREADS)
    stretches = []
    for block in cut_at_silence(read_blocks(audio, READ_MS), find_speech):
        stretches += ears.listen(block.samples, block.start_ms)
    return len(tell_apart(stretches, None))


if __name__ == "__main__":
    main()
