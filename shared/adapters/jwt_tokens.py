"""Bearer tokens: JSON Web Tokens signed by the issuer we trust (RFC 7519, checked as RFC 8725 asks)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import jwt
from jwt import PyJWK, PyJWKClient, PyJWKSet

from shared.domain.caller import Caller, Role
from shared.domain.errors import NotAuthenticated, Transient

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Asymmetric ones only: with HS256 allowed, whoever knows a public key could sign."""

_REQUIRED = ("exp", "sub", "iss", "aud")
_LEEWAY_S = 30
_FETCH_TIMEOUT_S = 5
_KEYS_KEPT_S = 300
_REFETCH_PAUSE_S = 30


class JwtVerifier:
    """Checks bearer tokens against an issuer's published keys.

    `jwks_url` is http(s), or `file://` for the local issuer. Keys are fetched on first use and kept for five
    minutes; a token naming an unknown key makes them be fetched again, at most every 30 seconds.
    """

    def __init__(self, *, issuer: str, audience: str, jwks_url: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys: _Keys = _FileKeys(jwks_url) if jwks_url.startswith("file:") else _FetchedKeys(jwks_url)
        self._known: dict[str, tuple[float, PyJWK]] = {}

    async def verify(self, token: str) -> Caller:
        """Who the token's bearer is. Roles we do not know are left out.

        Raises: NotAuthenticated (`token_expired`; `token_invalid` for anything else wrong with it);
        Transient (`issuer_unavailable`) when the issuer's keys cannot be had, which is not the caller's fault.
        """
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            if not isinstance(kid, str):
                raise _invalid()
            claims = self._claims(token, await self._key(kid))
        except jwt.ExpiredSignatureError:
            raise NotAuthenticated("the token has expired", code="token_expired") from None
        except jwt.PyJWTError:
            raise _invalid() from None  # the cause may quote the token
        return Caller(id=claims["sub"], roles=_roles(claims))

    async def _key(self, kid: str) -> PyJWK:
        """A key already known costs no thread: callers must get in while long work keeps the threads busy."""
        until, key = self._known.get(kid, (0.0, None))
        if key is not None and time.monotonic() < until:
            return key
        try:
            found = await asyncio.to_thread(self._keys.find, kid)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, OSError, ValueError) as exc:
            why = type(exc).__name__
            raise Transient(f"the token issuer's keys cannot be read: {why}", code="issuer_unavailable") from None
        self._known[kid] = (time.monotonic() + _KEYS_KEPT_S, found)
        return found

    def _claims(self, token: str, key: PyJWK) -> Mapping[str, Any]:
        if key.algorithm_name not in ALGORITHMS:
            raise _invalid()
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=self._audience,
            issuer=self._issuer,
            leeway=_LEEWAY_S,
            options={"require": list(_REQUIRED)},
        )
        if not claims["sub"]:
            raise _invalid()
        return claims


class _Keys(Protocol):
    def find(self, kid: str) -> PyJWK:
        """The key with this id; blocks. Raises: PyJWKClientError when the issuer has none such."""
        ...


class _FetchedKeys:
    def __init__(self, url: str) -> None:
        self._client = PyJWKClient(
            url, lifespan=_KEYS_KEPT_S, timeout=_FETCH_TIMEOUT_S, cooldown_duration=_REFETCH_PAUSE_S
        )

    def find(self, kid: str) -> PyJWK:
        return self._client.get_signing_key(kid)


class _FileKeys:
    def __init__(self, url: str) -> None:
        self._path = Path(url2pathname(urlsplit(url).path))

    def find(self, kid: str) -> PyJWK:
        published = json.loads(self._path.read_bytes())
        if not isinstance(published, dict):
            raise jwt.PyJWKSetError("not a key set")
        for key in PyJWKSet.from_dict(published).keys:
            if key.key_id == kid:
                return key
        raise jwt.PyJWKClientError("no such key")


def _roles(claims: Mapping[str, Any]) -> frozenset[Role]:
    """From `roles`, a list, or `role`, one."""
    given = claims.get("roles", claims.get("role"))
    names: Iterable[Any] = given if isinstance(given, list) else [given]
    return frozenset(role for role in Role if role.value in names)


def _invalid() -> NotAuthenticated:
    return NotAuthenticated("the token is not valid", code="token_invalid")
