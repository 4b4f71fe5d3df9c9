"""Instruction sets over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.client import Client
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.problems import assert_problem

pytestmark = pytest.mark.e2e

WRITER = "therapist-who-writes"


@pytest.fixture
def writer(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token(WRITER, [Role.THERAPIST])) as client:
        yield client


def test_clinical_documentation_instructions(therapist):
    """The sample of the API: instruction_type in the path, user_id optional."""
    answer = therapist.request("GET", "instructions/clinical_notes")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"instruction_type", "title", "version", "instructions", "sections"}
    assert body["instruction_type"] == "clinical_notes"
    assert [section["title"] for section in body["sections"]][:2] == ["What goes in", "What stays out"]
    assert all(section["instructions"] in body["instructions"] for section in body["sections"])


def test_unknown_types_are_answered_with_the_known(therapist):
    for unknown in ("horoscope", "SOAP", "..%2Fclinical_notes", "soap%00", "%E2%98%83"):
        answer = therapist.request("GET", f"instructions/{unknown}")
        assert_problem(answer, 404, "instructions_not_found" if "%2F" not in unknown else "http_error")
    detail = therapist.request("GET", "instructions/horoscope").json()["detail"]
    assert all(name in detail for name in ("soap", "dap", "risk_assessment", "safety_plan"))


def test_personal_instructions_win_for_their_user_only(writer, therapist, service):
    standard = writer.request("GET", "instructions/dap", params={"user_id": WRITER}).json()
    own = {"title": "DAP, my way", "instructions": "Be brief.\n\n## Data\nQuote first.\n", "colour": "ignored"}
    answer = writer.request("PUT", "instructions/dap", params={"user_id": WRITER}, json=own)
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == 1
    for reader in (writer, service):
        read = reader.request("GET", "instructions/dap", params={"user_id": WRITER}).json()
        assert (read["title"], [section["key"] for section in read["sections"]]) == ("DAP, my way", ["data"])
    assert therapist.request("GET", "instructions/dap").json() == standard
    assert_problem(therapist.request("GET", "instructions/dap", params={"user_id": WRITER}), 403, "forbidden")
    assert_problem(therapist.request("PUT", "instructions/dap", params={"user_id": WRITER}, json=own), 403, "forbidden")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"instructions": ""},
        {"instructions": None},
        {"instructions": 7},
        {"instructions": "x" * 50_001},
        {"instructions": "## Plan", "title": ""},
        {"instructions": "## Plan", "title": "x" * 201},
    ],
    ids=lambda body: str(body)[:30],
)
def test_what_cannot_be_instructions(writer, body):
    answer = writer.request("PUT", "instructions/girp", params={"user_id": WRITER}, json=body)
    assert_problem(answer, 400, "invalid_input")


def test_whose_they_are_must_be_said_with_an_id(writer):
    own = {"instructions": "## Plan\nShort."}
    assert_problem(writer.request("PUT", "instructions/girp", json=own), 400, "invalid_input")
    for wrong in ("", "a/b", "x" * 129):
        answer = writer.request("PUT", "instructions/girp", params={"user_id": wrong}, json=own)
        assert_problem(answer, 400, "invalid_input")
