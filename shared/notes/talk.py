"""A transcript read as a conversation: turns of sentences, each sentence tied to the segments it came from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from shared.domain.transcript import Segment, Transcript
from shared.notes import lexica

LONGEST_SENTENCE = 45
"""Words. Recognisers without punctuation would otherwise give one sentence a turn."""

INTERJECTION = 2
"""Words of a listener ("Mm-hm.", "Okay.") that do not end the other's turn."""

_FINISHED = re.compile(r"[.!?\u2026][\"'\u201d\u2019)]*$")
_END = re.compile(r"[.!?]+[\"'\u201d\u2019)\]]*\s+")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:dr|mr|mrs|ms|prof|st|vs|approx|e\.g|i\.e|[a-hj-z])\.$", re.IGNORECASE)
_HALF_OF_DAY = re.compile(r"\b[ap]\.m\.$", re.IGNORECASE)
_CLAUSE = re.compile(r"\s+(?=(?:and then|and|but|so|because|or)\s)", re.IGNORECASE)
_QUESTION = re.compile(
    r"^\W*(?:(?:okay|ok|and|so|but|well|right|um|uh|now|then)\W+)*(?:"
    r"(?:have|has|do|does|did|are|is|was|were|can|could|would|will|any)\W+(?:you|your|it|that|there|he|she|they|thoughts?|plans?)"
    r"|how|what|what's|when|where|why|who|which|any)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


@dataclass(frozen=True)
class Sentence:
    """One sentence of one speaker. `index` counts through the talk, `turn` names its turn."""

    index: int
    turn: int
    speaker: str
    text: str
    segment_ids: tuple[str, ...]
    is_question: bool

    @cached_property
    def plain(self) -> str:
        """The text as patterns are looked for in it."""
        return lexica.plain(self.text)

    @cached_property
    def words(self) -> list[str]:
        """Lower-case words with straight apostrophes."""
        return _WORD.findall(self.plain)


@dataclass(frozen=True)
class Turn:
    """What one speaker said until another spoke. `after_gap`: audio is missing between it and the turn before."""

    index: int
    speaker: str
    sentences: tuple[Sentence, ...]
    after_gap: bool


class Talk:
    """The turns of a transcript, and where a pattern occurs in them."""

    def __init__(self, transcript: Transcript) -> None:
        self.turns: tuple[Turn, ...] = tuple(_turns(transcript))
        self.sentences: tuple[Sentence, ...] = tuple(s for turn in self.turns for s in turn.sentences)
        self.speakers: tuple[str, ...] = tuple(dict.fromkeys(turn.speaker for turn in self.turns))

    def said(self, segment_id: str) -> tuple[Sentence, ...]:
        """The sentences that have words in a segment."""
        return self._by_segment.get(segment_id, ())

    @cached_property
    def _by_segment(self) -> dict[str, tuple[Sentence, ...]]:
        found: dict[str, tuple[Sentence, ...]] = {}
        for sentence in self.sentences:
            for segment_id in sentence.segment_ids:
                found[segment_id] = (*found.get(segment_id, ()), sentence)
        return found

    def touching(self, pattern: re.Pattern[str]) -> set[int]:
        """Indexes of the sentences in which, or across which, `pattern` occurs.

        Looked for in the order of time and in each speaker's own words, so that neither a listener's "mm-hm" nor a
        speaker change set a word too early can hide what was said.
        """
        strands = [self.sentences, *(self._of(speaker) for speaker in self.speakers)]
        return {index for strand in strands for index in _touching(strand, pattern)}

    def _of(self, speaker: str) -> tuple[Sentence, ...]:
        return tuple(sentence for sentence in self.sentences if sentence.speaker == speaker)


def words_of(text: str) -> list[str]:
    """Lower-case words with straight apostrophes; hyphenated words stay whole."""
    return _WORD.findall(lexica.plain(text))


def is_filler(sentences: Sequence[Sentence]) -> bool:
    """Whether nothing but sounds like "um" was said."""
    return all(word in lexica.words().fillers for sentence in sentences for word in sentence.words)


def _touching(strand: Sequence[Sentence], pattern: re.Pattern[str]) -> Iterator[int]:
    starts, pieces, length = [], [], 0
    for sentence in strand:
        starts.append(length)
        pieces.append(sentence.plain)
        length += len(sentence.text) + 1
    for match in pattern.finditer("\n".join(pieces)):
        first, last = (
            bisect_right(starts, match.start()) - 1,
            bisect_right(starts, max(match.start(), match.end() - 1)) - 1,
        )
        yield from (strand[position].index for position in range(first, last + 1))


def _turns(transcript: Transcript) -> Iterator[Turn]:
    spoken = _rejoined([segment for segment in transcript.segments if segment.text.strip()])
    gaps = sorted(gap.start_ms for gap in transcript.gaps)
    count = index = 0
    part_before = 0
    for (part, speaker), run in groupby(spoken, key=lambda s: (bisect_right(gaps, s.start_ms), s.speaker)):
        sentences = tuple(_sentences(list(run), turn=index, first=count))
        yield Turn(index=index, speaker=speaker, sentences=sentences, after_gap=part != part_before)
        count, index, part_before = count + len(sentences), index + 1, part


def _rejoined(segments: list[Segment]) -> list[Segment]:
    """A listener's short sound set after the sentence it fell into, so that the sentence can be read.

    Only where punctuation and case tell that the sentence goes on.
    """
    ordered = list(segments)
    if 2 * sum(bool(_FINISHED.search(segment.text.strip())) for segment in ordered) < len(ordered):
        return ordered
    for place in range(1, len(ordered) - 1):
        before, between, after = ordered[place - 1 : place + 2]
        goes_on = not _FINISHED.search(before.text.strip()) and after.text.strip()[0].islower()
        if before.speaker == after.speaker != between.speaker and goes_on and len(between.text.split()) <= INTERJECTION:
            ordered[place], ordered[place + 1] = after, between
    return ordered


def _sentences(segments: Sequence[Segment], *, turn: int, first: int) -> Iterator[Sentence]:
    texts = [" ".join(segment.text.split()) for segment in segments]
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text) + 1)
    whole = " ".join(texts)
    for number, (start, end) in enumerate(_spans(whole, starts[1:-1])):
        text = whole[start:end]
        covering = range(bisect_right(starts, start) - 1, bisect_right(starts, end - 1))
        yield Sentence(
            index=first + number,
            turn=turn,
            speaker=segments[0].speaker,
            text=text,
            segment_ids=tuple(segments[position].id for position in covering),
            is_question=_is_question(text),
        )


