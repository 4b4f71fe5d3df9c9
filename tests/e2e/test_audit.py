"""The audit trail over HTTP: what was read, written and refused, by whom, in a chain that shows every change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.client import Client
from localcloud.stack import Stack
from shared.domain.caller import Role
from shared.domain.names import AUDIT
from tests.e2e.problems import assert_problem
from tests.e2e.visits import CLIENT, OTHER_THERAPIST, PARTNER, THERAPIST, Visit, pieces_of, speech

pytestmark = pytest.mark.e2e

CHUNKS = pieces_of(speech(0, 3).files("m4a"), "session.m4a")[:2]
"""Two of three, so that nothing is transcribed."""


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token("admin1", [Role.ADMIN])) as client:
        yield client


@pytest.fixture
def begun(visit: Visit) -> Visit:
    """A session of which a chunk is here."""
    visit.upload(CHUNKS[0])
    return visit


def audit(admin: Client, visit: Visit, **more: Any) -> dict[str, Any]:
    answer = admin.request("GET", "audit", params={"scope": visit.relationship, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def told(admin: Client, visit: Visit) -> list[tuple[str, str, str]]:
    """(caller, operation, outcome) of each entry."""
    return [(line["caller"], line["operation"], line["outcome"]) for line in audit(admin, visit)["entries"]]


def test_who_opened_and_read_it(admin, service, client_user, begun):
    query = {"userid": CLIENT, "therapist_clientid": begun.relationship}
    for reader in (begun.therapist, client_user, service):
        assert reader.request("POST", "transcripts/query", json=query).status_code == 204
        assert reader.session(begun.name)["received"] == 1
    assert begun.therapist.request("GET", f"relationships/{begun.relationship}/keys").status_code == 200
    assert told(admin, begun) == [
        (THERAPIST, "upload_recording", "ok"),
        *[(who, what, "ok") for who in (THERAPIST, CLIENT, PARTNER) for what in ("query_transcripts", "get_session")],
        (THERAPIST, "get_relationship_keys", "ok"),
    ]
    page = audit(admin, begun)
    assert (page["verified"], page["broken_at"]) == (True, None)
    assert page["entries"][0]["resources"] == [f"session:{begun.name}"]
    assert page["entries"][1]["roles"] == ["therapist"]


def test_who_was_refused(admin, other_therapist, begun):
    for path in (f"sessions/{begun.name}", f"relationships/{begun.relationship}/keys"):
        assert other_therapist.request("GET", path).status_code == 404
    form = {**begun.form, "therapist_userid": OTHER_THERAPIST}
    assert_problem(other_therapist.upload(CHUNKS[1], **form), 404, "session_not_found")
    form["session_id"] = f"{begun.name}-2"
    assert_problem(other_therapist.upload(CHUNKS[1], **form), 404, "relationship_not_found")
    refused = ("get_session", "get_relationship_keys", "upload_recording", "upload_recording")
    assert told(admin, begun)[1:] == [(OTHER_THERAPIST, operation, "denied") for operation in refused]


def test_a_request_that_failed_says_how(admin, begun):
    assert begun.therapist.request("POST", f"sessions/{begun.name}/retry").status_code == 409
    assert told(admin, begun)[-1] == (THERAPIST, "retry", "not_failed")


def test_opening_a_session_is_entered_not_each_of_its_chunks(admin, begun):
    begun.upload(CHUNKS[1])
    begun.upload(CHUNKS[1])
    assert told(admin, begun) == [(THERAPIST, "upload_recording", "ok")]


def test_asking_for_what_is_not_there_leaves_nothing(admin, therapist):
    nowhere = Visit("never-recorded", therapist)
    assert therapist.request("GET", f"relationships/{nowhere.relationship}/keys").status_code == 404
    assert audit(admin, nowhere) == {
        "scope": nowhere.relationship,
        "entries": [],
        "verified": True,
        "broken_at": None,
    }


def test_a_trail_is_read_page_by_page(admin, begun):
    for _ in range(4):
        begun.status()
    found: list[int] = []
    more: dict[str, str] = {}
    while True:
        answer = admin.request("GET", "audit", params={"scope": begun.relationship, "limit": 2, **more})
        assert answer.json()["verified"]
        found += [line["sequence"] for line in answer.json()["entries"]]
        if "x-continuation" not in answer.headers:
            break
        more = {"continuation": answer.headers["x-continuation"]}
    assert found == [1, 2, 3, 4, 5]


def test_a_change_in_the_database_is_seen(stack, admin, begun):
    for _ in range(2):
        begun.status()
    container = stack.container(AUDIT)
    item = container.read_item(f"{2:012d}", begun.relationship)
    container.replace_item(item["id"], {**item, "caller": "somebody-else"})
    page = audit(admin, begun)
    assert (page["verified"], page["broken_at"]) == (False, 2)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"scope": ""},
        {"scope": "a/b"},
        {"scope": "s", "limit": 0},
        {"scope": "s", "limit": 501},
        {"scope": "s", "continuation": "x"},
    ],
    ids=str,
)
def test_what_cannot_be_asked(admin, params):
    code = "invalid_continuation" if "continuation" in params else "invalid_input"
    assert_problem(admin.request("GET", "audit", params=params), 400, code)
