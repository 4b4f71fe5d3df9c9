"""Shared access signatures: addresses of single blobs that need no other credentials, for a while."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from azure.storage.blob import BlobSasPermissions, UserDelegationKey, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient

PERMISSIONS = BlobSasPermissions(read=True, create=True, write=True)
_KEY_LASTS = timedelta(hours=24)
_CLOCKS_DIFFER_BY = timedelta(minutes=15)


class Signatures:
    """Signs with the account's key where the client has it, else with a key that the service lends to the app.

    A key that is lent is kept and used for as long as what it signs expires before it does.
    """

    def __init__(self) -> None:
        self._lent: tuple[datetime, UserDelegationKey] | None = None
        self._lock = asyncio.Lock()

    async def of_blob(self, service: BlobServiceClient, container: str, name: str, expires: datetime) -> str:
        """The query that lets its bearer write and read the blob until `expires`; https only where the account is."""
        account_key = getattr(service.credential, "account_key", None)
        lent = await self._lend(service, expires) if account_key is None else None
        return generate_blob_sas(
            str(service.account_name),
            container,
            name,
            account_key=account_key,
            user_delegation_key=lent,
            permission=PERMISSIONS,
            expiry=expires,
            protocol="https" if service.url.startswith("https:") else None,
        )

    async def _lend(self, service: BlobServiceClient, expires: datetime) -> UserDelegationKey:
        async with self._lock:
            if self._lent is None or self._lent[0] < expires:
                now = datetime.now(UTC)
                until = max(now + _KEY_LASTS, expires)
                key = await service.get_user_delegation_key(now - _CLOCKS_DIFFER_BY, until)
                self._lent = (until, key)
            return self._lent[1]
