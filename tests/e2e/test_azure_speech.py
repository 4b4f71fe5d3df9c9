"""A session through the whole stack, heard by Azure's engines: its clients see what they see of the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.client import Client
from shared.adapters.embedded_speech import EmbeddedSpeechEngine
from shared.domain.caller import Role
from tests.e2e.conftest import NewStack
from tests.e2e.visits import THERAPIST, Visit, assert_done, pieces_of, speech
from tests.servers.faults import Fault, Trouble
from tests.servers.hearing import KEY
from tests.servers.speech import SpeechServer

pytestmark = pytest.mark.e2e

SHORT = speech(0, 2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeechServer]:
    """A speech resource that hears as the embedded engine does."""
    with SpeechServer(EmbeddedSpeechEngine(cache_dir=tmp_path_factory.mktemp("models"))) as running:
        yield running


@pytest.mark.parametrize("engine", ["azure", "azure-fast"])
def test_a_session_is_heard_whole_whatever_befalls_the_service(
    engine: str, server: SpeechServer, new_stack: NewStack
) -> None:
    """The service asks for patience, loses a connection and is away for a moment."""
    stack = new_stack(
        SPEECH__ENGINE=engine,
        SPEECH__AZURE__ENDPOINT=server.url,
        SPEECH__AZURE__KEY=KEY,
        SPEECH__AZURE__AHEAD="PT4H",
        SPEECH__AZURE__FIRST_WAIT="PT0S",
    )
    with Client(stack.url, stack.issuer.token(THERAPIST, [Role.THERAPIST])) as therapist:
        server.faults = [Fault(status=429), Fault(Trouble.DROPPED), Fault(status=503)]
        before = len(server.requests)
        visit = Visit(f"heard-by-{engine}", therapist)
        visit.upload_each(reversed(pieces_of(SHORT.stream(3))))
        assert assert_done(visit, SHORT)["gaps"] == []
        assert len(server.requests) - before == 4
        assert [fault.times for fault in server.faults] == [0, 0, 0]
    assert Path(stack.host_log).read_text("utf-8").count(KEY) == 0
