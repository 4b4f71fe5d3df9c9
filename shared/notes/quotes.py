"""Reading a statement back: what it quotes, whom it ascribes it to, and where that was said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from shared.notes import lexica
from shared.notes.passages import NO_ANSWER
from shared.notes.talk import Sentence, Talk, words_of

_OMISSION = re.compile(r"\u2026|\.\.\.")

_LABEL_WORDS = 3
"""Longer than this, what stands before a quote is prose ("Client reports poor sleep and says")."""


@dataclass(frozen=True)
class Quote:
    """Words between quotation marks; `pieces` are what stands between omissions."""

    label: str
    pieces: tuple[tuple[str, ...], ...]

    @property
    def asks(self) -> bool:
        """Whether it is given as a question whose answer follows."""
        return self.label.lower().endswith("asked")


@dataclass(frozen=True)
class Place:
    """Where a quote was said: the turn, the sentence it starts in, how many words into it."""

    turn: int
    sentence: int
    offset: int


def read_statement(text: str, names: Sequence[str] = ()) -> tuple[list[Quote], str]:
    """The quotes of a statement in order, and its prose: what is left without quotes and their labels.

    `names` are labels, whatever characters they hold ("Dr. Lee").
    """
    pattern = _quoting(tuple(sorted(names)))

    def is_prose(label: str) -> bool:
        return len(label.split()) > _LABEL_WORDS and label.strip().removesuffix(" asked") not in names

    quotes = [Quote(match["label"].strip(), verbatim(match["words"]).pieces) for match in pattern.finditer(text)]
    prose = pattern.sub(lambda match: f"{match['label']} " if is_prose(match["label"]) else " ", text)
    return quotes, prose.replace(NO_ANSWER, " ").strip()


def verbatim(text: str) -> Quote:
    """A text without quotation marks as what it would be between them."""
    pieces = (tuple(words_of(piece)) for piece in _OMISSION.split(text))
    return Quote(label="", pieces=tuple(piece for piece in pieces if piece))


def places_of(quote: Quote, cited: Sequence[Sentence]) -> list[Place]:
    """Every place in the cited sentences where all pieces of the quote occur in order, within one turn."""
    found = []
    for run in _runs(cited):
        words = [(word, sentence, offset) for sentence in run for offset, word in enumerate(sentence.words)]
        plain = [word for word, _, _ in words]
        for start in _occurrences(plain, quote.pieces):
            _, sentence, offset = words[start]
            found.append(Place(sentence.turn, sentence.index, offset))
    if not quote.pieces:
        found = [Place(sentence.turn, sentence.index, 0) for sentence in cited]
    return found


def is_torn(place: Place, talk: Talk) -> bool:
    """Whether the quote starts inside a sentence, behind a negation it leaves out."""
    left_out = talk.sentences[place.sentence].words[: place.offset]
    return any(word in lexica.words().negations for word in left_out)


@cache
def _quoting(names: tuple[str, ...]) -> re.Pattern[str]:
    known = "".join(rf"{re.escape(name)}(?: asked)?|" for name in names)
    label = rf"\s*(?P<label>{known}[^\"\u201c\u201d:.]{{0,80}}?)"
    return re.compile(rf"{label}\s*:?\s*[\"\u201c](?P<words>[^\"\u201c\u201d]*)[\"\u201d]")


def _runs(cited: Sequence[Sentence]) -> Iterator[list[Sentence]]:
    """Cited sentences by turn."""
    run: list[Sentence] = []
    for before, sentence in pairwise([None, *cited]):
        if sentence is None:
            continue
        if before is not None and before.turn != sentence.turn:
            yield run
            run = []
        run.append(sentence)
    if run:
        yield run


def _occurrences(words: list[str], pieces: tuple[tuple[str, ...], ...]) -> Iterator[int]:
    """Start positions from which all pieces follow one another."""
    if not pieces:
        return
    for start in _positions(words, pieces[0], 0):
        after: int | None = start + len(pieces[0])
        for piece in pieces[1:]:
            place = None if after is None else next(_positions(words, piece, after), None)
            after = None if place is None else place + len(piece)
        if after is not None:
            yield start


def _positions(words: list[str], piece: tuple[str, ...], first: int) -> Iterator[int]:
    size = len(piece)
    for start in range(first, len(words) - size + 1):
        if tuple(words[start : start + size]) == piece:
            yield start
