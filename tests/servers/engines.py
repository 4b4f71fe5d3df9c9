"""Our Azure speech engines over a server, as bootstrap builds them, with waits that a test can afford."""

from __future__ import annotations

from typing import Any

from shared.bootstrap.azure_speech import azure_speech_engine
from shared.ports import SpeechEngine
from shared.settings.speech import AzureSpeechSettings, SpeechEngineName
from tests.servers.hearing import KEY
from tests.servers.speech import SpeechServer

AT_ONCE = "PT4H"
"""Of audio: all of it, as fast as the line takes it."""


def azure_engine(name: str, server: SpeechServer, **settings: Any) -> SpeechEngine:
    """The engine, tried once where a test does not say otherwise: the SDK tries five times by itself."""
    quick = {"key": KEY, "ahead": AT_ONCE, "attempts": 1, "first_wait": 0, "longest_wait": 1, "answer_timeout": 20}
    chosen = AzureSpeechSettings.model_validate({"endpoint": server.url, **quick, **settings})
    return azure_speech_engine(SpeechEngineName(name), chosen)
