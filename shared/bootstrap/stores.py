"""Storage and keys, chosen by settings."""

from __future__ import annotations

from azure.identity.aio import DefaultAzureCredential

from shared.adapters.azure_blobs import AzureBlobs
from shared.adapters.azure_queues import AzureQueues
from shared.adapters.local_kek import LocalKek
from shared.settings.keys import KeySettings
from shared.settings.stores import StorageSettings


def storage(settings: StorageSettings) -> tuple[AzureBlobs, AzureQueues]:
    """Blob and queue storage. Raises: ValueError when neither account nor connection string is given."""
    if settings.connection_string is not None:
        account = settings.connection_string.get_secret_value()
        return AzureBlobs(account), AzureQueues(account)
    if settings.blob_url is None or settings.queue_url is None:
        raise ValueError("set STORAGE__CONNECTION_STRING, or STORAGE__BLOB_URL and STORAGE__QUEUE_URL")
    credential = DefaultAzureCredential()
    return AzureBlobs(settings.blob_url, credential), AzureQueues(settings.queue_url, credential)


def kek(settings: KeySettings) -> LocalKek:
    """What wraps data keys. Raises: ValueError when its settings are missing."""
    if settings.local_file is None:
        raise ValueError("set KEYS__LOCAL_FILE for the local key-encryption key")
    return LocalKek(settings.local_file, may_create=settings.local_create)
