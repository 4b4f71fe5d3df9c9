"""The audit trail: every entry there once, in one chain, and no change of it unseen."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.access import Decision, note, noting
from shared.domain.audit import Access, AuditEntry
from shared.domain.caller import Caller, Role, may_reach
from shared.domain.errors import InvalidInput, StoreUnavailable
from shared.domain.names import AUDIT
from shared.services.audit import AuditTrail
from tests.faults import Fault, When
from tests.unit.services.world import SetClock, Stores

PAIR, OTHER_PAIR = "pair1", "pair2"
THERAPIST = Caller(id="therapist1", roles=frozenset({Role.THERAPIST}))
STRANGER = Caller(id="therapist9", roles=frozenset({Role.THERAPIST}))
READ = Access(
    caller="therapist1", roles=("therapist",), operation="get_history", resources=("history:1",), outcome="ok"
)


@pytest.fixture
def trail(stores: Stores, clock: SetClock) -> AuditTrail:
    return AuditTrail(stores.items, clock)


async def entries(trail: AuditTrail, scope: str = PAIR) -> list[AuditEntry]:
    return list((await trail.page(scope, limit=500, continuation=None)).entries)


def stored(stores: Stores, sequence: int) -> dict[str, Any]:
    [body] = [body for body in stores.partition(AUDIT, PAIR) if body["sequence"] == sequence]
    return body


# ---- the chain ------------------------------------------------------------------------------------------------------


async def test_each_entry_holds_the_hash_of_the_one_before(trail):
    for _ in range(3):
        await trail.append(PAIR, READ)
    found = await entries(trail)
    assert [entry.sequence for entry in found] == [1, 2, 3]
    assert [entry.previous for entry in found] == ["0" * 64, found[0].hash, found[1].hash]


async def test_each_relationship_has_a_chain_of_its_own(trail):
    await trail.append(PAIR, READ)
    await trail.append(OTHER_PAIR, READ)
    assert [entry.sequence for entry in await entries(trail, OTHER_PAIR)] == [1]


async def test_processes_that_write_at_once_make_one_chain(stores, clock):
    trails = [AuditTrail(stores.items, clock) for _ in range(4)]
    await asyncio.gather(*(trail.append(PAIR, READ) for trail in trails for _ in range(5)))
    page = await AuditTrail(stores.items, clock).page(PAIR, limit=500, continuation=None)
    assert [entry.sequence for entry in page.entries] == list(range(1, 21))
    assert page.broken_at is None


async def test_a_new_process_goes_on_where_the_last_one_ended(stores, clock, trail):
    await trail.append(PAIR, READ)
    await AuditTrail(stores.items, clock).append(PAIR, READ)
    await trail.append(PAIR, READ)
    assert [entry.sequence for entry in await entries(trail)] == [1, 2, 3]


async def test_an_entry_costs_one_request_once_the_newest_is_known(stores, clock):
    counting = Fault()
    trail = AuditTrail(counting.over(stores.items), clock)
    for _ in range(3):
        await trail.append(PAIR, READ)
    assert counting.calls == ["query", "create", "create", "create"]


async def test_an_entry_whose_answer_was_lost_stands_and_is_followed(stores, clock):
    trail = AuditTrail(Fault(2, When.AFTER).over(stores.items), clock)
    with pytest.raises(StoreUnavailable):
        await trail.append(PAIR, READ)
    await trail.append(PAIR, READ)
    page = await trail.page(PAIR, limit=10, continuation=None)
    assert ([entry.sequence for entry in page.entries], page.broken_at) == ([1, 2], None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("caller", "somebody"),
        ("roles", ["admin"]),
        ("operation", "get_session"),
        ("resources", []),
        ("outcome", "denied"),
        ("at", "2020-01-01T00:00:00.000000Z"),
        ("scope", "pair2"),
        ("previous", "0" * 64),
        ("hash", "f" * 64),
    ],
)
async def test_a_changed_entry_breaks_the_chain(stores, trail, field, value):
    for _ in range(4):
        await trail.append(PAIR, READ)
    body = stored(stores, 3)
    changed = {**body, field: value}
    if field == "scope":
        await stores.items.delete(AUDIT, PAIR, body["id"])
        assert (await trail.page(PAIR, limit=10, continuation=None)).broken_at == 3
        return
    await stores.items.replace(AUDIT, PAIR, changed)
    assert (await trail.page(PAIR, limit=10, continuation=None)).broken_at == 3


async def test_an_entry_made_to_fit_breaks_the_next(stores, trail):
    for _ in range(4):
        await trail.append(PAIR, READ)
    forged = AuditEntry.model_validate({**stored(stores, 2), "caller": "somebody"})
    body = {**stored(stores, 2), "caller": "somebody", "hash": forged.digest}
    await stores.items.replace(AUDIT, PAIR, body)
    assert (await trail.page(PAIR, limit=10, continuation=None)).broken_at == 3


async def test_a_trail_that_lost_its_beginning_is_broken_from_there(stores, trail):
    for _ in range(3):
        await trail.append(PAIR, READ)
    await stores.items.delete(AUDIT, PAIR, stored(stores, 1)["id"])
    assert (await trail.page(PAIR, limit=10, continuation=None)).broken_at == 1


async def test_what_a_later_version_writes_more_does_not_break_older_entries(stores, trail):
    await trail.append(PAIR, READ)

    class Later(AuditEntry):
        device: str = "unknown"

    assert Later.model_validate(stored(stores, 1)).digest == stored(stores, 1)["hash"]


# ---- pages ----------------------------------------------------------------------------------------------------------


async def test_pages_are_verified_across_their_borders(stores, trail):
    for _ in range(5):
        await trail.append(PAIR, READ)
    first = await trail.page(PAIR, limit=2, continuation=None)
    second = await trail.page(PAIR, limit=2, continuation=first.continuation)
    assert ([entry.sequence for entry in second.entries], second.broken_at) == ([3, 4], None)
    await stores.items.delete(AUDIT, PAIR, stored(stores, 2)["id"])
    assert (await trail.page(PAIR, limit=2, continuation=first.continuation)).broken_at == 1


async def test_a_trail_without_entries_is_whole(trail):
    page = await trail.page(PAIR, limit=10, continuation=None)
    assert (list(page.entries), page.broken_at, page.continuation) == ([], None, None)


async def test_a_continuation_of_another_trail_is_refused(trail):
    for _ in range(3):
        await trail.append(PAIR, READ)
    page = await trail.page(PAIR, limit=1, continuation=None)
    with pytest.raises(InvalidInput):
        await trail.page(OTHER_PAIR, limit=1, continuation=page.continuation)


# ---- what is entered ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    relationship_id: str = PAIR
    resource: str = "history:1"
    therapist_userid: str = "therapist1"
    client_userid: str | None = None
    partner: str | None = None


async def test_a_decision_is_noted_where_it_is_made(trail):
    with noting() as decisions:
        may_reach(THERAPIST, Row())
        may_reach(STRANGER, Row(resource="history:2"))
    assert decisions == [Decision(PAIR, "history:1", True), Decision(PAIR, "history:2", False)]


async def test_outside_a_request_nothing_is_noted():
    with noting() as decisions:
        pass
    note(Row(), allowed=True)
    assert decisions == []


async def test_requests_side_by_side_note_their_own():
    async def request(resource: str) -> list[Decision]:
        with noting() as decisions:
            await asyncio.sleep(0)
            note(Row(resource=resource), allowed=True)
            await asyncio.sleep(0)
            return decisions

    noted = await asyncio.gather(*(request(f"history:{n}") for n in range(3)))
    assert [[decision.resource for decision in decisions] for decisions in noted] == [
        ["history:0"],
        ["history:1"],
        ["history:2"],
    ]


async def test_an_entry_says_who_what_and_how_it_ended(trail, clock):
    decisions = [Decision(PAIR, f"relationship:{PAIR}", True), Decision(PAIR, "history:1", True)]
    await trail.record(THERAPIST, "replace_history", decisions, "precondition_failed")
    [entry] = await entries(trail)
    assert (entry.caller, entry.roles, entry.operation) == ("therapist1", ("therapist",), "replace_history")
    assert entry.resources == (f"relationship:{PAIR}", "history:1")
    assert (entry.outcome, entry.at) == ("precondition_failed", "2026-02-23T09:00:00.000000Z")


async def test_what_was_kept_from_a_caller_is_denied_whatever_they_were_told(trail):
    await trail.record(STRANGER, "get_history", [Decision(PAIR, "history:1", False)], "history_not_found")
    [entry] = await entries(trail)
    assert (entry.caller, entry.resources, entry.outcome) == ("therapist9", ("history:1",), "denied")


async def test_rows_left_out_of_a_list_are_not_in_its_entry(trail):
    decisions = [Decision(PAIR, "history:1", True), Decision(PAIR, "history:2", False)]
    await trail.record(THERAPIST, "list_histories", decisions, "ok")
    [entry] = await entries(trail)
    assert (entry.resources, entry.outcome) == (("history:1",), "ok")


async def test_a_list_over_relationships_is_entered_in_each(trail):
    decisions = [Decision(PAIR, "history:1", True), Decision(OTHER_PAIR, "history:2", True)]
    await trail.record(THERAPIST, "list_histories", decisions, "ok")
    assert [entry.resources for entry in await entries(trail, PAIR)] == [("history:1",)]
    assert [entry.resources for entry in await entries(trail, OTHER_PAIR)] == [("history:2",)]
