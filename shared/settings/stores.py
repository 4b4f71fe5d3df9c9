"""Where data stands."""

from __future__ import annotations

from pydantic import BaseModel, SecretStr


class StorageSettings(BaseModel):
    """Blob and queue storage: a connection string, or two URLs and the app's identity."""

    connection_string: SecretStr | None = None
    """For emulators. In Azure leave it empty and give the URLs."""
    blob_url: str | None = None
    """`https://<account>.blob.core.windows.net`"""
    queue_url: str | None = None
    """`https://<account>.queue.core.windows.net`"""


class CosmosSettings(BaseModel):
    """Cosmos DB for NoSQL."""

    endpoint: str
    """Account URL; http only for an emulator."""
    key: SecretStr | None = None
    """Account key. In Azure leave it empty: the app's identity is used."""
    database: str = "scribe"
    """Database name."""
    create: bool = False
    """Make database and containers when they are missing: for emulators."""
