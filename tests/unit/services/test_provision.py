"""Making relationships and naming their clients."""

from __future__ import annotations

import asyncio

import pytest

from shared.domain.caller import Caller, Role
from shared.domain.errors import Conflict, NotFound
from tests.unit.services.world import PAIR, THERAPIST, Process, upload

CLIENT2 = Caller(id="client2", roles=frozenset({Role.CLIENT}))
CLIENT3 = Caller(id="client3", roles=frozenset({Role.CLIENT}))


async def test_a_relationship_is_made_for_its_two_people(process):
    await process.relationships.provision(PAIR, therapist_userid=THERAPIST.id, client_userid="client2")
    for caller in (THERAPIST, CLIENT2):
        assert (await process.relationships.reach(caller, PAIR)).client_userid == "client2"
        assert await process.relationships.ids_of(caller) == [PAIR]
    with pytest.raises(NotFound):
        await process.relationships.reach(CLIENT3, PAIR)


async def test_where_uploads_make_none_a_provisioned_one_takes_them(stores):
    strict = Process(stores, provision_on_upload=False)
    with pytest.raises(NotFound):
        await strict.accept(upload(0))
    await strict.relationships.provision(PAIR, therapist_userid=THERAPIST.id, client_userid=None)
    assert (await strict.accept(upload(0))).session.received == 1


async def test_the_same_again_changes_nothing(process):
    first = await process.relationships.provision(PAIR, therapist_userid=THERAPIST.id, client_userid="client2")
    assert await process.relationships.provision(PAIR, therapist_userid=THERAPIST.id, client_userid="client2") == first


async def test_another_client_replaces_the_first(process):
    for client in ("client2", "client3"):
        await process.relationships.provision(PAIR, therapist_userid=THERAPIST.id, client_userid=client)
    assert (await process.relationships.reach(CLIENT3, PAIR)).client_userid == "client3"
    assert await process.relationships.ids_of(CLIENT2) == []
    with pytest.raises(NotFound):
        await process.relationships.reach(CLIENT2, PAIR)


async def test_another_therapist_is_a_conflict(process):
    await process.relationships.provision(PAIR, therapist_userid=THERAPIST.id, client_userid="client2")
    with pytest.raises(Conflict) as refused:
        await process.relationships.provision(PAIR, therapist_userid="therapist9", client_userid="client2")
    assert refused.value.code == "relationship_conflict"


async def test_made_from_two_sides_at_once_it_is_one(stores):
    sides = [Process(stores).relationships for _ in range(3)]
    made = await asyncio.gather(
        *(side.provision(PAIR, therapist_userid=THERAPIST.id, client_userid="client2") for side in sides)
    )
    assert len(set(made)) == 1


async def test_a_client_named_elsewhere_a_moment_ago_is_not_refused_from_memory(stores, process):
    await process.relationships.provision(PAIR, therapist_userid=THERAPIST.id, client_userid="client3")
    await process.relationships.reach(THERAPIST, PAIR)
    await Process(stores).relationships.provision(PAIR, therapist_userid=THERAPIST.id, client_userid="client2")
    assert (await process.accept(upload(0, client_userid="client2"))).session.received == 1
