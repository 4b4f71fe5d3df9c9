"""Of speech, documents and notes no error tells what was said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.adapters.azure_openai import ChatModel
from shared.adapters.document_intelligence import DocumentIntelligenceEngine
from shared.audio.sources import ChunkSource
from shared.audio.stitch import stitch
from shared.domain.document import DocumentAnalysis, DocumentKind
from tests.engines import ToneSpeech, say
from tests.integration.errors_tell_nothing.telling import (
    ALWAYS,
    ONCE,
    assert_tells_nothing,
    faults,
    raised_by,
    raised_under,
)
from tests.servers import document_intelligence, openai
from tests.servers.engines import azure_engine
from tests.servers.faults import Fault, Trouble
from tests.servers.quoting import SECRET
from tests.servers.speech import SpeechServer
from tests.unit.services.world import SCRIPT


@pytest.mark.parametrize("name", ["azure", "azure-fast", "azure-auto"])
async def test_speech(name, tmp_path: Path):
    audio, chunk = tmp_path / "session.flac", tmp_path / "chunk.wav"
    stitch([ChunkSource("0", chunk, chunk.write_bytes(say(0)))], audio)
    with SpeechServer(ToneSpeech([SECRET, *SCRIPT[1:]])) as server:
        raised = []
        for fault in [*faults(400, 401, 500), Fault(Trouble.MALFORMED, ALWAYS)]:
            engine = azure_engine(name, server)
            raised += await raised_under(server, fault, lambda: engine.transcribe(audio, locale="en-US"))  # noqa: B023
    # Over a websocket the SDK tells of its errors by events; there is nothing to raise.
    assert_tells_nothing(raised, hidden=None if name == "azure" else SECRET)


async def test_documents(tmp_path: Path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    read = DocumentAnalysis(content=SECRET, pages=1)
    with document_intelligence.DocumentIntelligence(reads=read) as server:
        engine = DocumentIntelligenceEngine(
            server.url, document_intelligence.KEY, patience=ONCE, polling_interval_s=0.01
        )
        raised = []
        for path in (":analyze", "analyzeResults"):
            for fault in [*faults(400, 401, 404, 500, path=path), Fault(Trouble.DROPPED, ALWAYS, path)]:
                raised += await raised_under(server, fault, lambda: engine.analyse(picture, DocumentKind.PNG))
        for trouble in (Trouble.MALFORMED, Trouble.TRUNCATED):
            fault = Fault(trouble, ALWAYS, "analyzeResults")
            raised += await raised_under(server, fault, lambda: engine.analyse(picture, DocumentKind.PNG))
        await engine.close()
    assert_tells_nothing(raised)


async def test_documents_behind_a_gateway_that_does_not_speak_json(storage, tmp_path: Path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    storage.status, storage.text = 502, True
    engine = DocumentIntelligenceEngine(storage.url, document_intelligence.KEY, patience=ONCE)
    raised = await raised_by(lambda: engine.analyse(picture, DocumentKind.PNG))
    await engine.close()
    assert_tells_nothing(raised, hidden=None)


async def test_notes():
    messages: Any = [{"role": "user", "content": SECRET}]
    with openai.OpenAI() as server:
        model = ChatModel(server.url, openai.DEPLOYMENT, openai.KEY, patience=ONCE)
        server.replies = [SECRET] * ALWAYS
        raised = []
        for fault in [*faults(400, 401, 404, 500), Fault(Trouble.MALFORMED, ALWAYS), Fault(Trouble.TRUNCATED, ALWAYS)]:
            raised += await raised_under(server, fault, lambda: model.ask(messages, name="note", schema={}))
        await model.close()
    assert_tells_nothing(raised)
