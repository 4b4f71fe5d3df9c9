"""The golden thread: goals, objectives and interventions of a treatment plan, and those a session spoke to.

A plan is Markdown of any structure: headings, nested lists, tables with a column a kind, labels ("**Goal 1:** …"),
or plain sentences. Only its blocks are parsed (markdown-it, whose nesting is bounded); markup within a line is taken
off by patterns that read it once, so that time grows with the plan's length, whatever is in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from shared.domain.note import GoalTouched, PlanPart
from shared.notes import lexica
from shared.notes.talk import Talk, is_filler, words_of
from shared.notes.wording import concepts

MOST_LINES, MOST_ITEMS, LONGEST_ITEM = 3000, 200, 500
"""Lines of a plan and items that are read, and characters of one: more is no plan anybody works by."""

SHARED = 2
"""Concepts an item and a sentence must have in common; a clinical topic both speak of counts as one, and the name of a
technique ("thought record") as two."""

MOST_EVIDENCE = 3
"""Sentences cited for an item: those that have most in common with it."""

_CLINICAL = frozenset(
    {
        "panic",
        "anxiety",
        "mood",
        "sleep",
        "appetite",
        "energy",
        "cognition",
        "somatic",
        "substance",
        "grief",
        "trauma",
        "medication",
    }
)
"""Topics that say what a sentence is about; "work" or "family" only say where."""

_KIND = (
    r"(?P<kind>goal|objective|aim|target|intervention|strateg(?:y|ie)|technique|method|action step|modalit(?:y|ie))s?"
)
_LABEL = re.compile(
    rf"^(?:\w+[\s-]){{0,3}}{_KIND}(?:\s+and\s+\w+)?\s*(?:#?\s?\d[\d.]*|[a-z])?\s*(?:[:.)\u2013\u2014|-]\s*(?P<text>.*))?$",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[*_`~]+|!?\[(?=[^\]\n]{0,200}\]\()|\]\([^)\n]{0,500}\)|<[^>\n]{0,200}>|^\[[ xX]\]\s+")
_NUMBERING = re.compile(r"^(?:\(?\d[\d.]*[.)]?|[a-z][.)]|[-\u2022\u25cf])\s+", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.;!?])\s+")
_AIMS = re.compile(
    r"(?i)\b(?:will|wants? to|would like to|hopes? to|goal is|aims? to|work(?:ing)? on|in order to|to be able to"
    r"|reduce|decrease|increase|improve|develop|learn|practi[sc]e|manage|maintain|build|process|resume|attend)\b"
)


@dataclass(frozen=True)
class PlanItem:
    """A goal, objective or intervention, in the plan's words."""

    part: PlanPart
    text: str


def parse_plan(markdown: str) -> tuple[PlanItem, ...]:
    """What the plan asks for, in its order; where nothing is labelled, the sentences that say what is aimed at."""
    lines = list(_lines(markdown))
    found = [PlanItem(line.part, line.text) for line in lines if line.part is not None]
    if not found:
        said = [sentence for line in lines for sentence in _SENTENCE.split(line.text)]
        found = [PlanItem(PlanPart.GOAL, text[:LONGEST_ITEM]) for text in said if _AIMS.search(text)]
    distinct = {item.text: item for item in reversed(found) if _is_telling(item.text)}
    return tuple(reversed(distinct.values()))[:MOST_ITEMS]


def goals_touched(plan: str | None, talk: Talk) -> tuple[GoalTouched, ...]:
    """The items of a plan that the talk spoke to, in the plan's order; evidence is the segments where it did.

    By words alone, and rather too few than too many: two concepts of the item within one sentence, or one of them and
    the clinical topic that both are about.
    """
    items = parse_plan(plan or "")
    if not items:
        return ()
    spoken = _index(talk)
    touched = []
    for item in items:
        shared = Counter[int]()
        for feature in _features(item.text):
            shared.update(dict.fromkeys(spoken.get(feature, ()), SHARED if feature.startswith("name:") else 1))
        best = sorted((i for i, count in shared.items() if count >= SHARED), key=lambda i: (-shared[i], i))
        cited = [talk.sentences[index] for index in sorted(best[:MOST_EVIDENCE])]
        evidence = dict.fromkeys(segment_id for sentence in cited for segment_id in sentence.segment_ids)
        if evidence:
            touched.append(GoalTouched(goal=item.text, part=item.part, evidence=tuple(evidence)))
    return tuple(touched)


