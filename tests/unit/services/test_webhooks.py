"""Webhooks: an event for each end of processing, signed, tried again, and never lost without a trace."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from shared.domain.names import DIRECTORY, SESSIONS, WEBHOOKS_QUEUE
from shared.domain.webhook import DeliveryRules, DeliveryStatus, Outcome
from shared.services.delivery_log import LIST
from tests.faults import Fault, Pause
from tests.servers.receiver import Received, Receiver
from tests.unit.services.announcing import PARTNER, RULES, Announcer, Post
from tests.unit.services.world import Stores

FAILED_RETRIES = RULES.retries + 1


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as receiver:
        yield receiver


@pytest.fixture
def post(stores: Stores) -> Post:
    return Post(stores)


@pytest.fixture
async def secret(post: Post, receiver: Receiver) -> str:
    """Of a webhook that is registered."""
    return (await post.process.webhooks.register(PARTNER, receiver.url)).secret


def signed_with(secret: str, request: Received) -> bool:
    """As a receiver would find out."""
    timestamp = request.headers["x-scribe-timestamp"].encode()
    expected = hmac.new(secret.encode(), timestamp + b"." + request.body, hashlib.sha256).hexdigest()
    return request.headers["x-scribe-signature"] == f"v1={expected}"


ANOTHER_RECORDS_ENVELOPE = base64.b64encode(bytes([1]) + bytes(60)).decode()


def everything(stores: Stores) -> str:
    return json.dumps([row.text for rows in stores.items._partitions.values() for row in rows.values()])


async def change_stored(stores: Stores, **fields: str) -> None:
    """What whoever may write to the database could do to the webhook."""
    (row,) = [row for rows in stores.items._partitions.values() for row in rows.values() if '"webhook"' in row.text]
    await stores.items.replace(DIRECTORY, row.item.body["id"], row.item.body | fields)


# ---- registering ---------------------------------------------------------------------------------------------------


async def test_the_secret_is_shown_once_and_stored_encrypted(stores, post, secret):
    assert secret.startswith("whsec_")
    assert len(secret) == len("whsec_") + 43
    assert secret not in everything(stores)
    assert secret[6:] not in everything(stores)
    assert await post.process.webhooks.secret_of(await post.process.webhooks.get(PARTNER)) == secret


async def test_registering_again_changes_address_and_secret_and_nothing_else(stores, post, receiver, secret):
    before = await post.process.webhooks.get(PARTNER)
    stores.clock.move(days=1)
    made = await post.process.webhooks.register(PARTNER, receiver.url + "2")
    after = await post.process.webhooks.get(PARTNER)
    assert made.secret != secret
    assert (after.id, after.created) == (before.id, before.created)
    assert (after.url, after.changed) == (receiver.url + "2", stores.clock.now())


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://partner.example/hook", "https"),
        ("http://203.0.113.7/hook", "https"),
        ("https://127.0.0.2/hook", "may not be reached"),
        ("https://10.0.0.1/hook", "may not be reached"),
        ("https://partner@localhost/hook", "credentials"),
        ("ftp://127.0.0.1/hook", "begin with"),
        ("", "begin with"),
    ],
)
async def test_an_address_that_may_not_be_reached_is_not_registered(stores, post, url, why):
    with pytest.raises(InvalidInput, match=why) as refused:
        await post.process.webhooks.register(PARTNER, url)
    assert refused.value.code == "url_not_allowed"
    assert stores.empty


async def test_without_the_setting_loopback_needs_a_certificate_too(stores, receiver):
    process = Announcer(stores, http_on_loopback=False)
    with pytest.raises(InvalidInput, match="https"):
        await process.webhooks.register(PARTNER, receiver.url)


async def test_of_two_registrations_at_once_both_succeed_and_one_stands(stores, receiver):
    pause = Pause("create")
    first, second = Announcer(stores, items=pause.over(stores.items)), Announcer(stores)
    slow = asyncio.create_task(first.webhooks.register(PARTNER, receiver.url))
    await pause.reached.wait()
    await second.webhooks.register(PARTNER, receiver.url + "2")
    pause.go.set()
    made = await slow
    assert await second.webhooks.secret_of(await second.webhooks.get(PARTNER)) == made.secret


@pytest.mark.parametrize("partner", ["auth0|4711", "https://issuer.example/users/7?x#y", "ü", "a" * 2000])
async def test_partners_are_told_apart_whatever_their_ids_look_like(post, receiver, partner):
    made = await post.process.webhooks.register(partner, receiver.url)
    await post.process.webhooks.announce(partner, "p1", Outcome.DONE)
    await post.carry()
    (request,) = receiver.received
    assert signed_with(made.secret, request)
    assert await post.process.webhooks.find(PARTNER) is None
    assert (await post.process.webhooks.deliveries(PARTNER, limit=10, continuation=None)).deliveries == []


# ---- announcing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_the_end_of_processing_is_told(stores, post, receiver, secret, outcome):
    await post.announce("p1", outcome)
    await post.carry()
    (request,) = receiver.received
    (delivery,) = await post.settle()
    assert request.event == {
        "eventId": delivery.event_id,
        "type": f"processing.{outcome}",
        "processingId": "p1",
        "occurredAt": "2026-02-23T09:00:00.000000Z",
    }
    assert request.headers["x-scribe-timestamp"] == str(int(delivery.attempts[0].at.timestamp() * 1000))
    assert request.headers["content-type"] == "application/json"
    assert signed_with(secret, request)
    assert not signed_with(secret[:-1], request)
    assert (delivery.status, delivery.made) == (DeliveryStatus.DELIVERED, 1)
    assert (delivery.attempts[0].status, delivery.attempts[0].outcome) == (204, "delivered")


async def test_what_is_announced_twice_is_told_once(post, receiver, secret):
    await post.announce()
    await post.announce()
    await post.carry(copies=2)
    await post.announce()
    (delivery,) = await post.settle(copies=2)
    assert len(receiver.received) == 1
    assert delivery.status is DeliveryStatus.DELIVERED


async def test_another_run_is_another_event(post, receiver, secret):
    for run in ("", "notes-2"):
        await post.process.webhooks.announce(PARTNER, "p1", Outcome.DONE, run=run)
    await post.carry()
    assert len({request.event["eventId"] for request in receiver.received}) == 2


async def test_without_a_webhook_nobody_is_told_then_or_later(stores, post, receiver):
    await post.announce()
    assert stores.empty
    await post.process.webhooks.register(PARTNER, receiver.url)
    assert await post.settle() == []
    assert receiver.received == []


async def test_messages_carry_ids_only(stores, post, receiver, secret):
    await post.announce()
    message = stores.queues.take(WEBHOOKS_QUEUE)
    assert message is not None
    assert set(message) == {"partner", "event_id", "attempt"}


# ---- trying again --------------------------------------------------------------------------------------------------


class Delays:
    """Queues that note how long each message is held back."""

    def __init__(self, queues) -> None:
        self._queues = queues
        self.seconds: list[int] = []

    async def send(self, queue: str, message: Mapping[str, str], *, delay_s: int = 0) -> None:
        self.seconds.append(delay_s)
        await self._queues.send(queue, message, delay_s=delay_s)


@pytest.mark.parametrize("answer", [500, 503, 400, 404, 410, 429, 302, 201, 202, None], ids=str)
async def test_any_other_answer_is_tried_again(post, receiver, secret, answer):
    receiver.first = [answer]
    await post.announce()
    await post.carry()
    first, second = receiver.received
    assert first.event == second.event
    (delivery,) = await post.settle()
    assert delivery.status is DeliveryStatus.DELIVERED
    assert [attempt.status for attempt in delivery.attempts] == [answer, 204]
    assert delivery.attempts[0].outcome == ("source_unavailable" if answer is None else "refused")


async def test_each_retry_waits_longer_and_the_last_failure_is_the_end(stores, receiver, secret):
    delays = Delays(stores.queues)
    post = Post(stores, queues=delays)
    receiver.status = 500
    await post.announce()
    await post.carry()
    assert delays.seconds == [0, 30, 120, 480, 1920, 7680]
    (delivery,) = await post.settle()
    assert (delivery.status, delivery.made) == (DeliveryStatus.DEAD, FAILED_RETRIES)
    assert len(receiver.received) == FAILED_RETRIES
    assert {request.event["eventId"] for request in receiver.received} == {delivery.event_id}
    assert len({request.headers["x-scribe-signature"] for request in receiver.received}) == 1  # the clock stood still


async def test_each_attempt_is_signed_with_the_time_it_is_made(stores, post, receiver, secret):
    receiver.first = [500]
    await post.announce()
    await post.process.courier.deliver(**as_call(stores.queues.take(WEBHOOKS_QUEUE)))
    stores.clock.move(seconds=30)
    await post.carry()
    first, second = (int(request.headers["x-scribe-timestamp"]) for request in receiver.received)
    assert second - first == 30_000
    assert all(signed_with(secret, request) for request in receiver.received)


def as_call(message: dict[str, str] | None) -> dict[str, Any]:
    assert message is not None
    return {**message, "attempt": int(message["attempt"])}


async def test_a_receiver_that_keeps_us_waiting_has_not_answered(stores, receiver):
    process = Announcer(stores, rules=DeliveryRules(timeout=timedelta(milliseconds=50)))
    await process.webhooks.register(PARTNER, receiver.url)
    receiver.answering.clear()
    await process.webhooks.announce(PARTNER, "p1", Outcome.DONE)
    await process.courier.deliver(**as_call(stores.queues.take(WEBHOOKS_QUEUE)))
    (delivery,) = (await process.webhooks.deliveries(PARTNER, limit=1, continuation=None)).deliveries
    assert delivery.status is DeliveryStatus.PENDING
    assert (delivery.attempts[0].status, delivery.attempts[0].outcome) == (None, "source_unavailable")


async def test_two_messages_for_one_attempt_at_a_time_make_one(stores, post, receiver, secret):
    await post.announce()
    call = as_call(stores.queues.take(WEBHOOKS_QUEUE))
    await asyncio.gather(post.process.courier.deliver(**call), Announcer(stores).courier.deliver(**call))
    assert len(receiver.received) == 1


async def test_an_address_that_has_come_to_lead_inside_is_not_reached(stores, post, receiver, secret):
    await post.announce()
    await change_stored(stores, url="https://127.0.0.2/hook")
    (delivery,) = await post.settle()
    assert {attempt.outcome for attempt in delivery.attempts} == {"url_not_allowed"}
    assert delivery.status is DeliveryStatus.DEAD
    assert receiver.received == []


async def test_a_secret_that_does_not_open_is_a_failed_attempt_until_there_is_another(stores, post, receiver, secret):
    await post.announce()
    await change_stored(stores, secret=ANOTHER_RECORDS_ENVELOPE)
    (delivery,) = await post.settle()
    assert {attempt.outcome for attempt in delivery.attempts} == {"decryption_failed"}
    made = await post.process.webhooks.register(PARTNER, receiver.url)
    await post.process.webhooks.replay(PARTNER, delivery.event_id)
    await post.carry()
    (request,) = receiver.received
    assert signed_with(made.secret, request)


async def test_what_our_own_side_cannot_do_counts_as_failed_attempts(stores, post, receiver, secret):
    await post.announce()
    while (message := stores.queues.take(WEBHOOKS_QUEUE)) is not None:
        await post.process.courier.give_up(**as_call(message))
    (delivery,) = await post.settle()
    assert [attempt.outcome for attempt in delivery.attempts] == ["internal_error"] * FAILED_RETRIES
    assert delivery.status is DeliveryStatus.DEAD


async def test_giving_up_on_an_attempt_that_was_made_changes_nothing(stores, post, receiver, secret):
    await post.announce()
    call = as_call(stores.queues.take(WEBHOOKS_QUEUE))
    await post.process.courier.deliver(**call)
    await post.process.courier.give_up(**call)
    (delivery,) = await post.settle()
    assert (delivery.status, delivery.made) == (DeliveryStatus.DELIVERED, 1)


# ---- replay, removal, the log --------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [204, 500])
async def test_a_replay_sends_the_same_event_with_all_its_retries(post, receiver, secret, first):
    receiver.status = first
    await post.announce()
    (before,) = await post.settle()
    receiver.status, receiver.received[:] = 500, []
    again = await post.process.webhooks.replay(PARTNER, before.event_id)
    assert again.status is DeliveryStatus.PENDING
    (after,) = await post.settle()
    assert (after.status, len(receiver.received)) == (DeliveryStatus.DEAD, FAILED_RETRIES)
    assert receiver.received[0].event["eventId"] == before.event_id
    assert receiver.received[0].event["occurredAt"] == before.occurred_at
    assert after.made == before.made + FAILED_RETRIES


async def test_a_replay_of_what_is_waiting_need_wait_no_more(stores, post, receiver, secret):
    receiver.first = [500]
    await post.announce()
    await post.process.courier.deliver(**as_call(stores.queues.take(WEBHOOKS_QUEUE)))
    lost = stores.queues.take(WEBHOOKS_QUEUE)  # the retry, half a minute away
    assert lost is not None
    event = receiver.received[0].event["eventId"]
    again = await post.process.webhooks.replay(PARTNER, event)
    assert again.due == stores.clock.now()
    await post.carry()
    await post.process.courier.deliver(**as_call(lost))
    assert len(receiver.received) == 2


async def test_what_cannot_be_replayed(post, receiver, secret):
    with pytest.raises(NotFound) as unknown:
        await post.process.webhooks.replay(PARTNER, "0f3f3d0c-5f0e-4b0e-8a52-6f5a5f0b6f0e")
    assert unknown.value.code == "delivery_not_found"
    await post.announce()
    (delivery,) = await post.settle()
    with pytest.raises(NotFound):
        await post.process.webhooks.replay("somebody-else", delivery.event_id)
    await post.process.webhooks.remove(PARTNER)
    with pytest.raises(Conflict) as missing:
        await post.process.webhooks.replay(PARTNER, delivery.event_id)
    assert missing.value.code == "webhook_missing"


async def test_removing_a_webhook_cancels_what_is_on_its_way(stores, post, receiver, secret):
    receiver.status = 500
    await post.announce("p1")
    await post.process.courier.deliver(**as_call(stores.queues.take(WEBHOOKS_QUEUE)))
    await post.announce("p2")
    await post.process.webhooks.remove(PARTNER)
    log = (await post.process.webhooks.deliveries(PARTNER, limit=10, continuation=None)).deliveries
    assert [delivery.status for delivery in log] == [DeliveryStatus.CANCELLED] * 2
    await post.settle()
    assert len(receiver.received) == 1


async def test_what_was_announced_to_a_removed_webhook_does_not_go_to_the_next(stores, post, receiver, secret):
    await post.announce()
    key = next(partition for container, partition in stores.items._partitions if container == DIRECTORY)
    await stores.items.delete(DIRECTORY, key, key)  # a removal that died before it came to the deliveries
    await post.process.webhooks.register(PARTNER, receiver.url)
    (delivery,) = await post.settle()
    assert delivery.status is DeliveryStatus.CANCELLED
    assert receiver.received == []
    await post.process.webhooks.replay(PARTNER, delivery.event_id)
    await post.carry()
    assert len(receiver.received) == 1


async def test_removing_what_is_not_there(post):
    with pytest.raises(NotFound) as failed:
        await post.process.webhooks.remove(PARTNER)
    assert failed.value.code == "webhook_not_found"


async def test_a_rotation_between_two_attempts_signs_with_the_new_secret(stores, post, receiver, secret):
    receiver.first = [500]
    await post.announce()
    await post.process.courier.deliver(**as_call(stores.queues.take(WEBHOOKS_QUEUE)))
    made = await post.process.webhooks.register(PARTNER, receiver.url)
    await post.carry()
    first, second = receiver.received
    assert signed_with(secret, first)
    assert signed_with(made.secret, second)


async def test_the_log_is_read_page_by_page_newest_first(stores, post, receiver, secret):
    for number in range(5):
        await post.announce(f"p{number}")
        stores.clock.move(seconds=1)
    told: list[str] = []
    continuation = None
    while True:
        page = await post.process.webhooks.deliveries(PARTNER, limit=2, continuation=continuation)
        told += [delivery.processing_id for delivery in page.deliveries]
        continuation = page.continuation
        if continuation is None:
            break
    assert told == ["p4", "p3", "p2", "p1", "p0"]


async def test_the_log_forgets_what_ended_long_ago_and_only_that(stores, post, receiver, secret):
    await post.announce("old")
    await post.carry()
    stores.clock.move(days=20)
    await post.announce("new")
    await post.carry()
    await post.ring()
    stores.clock.move(days=10)
    await post.ring()
    (left,) = (await post.process.webhooks.deliveries(PARTNER, limit=10, continuation=None)).deliveries
    assert left.processing_id == "new"
    assert [row["id"] for row in stores.partition(SESSIONS, LIST)] == [left.event_id]


async def test_a_replay_just_before_it_would_be_forgotten_keeps_it(stores, post, receiver, secret):
    await post.announce()
    await post.carry()
    stores.clock.move(days=30)
    (line,) = [line async for line in post.process.log.due(stores.clock.now())]
    await post.process.webhooks.replay(PARTNER, line.event_id)
    await post.process.log.forget(line, ended_before=stores.clock.now() - RULES.retention)
    await post.carry()
    assert len(receiver.received) == 2


async def test_a_line_without_a_delivery_is_struck(stores, post, receiver, secret):
    fault = Fault(3)
    with pytest.raises(StoreUnavailable):
        await Announcer(stores, fault).webhooks.announce(PARTNER, "p1", Outcome.DONE)
    assert fault.calls == ["read", "upsert", "create"]
    assert len(list(stores.partition(SESSIONS, LIST))) == 1
    await post.settle()
    assert list(stores.partition(SESSIONS, LIST)) == []
