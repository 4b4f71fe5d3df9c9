"""The numbers the use cases go by, in one place."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.model import Model


class Limits(Model):
    """Sizes in bytes. Defaults are the product's; settings may change them."""

    max_chunk_bytes: int = 100 * 1024 * 1024
    max_document_bytes: int = 500 * 1024 * 1024
    """The host refuses bodies above FUNCTIONS_REQUEST_BODY_SIZE_LIMIT (100 MiB unless set) before the app sees them."""
    max_documents: int = 20
    """Files of one upload: they are read one after the other."""
    reading_time: timedelta = timedelta(seconds=200)
    """To read the documents of one request; with the next one it goes on. The host ends an answer after 230 seconds."""
    gap_timeout: timedelta = timedelta(minutes=30)
    """Without a new chunk for this long, a session is sealed with what is here."""
    settle_after: timedelta = timedelta(minutes=1)
    """Without a new chunk for this long, file numbers that begin high are believed to begin there."""
    claim_lease: timedelta = timedelta(seconds=60)
    """How long a worker may be silent before its work is given to another."""
    push_after: timedelta = timedelta(minutes=5)
    """How long a session may stand still, with nobody at work on it, before the sweeper starts its stage again."""
    max_attempts: int = 8
    """Starts of one stage after which the sweeper gives up on the session."""
    settled_after: timedelta = timedelta(minutes=10)
    """How long a finished session stays on the sweeper's list, in case a late chunk re-opens it.

    An erasure is gone through again after as long: it must outlast uploads, claims, and what processes remember.
    """
