"""Storage and keys, chosen by settings."""

from __future__ import annotations

from shared.adapters.azure_blobs import AzureBlobs
from shared.adapters.azure_queues import AzureQueues
from shared.adapters.local_kek import LocalKek
from shared.bootstrap.engines import Identity, patience_of
from shared.ports import KeyEncryptionKey
from shared.settings.keys import KekEngine, KeySettings, KeyVaultSettings
from shared.settings.stores import StorageSettings


def storage(settings: StorageSettings, identity: Identity) -> tuple[AzureBlobs, AzureQueues]:
    """Blob and queue storage. Raises: ValueError when neither account nor connection string is given."""
    if settings.connection_string is not None:
        account = settings.connection_string.get_secret_value()
        return AzureBlobs(account), AzureQueues(account)
    if settings.blob_url is None or settings.queue_url is None:
        raise ValueError("set STORAGE__CONNECTION_STRING, or STORAGE__BLOB_URL and STORAGE__QUEUE_URL")
    credential = identity()
    return AzureBlobs(settings.blob_url, credential), AzureQueues(settings.queue_url, credential)


def kek(settings: KeySettings, identity: Identity) -> KeyEncryptionKey:
    """What wraps data keys. Raises: ValueError when its settings are missing."""
    if settings.engine is KekEngine.KEY_VAULT:
        return _key_vault(settings.key_vault, identity)
    if settings.local_file is None:
        raise ValueError("set KEYS__LOCAL_FILE for the local key-encryption key")
    return LocalKek(settings.local_file, may_create=settings.local_create)


def _key_vault(settings: KeyVaultSettings, identity: Identity) -> KeyEncryptionKey:
    from shared.adapters.key_vault import KeyVaultKek  # noqa: PLC0415 (not always needed)

    if settings.url is None:
        raise ValueError("set KEYS__KEY_VAULT__URL for the key-encryption key in Key Vault")
    return KeyVaultKek(
        settings.url,
        settings.key_name,
        identity,
        ca_file=settings.ca_file,
        timeout_s=settings.timeout_s,
        patience=patience_of(settings.patience),
    )
