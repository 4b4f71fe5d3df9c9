"""Reading the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import NEXT_PAGE
from functions.http.problems import Problem
from shared.domain.caller import Role, require_role
from shared.domain.ids import ID_PATTERN


class AuditEntry(BaseModel):
    """Who did what to which resources of the scope. `hash` is over all other fields, `previous` among them."""

    sequence: int
    at: datetime
    caller: str
    roles: list[str]
    operation: str
    resources: list[str]
    outcome: str
    previous: str
    hash: str


class Audit(BaseModel):
    """A page of a scope's entries, oldest first. `verified` is for this page and its link to the one before."""

    scope: str
    entries: list[AuditEntry]
    verified: bool
    broken_at: int | None


class AuditFilter(BaseModel):
    """Which trail; `scope` is a relationship's `therapist_clientid`."""

    scope: str = Field(pattern=ID_PATTERN)
    limit: int = Field(default=100, ge=1, le=500)
    continuation: str | None = Field(default=None, max_length=4096)


@operation(
    "GET",
    "audit",
    summary="Who touched a relationship's data",
    responses={
        403: {"model": Problem, "description": "For admins only"},
        200: NEXT_PAGE,
    },
)
async def get_audit(app: App, caller: CallerNow, wanted: Annotated[AuditFilter, Query()], response: Response) -> Audit:
    """Also of relationships that are erased. When every page is verified, so is the trail."""
    require_role(caller, Role.ADMIN)
    page = await app.audit.page(wanted.scope, limit=wanted.limit, continuation=wanted.continuation)
    if page.continuation is not None:
        response.headers["x-continuation"] = page.continuation
    return Audit(
        scope=wanted.scope,
        entries=[AuditEntry.model_validate(entry.model_dump()) for entry in page.entries],
        verified=page.broken_at is None,
        broken_at=page.broken_at,
    )
