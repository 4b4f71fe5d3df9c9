"""Who is calling: a bearer token or an API key becomes a Caller."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from shared.bootstrap import Services, services
from shared.domain.caller import Caller
from shared.domain.errors import NotAuthenticated
from shared.services.api_keys import PREFIX

_bearer = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="A token of the configured issuer, or a partner's API key."
)
_api_key = APIKeyHeader(
    name="x-api-key", auto_error=False, description="A partner's API key (`ssk_…`). `Authorization` goes before it."
)


async def _services() -> Services:
    return services()


App = Annotated[Services, Depends(_services)]


async def _caller(
    app: App,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    api_key: Annotated[str | None, Depends(_api_key)],
) -> Caller:
    if credentials is not None and not credentials.credentials.startswith(PREFIX):
        return await app.tokens.verify(credentials.credentials)
    secret = credentials.credentials if credentials is not None else api_key
    if not secret:
        raise NotAuthenticated("send a token or an API key: Authorization: Bearer …", code="token_missing")
    return await app.api_keys.verify(secret)


CallerNow = Annotated[Caller, Depends(_caller)]
