from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from shared.bootstrap import build
from shared.settings import Settings

SECRET = "AccountKey=verysecret"
IN_AZURE = {
    "ENVIRONMENT": "production",
    "STORAGE__BLOB_URL": "https://a.blob.core.windows.net",
    "STORAGE__QUEUE_URL": "https://a.queue.core.windows.net",
    "COSMOS__ENDPOINT": "https://a.documents.azure.com",
    "AUTH__ISSUER": "https://issuer.example",
    "AUTH__AUDIENCE": "scribe",
    "AUTH__JWKS_URL": "https://issuer.example/jwks.json",
    "KEYS__ENGINE": "key-vault",
    "KEYS__KEY_VAULT__URL": "https://a.vault.azure.net/",
    "NOTES__ENGINE": "azure-openai",
    "NOTES__AZURE_OPENAI__ENDPOINT": "https://a.openai.azure.com",
    "NOTES__AZURE_OPENAI__DEPLOYMENT": "notes",
    "DOCUMENTS__ENGINE": "document-intelligence",
    "DOCUMENTS__DOCUMENT_INTELLIGENCE__ENDPOINT": "https://a.cognitiveservices.azure.com",
}
KEYS = [
    "STORAGE__CONNECTION_STRING",
    "COSMOS__KEY",
    "NOTES__AZURE_OPENAI__KEY",
    "DOCUMENTS__DOCUMENT_INTELLIGENCE__KEY",
]


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in IN_AZURE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def test_the_app_starts_in_azure_by_its_identity_alone(azure: pytest.MonkeyPatch):
    app = build(Settings())
    assert app.notes.name.startswith("azure-openai notes")


@pytest.mark.parametrize("name", KEYS)
def test_production_takes_no_key_and_says_which(azure: pytest.MonkeyPatch, name: str):
    azure.setenv(name, SECRET)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert name in str(refused.value)
    assert "verysecret" not in str(refused.value)


def test_all_of_them_are_named_at_once(azure: pytest.MonkeyPatch):
    for name in KEYS:
        azure.setenv(name, SECRET)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert all(name in str(refused.value) for name in KEYS)


@pytest.mark.parametrize("name", KEYS)
def test_development_takes_keys(azure: pytest.MonkeyPatch, name: str):
    azure.setenv("ENVIRONMENT", "development")
    azure.setenv(name, SECRET)
    assert "verysecret" not in repr(Settings())


@pytest.mark.parametrize(
    "name",
    ["KEYS__KEY_VAULT__URL", "NOTES__AZURE_OPENAI__ENDPOINT", "DOCUMENTS__DOCUMENT_INTELLIGENCE__ENDPOINT"],
)
@pytest.mark.parametrize(
    "url",
    [
        "http://a.azure.com",
        "ftp://a",
        "a.azure.com",
        "https://",
        "https://me:verysecret@a.azure.com",
        "http://10.0.0.1",
    ],
)
def test_no_key_or_token_is_sent_in_the_clear(azure: pytest.MonkeyPatch, name: str, url: str):
    azure.setenv(name, url)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "verysecret" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:1", "https://a.azure.com:8443/"])
def test_this_machine_may_be_spoken_to_in_the_clear(azure: pytest.MonkeyPatch, url: str):
    azure.setenv("NOTES__AZURE_OPENAI__ENDPOINT", url)
    assert Settings().notes.azure_openai.endpoint == url.rstrip("/")


@pytest.mark.parametrize(
    "name",
    ["KEYS__KEY_VAULT__URL", "NOTES__AZURE_OPENAI__DEPLOYMENT", "DOCUMENTS__DOCUMENT_INTELLIGENCE__ENDPOINT"],
)
async def test_an_engine_without_its_address_is_named_at_start(azure: pytest.MonkeyPatch, name: str):
    azure.delenv(name)
    with pytest.raises(ValueError, match=name):
        build(Settings())


@pytest.mark.parametrize(
    ("name", "value"),
    [("MAX_AGE", "PT1H"), ("REPLACE_BEFORE", "2026-11-26T09:30:00"), ("RUN_TIME", "PT0S")],
    ids=["replaced in every run", "in no time zone", "no time to do anything"],
)
def test_rules_that_would_never_end_or_never_begin_are_refused(azure: pytest.MonkeyPatch, name: str, value: str):
    azure.setenv(f"KEYS__DATA_KEYS__{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_data_keys_are_replaced_when_they_are_old_or_have_leaked(azure: pytest.MonkeyPatch):
    azure.setenv("KEYS__DATA_KEYS__MAX_AGE", "P30D")
    azure.setenv("KEYS__DATA_KEYS__REPLACE_BEFORE", "2026-11-26T10:30:00+01:00")
    rules, leaked = Settings().keys.data_keys, datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
    assert rules.outdated_before(leaked) == leaked
    assert rules.outdated_before(leaked + timedelta(days=31)) == leaked + timedelta(days=1)
    assert rules.outdated_before(leaked - timedelta(seconds=1)) == leaked - timedelta(days=30, seconds=1)
