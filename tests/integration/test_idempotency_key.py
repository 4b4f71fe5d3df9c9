"""`Idempotency-Key`, on operations that know nothing of it: over HTTP, with stores and processes that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, cast

import httpx
import pytest
from fastapi import FastAPI, Form, Response, UploadFile
from pydantic import BaseModel

from functions.http import auth, idempotency, problems
from functions.http.audited import audited
from functions.http.auth import App, CallerNow
from functions.http.idempotency import AttemptNow, repeatable
from shared.bootstrap import Services
from shared.domain.access import note
from shared.domain.caller import Caller, Role
from shared.domain.errors import Conflict, StoreUnavailable
from shared.domain.names import AUDIT, DIRECTORY
from shared.services.audit import AuditTrail
from shared.services.idempotency import KEPT, MAX_BODY, RUNNING, IdempotencyKeys
from tests.e2e.problems import assert_problem
from tests.faults import Fault, When
from tests.unit.services.world import Process, Stores

SECRET = "Jane Doe has not slept since March"
KEY = {"Idempotency-Key": "3f0c6d4e-once"}


class Asked(BaseModel):
    text: str


class Thing:
    """What the operations below touch: a relationship that the audit trail knows."""

    relationship_id = "pair1"
    resource = "thing:1"


@dataclass
class Service:
    """Some operations with effects that can be counted, and the app around them."""

    stores: Stores
    process: Process
    done: list[str] = field(default_factory=list)
    """Every effect, in order."""
    tries: list[bool] = field(default_factory=list)
    """Whether each try was told that there had been one before."""
    at_work: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: list[Exception] = field(default_factory=list)
    """What the next tries end with, after their effect."""

    @cached_property
    def api(self) -> FastAPI:
        """As `edge` builds it."""
        api = FastAPI()
        problems.install(api)
        idempotency.install(api)

        async def things(app: App, caller: CallerNow, asked: Asked, response: Response) -> dict[str, Any]:
            note(Thing(), allowed=True)
            self.done.append(asked.text)
            self.at_work.set()
            await self.go_on.wait()
            if self.trouble:
                raise self.trouble.pop()
            response.headers["Location"] = "/things/1"
            return {"number": len(self.done), "said": asked.text}

        async def seen(app: App, caller: CallerNow, attempt: AttemptNow) -> dict[str, str]:
            self.tries.append(attempt.again)
            if self.trouble:
                raise self.trouble.pop()
            return {"begun": attempt.begun.isoformat()}

        async def large(app: App, caller: CallerNow) -> str:
            self.done.append("large")
            return "x" * MAX_BODY

        @repeatable
        async def read(app: App, caller: CallerNow, asked: Asked) -> dict[str, int]:
            self.done.append(asked.text)
            return {"number": len(self.done)}

        async def files(app: App, caller: CallerNow, name: Annotated[str, Form()], file: UploadFile) -> dict[str, int]:
            self.done.append(name)
            return {"number": len(self.done), "bytes": len(await file.read())}

        for endpoint, status in ((things, 201), (seen, 200), (large, 200), (read, 200), (files, 200)):
            api.add_api_route(f"/{endpoint.__name__}", audited(endpoint), methods=["POST"], status_code=status)
        api.add_api_route("/other/things", audited(things), methods=["POST"])
        return api

    def restarted(self, fault: Fault | None = None) -> Service:
        """In a new process over the same stores."""
        return Service(self.stores, Process(self.stores, fault), self.done, self.tries, go_on=self.go_on)


@dataclass
class Person:
    """Somebody who asks."""

    service: Service
    id: str = "therapist1"
    roles: tuple[Role, ...] = (Role.THERAPIST,)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        """One request."""
        api, process = self.service.api, self.service.process
        app = object.__new__(Services)  # these operations need three of its services; the rest stays out
        parts = {
            "clock": process.clock,
            "audit": AuditTrail(process.items, process.clock),
            "idempotency": IdempotencyKeys(items=process.items, keyrings=process.keyrings, clock=process.clock),
        }
        for name, part in parts.items():
            object.__setattr__(app, name, part)
        api.dependency_overrides[auth._services] = lambda: app
        api.dependency_overrides[auth._caller] = lambda: Caller(id=self.id, roles=frozenset(self.roles))
        transport = httpx.ASGITransport(cast("Callable[..., Any]", api), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.post(path, **{"headers": KEY, **options})


@pytest.fixture
def service(tmp_path: Path) -> Service:
    stores = Stores(tmp_path)
    made = Service(stores, Process(stores))
    made.go_on.set()
    return made


@pytest.fixture
def person(service: Service) -> Person:
    return Person(service)


@pytest.fixture
async def under_way(service: Service, person: Person) -> AsyncIterator[asyncio.Task[httpx.Response]]:
    """A first request that has had its effect and no answer yet."""
    service.go_on.clear()
    task = asyncio.create_task(person.post("/things", json={"text": SECRET}))
    await service.at_work.wait()
    yield task
    service.go_on.set()
    with suppress(asyncio.CancelledError):
        await task


def keys_in(stores: Stores) -> list[dict[str, Any]]:
    return [
        row.item.body
        for (container, _), rows in stores.items._partitions.items()
        if container == DIRECTORY
        for row in rows.values()
        if row.item.body["kind"] == "idempotency"
    ]


async def test_the_same_request_again_gets_the_same_answer_and_is_not_carried_out(service: Service, person: Person):
    first = await person.post("/things", json={"text": SECRET})
    again = await person.post("/things", json={"text": SECRET})
    assert (first.status_code, first.json()) == (201, {"number": 1, "said": SECRET})
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == "/things/1"
    assert (again.headers["idempotency-replayed"], "idempotency-replayed" in first.headers) == ("true", False)
    assert service.done == [SECRET]


async def test_without_a_key_every_request_is_carried_out(service: Service, person: Person):
    for _ in range(2):
        assert (await person.post("/things", json={"text": SECRET}, headers={})).status_code == 201
    assert service.done == [SECRET] * 2
    assert keys_in(service.stores) == []


async def test_another_process_knows_the_key(service: Service, person: Person):
    first = await person.post("/things", json={"text": SECRET})
    again = await Person(service.restarted()).post("/things", json={"text": SECRET})
    assert (again.status_code, again.json()) == (201, first.json())
    assert service.done == [SECRET]


async def test_the_key_with_another_request_is_a_conflict(service: Service, person: Person):
    await person.post("/things", json={"text": SECRET})
    assert_problem(await person.post("/things", json={"text": "else"}), 409, "idempotency_conflict")
    assert service.done == [SECRET]


async def test_a_key_is_its_callers_and_its_operations_own(service: Service, person: Person):
    await person.post("/things", json={"text": SECRET})
    for other in (Person(service, "therapist2"), Person(service, roles=(Role.CLIENT,))):
        assert "idempotency-replayed" not in (await other.post("/things", json={"text": SECRET})).headers
    assert "idempotency-replayed" not in (await person.post("/other/things", json={"text": SECRET})).headers
    assert service.done == [SECRET] * 4


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "tab\there", "ünïcode".encode()])
async def test_a_key_that_is_none_is_refused(service: Service, person: Person, key: str | bytes):
    answer = await person.post("/things", json={"text": SECRET}, headers={"Idempotency-Key": key})
    assert_problem(answer, 400, "invalid_input")
    assert service.done == []


async def test_twins_have_one_effect(service: Service, person: Person, under_way: asyncio.Task[httpx.Response]):
    twin = await person.post("/things", json={"text": SECRET})
    assert_problem(twin, 409, "idempotency_in_progress")
    assert int(twin.headers["retry-after"]) > 0
    service.go_on.set()
    first = await under_way
    assert (await person.post("/things", json={"text": SECRET})).json() == first.json()
    assert service.done == [SECRET]


async def test_many_at_the_same_time_have_one_effect(service: Service, person: Person):
    answers = await asyncio.gather(*(person.post("/things", json={"text": SECRET}) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert 201 in {answer.status_code for answer in answers}
    assert service.done == [SECRET]


async def test_a_request_that_is_not_valid_uses_no_key_up(service: Service, person: Person):
    assert_problem(await person.post("/things", json={"text": 1}), 400, "invalid_input")
    assert (await person.post("/things", json={"text": SECRET})).status_code == 201


async def test_a_refusal_uses_no_key_up(service: Service, person: Person):
    service.trouble.append(Conflict("not now"))
    assert_problem(await person.post("/things", json={"text": SECRET}), 409, "conflict")
    assert (await person.post("/things", json={"text": "mended"})).status_code == 201


@pytest.mark.parametrize("trouble", [StoreUnavailable("away"), RuntimeError("a bug")])
async def test_after_a_failure_the_next_try_is_told_that_it_is_not_the_first(
    service: Service, person: Person, trouble: Exception
):
    begun = service.process.clock.now()
    service.trouble.append(trouble)
    assert (await person.post("/seen")).status_code in {500, 503}
    service.stores.clock.move(minutes=1)
    assert (await person.post("/seen")).json() == {"begun": begun.isoformat()}
    assert service.tries == [False, True]


async def rehearsed(service: Service) -> list[str]:
    """The calls that one request makes of its stores, once its caller has data keys."""
    for n in range(2):
        watched = Fault()
        await Person(service.restarted(watched)).post("/seen", headers={"Idempotency-Key": f"rehearsal-{n}"})
    service.tries.clear()
    return watched.calls


async def test_a_key_costs_two_requests_to_the_store_and_one_to_keep_the_answer(service: Service):
    calls = await rehearsed(service)
    assert [call for call in calls if call != "query"] == ["read", "create", "replace"]
    assert calls.count("query") == 1  # for the caller's data keys, which a process asks for once


async def test_a_process_that_dies_between_effect_and_answer_leaves_the_key_to_who_asks_again(
    service: Service, person: Person
):
    last = (await rehearsed(service)).index("replace") + 1
    dying = Person(service.restarted(Fault(last, When.DIES_BEFORE)))
    with pytest.raises(asyncio.CancelledError):
        await dying.post("/seen")
    assert_problem(await person.post("/seen"), 409, "idempotency_in_progress")
    service.stores.clock.at += RUNNING
    assert (await person.post("/seen")).status_code == 200
    assert service.tries == [False, True]
    assert (await person.post("/seen")).headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("when", list(When))
async def test_whatever_call_fails_the_request_is_answered_in_the_end(service: Service, person: Person, when: When):
    calls = await rehearsed(service)
    for at in range(1, len(calls) + 1):
        service.tries.clear()
        key = {"headers": {"Idempotency-Key": f"{when.name}-{at}"}}
        with suppress(asyncio.CancelledError):
            await Person(service.restarted(Fault(at, when))).post("/seen", **key)
        service.stores.clock.at += RUNNING
        assert (await person.post("/seen", **key)).status_code == 200, calls[at - 1]
        assert (await person.post("/seen", **key)).headers["idempotency-replayed"] == "true"
        assert len(service.tries) <= 2
        assert service.tries[1:] in ([], [True])


async def test_an_answer_that_cannot_be_kept_is_given_all_the_same(service: Service, person: Person):
    last = (await rehearsed(service)).index("replace") + 1
    troubled = Person(service.restarted(Fault(last, When.BEFORE)))
    assert (await troubled.post("/seen")).status_code == 200


async def test_an_answer_too_large_to_keep_is_not_given_twice(service: Service, person: Person):
    assert (await person.post("/large")).status_code == 200
    assert_problem(await person.post("/large"), 409, "idempotency_answer_not_kept")
    assert service.done == ["large"]


async def test_a_key_stands_for_a_day(service: Service, person: Person):
    await person.post("/things", json={"text": SECRET})
    service.stores.clock.at += KEPT
    assert (await person.post("/things", json={"text": "else"})).status_code == 201
    assert service.done == [SECRET, "else"]


async def test_what_does_no_harm_is_done_again_for_an_answer_of_today(service: Service, person: Person):
    assert (await person.post("/read", json={"text": SECRET})).json() == {"number": 1}
    assert (await person.post("/read", json={"text": SECRET})).json() == {"number": 2}
    assert_problem(await person.post("/read", json={"text": "else"}), 409, "idempotency_conflict")
    assert all("answer" not in kept for kept in keys_in(service.stores))


async def test_neither_key_nor_request_nor_answer_can_be_read_in_the_store(service: Service, person: Person):
    await person.post("/things", json={"text": SECRET})
    [kept] = keys_in(service.stores)
    assert kept["answer"]
    for told in (SECRET, KEY["Idempotency-Key"], "things", "therapist1"):
        assert told not in str(kept)
    assert kept["ttl"] == KEPT.total_seconds()


async def test_an_answer_that_is_given_again_is_in_the_audit_trail_again(service: Service, person: Person):
    for _ in range(2):
        await person.post("/things", json={"text": SECRET})
    entries = [row for row in service.stores.partition(AUDIT, Thing.relationship_id) if "operation" in row]
    assert [(row["operation"], row["resources"], row["outcome"]) for row in entries] == [
        ("things", [Thing.resource], "ok")
    ] * 2


def upload(content: bytes, *, name: str = "a", filename: str = "a.wav") -> dict[str, Any]:
    return {"data": {"name": name}, "files": {"file": (filename, content)}}


async def test_a_file_is_told_from_another_and_reaches_the_operation_whole(service: Service, person: Person):
    content = b"begins" + bytes(300_000) + b"ends"
    first = await person.post("/files", **upload(content))
    assert first.json() == {"number": 1, "bytes": len(content)}
    assert (await person.post("/files", **upload(content))).json() == first.json()  # with another multipart boundary
    for other in (
        upload(b"BEGINS" + content[6:]),
        upload(content[:-4] + b"ENDS"),
        upload(content + b"."),
        upload(content, name="b"),
        upload(content, filename="b.wav"),
    ):
        assert_problem(await person.post("/files", **other), 409, "idempotency_conflict")
    assert service.done == ["a"]
