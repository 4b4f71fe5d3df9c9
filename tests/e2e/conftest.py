"""The stack that most of these tests share, and who speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from localcloud.client import Client
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.visits import CLIENT, OTHER_THERAPIST, PARTNER, THERAPIST, Visit

QUICK = {
    "WEB__ALLOW_LOOPBACK": "true",
    "LIMITS__CLAIM_LEASE": "PT3S",
    "LIMITS__PUSH_AFTER": "PT3S",
    "WEBHOOKS__RETRIES": "2",
    "WEBHOOKS__FIRST_DELAY": "PT1S",
    "WEBHOOKS__FACTOR": "1",
    "SWEEP_SCHEDULE": "*/1 * * * * *",
    "LOCALHOST_BLOB_POLL_SECONDS": "0.3",
    "LOCALHOST_MESSAGE_LEASE_SECONDS": "5",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.500",
}
"""Nothing waits longer than a test has to, and a stack at rest takes little from those at work."""

NewStack = Callable[..., Stack]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product with its default limits, anew for each file; its tests keep apart by the names of their sessions."""
    running = Stack(tmp_path_factory.mktemp("stack"), settings=QUICK)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def new_stack(tmp_path: Path) -> Iterator[NewStack]:
    """Start a stack of the test's own, with settings on top of the quick ones."""
    numbers = count()
    with ExitStack() as running:

        def start(**settings: str) -> Stack:
            stack = Stack(tmp_path / f"stack{next(numbers)}", settings={**QUICK, **settings})
            running.callback(stack.stop)
            stack.start()
            return stack

        yield start


@pytest.fixture(scope="module")
def therapist(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token(THERAPIST, [Role.THERAPIST])) as client:
        yield client


@pytest.fixture(scope="module")
def other_therapist(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token(OTHER_THERAPIST, [Role.THERAPIST])) as client:
        yield client


@pytest.fixture(scope="module")
def client_user(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token(CLIENT, [Role.CLIENT])) as client:
        yield client


@pytest.fixture(scope="module")
def service(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token(PARTNER, [Role.SERVICE])) as client:
        yield client


@pytest.fixture
def visit(request: pytest.FixtureRequest, therapist: Client) -> Visit:
    """A session named after the test."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name.removeprefix("test_"))
    return Visit(name[:100], therapist)