def _spans(text: str, boundaries: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence; `boundaries` are where segments meet, second-best places to cut."""
    start = 0
    ends = [match.end() for match in _END.finditer(text) if _ends_here(text, match.end())]
    for end in [*ends, len(text)]:
        yield from _shorter(text, start, end, [cut for cut in boundaries if start < cut < end])
        start = end


def _ends_here(text: str, end: int) -> bool:
    """Whether a full stop ends a sentence, not "Dr." nor "8 p.m. daily"."""
    before = text[max(0, end - 20) : end].rstrip()
    if _HALF_OF_DAY.search(before):
        return not text[end : end + 1].islower()
    return not _ABBREVIATION.search(before)


def _shorter(text: str, start: int, end: int, boundaries: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cut a sentence nobody could read: where segments meet, else between clauses."""
    stripped = start + len(text[start:end].rstrip())
    if len(text[start:end].split()) <= LONGEST_SENTENCE:
        if stripped > start:
            yield start, stripped
        return
    middle = (start + end) / 2
    cuts = list(boundaries) or [match.end() for match in _CLAUSE.finditer(text, start + 1, end)]
    if not cuts:
        yield start, stripped
        return
    cut = min(cuts, key=lambda place: (abs(place - middle), place))
    yield from _shorter(text, start, cut, [place for place in boundaries if place < cut])
    yield from _shorter(text, cut, end, [place for place in boundaries if place > cut])


def _is_question(text: str) -> bool:
    ending = text.rstrip("\"'\u201d\u2019)] ")
    if ending.endswith("?"):
        return True
    return not ending.endswith((".", "!", "\u2026", ",")) and bool(_QUESTION.search(text))
