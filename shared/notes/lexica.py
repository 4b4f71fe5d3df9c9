"""The word lists of `lexicon/`, read once and compiled.

Patterns are case-insensitive, match whole words, and a blank in them stands for any run of non-letters, so that
`self harm` is found in "self-harm" and "self, harm".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ConfigDict

from shared.domain.model import Model

FOLDER = Path(__file__).parent / "lexicon"
_NEVER = re.compile(r"(?!)")
_MARKS = str.maketrans(dict.fromkeys('\u2019\u2018\u02bc\uff07"\u201c\u201d', "'"))

Speaker = Literal["therapist", "client", "any"]
Cue = re.Pattern[str]


class Compiled(Model):
    """A value with compiled patterns in it."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


class Topic(Compiled):
    """How a topic is recognised (`cues`, one pattern each) and which spoken words may name it."""

    cues: tuple[Cue, ...]
    names: re.Pattern[str]


class Kind(Compiled):
    """A speech act: who does it and the cues it shows; without cues every sentence of that speaker is one."""

    speaker: Speaker
    cues: tuple[Cue, ...]


class Words(Model):
    """Single words by what they do in a sentence."""

    stop: frozenset[str]
    framing: frozenset[str]
    fillers: frozenset[str]
    negations: frozenset[str]
    affirmations: frozenset[str]
    refusals: frozenset[str]
    openers: frozenset[str]
    lead_ins: frozenset[str]
    capitalised: frozenset[str]
    """Written with a capital, and no name of anybody."""
    planning: frozenset[str]
    """What every treatment plan says."""
    others: frozenset[str]
    """Who may be spoken of besides those who speak."""
    same: dict[str, int]
    """Word to the number of its group of equivalents."""


def plain(text: str) -> str:
    """Lower case, with straight apostrophes also for quotation marks, as notes quote them.

    The length of `text` is kept, so offsets stay true.
    """
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capitals, such as a dotted I, have a longer lower case
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return lowered.translate(_MARKS)


def compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    """One pattern for any of `patterns`; matches nothing when there are none."""
    bodies = [pattern.replace(" ?", r"[\W_]*").replace(" ", r"[\W_]+") for pattern in patterns]
    return re.compile(rf"(?<!\w)(?:{'|'.join(bodies)})(?!\w)", re.IGNORECASE) if bodies else _NEVER


@cache
def topics() -> dict[str, Topic]:
    """Topics by name."""
    return {
        name: Topic(cues=tuple(compiled([cue]) for cue in entry["cues"]), names=compiled(entry["names"]))
        for name, entry in _read("topics").items()
    }


@cache
def kinds() -> dict[str, Kind]:
    """Speech acts by name."""
    return {
        name: Kind(speaker=entry["speaker"], cues=tuple(compiled([cue]) for cue in entry["cues"]))
        for name, entry in _read("kinds").items()
    }


@cache
def risk() -> re.Pattern[str]:
    """Any mention of risk to the client or to others."""
    categories = {name: cues for name, cues in _read("risk").items() if not name.endswith("_next")}
    return compiled(cue for cues in categories.values() for cue in cues)


@cache
def asked_after_risk() -> re.Pattern[str]:
    """Questions that belong to a mention of risk shortly before them."""
    return compiled(_read("risk")["asked_next"])


@cache
def said_after_risk() -> re.Pattern[str]:
    """Statements that belong to a mention of risk shortly before them."""
    return compiled(_read("risk")["said_next"])


@cache
def entity_cues() -> dict[str, Any]:
    """`organisation_words` that end an organisation's name, and `organisations` known by theirs."""
    return _read("entities")


@cache
def risk_cues() -> dict[str, re.Pattern[str]]:
    """What tells whose a risk is and when, by what it tells."""
    return {name: compiled(cues) for name, cues in _read("risk_status").items() if isinstance(cues, list)}


@cache
def transparent_words() -> frozenset[str]:
    """What may stand between a negation and the risk it denies."""
    return frozenset(_read("risk_status")["transparent"].split())


@cache
def role_cues() -> dict[str, tuple[Cue, ...]]:
    """How a `therapist` and a `client` talk."""
    return {role: tuple(compiled([cue]) for cue in cues) for role, cues in _read("roles").items()}


@cache
def medicines() -> frozenset[str]:
    """Names of medicines, lower case."""
    return frozenset(_read("medicines")["names"].split())


@cache
def medicine_names() -> re.Pattern[str]:
    """A pattern of all names of medicines."""
    return compiled(sorted(medicines()))


@cache
def words() -> Words:
    """Stop words, negations, fillers and equivalents."""
    entry = _read("words")
    groups: list[list[str]] = entry.pop("equivalents")
    same = {word: number for number, group in enumerate(groups) for word in group}
    return Words(**{name: frozenset(text.split()) for name, text in entry.items()}, same=same)


def _read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded
