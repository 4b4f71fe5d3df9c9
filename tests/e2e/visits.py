"""A visit: one session of the two-voice recording, played as its clients see it, and what must come of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from localcloud.client import Client, Piece
from localcloud.recorder import RECORDERS, Samples, cut, encode, samples_of
from tests.scoring import attributed_word_errors, word_errors

SPEECH = Path(__file__).parent.parent / "data" / "speech"
RATE = 16_000
THERAPIST, OTHER_THERAPIST, CLIENT, OTHER_CLIENT = "therapist1", "therapist2", "client1", "client2"
PARTNER, OTHER_PARTNER = "partner1", "partner2"
WORST_WER = 0.15
WORST_ATTRIBUTED_WER = 0.25
FOLLOW_SECONDS = 120

_QUOTE = re.compile(r'"([^"]+)"')
_EVIDENCE = re.compile(r"\[\d\d:\d\d Speaker \d")
_NO_WORD = re.compile(r"[^a-z0-9' ]+")


@dataclass(frozen=True)
class Speech:
    """Some turns of the recording: 16 kHz mono samples of each, with the pause after it, speaker and text."""

    parts: tuple[Samples, ...]
    turns: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """What is said."""
        return " ".join(text for _, text in self.turns)

    @property
    def samples(self) -> Samples:
        """All of it."""
        return np.concatenate(self.parts)

    def __add__(self, other: Speech) -> Speech:
        """One after the other."""
        return Speech(self.parts + other.parts, self.turns + other.turns)

    def without(self, turn: int) -> Speech:
        """What is left when one turn is lost."""
        kept = [n for n in range(len(self.parts)) if n != turn]
        return Speech(tuple(self.parts[n] for n in kept), tuple(self.turns[n] for n in kept))

    def stream(self, pieces: int, recorder: str = "webm") -> list[bytes]:
        """Chunks of a recorder that runs on: only the first has a header."""
        return cut(encode(self.samples, RECORDERS[recorder]), pieces)

    def files(self, recorder: str) -> list[bytes]:
        """Chunks of a recorder that is stopped and started: a file of its own for each turn."""
        return [encode(part, RECORDERS[recorder]) for part in self.parts]


@cache
def speech(first: int, end: int) -> Speech:
    """Turns `first` to `end` (not with it) of the therapy dialogue."""
    segments = json.loads((SPEECH / "therapy_tts.json").read_text("utf-8"))["segments"]
    samples = samples_of(SPEECH / "therapy_tts.flac")
    starts = [int(start * RATE) - RATE // 10 for _, start, _, _ in segments] + [len(samples)]
    return Speech(
        parts=tuple(samples[starts[n] : starts[n + 1]] for n in range(first, end)),
        turns=tuple((speaker, text) for speaker, _, _, text in segments[first:end]),
    )


def pieces_of(contents: Sequence[bytes], filename: str = "audio.webm", *, indexed: bool = True) -> list[Piece]:
    """Chunks in order, the last marked; `{n}` in the name stands for the number, which starts at 1."""
    last = len(contents) - 1
    return [
        Piece(content, filename.format(n=n + 1), n if indexed else None, n == last)
        for n, content in enumerate(contents)
    ]


@dataclass(frozen=True)
class Visit:
    """A session with a relationship of its own, so that tests share a stack."""

    name: str
    therapist: Client

    @property
    def relationship(self) -> str:
        """The wire's `therapist_clientid`."""
        return f"{self.name}-of-{THERAPIST}"

    @property
    def form(self) -> dict[str, str]:
        """What every chunk's form says."""
        return {
            "therapist_userid": THERAPIST,
            "therapist_clientid": self.relationship,
            "client_userid": CLIENT,
            "session_id": self.name,
        }

    def upload(self, piece: Piece, **more: str) -> dict[str, Any]:
        """Send a chunk, which must be accepted at once."""
        answer = self.therapist.upload(piece, **{**self.form, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def upload_each(self, pieces: Iterable[Piece]) -> list[dict[str, Any]]:
        """Send chunks one after another; the answers."""
        return [self.upload(piece) for piece in pieces]

    def status(self) -> dict[str, Any]:
        """Where the session stands."""
        return self.therapist.session(self.name)

    def follow(self) -> dict[str, Any]:
        """Wait for the end; the last status."""
        return self.therapist.follow(self.name, timeout_s=FOLLOW_SECONDS)

    def transcripts(self) -> list[dict[str, Any]]:
        """As they are stored."""
        return self.therapist.transcripts(CLIENT, self.relationship)

    def histories(self) -> list[dict[str, Any]]:
        """As they are stored."""
        return self.therapist.histories(CLIENT, self.relationship)

    def text(self) -> str:
        """The one transcript, decrypted by its reader."""
        [transcript] = self.transcripts()
        return self.therapist.open(self.relationship, "transcripts", transcript, "transcript")

    def note(self) -> str:
        """The one history, decrypted by its reader."""
        [history] = self.histories()
        return self.therapist.open(self.relationship, "histories", history, "transcript_summary")


def assert_done(visit: Visit, said: Speech) -> dict[str, Any]:
    """The session ends `done`, with one transcript of what was said, by whom, and one note made of it; the status."""
    status = visit.follow()
    assert status["state"] == "done", status
    assert status["error"] is None
    lines = spoken(visit.text())
    heard = " ".join(text for _, text in lines)
    assert word_errors(said.text, heard).rate <= WORST_WER, heard
    assert attributed_word_errors(said.turns, lines).rate <= WORST_ATTRIBUTED_WER, lines
    assert_evidenced(visit.note(), heard)
    [transcript], [history] = visit.transcripts(), visit.histories()
    assert (transcript["id"], history["id"]) == (status["transcript_id"], status["history_id"])
    summary = visit.therapist.open(visit.relationship, "transcripts", transcript, "transcript_summary")
    assert summary == visit.note()
    return status


def assert_evidenced(note: str, heard: str) -> None:
    """Every statement says where it was said, and what it quotes was said."""
    statements = [line for line in note.splitlines() if line.startswith("- ")]
    assert statements, note
    for statement in statements:
        assert _EVIDENCE.search(statement), statement
        for quote in _QUOTE.findall(statement):
            assert _bare(quote) in _bare(heard), statement


def spoken(transcript: str) -> list[tuple[str, str]]:
    """(speaker, text) of each utterance; lines that name missing audio are nobody's."""
    lines = [line for line in transcript.splitlines() if not line.startswith("[")]
    return [(speaker, text) for speaker, _, text in (line.partition(": ") for line in lines)]


def _bare(text: str) -> str:
    return " ".join(_NO_WORD.sub(" ", text.lower()).split())
