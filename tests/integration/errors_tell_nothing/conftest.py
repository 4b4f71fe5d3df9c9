"""A server that answers with what must not be repeated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.quoting import Quoting


@pytest.fixture
def storage() -> Iterator[Quoting]:
    with Quoting() as running:
        yield running
