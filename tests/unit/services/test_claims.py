"""Claims: the right to a piece of work belongs to one worker, and only while that worker shows signs of life."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.memory_items import MemoryItems
from shared.domain.errors import ClaimLost, EngineUnavailable, StoreUnavailable
from shared.domain.names import SESSIONS
from shared.ports import Item, JsonObject
from shared.services.claims import Claim, Claims, ClaimState
from tests.faults import Fault, Hesitant, When
from tests.unit.services.world import SESSION, SetClock

LEASE = timedelta(seconds=60)
SHORT = timedelta(milliseconds=30)
WORK = "transcribe:d1"
FIRST_BEAT = 3
"""The number of the call that first changes a claim: reading and creating it come before."""


class Pulse(MemoryItems):
    """Items in which each replacement can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.beats: asyncio.Queue[JsonObject] = asyncio.Queue()

    async def replace(self, container: str, partition: str, body: JsonObject, **options: Any) -> Item:
        item = await super().replace(container, partition, body, **options)
        self.beats.put_nowait(body)
        return item


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def items() -> MemoryItems:
    return MemoryItems()


@pytest.fixture
def claims(items: MemoryItems, clock: SetClock) -> Claims:
    return Claims(items, clock, LEASE)


async def state(claims: Claims) -> ClaimState:
    return await claims.state(SESSION, WORK)


async def taken(claims: Claims) -> Claim:
    claim = await claims.take(SESSION, WORK)
    assert claim is not None
    return claim


async def test_work_nobody_does_is_free_and_then_busy_and_then_done(claims):
    assert await state(claims) is ClaimState.FREE
    claim = await taken(claims)
    assert await state(claims) is ClaimState.BUSY
    await claim.complete()
    assert await state(claims) is ClaimState.DONE


async def test_of_two_takers_one_wins(items, clock):
    takers = [Claims(Hesitant.over(items, seed), clock, LEASE) for seed in range(8)]
    taken = await asyncio.gather(*(claims.take(SESSION, WORK) for claims in takers))
    assert len([claim for claim in taken if claim is not None]) == 1


async def test_of_two_heirs_of_a_dead_worker_one_wins(items, clock):
    await Claims(items, clock, LEASE).take(SESSION, WORK)
    clock.move(seconds=61)
    heirs = [Claims(Hesitant.over(items, seed), clock, LEASE) for seed in range(8)]
    taken = await asyncio.gather(*(claims.take(SESSION, WORK) for claims in heirs))
    assert len([claim for claim in taken if claim is not None]) == 1


async def test_done_work_is_never_taken_again(claims, clock):
    claim = await taken(claims)
    await claim.complete()
    clock.move(days=365)
    assert await claims.take(SESSION, WORK) is None


async def test_busy_work_can_be_taken_when_its_worker_was_silent_for_the_lease(claims, clock):
    await claims.take(SESSION, WORK)
    clock.move(seconds=59)
    assert await claims.take(SESSION, WORK) is None
    clock.move(seconds=1)
    assert await claims.take(SESSION, WORK) is not None


async def test_renewing_keeps_the_work(claims, clock):
    claim = await taken(claims)
    for _ in range(10):
        clock.move(seconds=59)
        await claim.renew()
    assert await claims.take(SESSION, WORK) is None
    await claim.complete()


async def test_released_work_can_be_taken_at_once(claims):
    claim = await taken(claims)
    await claim.release()
    assert await claims.take(SESSION, WORK) is not None


@pytest.mark.parametrize("step", ["renew", "complete"])
async def test_who_was_replaced_can_neither_renew_nor_complete(claims, clock, step):
    first = await taken(claims)
    clock.move(seconds=61)
    second = await taken(claims)
    with pytest.raises(ClaimLost):
        await getattr(first, step)()
    assert await state(claims) is ClaimState.BUSY
    await second.complete()


async def test_who_was_replaced_releases_nothing(claims, clock):
    first = await taken(claims)
    clock.move(seconds=61)
    await claims.take(SESSION, WORK)
    await first.release()
    assert await state(claims) is ClaimState.BUSY


async def test_works_of_different_manifests_do_not_meet(claims):
    assert await claims.take(SESSION, "transcribe:d1") is not None
    assert await claims.take(SESSION, "transcribe:d2") is not None
    assert await claims.take("session-2", "transcribe:d1") is not None


async def test_forgotten_work_can_be_done_again(claims):
    claim = await taken(claims)
    await claim.complete()
    await claims.forget(SESSION, WORK)
    assert await claims.take(SESSION, WORK) is not None


