"""What wraps data keys."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, Field

from shared.domain.rotation import DataKeyRules
from shared.settings.addresses import ServiceUrl
from shared.settings.patience import PatienceSettings


class KekEngine(StrEnum):
    """What holds the key-encryption key."""

    LOCAL = "local"
    KEY_VAULT = "key-vault"


class KeyVaultSettings(BaseModel):
    """An RSA key in Azure Key Vault. The app's identity needs the role Key Vault Crypto Service Encryption User."""

    url: ServiceUrl | None = None
    """`https://<vault>.vault.azure.net`"""
    key_name: str = Field(default="scribe-kek", pattern=r"^[0-9A-Za-z-]{1,127}$")
    """The key; its newest version wraps, the others unwrap what they wrapped."""
    ca_file: Path | None = None
    """PEM file of the authorities to trust instead of the system's: for a vault behind a private one."""
    timeout_s: float = Field(default=10, gt=0)
    """Seconds of silence after which a request is given up."""
    patience: PatienceSettings = Field(default_factory=PatienceSettings)
    """How it is asked again."""


class KeySettings(BaseModel):
    """The key-encryption key, and the data keys that it wraps."""

    engine: KekEngine = KekEngine.LOCAL
    """`local`: a key file. `key-vault`: a key that never leaves Azure Key Vault."""
    local_file: Path | None = None
    """Key file of the local engine."""
    local_create: bool = False
    """Make the key file when it is missing. Never where data already exists: what the old key wrapped is lost."""
    key_vault: KeyVaultSettings = Field(default_factory=KeyVaultSettings)
    """The vault's own settings."""
    data_keys: DataKeyRules = Field(default_factory=DataKeyRules)
    """When they are replaced."""
