"""The golden thread: any treatment plan's goals are found, and those the session spoke to are named with evidence."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.note import PlanPart, render_markdown
from shared.notes.plan import LONGEST_ITEM, MOST_ITEMS, goals_touched, parse_plan
from shared.notes.safeguard import safeguarded
from shared.notes.talk import Talk
from shared.notes.writer import write_extract
from shared.ports import NoteRequest
from tests.talks import THERAPY, read_talk, spoken

GOAL, OBJECTIVE, INTERVENTION = PlanPart
PANIC, SLEEP = "Reduce panic attacks at work", "Sleep seven hours a night"
TALK = Talk(read_talk(THERAPY))

HEADINGS = f"""
# Plan
## Client
Maria, 34
## Goals
1. {PANIC}
   - Use breathing daily
2. {SLEEP}
## Interventions
- Thought records
## Diagnosis
- F41.0
"""
LABELS = f"""
**Goal 1:** {PANIC}
**Objective 1.1** \u2013 Use breathing daily
**Intervention:** Thought records

**Goal 2:** {SLEEP}
"""
TABLE = f"""
| Goal | Objective | Intervention | Date |
|:--|---|---|---|
| {PANIC} | Use breathing daily | Thought records | June |
| {SLEEP} | | | July |
"""
GOAL_HEADINGS = f"""
### Goal 1: {PANIC}
- Use breathing daily
#### Interventions
- Thought records
### Goal #2 - {SLEEP}
She has slept badly since March.
"""
LISTS = f"""
- Goal: {PANIC}
  - Objective: Use breathing daily
  - Intervention: Thought records
- Goal: {SLEEP}
"""
LONE_LABELS = f"""
Long-term goals:

* {PANIC}
  * Use breathing daily
* {SLEEP}

__Interventions__

* [ ] Thought records
"""
EVERY = {
    "headings": HEADINGS,
    "labels": LABELS,
    "table": TABLE,
    "goal headings": GOAL_HEADINGS,
    "lists": LISTS,
    "lone labels": LONE_LABELS,
}


@pytest.mark.parametrize("plan", EVERY.values(), ids=EVERY)
def test_goals_objectives_and_interventions_are_found_in_any_structure(plan):
    found = {(item.part, item.text) for item in parse_plan(plan)}
    assert found == {
        (GOAL, PANIC),
        (OBJECTIVE, "Use breathing daily"),
        (INTERVENTION, "Thought records"),
        (GOAL, SLEEP),
    }


@pytest.mark.parametrize("plan", EVERY.values(), ids=EVERY)
def test_what_the_session_spoke_to_is_named_with_its_evidence(plan):
    touched = {item.goal: set(item.evidence) for item in goals_touched(plan, TALK)}
    assert "s1" in touched[PANIC]
    assert "s7" in touched[SLEEP]
    assert touched["Thought records"] & {"s12", "s13", "s14"}


def test_a_plan_without_any_labels_is_read_for_what_it_aims_at():
    found = parse_plan("Maria will reduce her panic attacks at work. She has a cat.\n\nShe wants to sleep better.")
    assert [item.text for item in found] == [
        "Maria will reduce her panic attacks at work.",
        "She wants to sleep better.",
    ]


def test_goals_nobody_spoke_of_are_not_named():
    goals = [
        "Abstain from alcohol",
        "Resolve grief over father's death",
        "Increase weekly exercise",
        "Work in a bakery",
    ]
    assert goals_touched("## Goals\n- " + "\n- ".join(goals), TALK) == ()


def test_one_shared_word_is_not_enough():
    talk = Talk(spoken("T: How was work?", "C: My manager moved the meeting to Friday."))
    assert goals_touched("Goal: Ask the manager for a pay rise", talk) == ()


@pytest.mark.parametrize("plan", [None, "", "   ", "# Goals", "Goal:", "no aims here", "| Goal |\n|---|\n"])
def test_a_plan_that_asks_for_nothing_touches_nothing(plan):
    assert goals_touched(plan, TALK) == ()


def test_the_note_names_the_goals_and_shows_them_at_its_end():
    request = NoteRequest(read_talk(THERAPY), plan=LABELS)
    note = write_extract(request)
    assert safeguarded(note, request) == note
    assert note.goals[0].goal == PANIC
    shown = render_markdown(note, {s.id: s for s in request.transcript.segments})
    assert f"## Treatment plan goals addressed\n\n- {PANIC} [" in shown
    assert "Treatment plan" not in render_markdown(
        write_extract(NoteRequest(request.transcript)), {s.id: s for s in request.transcript.segments}
    )


def test_a_goal_no_plan_has_does_not_stay_in_a_note():
    request = NoteRequest(read_talk(THERAPY), plan=LABELS)
    note = write_extract(request)
    invented = note.goals[0].model_copy(update={"goal": "Win the lottery"})
    unfounded = note.goals[0].model_copy(update={"evidence": ("s99",)})
    assert (
        safeguarded(note.model_copy(update={"goals": (invented, unfounded, note.goals[0])}), request).goals
        == note.goals[:1]
    )


HOSTILE = {
    "brackets": "[" * 100_000,
    "quotes": "> " * 50_000,
    "stars": "*" * 100_000,
    "nested lists": "".join("  " * n + "- a\n" for n in range(440)),
    "table": "|goal|b|\n|-|-|\n" + "|x y|z\n" * 14_000,
    "ticks": "`a " * 33_000,
    "links": "[a](" * 25_000,
    "labels": "Goal: fewer attacks\n" * 5_000,
    "one line": "goal " * 20_000,
    "items": "".join(f"- Goal: aim {n} apples\n" for n in range(4_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_largest_plan_is_read_whatever_is_in_it(name, measured):
    plan = HOSTILE[name][:100_000]
    began = time.perf_counter()
    found = parse_plan(plan)
    measured.append(f"plan of {len(plan)} characters, {name:12} read in {time.perf_counter() - began:.2f} s")
    assert len(found) <= MOST_ITEMS
    assert all(len(item.text) <= LONGEST_ITEM for item in found)


markdown = st.lists(
    st.one_of(
        st.sampled_from(
            ["# Goals", "- ", "  - ", "**Goal 1:** ", "|", "|---|---|", "```", "> ", "\n", "\t", "<div>", "[x]: y"]
        ),
        st.text(max_size=12),
    ),
    max_size=40,
).map("\n".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(markdown)
def test_every_text_is_some_plan(plan):
    flat = "".join(plan.split())
    for item in parse_plan(plan):
        assert item.text == " ".join(item.text.split()) != ""
        assert item.text.split()[0][:1] in flat or not flat
    goals_touched(plan, TALK)
