"""Requests to addresses that partners chose."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, Field


class WebSettings(BaseModel):
    """How far the web is reached, and for how long."""

    allow_loopback: bool = False
    """Let 127.0.0.1 and ::1 be reached: for a laptop and for tests, never where partners are not its owner."""
    nameservers: tuple[str, ...] = ()
    """DNS servers as `address` or `address:port`; empty for those of this machine."""
    max_redirects: int = Field(default=5, ge=0)
    """Followed by one download."""
    max_time: timedelta = timedelta(minutes=30)
    """Of one download, from the first name that is looked up to the last byte."""
    idle_time: timedelta = timedelta(seconds=30)
    """Between two pieces of an answer."""
    connect_time: timedelta = timedelta(seconds=10)
    """To look up a name, and to connect."""
