"""Addresses of services."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


def _checked(url: str) -> str:
    """Raises: ValueError for anything a key or token must not be sent to."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _THIS_MACHINE):
        raise ValueError("must begin with https:// (http:// on this machine only)")
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("must be the address of a service, without user, query or fragment")
    return url.rstrip("/")


ServiceUrl = Annotated[str, AfterValidator(_checked)]
"""https, or http on this machine; without a slash at its end."""
