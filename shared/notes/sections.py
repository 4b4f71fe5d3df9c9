"""Which sentences go under which heading: cues decide whether, salience decides which."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.domain.note import Section
from shared.notes import lexica
from shared.notes.marks import Marks, marks_of
from shared.notes.medicines import needs_question
from shared.notes.numbers import Number, numbers_in
from shared.notes.passages import POINTERS, Passage, answer_to, context_of, merged, questions_before
from shared.notes.risk import Risks
from shared.notes.roles import CLIENT, THERAPIST, Roles
from shared.notes.salience import salience
from shared.notes.talk import Sentence, Talk
from shared.notes.templates import PARTNERS, Take, Template, TemplateSection
from shared.notes.wording import content_words

SALIENCE_WEIGHT = 0.6
"""Salience orders sentences of equal cues; it never outweighs a cue."""

STALE_TOPIC = 0.4
"""What a further statement on a topic the section already has is worth less."""

TOO_ALIKE = 0.75
"""Shared content words over all content words, from which two sentences say the same."""

ANSWER_SENTENCES = 2
"""How much of the answer is quoted behind a question that stands in an ordinary section."""

SHORTEST = 3
"""Words below which a sentence says nothing on its own."""

LONGEST_STATEMENT = 75
"""Words of one turn quoted together."""


@dataclass(frozen=True)
class Gist:
    """What a sentence says, to tell whether another says it again."""

    words: frozenset[str]
    numbers: frozenset[Number]
    denied: bool


@dataclass
class Chosen:
    """Sentences a section has taken so far, as one list a statement."""

    section: TemplateSection
    statements: list[list[Sentence]] = field(default_factory=list)
    topics: Counter[str] = field(default_factory=Counter)


def choose(template: Template, talk: Talk, roles: Roles, risks: Risks) -> dict[str, list[Passage]]:
    """Passages by section key, in order of time, at most `at_most` a section, nothing said twice in the note.

    `risks` are quoted in the risk section already. Elsewhere they may stand only as the therapist's plan, or as what
    a client added to a denial.
    """
    marks = marks_of(talk, roles, template.topics)
    candidates = _candidates(template, talk, roles, risks, marks)
    said: list[Gist] = []
    picked = {section.key: _pick(section, candidates[section.key], marks, said) for section in template.sections}
    answers = {s.index for statements in picked.values() for statement in statements for s in _answer(talk, statement)}
    chosen: dict[str, list[Passage]] = {}
    for section in template.sections:
        own = [statement for statement in picked[section.key] if not {s.index for s in statement} <= answers]
        chosen[section.key] = _passages(talk, section, own, marks)
    return chosen


def partners_in(talk: Talk, roles: Roles) -> dict[str, int]:
    """Speaker label to the partner of a couple they are: clients in order of first word, one of two labels once."""
    called = {speaker: roles.names.get(speaker, speaker) for speaker in talk.speakers if roles.of(speaker) == CLIENT}
    places = {name: place for place, name in enumerate(dict.fromkeys(called.values()))}
    return {speaker: places[name] for speaker, name in called.items()}


def named_after_partners(sections: Iterable[Section], template: Template, talk: Talk, roles: Roles) -> list[Section]:
    """The sections, those of a partner whose name is known under that name ("Subjective: Anna")."""
    called = {place: roles.names.get(speaker) for speaker, place in partners_in(talk, roles).items()}
    owner = {section.key: section.partner for section in template.sections}
    return [
        section.model_copy(update={"title": section.title.replace(PARTNERS[partner], name)})
        if (partner := owner.get(section.key)) is not None and (name := called.get(partner))
        else section
        for section in sections
    ]


def _candidates(
    template: Template, talk: Talk, roles: Roles, risks: Risks, marks: Sequence[Marks]
) -> dict[str, list[tuple[float, Sentence]]]:
    """Each sentence that fits some section, with its score, under the one it fits best."""
    weights = salience(talk)
    quoted = {index for passage in risks.passages for index in passage.sentences}
    repeatable = _repeatable(talk, roles, risks)
    partners = partners_in(talk, roles)
    found: dict[str, list[tuple[float, Sentence]]] = {section.key: [] for section in template.sections}
    for sentence in talk.sentences:
        kinds = repeatable.get(sentence.index, frozenset()) if sentence.index in quoted else None
        best = best_section(template, marks[sentence.index], kinds, partners.get(sentence.speaker))
        if best is None or (len(sentence.words) < SHORTEST and not questions_before(talk, sentence)):
            continue
        score, section = best
        if not (section.risk and sentence.index in quoted):
            found[section.key].append((score + SALIENCE_WEIGHT * float(weights[sentence.index]), sentence))
    return found


def _repeatable(talk: Talk, roles: Roles, risks: Risks) -> dict[int, frozenset[str]]:
    """Sentences quoted with a risk that may stand elsewhere too, with the kinds of statement they may be."""
    found: dict[int, frozenset[str]] = {}
    for passage in risks.passages:
        for sentence in (talk.sentences[index] for index in passage.sentences):
            opening = talk.turns[sentence.turn].sentences[0]
            closes = sentence.turn == talk.sentences[passage.sentences[-1]].turn
            if closes and not sentence.is_question and roles.of(sentence.speaker) == THERAPIST:
                found[sentence.index] = frozenset({"plan"})
            elif sentence.index not in risks.central and sentence != opening and _is_addition(opening, sentence):
                found[sentence.index] = frozenset({"report", "response"})
    return found


def _is_addition(opening: Sentence, sentence: Sentence) -> bool:
    """Whether it goes on from a denial to something else ("No, nothing like that. I just feel exhausted.")."""
    denies = next(iter(opening.words), "") in lexica.words().refusals
    return denies and not POINTERS.intersection(sentence.words)


def best_section(
    template: Template, marks: Marks, only: frozenset[str] | None = None, partner: int | None = None
) -> tuple[float, TemplateSection] | None:
    """The section a sentence fits best, and how well; a partner's own section is for what that partner says."""
    scores = [
        (
            max((_worth(take, marks) for take in section.takes if _may_take(take, only)), default=0.0),
            section,
        )
        for section in template.sections
        if section.partner in (None, partner)
    ]
    score, section = max(scores, key=lambda item: item[0])
    return (score, section) if score > 0 else None


