"""What an operation costs: requests to the database, counted by the emulator.

The entry in the audit trail is counted apart: one more request for each access to patient data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from localcloud.client import Client, Piece
from localcloud.stack import Stack
from shared.domain.caller import Role
from shared.domain.names import AUDIT
from tests.e2e.conftest import QUICK
from tests.e2e.visits import CLIENT, FOLLOW_SECONDS, THERAPIST, Visit, pieces_of, speech
from tests.engines import say

pytestmark = pytest.mark.e2e

NEVER = "0 0 0 29 2 *"
"""So that only what a test asks for is counted."""


@dataclass(frozen=True)
class Cost:
    """Requests to the database, those that wrote to the audit trail apart."""

    requests: int
    audit: int


class Counter:
    """Asks the stack's API and counts what that costs."""

    def __init__(self, stack: Stack, client: Client) -> None:
        self.client = client
        self._control = f"{stack.cosmos.endpoint}_emulator/stats"

    def cost(self, method: str, path: str, **options: Any) -> Cost:
        """Of one request; what a process learns once is learnt before."""
        self.cost_of_first(method, path, **options)
        return self.cost_of_first(method, path, **options)

    def cost_of_first(self, method: str, path: str, **options: Any) -> Cost:
        """Of one request, as it comes."""
        httpx.post(f"{self._control}/reset").raise_for_status()
        answer = self.client.request(method, path, **options)
        assert answer.is_success, answer.text
        stats = httpx.get(self._control).json()
        audit = stats["containers"].get(f"scribe/{AUDIT}", {})
        audited = sum(tally["requests"] for tally in audit.values())
        return Cost(stats["requests"] - audited, audited)

    def first_id(self, resource: str, session_id: str) -> int:
        """Of the session's records."""
        return int(self.client.request("GET", resource, params={"session_id": session_id}).json()[0]["id"])


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    """A stack on which nothing happens by itself."""
    stack = Stack(
        tmp_path_factory.mktemp("budget"), settings={**QUICK, "SWEEP_SCHEDULE": NEVER, "ROTATE_SCHEDULE": NEVER}
    )
    stack.start()
    try:
        with Client(stack.url, stack.issuer.token(THERAPIST, [Role.THERAPIST])) as client:
            yield Counter(stack, client)
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def done(counter: Counter) -> Visit:
    """A finished session."""
    visit = Visit("budget", counter.client)
    visit.upload_each(pieces_of(speech(0, 2).files("m4a"), "session.m4a"))
    assert counter.client.follow(visit.name, timeout_s=FOLLOW_SECONDS)["state"] == "done"
    return visit


@pytest.mark.parametrize("resource", ["recordings", "transcripts", "histories"])
def test_a_record_by_its_id_is_a_pointer_and_a_row(counter: Counter, done: Visit, resource: str):
    assert counter.cost("GET", f"{resource}/{counter.first_id(resource, done.name)}") == Cost(2, 1)


@pytest.mark.parametrize("resource", ["transcripts", "histories"])
def test_a_clients_records_are_one_query(counter: Counter, done: Visit, resource: str):
    query = {"userid": CLIENT, "therapist_clientid": done.relationship}
    assert counter.cost("POST", f"{resource}/query", json=query) == Cost(1, 1)


@pytest.mark.parametrize("resource", ["recordings", "transcripts", "histories"])
def test_a_relationships_records_are_one_query_a_page(counter: Counter, done: Visit, resource: str):
    wanted = {"therapist_clientid": done.relationship}
    assert counter.cost("GET", resource, params=wanted) == Cost(1, 1)


@pytest.mark.parametrize("resource", ["recordings", "transcripts", "histories"])
def test_a_sessions_records_are_the_session_and_one_query(counter: Counter, done: Visit, resource: str):
    assert counter.cost("GET", resource, params={"session_id": done.name}) == Cost(2, 1)


def test_all_of_ones_own_are_a_list_and_one_query_a_relationship(counter: Counter, done: Visit):
    for n in range(2):
        Visit(f"budget-own-{n}", counter.client).upload(Piece(say(0), "own.wav", index=0))
    counter.client.request("GET", "recordings")
    relationships = {record["therapist_client_id"] for record in counter.client.request("GET", "recordings").json()}
    cost = counter.cost("GET", "recordings")
    assert cost == Cost(1 + len(relationships), len(relationships))


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_is_a_look_and_a_write(counter: Counter, done: Visit, method: str):
    path = f"recordings/{counter.first_id('recordings', done.name)}"
    assert counter.cost(method, path, json={"filename": "renamed.wav"}) == Cost(3, 1)


def test_a_text_in_a_change_costs_no_more_once_the_key_is_known(counter: Counter, done: Visit):
    path = f"histories/{counter.first_id('histories', done.name)}"
    assert counter.cost("PATCH", path, json={"transcript_summary": "mended"}) == Cost(3, 1)


def test_a_deletion_is_a_look_and_a_write(counter: Counter, done: Visit):
    path = f"recordings/{counter.first_id('recordings', done.name)}"
    assert counter.cost_of_first("DELETE", path) == Cost(3, 1)


def test_a_chunk_is_a_look_at_the_session_the_ledger_the_pointer_and_the_row(counter: Counter, measured: list[str]):
    visit = Visit("budget-upload", counter.client)

    def send(n: int) -> Cost:
        form = {**visit.form, "is_last_blob": "False", "chunk_index": str(n)}
        return counter.cost_of_first("POST", "recordings", data=form, files={"file": (f"{n}.wav", say(n))})

    first = send(0)
    later = [send(n) for n in range(1, 4)]
    assert later == [Cost(4, 0)] * 3
    assert first.requests <= 11
    measured.append(f"requests to Cosmos DB: first chunk of a new client {first.requests}, each chunk after it 4")
