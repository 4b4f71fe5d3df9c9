"""Ports that fail when told to: before a call took effect, after it did, or together with their whole process.

`Fault.over(port)` wraps any port object. All ports under one fault share one count of calls, so that a test can
walk through a whole run and strike at each of its steps in turn.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import Enum
from random import Random
from typing import Any, TypeVar, cast

from shared.domain.errors import ScribeError, StoreUnavailable

P = TypeVar("P")


class When(Enum):
    """What a fault does to the call it strikes."""

    BEFORE = "refused before it took effect"
    AFTER = "took effect, the answer lost"
    DIES_BEFORE = "process died before it took effect"
    DIES_AFTER = "process died right after it took effect"


class Fault:
    """One fault at the `at`-th call, counted from 1 over all ports it is laid over; none without `at`.

    A process that died does nothing any more: every later call through its ports is cancelled too. Any other fault
    strikes once.
    """

    def __init__(
        self, at: int | None = None, when: When = When.BEFORE, *, error: Callable[[], ScribeError] = StoreUnavailable
    ) -> None:
        self._at = at
        self._when = when
        self._error = error
        self.calls: list[str] = []
        """Every call that was made, by name."""
        self.dead = False

    def over(self, port: P) -> P:
        """The port with this fault in it."""
        return cast("P", Failing(port, self))

    def before(self, call: str) -> None:
        """Strike before the call takes effect, if that is what is asked. Raises: the fault's error."""
        if self.dead:
            raise asyncio.CancelledError
        self.calls.append(call)
        self._strike(When.BEFORE, When.DIES_BEFORE)

    def after(self, number: int) -> None:
        """Strike after call `number` took effect, if that is what is asked. Raises: the fault's error."""
        if self.dead:
            raise asyncio.CancelledError
        if number == self._at:
            self._strike(When.AFTER, When.DIES_AFTER, number)

    def _strike(self, fails: When, dies: When, number: int | None = None) -> None:
        if (number or len(self.calls)) != self._at:
            return
        if self._when is dies:
            self.dead = True
            raise asyncio.CancelledError
        if self._when is fails:
            raise self._error()


class Storm(Fault):
    """Faults of all kinds at calls that `seed` decides, `strikes` of them; what dies is started again by the test."""

    def __init__(self, seed: int, strikes: int, *, one_in: int = 12) -> None:
        super().__init__()
        self._random = Random(seed)  # noqa: S311 (an order of events, not a secret)
        self._strikes = strikes
        self._one_in = one_in

    def before(self, call: str) -> None:
        """See Fault."""
        if self._strikes and self._random.randrange(self._one_in) == 0:
            self._strikes -= 1
            self._at, self._when = len(self.calls) + 1, self._random.choice(list(When))
        super().before(call)


class Failing:
    """Any port with a fault laid over its calls."""

    def __init__(self, port: object, fault: Fault) -> None:
        self._port = port
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        wrapped = getattr(self._port, name)
        if inspect.isasyncgenfunction(wrapped):
            return _listing(wrapped, self._fault)
        return _calling(wrapped, self._fault) if inspect.iscoroutinefunction(wrapped) else wrapped


def _calling(wrapped: Callable[..., Awaitable[Any]], fault: Fault) -> Callable[..., Awaitable[Any]]:
    async def call(*args: Any, **named: Any) -> Any:
        fault.before(wrapped.__name__)
        number = len(fault.calls)
        result = await wrapped(*args, **named)
        fault.after(number)
        return result

    return call


def _listing(wrapped: Callable[..., AsyncIterator[Any]], fault: Fault) -> Callable[..., AsyncIterator[Any]]:
    async def pieces(*args: Any, **named: Any) -> AsyncIterator[Any]:
        fault.before(wrapped.__name__)
        number = len(fault.calls)
        async for piece in wrapped(*args, **named):
            yield piece
        fault.after(number)

    return pieces


class Hesitant:
    """Any port whose calls let others go first now and then: the in-memory twins alone never give way."""

    def __init__(self, port: object, seed: int) -> None:
        self._port = port
        self._random = Random(seed)  # noqa: S311 (an order of events, not a secret)

    @classmethod
    def over(cls, port: P, seed: int) -> P:
        """The port, hesitating in a way that `seed` decides."""
        return cast("P", cls(port, seed))

    def __getattr__(self, name: str) -> Any:
        wrapped = getattr(self._port, name)
        if not inspect.iscoroutinefunction(wrapped):
            return wrapped

        async def call(*args: Any, **named: Any) -> Any:
            await self._give_way()
            result = await wrapped(*args, **named)
            await self._give_way()
            return result

        return call

    async def _give_way(self) -> None:
        for _ in range(self._random.randrange(4)):
            await asyncio.sleep(0)


class Pause:
    """Holds up the first call of one method, before or after it took effect, until the test says `go`."""

    def __init__(self, method: str, when: When = When.BEFORE) -> None:
        self._method = method
        self._when = when
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    def over(self, port: P) -> P:
        """The port with this pause in it."""
        return cast("P", Pausing(port, self))

    async def hold(self, method: str, when: When) -> None:
        """Wait, if this is the moment."""
        if (method, when) == (self._method, self._when) and not self.reached.is_set():
            self.reached.set()
            await self.go.wait()


class Pausing:
    """Any port with a pause in it."""

    def __init__(self, port: object, pause: Pause) -> None:
        self._port = port
        self._pause = pause

    def __getattr__(self, name: str) -> Any:
        wrapped = getattr(self._port, name)
        if not inspect.iscoroutinefunction(wrapped):
            return wrapped

        async def call(*args: Any, **named: Any) -> Any:
            await self._pause.hold(name, When.BEFORE)
            result = await wrapped(*args, **named)
            await self._pause.hold(name, When.AFTER)
            return result

        return call
