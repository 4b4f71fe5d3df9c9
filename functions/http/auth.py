"""Who is calling: a bearer token becomes a Caller."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.bootstrap import Services, services
from shared.domain.caller import Caller
from shared.domain.errors import NotAuthenticated

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A token of the configured issuer.")


async def _services() -> Services:
    return services()


App = Annotated[Services, Depends(_services)]


async def _caller(app: App, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    if credentials is None:
        raise NotAuthenticated("send a token: Authorization: Bearer …", code="token_missing")
    return await app.tokens.verify(credentials.credentials)


CallerNow = Annotated[Caller, Depends(_caller)]
