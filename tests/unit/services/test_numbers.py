"""Wire ids: unique whoever asks, however many at once, whatever was lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from shared.adapters.memory_items import MemoryItems
from shared.domain.errors import StoreUnavailable
from shared.services.numbers import BLOCK, Numbers
from tests.faults import Fault, Hesitant, When


@pytest.fixture
def items() -> MemoryItems:
    return MemoryItems()


async def test_numbers_begin_at_one_and_follow_each_other(items):
    numbers = Numbers(items)
    assert [await numbers.take("recordings") for _ in range(3 * BLOCK)] == list(range(1, 3 * BLOCK + 1))


async def test_each_kind_of_record_counts_for_itself(items):
    numbers = Numbers(items)
    assert [await numbers.take(kind) for kind in ("a", "b", "a", "b")] == [1, 1, 2, 2]


async def test_no_number_is_given_twice_at_once(items):
    numbers = Numbers(Hesitant.over(items, 1))
    taken = await asyncio.gather(*(numbers.take("recordings") for _ in range(5 * BLOCK)))
    assert sorted(taken) == list(range(1, 5 * BLOCK + 1))


async def test_nor_by_two_processes(items):
    processes = [Numbers(Hesitant.over(items, seed)) for seed in range(4)]
    taken = await asyncio.gather(*(processes[n % 4].take("recordings") for n in range(8 * BLOCK)))
    assert len(set(taken)) == len(taken)


async def test_nor_by_a_process_that_starts_again(items):
    before = {await Numbers(items).take("recordings") for _ in range(3)}
    assert len(before) == 3


@pytest.mark.parametrize(
    ("at", "when"), [(1, When.BEFORE), (2, When.BEFORE), (2, When.AFTER), (3, When.BEFORE), (3, When.AFTER)]
)
async def test_nor_after_a_lost_answer(items, at, when):
    numbers = Numbers(Fault(at, when).over(items))
    with pytest.raises(StoreUnavailable):
        await numbers.take("recordings")
    taken = [await numbers.take("recordings") for _ in range(BLOCK + 1)]
    taken += [await Numbers(items).take("recordings") for _ in range(2)]
    assert len(set(taken)) == len(taken)
