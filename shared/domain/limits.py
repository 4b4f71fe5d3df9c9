"""The numbers the use cases go by, in one place."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.model import Model


class Limits(Model):
    """Sizes in bytes. Defaults are the product's; settings may change them."""

    max_chunk_bytes: int = 100 * 1024 * 1024
    gap_timeout: timedelta = timedelta(minutes=30)
    """Without a new chunk for this long, a session is sealed with what is here."""
    claim_lease: timedelta = timedelta(seconds=60)
    """How long a worker may be silent before its work is given to another."""
    push_after: timedelta = timedelta(minutes=5)
    """How long a session may stand still, with nobody at work on it, before the sweeper starts its stage again."""
    max_attempts: int = 8
    """Starts of one stage after which the sweeper gives up on the session."""
    settled_after: timedelta = timedelta(minutes=10)
    """How long a finished session stays on the sweeper's list, in case a late chunk re-opens it."""
