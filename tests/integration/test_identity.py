"""The app's identity, as the platform gives it: the real credential against the identity endpoint of App Service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.azure_identity import COGNITIVE_SERVICES, app_identity
from shared.adapters.azure_openai import AzureOpenAINotes, ChatModel
from shared.adapters.document_intelligence import DocumentIntelligenceEngine
from shared.domain.document import DocumentAnalysis, DocumentKind
from shared.ports import NoteRequest
from tests.servers.document_intelligence import DocumentIntelligence
from tests.servers.managed_identity import TOKEN, ManagedIdentity
from tests.servers.openai import DEPLOYMENT, OpenAI
from tests.talks import spoken

USER_ASSIGNED = "1c4f6d0e-0000-4000-8000-000000000001"
READ = DocumentAnalysis(content="read", pages=1)


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagedIdentity]:
    with ManagedIdentity(USER_ASSIGNED) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


async def test_the_identity_that_was_assigned_is_the_one_that_is_used(identity: ManagedIdentity):
    async with app_identity(developing=False) as credential:
        assert (await credential.get_token(COGNITIVE_SERVICES)).token == TOKEN
    [asked] = identity.requests
    assert asked.query["client_id"] == USER_ASSIGNED
    assert asked.query["resource"] == "https://cognitiveservices.azure.com"


async def test_a_token_is_asked_for_once(identity: ManagedIdentity):
    async with app_identity(developing=False) as credential:
        for _ in range(3):
            await credential.get_token(COGNITIVE_SERVICES)
    assert len(identity.requests) == 1


@pytest.mark.parametrize("developing", [True, False])
async def test_a_developers_own_sign_in_counts_on_a_desk_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, developing: bool
):
    """There is no identity, and an Azure CLI that would gladly help."""
    called, cli = tmp_path / "called", tmp_path / "az"
    cli.write_text(f"#!/bin/sh\necho >{called}\nexit 1\n")
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")  # where the metadata service would be
    async with app_identity(developing=developing) as credential:
        with pytest.raises(ClientAuthenticationError):
            await credential.get_token(COGNITIVE_SERVICES)
    assert called.exists() is developing


async def test_document_intelligence_is_asked_by_identity(identity: ManagedIdentity, tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with DocumentIntelligence(token=TOKEN, reads=READ) as server:
        async with app_identity(developing=False) as credential:
            engine = DocumentIntelligenceEngine(server.url, lambda: credential, polling_interval_s=0.01)
            assert (await engine.analyse(tmp_path / "a.png", DocumentKind.PNG)).content == "read"
            await engine.close()


@pytest.mark.parametrize("api_version", [None, "2024-10-21"])
async def test_azure_openai_is_asked_by_identity(identity: ManagedIdentity, api_version: str | None):
    with OpenAI(token=TOKEN) as server:
        async with app_identity(developing=False) as credential:
            model = ChatModel(server.url, DEPLOYMENT, lambda: credential, api_version=api_version)
            engine = AzureOpenAINotes(model)
            note = await engine.write(NoteRequest(spoken("C: I have been sleeping badly since March.")))
            assert note.engine == engine.name
            await model.close()
