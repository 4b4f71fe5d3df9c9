"""Numbers as people say and write them: "fifty milligrams", "50 mg", "twice", "twelve point five"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from shared.notes import lexica

_UNITS = {
    **{"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9},
    **{"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16},
    **{"seventeen": 17, "eighteen": 18, "nineteen": 19},
}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALES = {"hundred": 100, "thousand": 1000}
_ADVERBS = {"once": 1, "twice": 2, "thrice": 3}
_DIGIT, _THOUSAND = 10, 1000
_MEASURES = {
    **dict.fromkeys(("mg", "mgs", "milligram", "milligrams"), "mg"),
    **dict.fromkeys(("mcg", "ug", "microgram", "micrograms"), "mcg"),
    **dict.fromkeys(("g", "gram", "grams"), "g"),
    **dict.fromkeys(("ml", "millilitre", "millilitres", "milliliter", "milliliters"), "ml"),
    **dict.fromkeys(("percent", "%"), "%"),
}
_TOKEN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|[a-z]+(?:'[a-z]+)?|%")
_PRONOUN_BEFORE = frozenset({"this", "that", "the", "no", "any", "every", "some", "which", "each", "another", "last"})
_PRONOUN_AFTER = frozenset({"of", "another", "that", "who", "day", "thing"})


class Number(NamedTuple):
    """A value and, where one of the doses' units follows, that unit (`mg`, `mcg`, `g`, `ml`, `%`)."""

    value: Decimal
    unit: str = ""


def numbers_in(text: str) -> set[Number]:
    """All numbers of a text, spoken or written. "one" counts where it counts something, not in "that one"."""
    return {number for _, number in _numbers(_tokens(text))}


def doses_in(text: str) -> set[tuple[str, Number]]:
    """Each number with a unit, and its medicine: "… of sertraline", else the last named before, else the next."""
    tokens = _tokens(text)
    named = [place for place, word in enumerate(tokens) if word in lexica.medicines()]
    doses = [(place, number) for place, number in _numbers(tokens) if number.unit]
    return {(_medicine_of(place, named, tokens), number) for place, number in doses if named}


def _medicine_of(dose: int, named: Sequence[int], tokens: Sequence[str]) -> str:
    unit = next(place for place in range(dose, len(tokens)) if tokens[place] in _MEASURES)
    if tokens[unit + 1 : unit + 2] == ["of"] and unit + 2 in named:
        return tokens[unit + 2]
    before = [place for place in named if place < dose]
    return tokens[before[-1] if before else named[0]]


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(lexica.plain(text).replace("-", " "))


def _numbers(tokens: Sequence[str]) -> Iterator[tuple[int, Number]]:
    """Each number with the position of its first word."""
    position = 0
    while position < len(tokens):
        value, following = _read(tokens, position)
        if value is None:
            position += 1
            continue
        unit = _MEASURES.get(tokens[following], "") if following < len(tokens) else ""
        if not _is_pronoun(tokens, position, following):
            yield position, Number(value.normalize(), unit)
        position = following


def _read(tokens: Sequence[str], position: int) -> tuple[Decimal | None, int]:
    """The number that starts at `position` and where the rest goes on."""
    word = tokens[position]
    if word[0].isdigit():
        return Decimal(word.replace(",", "")), position + 1
    if word in _ADVERBS:
        return Decimal(_ADVERBS[word]), position + 1
    whole, following = (0, position) if word == "point" else _spoken(tokens, position)
    if whole is None:
        return None, position + 1
    digits = ""
    if following + 1 < len(tokens) and tokens[following] == "point":
        for word in tokens[following + 1 :]:
            if _UNITS.get(word, _DIGIT) >= _DIGIT:
                break
            digits += str(_UNITS[word])
    if digits:
        return Decimal(f"{whole}.{digits}"), following + 1 + len(digits)
    return (Decimal(whole), following) if following > position else (None, position + 1)


def _spoken(tokens: Sequence[str], position: int) -> tuple[int | None, int]:
    """A whole number in words: "twenty five", "a hundred and fifty", "two thousand"."""
    total = current = 0
    seen = False
    for offset, word in enumerate(tokens[position:], start=position):
        if word in _UNITS and current % 10 == 0 and (current % 100 == 0 or _UNITS[word] < _DIGIT):
            current += _UNITS[word]
        elif word in _TENS and current % 100 == 0:
            current += _TENS[word]
        elif word in _SCALES and (seen or _after_article(tokens, offset)):
            current = max(current, 1) * _SCALES[word]
            if _SCALES[word] == _THOUSAND:
                total, current = total + current, 0
        elif not (word == "and" and seen and current % 100 == 0 and _goes_on(tokens, offset)):
            return (total + current if seen else None), offset
        seen = True
    return (total + current if seen else None), len(tokens)


def _after_article(tokens: Sequence[str], offset: int) -> bool:
    return offset > 0 and tokens[offset - 1] == "a"


def _goes_on(tokens: Sequence[str], offset: int) -> bool:
    return offset + 1 < len(tokens) and (tokens[offset + 1] in _UNITS or tokens[offset + 1] in _TENS)


def _is_pronoun(tokens: Sequence[str], position: int, following: int) -> bool:
    if tokens[position:following] != ["one"]:
        return False
    before = tokens[position - 1] if position else ""
    after = tokens[following] if following < len(tokens) else ""
    return before in _PRONOUN_BEFORE or after in _PRONOUN_AFTER
