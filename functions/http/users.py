"""The clinicians whose sessions a partner sends."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response
from pydantic import Field

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import NEXT_PAGE, CamelModel, Text
from functions.http.problems import Problem
from functions.http.relationships import FOR_SERVICES
from shared.domain.caller import Role, require_role
from shared.services.users import User as Row
from shared.services.users import uuid_or_none

NOT_FOUND = {404: {"model": Problem, "description": "No such user, or not yours"}}
PartnerUserId = Annotated[Text, Field(min_length=1, max_length=255)]


class NewUser(CamelModel):
    """All of it is the partner's own: `partnerUserId` is its id for the clinician."""

    partner_user_id: PartnerUserId | None = None
    display_name: Annotated[Text, Field(max_length=200)] | None = None
    note_identifier: Annotated[Text, Field(max_length=200)] | None = None


class UserMade(CamelModel):
    """`userId` is what processing sessions name their owner by."""

    user_id: UUID


class User(NewUser, UserMade):
    """A user as they were made."""


class KnownBy(CamelModel):
    """The partner's own id for a user."""

    partner_user_id: PartnerUserId


class UserCheck(CamelModel):
    """`userId` is null where there is no such user."""

    is_user_exists: bool
    user_id: UUID | None


@operation(
    "POST",
    "users",
    summary="Make a user",
    status_code=201,
    responses={**FOR_SERVICES, 409: {"model": Problem, "description": "There is a user with this partnerUserId"}},
)
async def create_user(app: App, caller: CallerNow, new: NewUser) -> UserMade:
    """Without a `partnerUserId` each request makes another."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    user = await app.users.create(
        caller,
        partner_user_id=new.partner_user_id,
        display_name=new.display_name,
        note_identifier=new.note_identifier,
    )
    return UserMade(user_id=UUID(user.id))


@operation("GET", "users", summary="Your users", responses={**FOR_SERVICES, 200: NEXT_PAGE})
async def list_users(
    app: App,
    caller: CallerNow,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    continuation: Annotated[str | None, Query(max_length=64)] = None,
) -> list[User]:
    """Those that the caller has made, in order of id."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    page = await app.users.page(caller, limit=limit, continuation=continuation)
    if page.continuation is not None:
        response.headers["x-continuation"] = page.continuation
    return [_user(row) for row in page.users]


@operation("GET", "users/{user_id}", summary="A user", responses={**FOR_SERVICES, **NOT_FOUND})
async def get_user(app: App, caller: CallerNow, user_id: Annotated[str, Path(max_length=64)]) -> User:
    """By the UUID, not by the partner's own id: for that there is the check."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    return _user(await app.users.get(caller, uuid_or_none(user_id) or ""))


@operation("POST", "users/check", summary="Whether there is a user with an id of yours", responses=FOR_SERVICES)
async def check_user(app: App, caller: CallerNow, known_by: KnownBy) -> UserCheck:
    """Answers 200 either way."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    user = await app.users.check(caller, known_by.partner_user_id)
    return UserCheck(is_user_exists=user is not None, user_id=UUID(user.id) if user is not None else None)


def _user(row: Row) -> User:
    return User(
        user_id=UUID(row.id),
        partner_user_id=row.partner_user_id,
        display_name=row.display_name,
        note_identifier=row.note_identifier,
    )
