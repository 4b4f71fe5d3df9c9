"""The data keys of a relationship, for the web apps of those it belongs to."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Response
from pydantic import BaseModel

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.transcripts import NOT_FOUND
from shared.domain.ids import ID_PATTERN


class DataKey(BaseModel):
    """An AES-256 key, Base64; `kid` is what envelopes name it by."""

    kid: UUID
    key: str
    created: datetime


class DataKeys(BaseModel):
    """Oldest first: the last one encrypts, all decrypt."""

    keys: list[DataKey]


@operation(
    "GET",
    "relationships/{therapist_clientid}/keys",
    summary="Data keys that open a relationship's envelopes",
    responses=NOT_FOUND,
)
async def get_relationship_keys(
    app: App, caller: CallerNow, response: Response, therapist_clientid: Annotated[str, Path(pattern=ID_PATTERN)]
) -> DataKeys:
    """What the API returns stays encrypted up to the client; this is what it opens it with."""
    await app.relationships.reach(caller, therapist_clientid)
    keyring = await app.keyrings.load(therapist_clientid)
    response.headers["Cache-Control"] = "no-store"
    return DataKeys(
        keys=[
            DataKey(kid=key.kid, key=base64.b64encode(key.secret).decode("ascii"), created=key.created)
            for key in keyring.keys
        ]
    )
