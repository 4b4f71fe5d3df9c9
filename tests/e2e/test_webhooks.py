"""Webhooks over HTTP: a partner registers a receiver on loopback, which is told, retried, replayed and cancelled."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from localcloud.client import Client
from localcloud.processes import free_port
from localcloud.stack import Stack
from shared.adapters.azure_queues import AzureQueues
from shared.adapters.cosmos_items import CosmosItems
from shared.adapters.local_kek import LocalKek
from shared.bootstrap import SystemClock
from shared.bootstrap.web import guarded_web
from shared.crypto.keyring import Keyrings
from shared.domain.caller import Role
from shared.domain.limits import Limits
from shared.domain.webhook import Outcome
from shared.services.delivery_log import DeliveryLog
from shared.services.webhooks import Webhooks
from shared.settings.web import WebSettings
from tests.e2e.problems import assert_problem
from tests.e2e.stored import blobs_of, items_of, storage_of
from tests.e2e.waiting import wait_until
from tests.servers.receiver import Received, Receiver

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "webhook_receiver.py"
ATTEMPTS = 3
WAIT_SECONDS = 60


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as receiver:
        yield receiver


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A partner named after the test."""
    return str(request.node.name).removeprefix("test_")


@pytest.fixture
def partner(stack: Stack, name: str) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token(name, [Role.SERVICE])) as client:
        yield client


@pytest.fixture
def stranger(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token("stranger", [Role.SERVICE, Role.ADMIN])) as client:
        yield client


Announce = Callable[..., None]


@pytest.fixture
def announce(stack: Stack, name: str) -> Announce:
    """Processing has ended, as whoever processes says it."""

    def run(processing_id: str, outcome: Outcome = Outcome.DONE, *, to: str = name) -> None:
        asyncio.run(_announce(stack, to, processing_id, outcome))

    return run


async def _announce(stack: Stack, partner: str, processing_id: str, outcome: Outcome) -> None:
    items = CosmosItems(stack.cosmos_endpoint, stack.cosmos_key, may_create=True)
    queues = AzureQueues(storage_of(stack))
    kek, clock = LocalKek(stack.home / "keys" / "kek.json", may_create=False), SystemClock()
    webhooks = Webhooks(
        items=items,
        log=DeliveryLog(items),
        keyrings=Keyrings(items=items, kek=kek, clock=clock),
        web=guarded_web(WebSettings()),
        queues=queues,
        clock=clock,
        limits=Limits(),
        http_on_loopback=True,
    )
    try:
        await webhooks.announce(partner, processing_id, outcome)
    finally:
        await items.close()
        await queues.close()


def register(partner: Client, url: str) -> str:
    """The secret."""
    answer = partner.request("PUT", "webhook", json={"url": url})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["secret"])


def log_of(partner: Client) -> list[dict[str, Any]]:
    answer = partner.request("GET", "webhook/deliveries")
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def wait_for(partner: Client, *statuses: str) -> list[dict[str, Any]]:
    """The log, once its deliveries stand so, newest first."""
    return wait_until(
        lambda: log_of(partner),
        lambda found: [delivery["status"] for delivery in found] == list(statuses),
        seconds=WAIT_SECONDS,
    )


def assert_signed(request: Received, secret: str) -> None:
    signed = request.headers["x-scribe-timestamp"].encode() + b"." + request.body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers["x-scribe-signature"] == f"v1={expected}"
    assert abs(time.time() * 1000 - int(request.headers["x-scribe-timestamp"])) < 5 * 60 * 1000


def test_a_partner_is_told_once_with_a_signature(partner, receiver, announce):
    secret = register(partner, receiver.url)
    announce("p1")
    announce("p1")
    (delivery,) = wait_for(partner, "delivered")
    (request,) = receiver.received
    assert_signed(request, secret)
    assert request.event == {
        "eventId": delivery["eventId"],
        "type": "processing.done",
        "processingId": "p1",
        "occurredAt": request.event["occurredAt"],
    }
    assert request.path == "/scribe?token=of-the-receiver"
    assert delivery["occurredAt"] == request.event["occurredAt"]
    assert (delivery["type"], delivery["processingId"], delivery["nextAttemptAt"]) == ("processing.done", "p1", None)
    assert [(attempt["status"], attempt["outcome"]) for attempt in delivery["attempts"]] == [(204, "delivered")]


def test_a_receiver_that_is_away_is_tried_again(partner, receiver, announce):
    secret = register(partner, receiver.url)
    receiver.first = [503]
    announce("p1", Outcome.ERROR)
    (delivery,) = wait_for(partner, "delivered")
    first, second = receiver.received
    assert first.event == second.event
    assert first.event["type"] == "processing.error"
    assert_signed(second, secret)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [503, 204]


