"""The audit trail as a value: entries of a scope, each holding the hash of the one before.

1 ──hash──► 2 ──hash──► 3 …       numbers without a gap; changing, removing or inserting an entry breaks a link
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from shared.domain.model import Model

NOTHING_BEFORE = "0" * 64
"""What the first entry of a scope holds as the previous hash."""


class Access(Model):
    """Who did what to which resources, and how it ended: ids only."""

    caller: str
    roles: tuple[str, ...]
    operation: str
    resources: tuple[str, ...]
    outcome: str
    """`ok`, `denied`, or the code of the error it ended with."""


class AuditEntry(Access):
    """An access with its place in the chain. `scope` is the relationship's id."""

    scope: str
    sequence: int
    """From 1."""
    at: str
    previous: str
    hash: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over everything but `hash`: what `hash` must be."""
        body = self.model_dump(mode="json", exclude={"hash"}, exclude_unset=True)  # a later version knows more fields
        return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def following(last: AuditEntry | None, scope: str, access: Access, at: str) -> AuditEntry:
    """The entry that comes after `last`, the newest of the scope, or is its first."""
    entry = AuditEntry(
        **access.model_dump(),
        scope=scope,
        sequence=last.sequence + 1 if last else 1,
        at=at,
        previous=last.hash if last else NOTHING_BEFORE,
    )
    return entry.model_copy(update={"hash": entry.digest})


def broken_at(entries: Sequence[AuditEntry], before: AuditEntry | None) -> int | None:
    """The number of the first entry that is not what was written there; None when all hold.

    `entries` are in order and follow `before`, or begin the scope when that is None.
    """
    number, previous = (before.sequence, before.hash) if before else (0, NOTHING_BEFORE)
    for entry in entries:
        number += 1
        if (entry.sequence, entry.previous, entry.hash) != (number, previous, entry.digest):
            return number
        previous = entry.hash
    return None
