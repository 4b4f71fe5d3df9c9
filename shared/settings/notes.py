"""What writes notes."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field, SecretStr

from shared.settings.addresses import ServiceUrl
from shared.settings.patience import PatienceSettings


class NoteEngineName(StrEnum):
    """Writers of notes."""

    EMBEDDED = "embedded"
    AZURE_OPENAI = "azure-openai"


class AzureOpenAISettings(BaseModel):
    """A chat model of Azure OpenAI that keeps to a JSON schema (gpt-4o and later)."""

    endpoint: ServiceUrl | None = None
    """`https://<resource>.openai.azure.com`"""
    deployment: str | None = None
    """Name of the model's deployment."""
    api_version: str | None = None
    """Of the dated API, such as `2024-10-21`; empty for the v1 API, which has none."""
    key: SecretStr | None = None
    """Resource key. In Azure leave it empty: the app's identity is used (role Cognitive Services OpenAI User)."""
    context_tokens: int = Field(default=128_000, ge=4_000)
    """The model's window. A session that does not fit is written in parts."""
    max_output_tokens: int = Field(default=12_000, ge=500)
    """Of one answer."""
    characters_per_token: float = Field(default=3.0, gt=0)
    """By which tokens are estimated; English has about 4, other languages less. Too low only costs more parts."""
    timeout_s: float = Field(default=180, gt=0)
    """Seconds one answer may take."""
    patience: PatienceSettings = Field(default_factory=PatienceSettings)
    """How it is asked again."""


class NoteSettings(BaseModel):
    """The clinical note."""

    engine: NoteEngineName = NoteEngineName.EMBEDDED
    """Which engine writes."""
    azure_openai: AzureOpenAISettings = Field(default_factory=AzureOpenAISettings)
    """Azure OpenAI's own settings."""
