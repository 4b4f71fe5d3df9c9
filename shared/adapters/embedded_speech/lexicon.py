"""Medicines and other terms that recognisers mishear: "search line" becomes "sertraline". Pure but for its word list.

A wrong medicine in a record is worse than a misheard one, so a correction needs everything at once: the recogniser
doubts the words, they sound like the name consonant for consonant and look like it in writing, the name is long
enough for that to mean something, and, for medicines, people are talking about medication. The corrected word keeps
the doubt: its confidence is the lowest of the words it replaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache
from importlib.resources import files

from shared.domain.transcript import Word

DOUBTED = 0.5
"""A span is looked at when the recogniser gives one of its words less than this."""

MOST_WORDS = 3
"""Into how many words a name is broken at most."""

FEWEST_CONSONANTS = 5
"""`Xanax` sounds like `snacks`: names with fewer consonants are left to the recogniser."""

ALIKE = 0.7
"""How much of the spelling agrees at least (difflib's ratio): `confusion` shares `guanfacine`'s consonants, no more."""

_LITTLE = """
    a about also am an and are as at be been but by can could did do does for from had has have he her him his how i if
    in is it its just me my no not of off on or our out she so than that the their them then there they this to too up
    us was we were what when which who will with would you your
"""
LITTLE_WORDS = frozenset(_LITTLE.split())
"""Recognisers write these where they are spoken; a name is misheard as words of weight."""

NEARBY = 8
"""Medication is spoken of when one of MEDICATION_TALK stands within this many words."""

_MEDICATION = """
    dosage dose doses medication medications medicine medicines mg milligram milligrams pill pills prescribe prescribed
    prescribes prescription prescriptions tablet tablets
"""
MEDICATION_TALK = frozenset(_MEDICATION.split())

_SOUNDS = (
    (r"[^a-z]", ""),
    (r"ph", "f"),
    (r"x", "ks"),
    (r"q", "k"),
    (r"tch|ch|sh|tr|dr|j|g(?=[eiy])", "C"),
    (r"c(?=[eiy])|z", "s"),
    (r"c|g", "k"),
    (r"b", "p"),
    (r"d", "t"),
    (r"v", "f"),
    (r"[aeiouyhw]+", ""),
    (r"(.)\1+", r"\1"),
)
"""English spelling to consonant classes; voiced and voiceless ones count as the same, `tr` is heard as `ch`."""


def correct(words: Sequence[Word], phrases: Iterable[str] = ()) -> list[Word]:
    """The words with misheard medicines, and misheard `phrases` the caller expects, put right."""
    phrases = list(phrases)
    expected, right = _by_sound(phrases), _spoken_right() | {phrase.lower() for phrase in phrases}
    corrected: list[Word] = []
    at = 0
    while at < len(words):
        found = None if _bare(words[at]) in right else _name_at(words, at, expected)
        corrected.append(found[0] if found else words[at])
        at += found[1] if found else 1
    return corrected


def skeleton(text: str) -> str:
    """The consonants one hears: `sertraline` and `search line` are both `srCln`."""
    sound = text.lower()
    for pattern, heard in _SOUNDS:
        sound = re.sub(pattern, heard, sound)
    return sound


def _name_at(words: Sequence[Word], at: int, expected: Mapping[str, str]) -> tuple[Word, int] | None:
    """The name that starts at a word, and how many words it was heard as."""
    for length in range(min(MOST_WORDS, len(words) - at), 0, -1):
        span = words[at : at + length]
        sure = [word.confidence for word in span if word.confidence is not None]
        if not sure or min(sure) >= DOUBTED or any(_ends_clause(word) for word in span[:-1]):
            continue
        name = likely_name([_bare(word) for word in span], expected)
        if name is None and _about_medication(words, at, at + length):
            name = likely_name([_bare(word) for word in span], _medicines())
        if name:
            return _replaced(span, name, min(sure)), length
    return None


def likely_name(heard: Sequence[str], names: Mapping[str, str]) -> str | None:
    """The name (of `names`, by skeleton) that words in lower case sound and look like."""
    if not LITTLE_WORDS.isdisjoint(heard):
        return None
    together = "".join(heard)
    name = names.get(skeleton(together))
    return name if name and SequenceMatcher(None, together, name.lower()).ratio() >= ALIKE else None


def _replaced(span: Sequence[Word], name: str, confidence: float) -> Word:
    ending = re.search(r"[^\w]*$", span[-1].text)
    text = name + (ending.group() if ending else "")
    return Word(start_ms=span[0].start_ms, end_ms=span[-1].end_ms, text=text, confidence=confidence)


def _about_medication(words: Sequence[Word], start: int, end: int) -> bool:
    around = [*words[max(0, start - NEARBY) : start], *words[end : end + NEARBY]]
    return any(_bare(word) in MEDICATION_TALK for word in around)


def _ends_clause(word: Word) -> bool:
    return word.text.endswith((".", "?", "!", ",", ";", ":"))


def _bare(word: Word) -> str:
    return word.text.lower().strip(".,;:?!\"'")


def _by_sound(names: Iterable[str]) -> dict[str, str]:
    """Names under their skeletons, without those too short and those that sound like each other."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(skeleton(name), []).append(name)
    return {sound: alike[0] for sound, alike in found.items() if len(alike) == 1 and len(sound) >= FEWEST_CONSONANTS}


@cache
def _names() -> tuple[str, ...]:
    lines = files(__package__).joinpath("medications.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


@cache
def _medicines() -> dict[str, str]:
    return _by_sound(_names())


@cache
def _spoken_right() -> frozenset[str]:
    return frozenset(name.lower() for name in _names())
