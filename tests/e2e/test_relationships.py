"""Relationships over HTTP: made by services, read by their people, erased without a trace but a receipt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.storage.blob import BlobClient

from localcloud.client import Client
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.problems import assert_problem
from tests.e2e.stored import blobs_of, items_of, storage_of
from tests.e2e.visits import CLIENT, OTHER_CLIENT, OTHER_THERAPIST, THERAPIST, Visit, assert_done, pieces_of, speech
from tests.e2e.waiting import wait_until

pytestmark = pytest.mark.e2e

SAID = speech(0, 2)
CHUNKS = pieces_of(SAID.files("m4a"), "session.m4a")
PEOPLE = {"therapist_userid": THERAPIST, "client_userid": CLIENT}


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token("admin1", [Role.ADMIN])) as client:
        yield client


def put(client: Client, relationship: str, **people: Any) -> Any:
    return client.request("PUT", f"relationships/{relationship}", json={**PEOPLE, **people})


def get(client: Client, relationship: str) -> Any:
    return client.request("GET", f"relationships/{relationship}")


def erase(client: Client, relationship: str) -> Any:
    return client.request("DELETE", f"relationships/{relationship}")


def test_a_service_makes_it_and_its_people_read_it(service, therapist, client_user, other_therapist):
    made = put(service, "pair-made")
    assert made.status_code == 200, made.text
    assert made.json() == {"therapist_clientid": "pair-made", **PEOPLE}
    for reader in (service, therapist, client_user):
        assert get(reader, "pair-made").json() == made.json()
    assert_problem(get(other_therapist, "pair-made"), 404, "relationship_not_found")


def test_its_client_may_be_replaced_its_therapist_not(service, admin, client_user):
    put(service, "pair-kept")
    assert put(service, "pair-kept", client_userid=OTHER_CLIENT).json()["client_userid"] == OTHER_CLIENT
    for maker in (service, admin):
        answer = put(maker, "pair-kept", therapist_userid=OTHER_THERAPIST)
        assert_problem(answer, 409, "relationship_conflict")
    assert put(service, "pair-kept", client_userid=None).json()["client_userid"] is None
    assert_problem(get(client_user, "pair-kept"), 404, "relationship_not_found")


@pytest.mark.parametrize(
    "people",
    [
        {"therapist_userid": ""},
        {"therapist_userid": None},
        {"therapist_userid": "a/b"},
        {"therapist_userid": ["a"]},
        {"therapist_userid": "x" * 129},
        {"client_userid": ""},
        {"client_userid": "client 1"},
        {"client_userid": 7},
    ],
    ids=str,
)
def test_what_are_no_people(service, people):
    assert_problem(put(service, "pair-of-nobody", **people), 400, "invalid_input")
    assert_problem(get(service, "pair-of-nobody"), 404, "relationship_not_found")


def test_what_never_was_cannot_be_erased(service):
    assert_problem(erase(service, "pair-that-never-was"), 404, "relationship_not_found")


def test_an_erased_relationship_leaves_a_receipt_and_nothing_else(stack, service, admin, visit: Visit):
    visit.upload_each(CHUNKS)
    assert_done(visit, SAID)
    [key] = visit.therapist.request("GET", f"relationships/{visit.relationship}/keys").json()["keys"]
    before = {name for name in blobs_of(stack) if visit.relationship in name[1] or visit.name in name[1]}

    answer = erase(service, visit.relationship)
    assert answer.status_code == 200, answer.text
    receipt = answer.json()
    assert (receipt["relationship"], receipt["key_ids"]) == (visit.relationship, [key["kid"]])
    counts = {name: number for name, number in receipt["counts"].items() if name != "documents"}  # other tests' client
    assert counts == {"sessions": 1, "records": 4, "blobs": len(before), "data_keys": 1}
    assert erase(admin, visit.relationship).json() == receipt

    assert [name for name in blobs_of(stack) if visit.relationship in name[1] or visit.name in name[1]] == []
    left = [(container, item) for container, item in items_of(stack) if item.get("session_id") == visit.name]
    assert left == []
    rows = [item for _, item in items_of(stack) if item.get("therapist_client_id") == visit.relationship]
    assert [row["kind"] for row in rows] == ["shredded_key"]
    assert all("wrapped" not in row for row in rows)


def test_after_erasure_it_is_nobodys(service, therapist, client_user, visit: Visit):
    visit.upload(CHUNKS[0])
    erase(service, visit.relationship)
    for reader in (service, therapist, client_user):
        assert_problem(get(reader, visit.relationship), 404, "relationship_not_found")
        assert_problem(reader.request("GET", f"relationships/{visit.relationship}/keys"), 404, "relationship_not_found")
        assert_problem(reader.request("GET", f"sessions/{visit.name}"), 404, "session_not_found")
    for uploader in (service, therapist):
        assert_problem(uploader.upload(CHUNKS[1], **visit.form), 404, "relationship_not_found")
    assert_problem(put(service, visit.relationship), 409, "relationship_erased")


def test_what_was_written_while_it_was_erased_is_gone_after_a_while(new_stack):
    """A chunk put where an upload under way would put it; the timer comes by and strikes its list."""
    stack = new_stack(LIMITS__SETTLED_AFTER="PT2S")
    token = stack.issuer.token
    with (
        Client(stack.url, token(THERAPIST, [Role.THERAPIST])) as therapist,
        Client(stack.url, token("partner1", [Role.SERVICE])) as service,
    ):
        visit = Visit("erased-under-way", therapist)
        answer = visit.upload(CHUNKS[0])
        receipt = erase(service, visit.relationship).json()
        late = BlobClient.from_connection_string(storage_of(stack), "recordings", answer["file_url"])
        with late:
            late.upload_blob(CHUNKS[0].content, metadata={"session": visit.name})
            wait_until(
                lambda: late.exists() or any(item.get("kind") == "erasure" for _, item in items_of(stack)),
                lambda left: not left,
                seconds=60,
                tail=stack.host_tail,
            )
        assert list(blobs_of(stack)) == []
        assert erase(service, visit.relationship).json() == receipt


def test_erasure_is_in_the_audit_trail(service, admin, visit: Visit):
    visit.upload(CHUNKS[0])
    erase(service, visit.relationship)
    trail = admin.request("GET", "audit", params={"scope": visit.relationship}).json()
    assert trail["verified"]
    # On a machine so slow that the timer takes the erasure up as well, that has an entry of its own.
    asked = [entry for entry in trail["entries"] if entry["operation"] == "erase_relationship"]
    assert [(entry["caller"], entry["outcome"]) for entry in asked] == [("partner1", "ok")]
    assert asked[0]["resources"] == [f"relationship:{visit.relationship}"]


@pytest.mark.parametrize("subject", ["https://people.example/7?a#b", "auth|7\\8", "x" * 300, "Zoë"])
def test_somebody_whose_token_calls_them_what_no_user_can_be_called_has_nothing(stack, subject):
    with Client(stack.url, stack.issuer.token(subject, [Role.THERAPIST, Role.CLIENT])) as nobody:
        answer = nobody.request("GET", "recordings")
    assert (answer.status_code, answer.json()) == (200, [])
