"""The public web, as far as it may be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class Downloaded:
    """What came: its size in bytes and the type the server gave it."""

    size: int
    content_type: str


class Web(Protocol):
    """Requests to addresses that others chose.

    Every address is resolved and checked before it is connected to, at each redirect again, and the connection goes
    to the very address that was checked: nothing private, loopback, link-local, multicast, reserved or of a cloud's
    metadata service is ever reached, whatever its spelling.
    """

    async def check(self, url: str) -> None:
        """Whether the URL may be asked at all. Raises: InvalidInput (`url_not_allowed`), SourceUnavailable."""
        ...

    async def download(self, url: str, into: BinaryIO, *, max_bytes: int) -> Downloaded:
        """Write what the URL holds to `into`, in bounded pieces.

        Raises: SourceRefused (`recording_unusable`: a 4xx, too large, too many redirects, an address that may not be
        reached) for good; SourceUnavailable (no answer, a 5xx, a 429, cut off), after which the call may be repeated.
        """
        ...

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> int:
        """Send JSON bytes, follow no redirect, give the answer's status.

        Raises: InvalidInput (`url_not_allowed`); SourceUnavailable when nothing answers within `timeout_s` seconds.
        """
        ...