def _index(talk: Talk) -> dict[str, list[int]]:
    """Feature to the sentences that have it."""
    found: dict[str, list[int]] = {}
    for sentence in talk.sentences:
        if not is_filler((sentence,)):
            for feature in _features(sentence.text):
                found.setdefault(feature, []).append(sentence.index)
    return found


def _features(text: str) -> set[str]:
    said = lexica.plain(text)
    words = {word for word in concepts(text) if word not in _common() and not word.isdigit()}
    about = {name for name in _CLINICAL if any(cue.search(said) for cue in lexica.topics()[name].cues)}
    names = {match.group().removesuffix("s") for match in lexica.topics()["technique"].names.finditer(said)}
    return words | {f"topic:{name}" for name in about if words} | {f"name:{' '.join(n.split())}" for n in names}


@cache
def _common() -> frozenset[str]:
    """Concepts of the language of plans."""
    return frozenset(concepts(" ".join(lexica.words().planning)))


def _is_telling(text: str) -> bool:
    return len([word for word in concepts(text) if word not in _common()]) >= 1 and len(words_of(text)) > 1


@dataclass(frozen=True)
class _Line:
    """A line of the plan and what part of it it is, where that can be told."""

    text: str
    part: PlanPart | None


@dataclass
class _Reading:
    """Where in the plan one is: the kind of the headings above, by level, and of the table's columns."""

    headings: list[tuple[int, PlanPart | None, bool]] = field(default_factory=list)
    label: PlanPart | None = None
    columns: list[PlanPart | None] = field(default_factory=list)
    depth: int = 0
    level: int = 0
    column: int = -1
    in_head: bool = False

    def under(self) -> PlanPart | None:
        """What an unlabelled line is here: what its label, its heading and how deep it is listed make it."""
        above = self.label or next((part for _, part, _ in reversed(self.headings[-1:])), None)
        stated = self.label is None and bool(self.headings) and self.headings[-1][2]
        if stated and not self.depth:
            return None  # what a goal's own heading is followed by describes it
        deeper = stated or self.depth > 1
        return PlanPart.OBJECTIVE if above is PlanPart.GOAL and deeper else above


def _lines(markdown: str) -> Iterator[_Line]:
    reading = _Reading()
    for token in _parser().parse("\n".join(markdown.splitlines()[:MOST_LINES])):
        _step(reading, token)
        if token.type == "inline":
            yield from _read(reading, token)


def _step(reading: _Reading, token: Token) -> None:
    """Follow the structure: lists, headings, tables."""
    if token.type in ("bullet_list_open", "ordered_list_open"):
        reading.depth += 1
    elif token.type in ("bullet_list_close", "ordered_list_close"):
        reading.depth -= 1
    elif token.type == "heading_open":
        reading.level, reading.label = int(token.tag[1:]), None
        reading.headings = [heading for heading in reading.headings if heading[0] < reading.level]
    elif token.type == "heading_close":
        reading.level = 0
    elif token.type in ("table_open", "table_close"):
        reading.columns = []
    elif token.type in ("thead_open", "thead_close"):
        reading.in_head = token.type == "thead_open"
    elif token.type == "tr_open":
        reading.column = -1
    elif token.type in ("th_open", "td_open"):
        reading.column += 1
    elif token.type == "tr_close":
        reading.column = -1


def _read(reading: _Reading, token: Token) -> Iterator[_Line]:
    for raw in token.content.split("\n"):
        text = " ".join(_NUMBERING.sub("", _MARKUP.sub("", raw).strip()).split())[:LONGEST_ITEM]
        label = _LABEL.match(text)
        part = _part(label["kind"]) if label else None
        stated = (label["text"] or "").strip() if label else ""
        if reading.level:
            reading.headings.append((reading.level, part, bool(stated)))
            yield _Line(stated or text, part if stated else None)
        elif reading.in_head:
            reading.columns.append(part)
        elif reading.column >= 0:
            column = reading.columns[reading.column] if reading.column < len(reading.columns) else None
            yield _Line(stated or text, part if stated else column)
        elif part and not stated:
            reading.label = part
        else:
            if reading.depth == 0:
                reading.label = None if not part else reading.label
            yield _Line(stated or text, part if stated else reading.under())


def _part(kind: str) -> PlanPart:
    if kind.lower().startswith(("goal", "aim")):
        return PlanPart.GOAL
    return PlanPart.OBJECTIVE if kind.lower().startswith(("objective", "target", "action")) else PlanPart.INTERVENTION


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.disable(["inline", "reference", "html_block"])
    return parser
