"""Whose risk is a mention, and when? Said only where the words leave no doubt; otherwise nothing is said.

Told from the sentence itself: what stands before the mention in its clause (a negation, a person), words of time
("years ago"), of condition ("if"), and the yes or no a question got. A class is a reading aid beside the quote, never
in its place: a mention without one is to be taken as present.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cache

from shared.domain.note import RiskStatus, Section, Statement
from shared.notes import lexica
from shared.notes.passages import answer_to
from shared.notes.polarity import CLAUSE_END, DENYING
from shared.notes.roles import CLIENT, UNKNOWN, Roles
from shared.notes.talk import Sentence, Talk, words_of

_NO = frozenset({"no", "nope", "nah"})
_REFLEXIVE = frozenset({"himself", "herself", "themselves", "themself"})
_FIRST = frozenset({"i", "i'm", "i've", "i'd", "i'll", "we", "we're", "we've", "we'd"})
_TO_ME = frozenset({"me", "us", "my", "myself", "our", "ourselves"})
_THIRD = frozenset({"he", "she", "they", "he's", "she's", "they're", "who", "he'd", "she'd"})
_TO_OTHERS = frozenset({"him", "her", "them", "himself", "herself", "themselves", "his", "their", "someone"})
_OWN_CHILD = re.compile(
    r"\b(?:my|our) (?:\w+ )?(?:son|daughter|kids?|child(?:ren)?|baby|boys?|girls?|toddler|little one)"
)


def status_of(talk: Talk, roles: Roles, sentences: Collection[int]) -> RiskStatus | None:
    """The one class of all mentions of risk among `sentences` (indexes); None when unsure or when they differ."""
    found = [
        _of_question(talk, talk.sentences[i]) if _is_asked(talk, roles, i) else _of_statement(talk, roles, i)
        for i in sorted(sentences)
        if lexica.risk().search(talk.sentences[i].plain)
    ]
    return found[0] if found and all(status is found[0] for status in found) else None


def classed(sections: Iterable[Section], talk: Talk, roles: Roles) -> tuple[Section, ...]:
    """The sections with the class of each risk told, where it is certain."""
    return tuple(
        section.model_copy(update={"statements": tuple(_classed(s, talk, roles) for s in section.statements)})
        for section in sections
    )


def _classed(statement: Statement, talk: Talk, roles: Roles) -> Statement:
    if not statement.risk:
        return statement
    told = {sentence.index for segment_id in statement.evidence for sentence in talk.said(segment_id)}
    return statement.model_copy(update={"risk_status": status_of(talk, roles, told)})


def status_in(text: str) -> RiskStatus | None:
    """The class of a client's own statement that mentions risk; None when unsure."""
    said = lexica.plain(text)
    mentions = list(lexica.risk().finditer(said))
    found = {_of_mention(said, match) for match in mentions}
    return found.pop() if len(found) == 1 else None


def _is_asked(talk: Talk, roles: Roles, index: int) -> bool:
    """Whether the clinician asks: what a client asks is told of themselves."""
    return talk.sentences[index].is_question and roles.of(talk.sentences[index].speaker) != CLIENT


def _of_statement(talk: Talk, roles: Roles, index: int) -> RiskStatus | None:
    sentence = talk.sentences[index]
    if roles.dictated:
        return _dictated(sentence.plain)
    return status_in(sentence.text) if roles.of(sentence.speaker) in (CLIENT, UNKNOWN) else None


def _dictated(said: str) -> RiskStatus | None:
    """Of a clinician's own words only a denial is certain: "he" may be the client or anybody."""
    mentions = list(lexica.risk().finditer(said))
    denied = all(_is_denied(said, _clause_before(said, match.start()), match.group()) for match in mentions)
    return RiskStatus.DENIED if denied else None


def _of_question(talk: Talk, question: Sentence) -> RiskStatus | None:
    """What the answer makes of a question: a plain no, a plain yes, or nothing that is sure."""
    answer = answer_to(talk, question)
    said = [word for s in answer for word in s.words if word not in lexica.words().fillers]
    if not said or _cue("odd_question").search(question.plain) or _unlike_the_client(question):
        return None
    spoken = " ".join(s.plain for s in answer)
    yes, no = said[0] in lexica.words().affirmations, said[0] in lexica.words().refusals
    asks_for_safety = bool(_cue("safe").search(question.plain))
    if not (yes or no) or (no and _cue("hedge").search(spoken)):
        return None
    if _cue("safe").search(spoken) and not _cue("not_safe").search(spoken):
        return RiskStatus.DENIED
    if no is not asks_for_safety:
        return RiskStatus.DENIED
    past = _cue("past").search(spoken) or _cue("past").search(question.plain)
    return RiskStatus.HISTORICAL if past else RiskStatus.PRESENT


