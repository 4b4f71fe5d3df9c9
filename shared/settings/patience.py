"""How patiently an Azure service is asked again."""

from __future__ import annotations

from pydantic import BaseModel, Field


class PatienceSettings(BaseModel):
    """After 408, 429, 5xx and lost connections."""

    retries: int = Field(default=4, ge=0)
    """Tries after the first."""
    first_wait_s: float = Field(default=1.0, ge=0)
    """Seconds before the second try, doubled before each further one; a server's `Retry-After` goes before."""
    longest_wait_s: float = Field(default=30.0, ge=0)
    """Seconds of the longest wait. A server that asks for more is tried again by the host later."""
