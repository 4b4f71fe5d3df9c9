"""The session's key phrases, in the words that were spoken."""

from __future__ import annotations

from collections import Counter

from shared.notes import lexica
from shared.notes.talk import Talk

AT_MOST = 8
_BORDER = "\nq\n"
"""Between sentences: a letter, which no blank of a pattern spans."""


def topics_of(talk: Talk) -> tuple[str, ...]:
    """At most eight phrases ("panic attacks", "sleep", "sertraline"), most spoken first, then first spoken.

    Mentions of risk are no topics: a denied question would read like a finding.
    """
    found: list[tuple[int, str]] = []
    said = _BORDER.join(sentence.plain for sentence in talk.sentences)
    for pattern in (*(topic.names for topic in lexica.topics().values()), lexica.medicine_names()):
        found += [(match.start(), " ".join(match.group().split())) for match in pattern.finditer(said)]
    spoken = Counter(phrase for _, phrase in sorted(found))
    ranked = _without_fragments(spoken)
    return tuple(phrase for phrase, _ in sorted(ranked.items(), key=lambda item: -item[1])[:AT_MOST])


def _without_fragments(spoken: Counter[str]) -> Counter[str]:
    """Count a phrase for the longer one that holds it, and the plural for the singular spoken as well."""
    merged: Counter[str] = Counter()
    for phrase in spoken:
        longer = [other for other in spoken if other != phrase and phrase in other]
        merged[max(longer, key=len, default=phrase)] += spoken[phrase]
    return merged
