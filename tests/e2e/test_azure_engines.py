"""A session and a document with every one of Azure's engines and its key vault, asked by the app's managed identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcloud.client import Client
from localcloud.stack import PROJECT, Stack
from shared.adapters.embedded_speech import EmbeddedSpeechEngine
from shared.domain.caller import Role
from tests.e2e.conftest import QUICK
from tests.e2e.visits import THERAPIST, Visit, assert_done, pieces_of, speech
from tests.pdf_files import text_pdf
from tests.servers.document_intelligence import DocumentIntelligence
from tests.servers.faults import Fault, Trouble
from tests.servers.key_vault import KEY, KeyVault
from tests.servers.managed_identity import TOKEN, ManagedIdentity
from tests.servers.openai import DEPLOYMENT, OpenAI, shown_in
from tests.servers.speech import SpeechServer

pytestmark = pytest.mark.e2e

SAID = speech(0, 2)
MODELS = PROJECT / ".local/models"


@dataclass(frozen=True)
class Azure:
    """The services, and a stack that uses them."""

    identity: ManagedIdentity
    ears: SpeechServer
    vault: KeyVault
    reader: DocumentIntelligence
    model: OpenAI
    stack: Stack


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    folder: Path = tmp_path_factory.mktemp("azure")
    with (
        ManagedIdentity() as identity,
        SpeechServer(EmbeddedSpeechEngine(cache_dir=MODELS)) as ears,
        KeyVault(folder) as vault,
        DocumentIntelligence(token=TOKEN) as reader,
        OpenAI(token=TOKEN) as model,
    ):
        settings = {
            **QUICK,
            **identity.environment,
            "SPEECH__ENGINE": "azure",
            "SPEECH__AZURE__ENDPOINT": ears.url,
            "SPEECH__AZURE__AHEAD": "PT4H",
            "SPEECH__AZURE__FIRST_WAIT": "PT0S",
            "KEYS__ENGINE": "key-vault",
            "KEYS__KEY_VAULT__URL": vault.url,
            "KEYS__KEY_VAULT__KEY_NAME": KEY,
            "KEYS__KEY_VAULT__CA_FILE": str(vault.ca_file),
            "KEYS__KEY_VAULT__PATIENCE__FIRST_WAIT": "PT0S",
            "DOCUMENTS__ENGINE": "document-intelligence",
            "DOCUMENTS__DOCUMENT_INTELLIGENCE__ENDPOINT": reader.url,
            "DOCUMENTS__DOCUMENT_INTELLIGENCE__POLLING_INTERVAL_S": "0.05",
            "DOCUMENTS__DOCUMENT_INTELLIGENCE__PATIENCE__FIRST_WAIT": "PT0S",
            "NOTES__ENGINE": "azure-openai",
            "NOTES__AZURE_OPENAI__ENDPOINT": model.url,
            "NOTES__AZURE_OPENAI__DEPLOYMENT": DEPLOYMENT,
            "NOTES__AZURE_OPENAI__PATIENCE__FIRST_WAIT": "PT0S",
        }
        stack = Stack(folder / "stack", settings=settings)
        stack.start()
        yield Azure(identity, ears, vault, reader, model, stack)
        stack.stop()


@pytest.fixture(scope="module")
def client(azure: Azure) -> Iterator[Client]:
    with Client(azure.stack.url, azure.stack.issuer.token(THERAPIST, [Role.THERAPIST])) as client:
        yield client


def test_a_session_ends_as_it_does_with_the_embedded_engines(azure: Azure, client: Client):
    visit = Visit("azure-session", client)
    visit.upload_each(pieces_of(SAID.stream(2)))
    assert_done(visit, SAID)
    assert len(azure.ears.requests) == 1
    [asked] = azure.model.questions
    assert shown_in(asked)["transcript"]
    assert any("unwrapkey" in request.path for request in azure.vault.requests)


def test_a_session_outlasts_services_in_trouble(azure: Azure, client: Client):
    """Each of them longer than the engine's own patience: the host and the sweeper try again."""
    azure.ears.faults = [Fault(status=503), Fault(Trouble.DROPPED)]
    azure.model.faults = [Fault(status=503, times=6), Fault(Trouble.DROPPED)]
    azure.vault.faults = [Fault(status=403, times=3), Fault(status=429)]
    visit = Visit("azure-in-trouble", client)
    for piece in pieces_of(SAID.stream(2)):
        client.upload_until_accepted(piece, **visit.form)
    assert_done(visit, SAID)
    assert [fault.times for fault in (*azure.ears.faults, azure.model.faults[0], azure.vault.faults[0])] == [0, 0, 0, 0]


def test_a_document_is_read(azure: Azure, client: Client):
    azure.reader.faults = [Fault(status=503)]
    answer = client.request(
        "POST",
        "documents",
        data={"userid": THERAPIST, "role": "Therapist", "feature": "intake-forms"},
        files={"files": ("a.pdf", text_pdf("Patient name: Jane Doe"))},
        timeout=120,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()[0][0]["content"] == "Patient name: Jane Doe"


def test_no_token_and_no_word_is_in_the_log(azure: Azure):
    log = azure.stack.host_log.read_text("utf-8")
    assert TOKEN not in log
    assert not any(text in log for _, text in SAID.turns)