def test_a_receiver_that_stays_away_can_ask_for_it_later(partner, receiver, announce):
    register(partner, receiver.url)
    receiver.status = 500
    announce("p1")
    (dead,) = wait_for(partner, "dead")
    assert dead["attemptsMade"] == len(receiver.received) == ATTEMPTS
    receiver.status = 200
    secret = register(partner, receiver.url)
    answer = partner.request("POST", f"webhook/deliveries/{dead['eventId']}/replay")
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    (delivered,) = wait_for(partner, "delivered")
    assert delivered["attemptsMade"] == ATTEMPTS + 1
    assert receiver.received[-1].event == receiver.received[0].event
    assert_signed(receiver.received[-1], secret)


def test_an_ended_webhook_hears_no_more(partner, receiver, announce):
    register(partner, receiver.url)
    receiver.answering.clear()
    receiver.status = 500
    announce("p1")
    receiver.wait_for(1)  # the first attempt is under way
    assert partner.request("DELETE", "webhook").status_code == 204
    (cancelled,) = wait_for(partner, "cancelled")
    receiver.answering.set()
    assert_problem(partner.request("GET", "webhook"), 404, "webhook_not_found")
    assert_problem(partner.request("DELETE", "webhook"), 404, "webhook_not_found")
    replay = partner.request("POST", f"webhook/deliveries/{cancelled['eventId']}/replay")
    assert_problem(replay, 409, "webhook_missing")
    announce("p2")
    assert [delivery["processingId"] for delivery in log_of(partner)] == ["p1"]
    assert len(receiver.received) == 1


def test_the_secret_is_shown_once_and_stands_nowhere(stack, partner, receiver):
    first = register(partner, receiver.url)
    second = register(partner, receiver.url)
    answer = partner.request("GET", "webhook")
    assert set(answer.json()) == {"url", "createdAt", "changedAt"}
    assert answer.json()["url"] == receiver.url
    everything = str(list(items_of(stack))) + str(list(blobs_of(stack))) + stack.host_log.read_text("utf-8")
    for secret in (first, second):
        assert secret.removeprefix("whsec_") not in everything
    assert first != second


def test_nobody_sees_or_moves_anothers_webhook(partner, stranger, receiver, announce):
    register(partner, receiver.url)
    announce("p1")
    (delivery,) = wait_for(partner, "delivered")
    assert_problem(stranger.request("GET", "webhook"), 404, "webhook_not_found")
    assert_problem(stranger.request("DELETE", "webhook"), 404, "webhook_not_found")
    assert log_of(stranger) == []
    replay = stranger.request("POST", f"webhook/deliveries/{delivery['eventId']}/replay")
    assert_problem(replay, 404, "delivery_not_found")
    assert partner.request("GET", "webhook").status_code == 200
    assert len(receiver.received) == 1


def test_the_log_is_read_page_by_page(partner, receiver, announce):
    register(partner, receiver.url)
    for number in range(3):
        announce(f"p{number}")
    wait_for(partner, "delivered", "delivered", "delivered")
    told, more = [], ""
    while True:
        page = partner.request("GET", f"webhook/deliveries?limit=2{more}")
        told += [delivery["processingId"] for delivery in page.json()]
        if "x-continuation" not in page.headers:
            break
        more = f"&continuation={quote(page.headers['x-continuation'])}"
    assert told == ["p2", "p1", "p0"]


@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example/hook",
        "https://10.0.0.1/hook",
        "https://169.254.169.254/hook",
        "https://0x7f.1/hook",
        "https://127.0.0.2/hook",
        "https://user:password@partner.example/hook",
        "https://partner.example:25/hook",
        "https://metadata/hook",
        "https://partner.example/a b",
        "ftp://partner.example/hook",
        "hook",
    ],
)
def test_an_address_that_may_not_be_reached_is_refused(stranger, url):
    answer = stranger.request("PUT", "webhook", json={"url": url})
    assert_problem(answer, 400, "url_not_allowed")
    assert "password" not in answer.text


@pytest.mark.parametrize(
    "body", [{}, {"url": ""}, {"url": None}, {"url": 1}, {"url": "https://a.example/" + "x" * 5000}, []]
)
def test_what_is_no_registration(stranger, body):
    assert_problem(stranger.request("PUT", "webhook", json=body), 400, "invalid_input")


def test_the_example_receiver_takes_what_comes(partner, announce):
    port = free_port()
    secret = register(partner, f"http://localhost:{port}/")
    with subprocess.Popen(
        [sys.executable, str(EXAMPLE), str(port)],
        env={**os.environ, "SCRIBE_WEBHOOK_SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as example:
        watchdog = threading.Timer(WAIT_SECONDS, example.kill)
        watchdog.start()
        announce("p1")
        assert example.stdout is not None
        assert example.stdout.readline() == "processing.done p1\n"
        wait_for(partner, "delivered")
        watchdog.cancel()
        example.kill()
