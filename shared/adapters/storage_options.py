"""How long Azure Storage is waited for, blobs and queues alike."""

from __future__ import annotations

from typing import Any

TIMEOUTS = {
    # Better a 503 in seconds and the caller's own retry than minutes of silence.
    "connection_timeout": 3,
    "read_timeout": 10,
}
"""Seconds; `read_timeout` is between two pieces of an answer. Keyword arguments of a transport, as of a client."""

OPTIONS: dict[str, Any] = {
    **TIMEOUTS,
    "retry_total": 1,
    # The SDK would wait 15 s before its first retry.
    "initial_backoff": 1,
    "increment_base": 1,
    "random_jitter_range": 1,
    # A request that was sent and not answered is the caller's to repeat, who knows what it means if it took effect.
    "retry_read": 0,
}
"""Keyword arguments of the SDK's clients."""
