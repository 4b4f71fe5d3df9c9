"""The Azure speech engines. Imported only where one is chosen: the Speech SDK is 40 MB of native code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from shared.adapters.azure_answers import Patience
from shared.adapters.azure_identity import app_identity, blocking_identity
from shared.adapters.azure_speech.choice import ChoosingSpeechEngine
from shared.adapters.azure_speech.fast import FastTranscriptionEngine, RequestLimits
from shared.adapters.azure_speech.hearing import Pace
from shared.adapters.azure_speech.real_time import AzureSpeechEngine
from shared.ports import SpeechEngine
from shared.settings.speech import AzureSpeechSettings, SpeechEngineName

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.credentials_async import AsyncTokenCredential

    Identity = Callable[[], AsyncTokenCredential]
    BlockingIdentity = Callable[[], TokenCredential]


def azure_speech_engine(
    name: SpeechEngineName,
    settings: AzureSpeechSettings,
    identity: Identity | None = None,
    *,
    developing: bool = True,
) -> SpeechEngine:
    """The engine of that name. Raises: ValueError without an endpoint."""
    if settings.endpoint is None:
        raise ValueError(f"SPEECH__ENGINE is {name}, but SPEECH__AZURE__ENDPOINT is not set")
    identity = identity or partial(app_identity, developing=developing)
    blocking = partial(blocking_identity, developing=developing)
    if name is SpeechEngineName.AZURE:
        return _real_time(settings.endpoint, settings, blocking)
    if name is SpeechEngineName.AZURE_FAST:
        return _fast(settings.endpoint, settings, identity)
    return ChoosingSpeechEngine(
        _fast(settings.endpoint, settings, identity), _real_time(settings.endpoint, settings, blocking)
    )


def _real_time(endpoint: str, chosen: AzureSpeechSettings, identity: BlockingIdentity) -> AzureSpeechEngine:
    return AzureSpeechEngine(
        endpoint,
        chosen.key.get_secret_value() if chosen.key else identity(),
        locales=chosen.locales,
        ahead_ms=_ms(chosen.ahead),
        pace=Pace(
            stretch_ms=_ms(chosen.stretch),
            overlap_ms=_ms(chosen.overlap),
            at_once=chosen.at_once,
            answer_timeout_s=chosen.answer_timeout.total_seconds(),
        ),
        patience=_patience(chosen),
    )


def _fast(endpoint: str, chosen: AzureSpeechSettings, identity: Identity) -> FastTranscriptionEngine:
    return FastTranscriptionEngine(
        endpoint,
        chosen.key.get_secret_value() if chosen.key else identity(),
        locales=chosen.locales,
        max_speakers=chosen.max_speakers,
        overlap_ms=_ms(chosen.overlap),
        limits=RequestLimits(
            length_ms=_ms(chosen.fast.max_length),
            size_bytes=chosen.fast.max_bytes,
            timeout_s=chosen.fast.timeout.total_seconds(),
        ),
        patience=_patience(chosen),
    )


def _patience(chosen: AzureSpeechSettings) -> Patience:
    return Patience(chosen.attempts, chosen.first_wait.total_seconds(), chosen.longest_wait.total_seconds())


def _ms(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)