def _unlike_the_client(question: Sentence) -> bool:
    """Whether a question asks after somebody else."""
    words = set(question.words)
    return bool(words & (_THIRD | _TO_OTHERS)) and not words & {"you", "you're", "you've", "yourself"}


def _of_mention(said: str, mention: re.Match[str]) -> RiskStatus | None:
    clause, span = _clause_before(said, mention.start()), mention.group()
    if _cue("doubt").search(said) or _cue("present_whatever").search(said):
        return None if _cue("doubt").search(said) else RiskStatus.PRESENT
    if _is_hypothetical(said, mention):
        return RiskStatus.HYPOTHETICAL
    if _is_denied(said, clause, span):
        return RiskStatus.DENIED
    if _is_anothers(said, clause, span, said[mention.end() :]):
        return RiskStatus.OTHER_PERSON
    if _cue("past").search(said) and not _cue("now").search(said):
        return RiskStatus.HISTORICAL
    sure = (_FIRST | _TO_ME) & set(words_of(said)) and (_cue("now").search(said) or not _cue("past_tense").search(said))
    return RiskStatus.PRESENT if sure else None


def _clause_before(said: str, end: int) -> list[str]:
    """Words of the clause in which a mention stands, up to it."""
    borders = list(CLAUSE_END.finditer(said, 0, end))
    return words_of(said[borders[-1].end() if borders else 0 : end])


def _is_hypothetical(said: str, mention: re.Match[str]) -> bool:
    """A condition and what would follow from it ("If she left me, I'd …"); never what another threatens to do."""
    condition = _cue("if").search(said)
    if condition is None or not _cue("would").search(said):
        return False
    threatens = mention.start() < condition.start() and _TO_ME & set(words_of(mention.group()))
    return not (threatens and set(words_of(said)) & (_THIRD | lexica.words().others))


def _is_denied(said: str, clause: Sequence[str], span: str) -> bool:
    """Whether a mention is plainly negated: by one negation that nothing but transparent words part from it."""
    if any(_cue(name).search(said) for name in ("hedge", "unsure")):
        return False
    if _cue("despair").search(span) or _cue("safe").search(span):
        return False
    if DENYING & set(clause) or _cue("not_wanting").search(said):
        return True
    if set(words_of(span)) & lexica.words().negations:
        anothers = _THIRD & set(words_of(span))
        return bool(_cue("denied_span").search(span)) and not (anothers and _cue("limited").search(said))
    places = [place for place, word in enumerate(clause) if word in lexica.words().negations]
    places = [place for place in places if place or clause[0] not in _NO or len(places) == 1]
    return len(places) == 1 and lexica.transparent_words().issuperset(clause[places[0] + 1 :])


def _is_anothers(said: str, clause: Sequence[str], span: str, after: str) -> bool:
    """Whether neither who acts nor who suffers is the client, nor a child of theirs."""
    inside = set(words_of(span))
    if _cue("me_too").search(said):
        return False
    if _REFLEXIVE & set(words_of(said)) and not _FIRST & set(words_of(said)):
        return True
    if _OWN_CHILD.search(said) or inside & _TO_ME or inside & _FIRST:
        return False
    if set(words_of(after)[:3]) & (_TO_ME - {"my", "our"}):
        return False
    before = [*words_of(said[: len(said) - len(after) - len(span)]), *words_of(span)[:1]]
    subjects = [word for word in before if word in _subjects()]
    nearest = subjects[-1] if subjects else ""
    return nearest not in _FIRST and bool(nearest or inside & _TO_OTHERS)


@cache
def _subjects() -> frozenset[str]:
    return _FIRST | _THIRD | lexica.words().others | {"others", "nobody", "everyone"}


@cache
def _cue(name: str) -> re.Pattern[str]:
    return lexica.risk_cues()[name]
