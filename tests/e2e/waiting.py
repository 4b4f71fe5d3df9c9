"""Waiting for what nobody tells of: it is asked for again and again, up to a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from localcloud.client import POLL_SECONDS

T = TypeVar("T")


def wait_until(
    ask: Callable[[], T], reached: Callable[[T], bool], *, seconds: float, tail: Callable[[], str] | None = None
) -> T:
    """What `ask` says once that is as it must be; after `seconds` the test has failed, with what was said last.

    `tail` is the end of a log that may tell why.
    """
    deadline = time.monotonic() + seconds
    while not reached(said := ask()):
        assert time.monotonic() < deadline, said if tail is None else f"{said}\n{tail()}"
        time.sleep(POLL_SECONDS)
    return said
