"""What a request was let near and what was kept from it, noted where that is decided.

Every decision about patient data goes through `may_reach`, which notes it here. So an operation can neither forget to
be audited nor hide a refusal, and need not know that there is an audit trail. Outside a request nothing is noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol


class Resource(Protocol):
    """Something of a relationship: the relationship itself, a session, a record."""

    @property
    def relationship_id(self) -> str:
        """The wire's `therapist_clientid`."""
        ...

    @property
    def resource(self) -> str:
        """What it is, by its id: `session:s1`, `transcript:17`."""
        ...


@dataclass(frozen=True)
class Decision:
    """One answer to the question whether a caller may reach something."""

    relationship_id: str
    resource: str
    allowed: bool


_decisions: ContextVar[list[Decision] | None] = ContextVar("decisions", default=None)


@contextmanager
def noting() -> Iterator[list[Decision]]:
    """The list that decisions are noted in while the block runs, also by tasks that it starts.

    A block within another passes on at its end what it has noted.
    """
    noted: list[Decision] = []
    before = _decisions.set(noted)
    try:
        yield noted
    finally:
        _decisions.reset(before)
        outer = _decisions.get()
        if outer is not None:
            outer.extend(noted)


def note(what: Resource, *, allowed: bool) -> None:
    """Take down a decision."""
    noted = _decisions.get()
    if noted is not None:
        noted.append(Decision(what.relationship_id, what.resource, allowed))
