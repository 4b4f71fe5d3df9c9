"""Replace data keys that have become too old or have leaked, and encrypt anew what lies under them.

    1 due       the list of data keys says of whom something may lie under a key too old
    2 new key   unless an earlier run has made it; from here on it encrypts
    3 renew     all that older keys have encrypted
    4 look      again, in a later run: a process may have remembered the older key for a while
    5 settled   the list says how old the oldest key in use is now: for a year there is nothing to do

Nothing is written down but what is so, hence a run may end anywhere and the next one goes on. Older keys stay: see
ADR 29. Erasure is never kept waiting: what it takes is gone for this as well.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.crypto.keyring import Keyrings
from shared.domain.audit import Access
from shared.domain.errors import DecryptionFailed, NotFound, ScribeError
from shared.domain.limits import Limits
from shared.domain.relationship import Named
from shared.domain.rotation import DataKeyRules
from shared.ports import Clock
from shared.services.audit import AuditTrail
from shared.services.renew_envelopes import Envelopes, Renewal, expires_after, is_relationship

log = logging.getLogger(__name__)


@dataclass
class Rotated:
    """What a run did: relationships that are settled, still open, and with something that does not open."""

    settled: int = 0
    open: int = 0
    renewed: int = 0
    """Items and blobs with something that was encrypted anew."""
    failed: tuple[str, ...] = ()


class KeyRotation:
    """Rotates data keys, as much as fits into one run; safe beside another and beside all other work."""

    def __init__(
        self,
        *,
        keyrings: Keyrings,
        envelopes: Envelopes,
        audit: AuditTrail,
        clock: Clock,
        limits: Limits,
        rules: DataKeyRules,
    ) -> None:
        self._keyrings = keyrings
        self._envelopes = envelopes
        self._audit = audit
        self._clock = clock
        self._limits = limits
        self._rules = rules

    async def run(self) -> Rotated:
        """Go through the list of those that are due. One relationship's trouble does not keep the others waiting.

        Raises: the last error met, at the end.
        """
        began, done = self._clock.now(), Rotated()
        before, until = self._rules.outdated_before(began), began + self._rules.run_time
        trouble: ScribeError | None = None
        async for relationship in self._keyrings.older_than(before):
            if self._clock.now() >= until:
                done.open += 1
                continue
            try:
                await self._rotate(relationship, before, until, done)
            except DecryptionFailed as error:
                done.failed += (relationship,)
                log.error("relationship %s: a data key cannot be rotated: %s", relationship, error)  # noqa: TRY400
            except ScribeError as error:
                done.open += 1
                log.warning("relationship %s: rotating its data key met %s", relationship, error.code)
                trouble = error
        if done != Rotated():
            log.info(
                "data keys: %d relationships settled, %d open, %d with what does not open; %d items encrypted anew",
                *(done.settled, done.open, len(done.failed), done.renewed),
            )
        if trouble is not None:
            raise trouble
        return done

    async def _rotate(self, relationship: str, before: datetime, until: datetime, done: Rotated) -> None:
        began = self._clock.now()
        try:
            newest = await self._keyrings.rotate(relationship, made_before=before)
            if newest is None:
                await self._keyrings.renewed(relationship, began)  # never used: its first key will be younger
                return
            several = len((await self._keyrings.of(relationship)).keys) > 1
            renewal = await self._envelopes.renew(relationship, until) if several else Renewal()
        except NotFound as error:
            if error.code != "relationship_erased":
                raise
            return
        done.renewed += renewal.renewed
        if renewal.unreadable:
            done.failed += (relationship,)
        elif renewal.complete and began - newest.created >= self._remembered(relationship):
            if several and is_relationship(relationship):
                await self._audit.append(relationship, _access(relationship))
            await self._keyrings.renewed(relationship, newest.created)
            done.settled += 1
        else:
            done.open += 1

    def _remembered(self, relationship: str) -> timedelta:
        """For how long after a new key was made something may yet come to lie, or stay, under an older one."""
        return self._limits.settled_after + (expires_after(relationship) or timedelta(0))


def _access(relationship: str) -> Access:
    resources = (Named(relationship).resource,)
    return Access(caller="session-scribe", roles=(), operation="rotate_keys", resources=resources, outcome="ok")
