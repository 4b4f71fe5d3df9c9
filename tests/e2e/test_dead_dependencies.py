"""A store dies in the middle of things: the client hears 503 and tries again; nothing is lost, nothing is doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from localcloud.client import Client
from localcloud.processes import Child
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.conftest import QUICK
from tests.e2e.problems import assert_problem
from tests.e2e.stored import blobs_of, items_of
from tests.e2e.visits import FOLLOW_SECONDS, THERAPIST, Visit, assert_done, pieces_of, speech
from tests.e2e.waiting import wait_until
from tests.engines import say

pytestmark = pytest.mark.e2e

STORES = {"cosmos": {"cosmos"}, "azurite": {"blobs", "queues"}}
"""Each store, and what readiness calls it."""


@dataclass(frozen=True)
class Store:
    """A store of the stack, to be taken away and brought back."""

    name: str
    stack: Stack

    @property
    def child(self) -> Child:
        return self.stack.cosmos.child if self.name == "cosmos" else self.stack.azurite.child

    def start(self) -> None:
        (self.stack.start_cosmos if self.name == "cosmos" else self.stack.start_azurite)()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that may be hurt."""
    running = Stack(tmp_path_factory.mktemp("fragile"), settings=QUICK)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def therapist(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token(THERAPIST, [Role.THERAPIST])) as client:
        yield client


@pytest.fixture(params=list(STORES))
def store(request: pytest.FixtureRequest, stack: Stack) -> Store:
    return Store(request.param, stack)


def test_a_store_that_is_gone(visit: Visit, store: Store):
    def gone(send: Callable[[], httpx.Response]) -> httpx.Response:
        store.child.kill()
        try:
            return send()
        finally:
            store.start()

    check_upload(visit, store, gone)


def test_a_store_that_hangs(visit: Visit, store: Store):
    def hanging(send: Callable[[], httpx.Response]) -> httpx.Response:
        store.child.freeze()
        try:
            return send()
        finally:
            store.child.thaw()

    check_upload(visit, store, hanging)


def test_a_store_that_dies_while_it_is_asked(visit: Visit, store: Store):
    def dying(send: Callable[[], httpx.Response]) -> httpx.Response:
        store.child.freeze()
        with ThreadPoolExecutor(1) as phone:
            answer = phone.submit(send)
            store.child.kill()
            try:
                return answer.result()
            finally:
                store.start()

    check_upload(visit, store, dying)


def check_upload(
    visit: Visit, store: Store, taken_away: Callable[[Callable[[], httpx.Response]], httpx.Response]
) -> None:
    """The chunk sent while the store is away is refused with 503, and accepted once when it is sent again."""
    first, second = pieces_of([say(0), say(1)])[0], pieces_of([say(0), say(1), say(2)])[1]
    folder = visit.upload(first)["file_url"].rpartition("/")[0]
    before = names_in(folder, store.stack)

    answer = taken_away(lambda: visit.therapist.upload(second, **visit.form))

    assert_problem(answer, 503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    accepted = visit.therapist.upload_until_accepted(second, **visit.form)
    assert (accepted["received"], accepted["chunk_index"]) == (2, 1)
    assert names_in(folder, store.stack) == before | {accepted["file_url"]}
    assert len(before) == 1
    rows = [item for container, item in items_of(store.stack) if item.get("session_id") == visit.name]
    assert sorted(row["kind"] for row in rows) == ["chunk", "chunk", "recording", "recording", "session"]


def names_in(folder: str, stack: Stack) -> set[str]:
    return {name for _, name in blobs_of(stack) if name.startswith(folder)}


def test_readiness_names_what_is_away(store: Store, therapist: Client):
    store.child.kill()
    try:
        answer = therapist.request("GET", "health/ready")
    finally:
        store.start()
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    away = {name for name, found in answer.json()["checks"].items() if found == "unavailable"}
    assert away == STORES[store.name]
    assert therapist.request("GET", "health").json() == {"status": "ok"}


def test_readiness_comes_back_with_the_stores(therapist: Client):
    answer = therapist.request("GET", "health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert set(answer.json()["checks"].values()) == {"ok"}


def test_a_store_that_dies_while_the_session_is_worked_on(visit: Visit, store: Store):
    said = speech(0, 2)
    visit.upload_each(pieces_of(said.stream(2)))
    store.child.kill()
    store.start()
    assert_done(visit, said)


def test_a_database_that_is_away_for_all_of_the_hosts_tries(visit: Visit, stack: Stack):
    """No failure could be written down anywhere, and then the poison queue speaks up: the session is not failed."""
    said = speech(0, 2)
    given_up = "moved to webjobs-blobtrigger-poison"
    before = stack.host_log.read_text("utf-8").count(given_up)
    visit.upload_each(pieces_of(said.stream(2)))
    stack.cosmos.child.kill()
    try:
        wait_until(
            lambda: stack.host_log.read_text("utf-8").count(given_up),
            lambda times: times > before,
            seconds=FOLLOW_SECONDS,
            tail=stack.host_tail,
        )
    finally:
        stack.start_cosmos()
    assert_done(visit, said)
