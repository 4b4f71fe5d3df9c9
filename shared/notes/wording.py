"""Which words carry meaning, and when two forms are the same word."""

from __future__ import annotations

from shared.notes import lexica
from shared.notes.talk import words_of

_ENDINGS = (("ies", "y"), ("ied", "y"), ("ing", ""), ("ed", ""))
_SHORTEST_STEM = 3


def content_words(text: str) -> list[str]:
    """Words that carry meaning, lower case and stemmed, in order."""
    return [stem(word) for word in words_of(text) if word not in lexica.words().stop and len(word) > 1]


def concepts(text: str) -> list[str]:
    """Content words of a note's own prose: without its framing ("client reports"), synonyms as one."""
    return [concept(word) for word in words_of(text) if is_content(word)]


def is_content(word: str) -> bool:
    """Whether a paraphrase must find this word in its evidence."""
    listed = lexica.words()
    return len(word) > 1 and word not in listed.stop and word not in listed.framing and word not in listed.negations


def concept(word: str) -> str:
    """The stem, or one name for all words of a group of equivalents."""
    group = lexica.words().same.get(word, lexica.words().same.get(stem(word)))
    return stem(word) if group is None else f"={group}"


def stem(word: str) -> str:
    """A light stem: plural, past and progressive endings off, so that "worrying", "worried" and "worry" meet."""
    word = word.removesuffix("'s")
    if len(word) <= _SHORTEST_STEM:
        return word
    for ending, kept in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) + len(kept) >= _SHORTEST_STEM:
            return _bare(word[: -len(ending)] + kept)
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return _bare(word[:-1] if plural else word)


def _bare(word: str) -> str:
    """No doubled last consonant ("skipp") and no silent e ("breathe"), so all forms end alike."""
    if len(word) <= _SHORTEST_STEM:
        return word
    if word[-1] == word[-2] and word[-1] in "bdgmnprt":
        return word[:-1]
    return word.rstrip("e")
