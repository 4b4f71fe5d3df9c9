"""How patiently an Azure service is asked again."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, Field


class PatienceSettings(BaseModel):
    """After 408, 429, 5xx and lost connections. Waits are ISO 8601 (`PT2S`)."""

    attempts: int = Field(default=5, ge=1)
    """How often the service is asked before the host's own retry takes over."""
    first_wait: timedelta = timedelta(seconds=1)
    """Between the first two attempts; doubled with each. A service that asks for more is given it…"""
    longest_wait: timedelta = timedelta(seconds=30)
    """…up to this: one that asks for more still is left to the host's retry."""
