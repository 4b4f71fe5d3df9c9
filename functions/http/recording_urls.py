"""Where partners may put a recording before they ask for it to be processed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Response
from pydantic import Field, StringConstraints

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import CamelModel, Text
from functions.http.relationships import FOR_SERVICES
from shared.domain.caller import Role, require_role

ContentType = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+-]{1,64}$")]


class Upload(CamelModel):
    """What is to be uploaded. Of the name only the extension is kept."""

    file_name: Text | None = Field(default=None, max_length=512)
    content_type: ContentType | None = None


class RecordingUrl(CamelModel):
    """PUT the recording to `recordingUrl` with these headers, then pass the same URL on."""

    recording_url: str
    method: Literal["PUT"] = "PUT"
    headers: dict[str, str]
    expires_at: datetime


@operation("POST", "recording-url", summary="An address to upload a recording to", responses=FOR_SERVICES)
async def create_recording_url(
    app: App, caller: CallerNow, response: Response, upload: Upload | None = None
) -> RecordingUrl:
    """Signed and short-lived: whoever has it may write and read this one file. What is put there stays a day."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    upload = upload or Upload()
    made = await app.partner_uploads.url(caller, filename=upload.file_name, content_type=upload.content_type)
    response.headers["Cache-Control"] = "no-store"
    return RecordingUrl(
        recording_url=made.url,
        headers={"x-ms-blob-type": "BlockBlob", "Content-Type": made.content_type},
        expires_at=made.expires,
    )
