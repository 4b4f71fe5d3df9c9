"""The key-encryption key in Azure Key Vault: an RSA key that wraps with RSA-OAEP-256 and never leaves the vault.

Wrapping takes the public half of the newest version and happens here; unwrapping happens in the vault, under the
version that wrapped. What was unwrapped is kept for minutes by `Keyrings`, not here, so that there is one place to
look for keys in memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from shared.adapters.azure_answers import DENIED, Patience
from shared.adapters.azure_calls import meaning_of_azure_error, patiently
from shared.domain.errors import DecryptionFailed, EngineRefused, EngineUnavailable, ScribeError, StoreUnavailable
from shared.ports import WrappedKey

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.keyvault.keys import KeyVaultKey
    from azure.keyvault.keys.aio import KeyClient
    from azure.keyvault.keys.crypto.aio import CryptographyClient

SERVICE = "key vault"
ROLE = "Key Vault Crypto Service Encryption User"
T = TypeVar("T")


class KeyVaultKek:
    """`KeyEncryptionKey` over a vault's key. A `kek_id` is `{key name}/{version}`: it outlives a move of the vault.

    Every call may raise StoreUnavailable, also where an operator has to act: what is wrapped is not lost by a missing
    role or a version switched off, and work on it stays to be done.
    """

    def __init__(
        self,
        url: str,
        key_name: str,
        identity: Callable[[], AsyncTokenCredential],
        *,
        ca_file: Path | None = None,
        timeout_s: float = 10,
        patience: Patience | None = None,
    ) -> None:
        self._url = url
        self._key_name = key_name
        self._identity = identity
        self._ca_file = ca_file
        self._timeout_s = timeout_s
        self._patience = patience or Patience()
        self._opened: KeyClient | None = None
        self._unwrapping: dict[str, CryptographyClient] = {}

    async def current(self) -> str:
        """The newest version's id."""
        return self._id_of(await self._newest())

    async def wrap(self, key: bytes) -> WrappedKey:
        """Wrap under the newest version."""
        from azure.keyvault.keys.crypto import KeyWrapAlgorithm  # noqa: PLC0415 (heavy)
        from azure.keyvault.keys.crypto.aio import CryptographyClient  # noqa: PLC0415 (heavy)

        newest = await self._newest()
        wrapping = CryptographyClient(newest, self._identity())  # has the public key, so it connects to nothing
        try:
            wrapped = await wrapping.wrap_key(KeyWrapAlgorithm.rsa_oaep_256, key)
        except ValueError:
            raise StoreUnavailable(
                f"{self._id_of(newest)} is out of its time and wraps no more: add a version"
            ) from None
        finally:
            await wrapping.close()
        return WrappedKey(kek_id=self._id_of(newest), wrapped=wrapped.encrypted_key)

    async def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Unwrap under the version named. Raises: DecryptionFailed."""
        name, _, version = wrapped.kek_id.partition("/")
        if name != self._key_name or not version.isalnum():
            raise DecryptionFailed(f"{wrapped.kek_id} is no version of {self._key_name}")
        try:
            return await self._ask(lambda: self._unwrap(version, wrapped.wrapped), wrapped.kek_id)
        except ResourceNotFoundError:
            await self._newest()  # raises where all of the key is gone: it can be recovered, and then this as well
            raise DecryptionFailed(f"key vault has no {wrapped.kek_id}") from None

    async def close(self) -> None:
        """Close the connection; the next use opens another."""
        client, self._opened = self._opened, None
        self._unwrapping.clear()
        if client is not None:
            await client.close()

    async def _newest(self) -> KeyVaultKey:
        try:
            return await self._ask(lambda: self._client().get_key(self._key_name, retry_total=0), self._key_name)
        except ResourceNotFoundError:
            raise StoreUnavailable(f"key vault has no key {self._key_name}: make it, or recover it") from None

    async def _unwrap(self, version: str, wrapped: bytes) -> bytes:
        from azure.keyvault.keys.crypto import KeyWrapAlgorithm  # noqa: PLC0415 (heavy)

        if version not in self._unwrapping:
            self._unwrapping[version] = self._client().get_cryptography_client(self._key_name, key_version=version)
        result = await self._unwrapping[version].unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, wrapped, retry_total=0)
        return result.key

    async def _ask(self, call: Callable[[], Awaitable[T]], what: str) -> T:
        try:
            return await patiently(call, meaning=lambda error: _meaning(error, what), patience=self._patience)
        except (EngineUnavailable, EngineRefused) as error:
            hint = f": the app's identity needs the role {ROLE}" if error.code == DENIED else ""
            raise StoreUnavailable(f"{error}{hint}") from None

    def _client(self) -> KeyClient:
        if self._opened is None:
            from azure.keyvault.keys.aio import KeyClient  # noqa: PLC0415 (heavy)

            trusted = {} if self._ca_file is None else {"connection_verify": str(self._ca_file)}
            self._opened = KeyClient(
                self._url, self._identity(), connection_timeout=5, read_timeout=self._timeout_s, **trusted
            )
        return self._opened

    def _id_of(self, key: KeyVaultKey) -> str:
        return f"{self._key_name}/{key.properties.version}"


def _meaning(error: Exception, what: str) -> ScribeError | None:
    """Key Vault's own refusals (`error.innererror.code`); a missing key is for the caller to tell apart."""
    if isinstance(error, ResourceNotFoundError):
        return None
    if isinstance(error, HttpResponseError) and error.status_code == HTTPStatus.FORBIDDEN:
        inner = getattr(error.error, "innererror", None) or {}
        if inner.get("code") == "KeyDisabled":
            return StoreUnavailable(f"{what} is disabled: enable it as long as data keys are wrapped by it")
    if isinstance(error, HttpResponseError) and error.status_code == HTTPStatus.BAD_REQUEST:
        return DecryptionFailed(f"a data key does not unwrap under {what}")
    return meaning_of_azure_error(error, SERVICE)
