"""`Idempotency-Key` on the running stack: replays, twins, and a host that dies between an effect and its answer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from localcloud.client import Client, Piece
from localcloud.processes import LOOPBACK
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.conftest import QUICK
from tests.e2e.problems import assert_problem
from tests.e2e.proxy import Proxy, Tripwire, port_of
from tests.e2e.stored import blobs_of, items_of
from tests.e2e.visits import THERAPIST, Visit
from tests.engines import say
from tests.pdf_files import text_pdf

pytestmark = pytest.mark.e2e

NEVER = "0 0 0 29 2 *"


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


@pytest.fixture(scope="module")
def wire() -> Tripwire:
    return Tripwire()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, wire: Tripwire) -> Iterator[Stack]:
    """A stack whose app reaches its database through the tripwire, and on which nothing happens by itself."""
    stack = Stack(
        tmp_path_factory.mktemp("once"), settings={**QUICK, "SWEEP_SCHEDULE": NEVER, "ROTATE_SCHEDULE": NEVER}
    )
    stack.start_stores()
    proxy = Proxy(f"http://{LOOPBACK}:{port_of(stack.cosmos_endpoint)}", "cosmos", wire)
    stack.settings = {**stack.settings, "COSMOS__ENDPOINT": f"http://{LOOPBACK}:{proxy.start()}/"}
    stack.start_host()
    yield stack
    stack.stop()
    proxy.stop()


@pytest.fixture
def phone(own: Stack) -> Iterator[Client]:
    with Client(own.url, own.issuer.token(THERAPIST, [Role.THERAPIST])) as client:
        yield client


def begun(client: Client, name: str) -> Visit:
    """A session of one chunk that waits for more."""
    visit = Visit(name, client)
    visit.upload(Piece(say(0), "a.wav", 0))
    return visit


def test_a_repeated_request_gets_the_answer_of_the_first(phone: Client):
    visit = begun(phone, "once-finalize")
    path, once = f"sessions/{visit.name}/finalize", key("finalize-1")
    first = phone.request("POST", path, headers=once)
    visit.follow()
    again = phone.request("POST", path, headers=once)
    assert (first.status_code, first.json()["state"]) == (200, "sealed")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert phone.request("POST", path, headers=key("finalize-2")).json()["state"] != "sealed"


def test_twins_at_the_same_time_are_carried_out_once(phone: Client):
    visit = begun(phone, "once-twins")
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(phone.request, "POST", f"sessions/{visit.name}/finalize", headers=key("twins"))
            for _ in range(8)
        ]
        answers = [each.result() for each in asked]
    done = [answer for answer in answers if answer.status_code == 200]
    assert len({answer.content for answer in done}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in done) == 1
    for answer in answers:
        if answer.status_code != 200:
            assert_problem(answer, 409, "idempotency_in_progress")


def test_a_key_for_another_document_is_a_conflict_and_for_the_same_a_retry(phone: Client, own: Stack):
    form = {"userid": THERAPIST, "role": "Therapist", "feature": "once"}

    def send(text: str, name: str = "document-1") -> httpx.Response:
        files = {"files": ("form.pdf", text_pdf(text))}
        return phone.request("POST", "documents", data=form, files=files, headers=key(name), timeout=120)

    first = send("Jane Doe")
    assert first.status_code == 200, first.text
    assert send("Jane Doe").json() == first.json()
    assert_problem(send("John Roe"), 409, "idempotency_conflict")
    assert sum(name.startswith("once/") for _, name in blobs_of(own)) == 1
    kept = [item for _, item in items_of(own) if item.get("kind") == "idempotency"]
    assert kept
    assert not any("Jane" in str(item) or "document-1" in str(item) for item in kept)


def test_a_host_that_dies_between_effect_and_answer_carries_it_out_once(own: Stack, phone: Client, wire: Tripwire):
    visit = begun(phone, "once-killed")
    path, once = f"sessions/{visit.name}/finalize", key("killed")
    wire.arm(2, own.kill_host)  # the key is taken, and then the session says `finalized`
    with pytest.raises(httpx.TransportError):
        phone.request("POST", path, headers=once)
    wire.disarm()
    assert wire.tripped.wait(10)
    own.start_host()
    assert_problem(phone.request("POST", path, headers=once), 409, "idempotency_in_progress")
    own.kill_host()
    own.settings = {**own.settings, "CLOCK__AHEAD": "PT5M"}
    own.start_host()
    with Client(own.url, own.issuer.token(THERAPIST, [Role.THERAPIST])) as later:
        answer = later.request("POST", path, headers=once)
        assert (answer.status_code, answer.json()["received"]) == (200, 1), answer.text
        again = later.request("POST", path, headers=once)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (answer.content, "true")


@pytest.mark.parametrize("path", ["sessions/x/finalize", "sessions/x/retry", "transcripts/query", "documents/view"])
def test_a_key_that_is_none_is_refused_by_every_post(phone: Client, path: str):
    answer = phone.request("POST", path, json={}, headers={"Idempotency-Key": "x" * 256})
    assert_problem(answer, 400, "invalid_input")
