"""Processing sessions: what partners send, and for how long it stays."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, Field


class ProcessingSettings(BaseModel):
    """The door for partners."""

    max_recording_bytes: int = Field(default=1024**3, ge=1)
    """Of a recording that is fetched. Three hours are 350 MB as an MP3 of 256 kbit/s."""
    upload_url_valid: timedelta = timedelta(hours=1)
    """How long a signed address takes a recording."""
    uploads_kept: timedelta = timedelta(days=1)
    """How long, in whole days, a recording stays where a partner has put it; by then it has been fetched."""
