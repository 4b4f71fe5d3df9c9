"""Follow up a new version of the key-encryption key: no data key stays wrapped by an old one.

Ciphertexts and data keys stay as they are; only their wrapping changes. Until a data key's turn comes, the old version
unwraps it: it may be disabled once a run has left nothing behind.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from shared.crypto.keyring import Keyrings
from shared.domain.errors import DecryptionFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rewrapped:
    """What a run did: data keys it wrapped anew, and relationships with one that does not unwrap."""

    keys: int
    failed: tuple[str, ...]


async def rewrap_keys(keyrings: Keyrings) -> Rewrapped:
    """Wrap every data key under the current version.

    May be called any number of times; a run that ends early is gone on with by the next. One relationship that cannot
    be done does not hold up the others.
    Raises: StoreUnavailable.
    """
    keys, failed = 0, list[str]()
    async for relationship in keyrings.behind():
        try:
            keys += await keyrings.rewrap(relationship)
        except DecryptionFailed as error:
            failed.append(relationship)
            log.error("relationship %s: a data key cannot be rewrapped: %s", relationship, error)  # noqa: TRY400
    if keys or failed:
        log.info("rewrapped %d data keys, could not in %d relationships", keys, len(failed))
    return Rewrapped(keys, tuple(failed))