async def test_work_under_way_is_not_forgotten(claims):
    await claims.take(SESSION, WORK)
    await claims.forget(SESSION, WORK)
    assert await state(claims) is ClaimState.BUSY


# ---- while the work runs ---------------------------------------------------------------------------------------


async def test_the_claim_beats_as_long_as_the_work_runs(clock):
    items = Pulse()
    claims = Claims(items, clock, SHORT)
    claim = await taken(claims)
    async with claims.working(claim):
        for _ in range(5):
            clock.move(milliseconds=20)
            beat = await items.beats.get()
            assert beat["state"] == "busy"
        assert await claims.take(SESSION, WORK) is None
        await claim.complete()
    assert await state(claims) is ClaimState.DONE


async def test_the_heart_stops_with_the_work(clock):
    claims = Claims(Pulse(), clock, SHORT)
    before = asyncio.all_tasks()
    claim = await taken(claims)
    async with claims.working(claim):
        assert len(asyncio.all_tasks() - before) == 1
    assert asyncio.all_tasks() == before


async def test_failed_work_is_free_at_once(claims):
    claim = await taken(claims)
    with pytest.raises(EngineUnavailable):
        async with claims.working(claim):
            raise EngineUnavailable
    assert await state(claims) is ClaimState.FREE


async def test_a_worker_that_is_cancelled_from_outside_leaves_its_claim_to_expire(claims, clock):
    claim = await taken(claims)
    at_work = asyncio.Event()

    async def work() -> None:
        async with claims.working(claim):
            at_work.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await at_work.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await state(claims) is ClaimState.BUSY
    clock.move(seconds=61)
    assert await state(claims) is ClaimState.FREE


async def test_a_lost_claim_stops_the_work(items, clock):
    claims = Claims(items, clock, SHORT)
    claim = await taken(claims)
    heirs = []

    async def work() -> None:
        async with claims.working(claim):
            clock.move(seconds=1)
            heirs.append(await taken(claims))
            await asyncio.Event().wait()  # for ever, were it not for the heart that notices

    with pytest.raises(ClaimLost):
        await work()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await heirs[0].complete()


async def test_the_claim_of_an_erased_session_stops_the_work(items, clock):
    claims = Claims(items, clock, SHORT)
    claim = await taken(claims)

    async def work() -> None:
        async with claims.working(claim):
            await items.delete(SESSIONS, SESSION, f"claim:{WORK}")
            await asyncio.Event().wait()

    with pytest.raises(ClaimLost):
        await work()


async def test_what_goes_wrong_after_the_claim_was_lost_is_not_the_heirs_trouble(claims, clock):
    claim = await taken(claims)

    async def work() -> None:
        async with claims.working(claim):
            clock.move(seconds=61)
            await claims.take(SESSION, WORK)
            raise ValueError

    with pytest.raises(ClaimLost):
        await work()
    assert await state(claims) is ClaimState.BUSY


async def test_a_beat_that_comes_too_late_does_not_undo_the_completion(claims):
    claim = await taken(claims)
    await asyncio.gather(claim.complete(), claim.renew())
    assert await state(claims) is ClaimState.DONE


# ---- a store that does not answer ------------------------------------------------------------------------------


async def test_a_beat_the_store_refuses_does_not_stop_the_work(clock):
    items = Pulse()
    fault = Fault(FIRST_BEAT, When.BEFORE)
    claims = Claims(fault.over(items), clock, SHORT)
    claim = await taken(claims)
    async with claims.working(claim):
        await items.beats.get()
        await claim.complete()
    assert fault.calls[FIRST_BEAT - 1 :] == ["replace"] * 3


async def test_a_beat_whose_answer_was_lost_does_not_lose_the_claim(clock):
    items = Pulse()
    fault = Fault(FIRST_BEAT, When.AFTER)
    claims = Claims(fault.over(items), clock, SHORT)
    claim = await taken(claims)
    async with claims.working(claim):
        for _ in range(3):
            await items.beats.get()
        await claim.complete()
    assert "read" in fault.calls[FIRST_BEAT:]  # the claim was looked at, and found to be ours
    assert await state(claims) is ClaimState.DONE


async def test_a_completion_whose_answer_was_lost_still_counts(items, clock):
    fault = Fault(FIRST_BEAT, When.AFTER)
    claims = Claims(fault.over(items), clock, LEASE)
    claim = await taken(claims)
    with pytest.raises(StoreUnavailable):
        async with claims.working(claim):
            await claim.complete()
    assert await state(claims) is ClaimState.DONE