def _may_take(take: Take, only: frozenset[str] | None) -> bool:
    return only is None or take.kind in only or take.risk_too


def _worth(take: Take, marks: Marks) -> float:
    """What a sentence is worth to a rule: its kind and its topic must both show, where the rule asks for them."""
    kind = marks.kinds.get(take.kind)
    if kind is None or (kind == 0.0 and lexica.kinds()[take.kind].cues):
        return 0.0
    topic = sum(sorted((marks.topics.get(name, 0.0) for name in take.topics), reverse=True)[:2])
    if take.topics and topic == 0.0:
        return 0.0
    return take.weight * (kind + topic)


def _pick(
    section: TemplateSection, candidates: list[tuple[float, Sentence]], marks: Sequence[Marks], said: list[Gist]
) -> list[list[Sentence]]:
    """The best statements, each time the best of what is left given what has been taken.

    What is left only ever loses worth, so a candidate whose worth is still what it was is the best there is.
    """
    chosen = Chosen(section)
    score_of = {sentence.index: score for score, sentence in candidates}
    rest = [(-score, sentence.index, sentence) for score, sentence in candidates]
    heapq.heapify(rest)
    while rest:
        before, index, sentence = heapq.heappop(rest)
        now = _fresh(score_of[index], marks[index], chosen)
        if now < -before:
            heapq.heappush(rest, (-now, index, sentence))
            continue
        statement = _place(chosen, sentence)
        if statement is None:
            continue
        gist = _gist(sentence)
        if not any(_alike(gist, other) for other in said):
            statement.append(sentence)
            chosen.statements += [statement] if len(statement) == 1 else []
            said.append(gist)
            chosen.topics.update(marks[index].topics)
    return chosen.statements


def _fresh(score: float, marks: Marks, chosen: Chosen) -> float:
    """The score less what the section has heard about the topics already."""
    known = [chosen.topics[name] for name in marks.topics]
    return score - STALE_TOPIC * min(known, default=0)


def _gist(sentence: Sentence) -> Gist:
    denied = not lexica.words().negations.isdisjoint(sentence.words)
    return Gist(frozenset(content_words(sentence.text)), frozenset(numbers_in(sentence.text)), denied)


def _alike(gist: Gist, other: Gist) -> bool:
    """Whether one of two sentences is enough: never when they differ in a number or a negation."""
    if (gist.numbers, gist.denied) != (other.numbers, other.denied):
        return False
    return len(gist.words & other.words) >= TOO_ALIKE * max(len(gist.words | other.words), 1)


def _place(chosen: Chosen, sentence: Sentence) -> list[Sentence] | None:
    """The statement of the same breath that a sentence joins, or a new one while there is room."""
    for statement in chosen.statements:
        near = any(s.turn == sentence.turn and abs(s.index - sentence.index) <= 2 for s in statement)  # noqa: PLR2004
        if near and sum(len(s.words) for s in [*statement, sentence]) <= LONGEST_STATEMENT:
            return statement
    return [] if len(chosen.statements) < chosen.section.at_most else None


def _passages(
    talk: Talk, section: TemplateSection, statements: list[list[Sentence]], marks: Sequence[Marks]
) -> list[Passage]:
    wanted = {name for take in section.takes for name in take.topics}
    passages = []
    for statement in statements:
        ordered = sorted(statement, key=_position)
        indexes = {*context_of(talk, ordered[0]), *(sentence.index for sentence in ordered)}
        if needs_question(talk, ordered[0]) or not wanted & marks[ordered[0].index].own:
            indexes |= {question.index for question in questions_before(talk, ordered[0])}
        answer = _answer(talk, statement)
        indexes |= {sentence.index for sentence in answer}
        passages.append(Passage(tuple(sorted(indexes)), unanswered=ordered[-1].is_question and not answer))
    return merged(passages)


def _answer(talk: Talk, statement: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """What must follow a statement that ends with a question."""
    last = max(statement, key=_position)
    return answer_to(talk, last)[:ANSWER_SENTENCES] if last.is_question else ()


def _position(sentence: Sentence) -> int:
    return sentence.index
