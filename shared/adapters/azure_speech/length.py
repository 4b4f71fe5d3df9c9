"""How long a session is, as an engine has to know first."""

from __future__ import annotations

import asyncio
from pathlib import Path

from shared.audio.flac import length_ms
from shared.domain.errors import AudioUndecodable, EngineRefused


async def length_of(audio: Path) -> int:
    """Milliseconds. Raises: EngineRefused for what holds no audio."""
    try:
        return await asyncio.to_thread(length_ms, audio)
    except AudioUndecodable as error:
        raise EngineRefused(str(error)) from None
