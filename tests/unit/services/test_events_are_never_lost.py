"""The promise: whatever fails between whichever two steps, what was announced is delivered, or kept as undelivered.

Each test counts the calls that a whole run makes to everything outside, then runs it again once for each of them with
the fault struck there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.webhook import Delivery, DeliveryRules, DeliveryStatus
from tests.faults import Fault, When
from tests.servers.receiver import Receiver
from tests.unit.services.announcing import PARTNER, Announcer, Post
from tests.unit.services.world import Stores

Answers = list[int | None]
DELIVERED: Answers = [204]
ONE_FAILURE: Answers = [503, 204]
DEAD: Answers = [500, 500]
RULES = DeliveryRules(retries=1)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as receiver:
        yield receiver


async def run(folder: Path, receiver: Receiver, answers: Answers, fault: Fault) -> list[Delivery]:
    """An end of processing is announced by a faulty app; afterwards the host has all the time in the world."""
    stores = Stores(folder)
    await Announcer(stores).webhooks.register(PARTNER, receiver.url)
    receiver.first, receiver.status, receiver.received[:] = list(answers), answers[-1], []
    post = Post(stores, fault, rules=RULES)
    await post.announce()
    return await post.settle(copies=2)


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("answers", [DELIVERED, ONE_FAILURE, DEAD], ids=["delivered", "one failure", "dead"])
async def test_a_fault_at_any_step(tmp_path, receiver, answers, when):
    whole = Fault()
    await run(tmp_path / "whole", receiver, answers, whole)
    assert len(whole.calls) >= 9
    for at in range(1, len(whole.calls) + 1):
        fault = Fault(at, when)
        (delivery,) = await run(tmp_path / str(at), receiver, answers, fault)
        struck = f"call {at}, {fault.calls[at - 1]}, {when.value}"
        expected = DeliveryStatus.DEAD if answers is DEAD else DeliveryStatus.DELIVERED
        assert delivery.status is expected, struck
        assert {request.event["eventId"] for request in receiver.received} == {delivery.event_id}, struck
        # A try whose outcome was lost is made again; everything else happens once.
        assert len(answers) <= len(receiver.received) <= len(answers) + 1, struck
