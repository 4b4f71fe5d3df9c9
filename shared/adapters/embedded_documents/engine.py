"""The embedded document engine: each document is read in a process of its own, one at a time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError

from shared.adapters.apart import ask_apart
from shared.adapters.embedded_documents.caps import Caps
from shared.domain.document import DocumentAnalysis, DocumentKind
from shared.domain.errors import EngineUnavailable

_READER = "shared.adapters.embedded_documents.reader"


class EmbeddedDocumentEngine:
    """Implements `ports.DocumentEngine` without leaving the machine.

    A process for each document costs a second and gives back all its memory; a bomb takes the process with it and
    not the app. Cancelling ends the process.
    """

    def __init__(self, caps: Caps | None = None) -> None:
        self._caps = caps or Caps()
        self._one_at_a_time = asyncio.Semaphore(1)

    async def analyse(self, file: Path, kind: DocumentKind) -> DocumentAnalysis:
        """As in `ports.DocumentEngine`."""
        try:
            async with asyncio.timeout(self._caps.wait_seconds):
                await self._one_at_a_time.acquire()
        except TimeoutError:
            raise EngineUnavailable("other documents are being read") from None
        try:
            return await self._analyse(file, kind)
        finally:
            self._one_at_a_time.release()

    async def _analyse(self, file: Path, kind: DocumentKind) -> DocumentAnalysis:
        caps = self._caps
        said = await ask_apart(
            *(_READER, str(file), kind.value, json.dumps(asdict(caps))), seconds=caps.seconds, threads=caps.threads
        )
        try:
            return DocumentAnalysis.model_validate(said)
        except ValidationError:
            raise EngineUnavailable("the document reader's answer is no analysis") from None
