"""When data keys are replaced."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import AwareDatetime, Field

from shared.domain.model import Model


class DataKeyRules(Model):
    """How long data keys encrypt, and how much of a rotation is done at a time (durations ISO 8601)."""

    max_age: timedelta = Field(default=timedelta(days=365), ge=timedelta(days=1))
    """A data key older than this is replaced, and what lies under it encrypted anew with the next."""
    replace_before: AwareDatetime | None = None
    """Data keys made before this moment (`2026-11-26T09:30:00Z`) are replaced whatever their age: they have leaked."""
    run_time: timedelta = Field(default=timedelta(minutes=5), gt=timedelta(0))
    """After this long a run begins nothing more; the next goes on."""

    def outdated_before(self, now: datetime) -> datetime:
        """Data keys made before this moment are to be replaced. One that is yet to come is not gone by."""
        oldest = now - self.max_age
        given = self.replace_before
        return max(oldest, given) if given is not None and given <= now else oldest
