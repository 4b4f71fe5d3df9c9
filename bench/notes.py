"""Time to write and check a note against the length of the talk: `python -m bench.notes`.

The talk is made-up therapy of up to three hours: exchanges with changing names, numbers, places and feelings between
much that belongs in no note. Each line gives the time for one length, its share of the audio, and how it grew from
half that length: 2.00 is linear.
"""

from __future__ import annotations

import random
import time

from shared.domain.note import ParticipantsType, SessionType
from shared.domain.transcript import Segment, Transcript
from shared.notes.safeguard import safeguarded
from shared.notes.writer import write_extract
from shared.ports import NoteRequest

HOUR_MS = 3_600_000
MS_A_WORD = 360

_SLOTS = {
    "who": ["my manager", "my sister", "my husband", "my neighbour", "my son", "an old friend", "my mother"],
    "place": [
        "at the office",
        "on the train",
        "in the supermarket",
        "at my parents' house",
        "at the gym",
        "on the phone",
    ],
    "number": ["two", "three", "four", "five", "six", "seven"],
    "day": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "feeling": ["anxious", "sad", "irritable", "exhausted", "guilty", "lonely", "calmer", "overwhelmed"],
    "thing": ["the rota", "the garden fence", "a broken boiler", "the holiday", "a birthday cake", "the parking"],
    "skill": ["breathing exercise", "thought record", "grounding exercise", "sleep diary", "body scan"],
    "dose": ["twenty", "forty", "fifty", "seventy five", "one hundred"],
    "drug": ["sertraline", "mirtazapine", "quetiapine", "propranolol"],
}

_TALK = [
    ("And what about {thing}?", "It was about {thing} again, and {who} rang on {day} and we went over the whole list."),
    ("How was {day}?", "On {day} I felt {feeling} {place} for about {number} hours and then it passed."),
    ("What went through your mind?", "I kept thinking that {who} would notice and say something {place}."),
    ("How did you sleep?", "I slept {number} hours and woke up {number} times because of {thing}."),
    ("Did you try the {skill}?", "I tried the {skill} {number} times {place} and it helped a bit on {day}."),
    ("Are you still taking the {drug}?", "Yes, {dose} milligrams of {drug}. I missed it on {day} because of {thing}."),
    (
        "Tell me more about {who}.",
        "Well, {who} came over on {day} and talked about {thing} for {number} hours straight.",
    ),
    ("What happened then?", "Then we went {place} and looked at {thing} and that was that, really."),
    ("What would you like to work on?", "I want to be able to sit with {who} {place} without getting {feeling}."),
    ("That sounds hard.", "It was. I argued with {who} {place}, and on {day} I was {feeling} all evening."),
    ("Let's try the {skill} together now, with {day} as the example.", "Okay. I felt {feeling} when I pictured it."),
    ("I notice you look {feeling} when you mention {who}.", "Maybe. It started {place} {number} weeks ago."),
    (
        "For homework, do the {skill} {number} times before {day}.",
        "I can do that, I think, unless {thing} gets in the way.",
    ),
]


_RISK = ("Any thoughts of harming yourself?", "No, nothing like that. I was just {feeling} about {thing}.")
RISK_SHARE = 0.01


def hour_of_talk(seed: int = 1) -> Transcript:
    """An hour between a therapist (Speaker 1) and a client (Speaker 2); the same seed gives the same words."""
    return talk_of(HOUR_MS, seed)


def talk_of(length_ms: int, seed: int = 1) -> Transcript:
    """A talk of a given length; a longer one begins with the shorter."""
    source = random.Random(seed)  # noqa: S311 (variation, not secrets)
    segments: list[Segment] = []
    now = 0
    while now < length_ms:
        filled = {slot: source.choice(words) for slot, words in _SLOTS.items()}
        exchange = source.choice(_TALK) if source.random() > RISK_SHARE else _RISK
        for speaker, line in zip(("Speaker 1", "Speaker 2"), exchange, strict=True):
            text = line.format_map(filled)
            end = now + MS_A_WORD * len(text.split())
            segments.append(Segment(id=f"s{len(segments)}", start_ms=now, end_ms=end, speaker=speaker, text=text))
            now = end + 400
    return Transcript(segments=tuple(segments), duration_ms=now)


PLAN = "# Goals\n1. Fewer panic attacks at work\n2. Sleep seven hours\n## Interventions\n- Thought records\n"
LENGTHS_MIN = (22.5, 45, 90, 180)
REPEATS = 3


def main() -> None:
    talks = [talk_of(round(minutes * 60_000)) for minutes in LENGTHS_MIN]
    for talk in talks:
        words = sum(len(segment.text.split()) for segment in talk.segments)
        print(f"{talk.duration_ms / 60_000:5.1f} min, {len(talk.segments)} segments, {words} words")
    write_extract(NoteRequest(talks[0]))
    for participants_type in ParticipantsType:
        for session_type in (SessionType.SOAP, SessionType.STANDARD, SessionType.MSE, SessionType.PSYCHIATRIC_INTAKE):
            before = 0.0
            for talk in talks:
                request = NoteRequest(talk, session_type, participants_type, plan=PLAN)
                wrote, checked = min(_timed(request) for _ in range(REPEATS))
                _report(request, wrote, checked, before)
                before = wrote + checked


def _timed(request: NoteRequest) -> tuple[float, float]:
    """Processor seconds to write the note, and to give it the last look."""
    began = time.process_time()
    note = write_extract(request)
    wrote = time.process_time()
    safeguarded(note, request)
    return wrote - began, time.process_time() - wrote


def _report(request: NoteRequest, writing_s: float, checking_s: float, before_s: float) -> None:
    audio_s = request.transcript.duration_ms / 1000
    total_s = writing_s + checking_s
    growth = f"; grew by {total_s / before_s:.2f}" if before_s else ""
    name = f"{request.session_type}, {request.participants_type}"
    print(
        f"{name:32} {audio_s / 60:5.1f} min: write {writing_s:.2f} s, check {checking_s:.2f} s "
        f"= {total_s / audio_s:.6f} of the audio{growth}"
    )


if __name__ == "__main__":
    main()
