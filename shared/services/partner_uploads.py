"""Where partners put recordings that they want processed: a day's stay, under names that say nothing."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from uuid import uuid4

from shared.domain.caller import Caller
from shared.domain.names import PARTNER_UPLOADS
from shared.ports import BlobStore, Clock

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}")
_NAME = re.compile(r"\d{4}-\d\d-\d\d/(?P<partner>[0-9a-f]{16})/[0-9a-f-]{36}(?:\.[A-Za-z0-9]{1,8})?")


@dataclass(frozen=True)
class UploadUrl:
    """An address that takes one PUT, and reads, until it expires."""

    url: str
    content_type: str
    expires: datetime


class PartnerUploads:
    """Signed addresses, and the end of what was put there."""

    def __init__(self, blobs: BlobStore, clock: Clock, *, valid: timedelta, kept: timedelta) -> None:
        self._blobs = blobs
        self._clock = clock
        self._valid = valid
        self._kept = kept

    async def url(self, caller: Caller, *, filename: str | None, content_type: str | None) -> UploadUrl:
        """An address of its own for each request. Of the file's name, which may be a patient's, the extension stays.

        Raises: StoreUnavailable.
        """
        now = self._clock.now()
        extension = PurePosixPath(filename or "").suffix
        name = f"{now:%Y-%m-%d}/{_folder(caller.id)}/{uuid4()}"
        name += extension if _EXTENSION.fullmatch(extension) else ""
        expires = now.replace(microsecond=0) + self._valid
        url = await self._blobs.signed_upload_url(PARTNER_UPLOADS, name, expires=expires)
        return UploadUrl(url, content_type or "application/octet-stream", expires)

    async def expire(self) -> None:
        """Delete what was put here longer ago than uploads are kept, whether it was used or not."""
        oldest = f"{self._clock.now() - self._kept:%Y-%m-%d}"
        async for blob in self._blobs.list(PARTNER_UPLOADS, ""):
            if blob.name >= oldest:  # names begin with their day, and come in order
                return
            await self._blobs.delete(PARTNER_UPLOADS, blob.name)


def is_upload_of(partner: str, name: str) -> bool:
    """Whether a blob is one that this partner was given an address for."""
    found = _NAME.fullmatch(name)
    return found is not None and found["partner"] == _folder(partner)


def _folder(partner: str) -> str:
    """A caller's id may hold characters that a path may not."""
    return hashlib.sha256(partner.encode()).hexdigest()[:16]
