"""The risk corpus: no mention is missed, and what is certain of it (denied, long ago, somebody else's) is told.

How well the classes are told stands at the end of the run, under "measured". A present risk may be left without a
class; it is never given another.
"""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from shared.domain.note import RiskStatus, SessionType, render_markdown
from shared.notes.risk import risks_in
from shared.notes.risk_status import status_of
from shared.notes.roles import CLIENT, THERAPIST, Roles
from shared.notes.safeguard import safeguarded
from shared.notes.talk import Talk
from shared.notes.writer import write_extract
from shared.ports import NoteRequest
from tests.talks import DATA, risk_of, spoken

CORPUS = {
    status: [(row["text"], row.get("asked"), row.get("held_out", False)) for row in rows]
    for status, rows in yaml.safe_load(Path(DATA / "notes" / "risk_corpus.yaml").read_text(encoding="utf-8")).items()
}
ROLES = Roles({"Speaker 1": THERAPIST, "Speaker 2": CLIENT}, confidence=1.0)
RISKS = [(status, text, asked) for status, rows in CORPUS.items() if status != "none" for text, asked, _ in rows]
IDIOMS = [text for text, _, _ in CORPUS["none"]]
UNSURE, MISSED = "unsure", "none"


def talk_of(text, asked):
    return spoken(f"T: {asked or 'How has your week been?'}", f"C: {text}", "T: I see.")


def told(text, asked):
    """The class a sentence is given: a status, `unsure`, or `none` where no risk is seen."""
    talk = Talk(talk_of(text, asked))
    mentions = risks_in(talk).mentions
    return (status_of(talk, ROLES, mentions) or UNSURE) if mentions else MISSED


@pytest.mark.parametrize(("status", "text", "asked"), RISKS, ids=lambda value: str(value)[:60])
def test_every_mention_is_in_the_note_with_its_quote(status, text, asked):
    note = write_extract(NoteRequest(talk_of(text, asked), SessionType.SOAP))
    assert any(text.rstrip(".?") in statement for statement in risk_of(note))


@pytest.mark.parametrize(("text", "asked"), [(t, asked) for status, t, asked in RISKS if status == "present"])
def test_a_present_risk_is_never_taken_for_anything_less(text, asked):
    assert told(text, asked) in (RiskStatus.PRESENT, UNSURE)


@pytest.mark.parametrize("text", IDIOMS)
def test_figures_of_speech_are_no_risk(text):
    assert told(text, None) == MISSED


def test_the_classes_are_told_well_enough_to_be_shown(measured):
    for part, held_out in (("seen", False), ("held out", True)):
        pairs = [(s, told(text, asked)) for s, rows in CORPUS.items() for text, asked, held in rows if held is held_out]
        hits, said, there = (
            Counter(a for a, b in pairs if a == b),
            Counter(b for _, b in pairs),
            Counter(a for a, _ in pairs),
        )
        for status in RiskStatus:
            precision, recall = hits[status] / max(said[status], 1), hits[status] / there[status]
            measured.append(
                f"risk {part:8} {status:12} precision {precision:.2f} recall {recall:.2f} of {there[status]}"
            )
            assert precision >= 0.85
            assert recall >= 0.7
        found, taken = (sum(b != MISSED for a, b in pairs if (a == MISSED) is idiom) for idiom in (False, True))
        risks = len(pairs) - there[MISSED]
        measured.append(f"risk {part:8} detected {found} of {risks}, idioms taken for risk {taken} of {there[MISSED]}")
        assert found == risks


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["T: Any thoughts of suicide?", "C: No."], RiskStatus.DENIED),
        (["T: Any thoughts of suicide?", "C: No, not really."], None),
        (["T: Any thoughts of suicide?", "C: Not today, but last night I wanted to die."], None),
        (["T: Any thoughts of suicide?", "C: Yes."], RiskStatus.PRESENT),
        (["T: Have you ever tried to kill yourself?", "C: Yes, years ago."], RiskStatus.HISTORICAL),
        (["T: Any thoughts of suicide?", "C: It's complicated."], None),
        (["T: Do you feel safe at home?", "C: No."], RiskStatus.PRESENT),
        (["T: Do you feel safe at home?", "C: Yes, I do."], RiskStatus.DENIED),
        (["T: Is he violent with your sister?", "C: No."], None),
        (["T: Is anything stopping you from killing yourself?", "C: No."], None),
        (["T: Can you keep yourself safe tonight?", "C: No."], None),
        (["C: I don't know if I want to die."], None),
        (["C: I can't stop thinking about killing myself."], RiskStatus.PRESENT),
        (["C: I used to cut myself. Now I want to die."], None),
    ],
)
def test_only_what_is_certain_is_told(lines, expected):
    talk = Talk(spoken("T: Tell me about your week.", *lines))
    assert status_of(talk, ROLES, risks_in(talk).mentions) == expected


def test_the_class_stands_beside_the_quote_whoever_wrote_the_note():
    transcript = spoken("T: Have you had any thoughts of suicide?", "C: No, nothing like that.")
    request = NoteRequest(transcript, SessionType.SOAP)
    note = write_extract(request)
    bare = note.model_copy(update={"sections": tuple(s.model_copy(update={"statements": ()}) for s in note.sections)})
    for mine in (note, safeguarded(bare, request)):
        shown = render_markdown(mine, {segment.id: segment for segment in transcript.segments})
        assert (
            '- **Risk** Asked: "Have you had any thoughts of suicide?" Client: "No, nothing like that." _(denied)_'
            in shown
        )
