"""Every setting, read from the environment as `STORAGE__CONNECTION_STRING`, `SPEECH__ENGINE` and so on."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.domain.limits import Limits
from shared.domain.webhook import DeliveryRules
from shared.settings.documents import DocumentSettings
from shared.settings.keys import KeySettings
from shared.settings.notes import NoteSettings
from shared.settings.processing import ProcessingSettings
from shared.settings.speech import SpeechSettings
from shared.settings.stores import CosmosSettings, StorageSettings
from shared.settings.web import WebSettings


class AuthSettings(BaseModel):
    """Whose bearer tokens are believed."""

    issuer: str
    """The `iss` a token must have."""
    audience: str
    """The `aud` a token must have."""
    jwks_url: str
    """The issuer's keys: https, or file for the local issuer."""
    provision_on_upload: bool = False
    """Let a therapist's first upload for a client make the relationship."""


class ClockSettings(BaseModel):
    """What time the app takes it to be."""

    ahead: timedelta = timedelta(0)
    """How far its clock is ahead of the machine's (ISO 8601, `PT90S`): to try out midnight at noon."""


class Settings(BaseSettings):
    """All of them. A missing or malformed one stops the app at its first call, and says which."""

    model_config = SettingsConfigDict(env_nested_delimiter="__", extra="ignore")

    storage: StorageSettings
    cosmos: CosmosSettings
    auth: AuthSettings
    keys: KeySettings = Field(default_factory=KeySettings)
    speech: SpeechSettings = Field(default_factory=SpeechSettings)
    notes: NoteSettings = Field(default_factory=NoteSettings)
    documents: DocumentSettings = Field(default_factory=DocumentSettings)
    processing: ProcessingSettings = Field(default_factory=ProcessingSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    webhooks: DeliveryRules = Field(default_factory=DeliveryRules)
    limits: Limits = Field(default_factory=Limits)
    clock: ClockSettings = Field(default_factory=ClockSettings)
