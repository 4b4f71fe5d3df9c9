"""The embedded document engine: each document is read in a process of its own, one at a time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError

from shared.adapters.embedded_documents.caps import REASONS, TOO_COMPLEX, UNREADABLE, Caps, refused
from shared.domain.document import DocumentAnalysis, DocumentKind
from shared.domain.errors import EngineUnavailable

_READER = "shared.adapters.embedded_documents.reader"
_PASSED_ON = ("PATH", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""All of the environment that the reader sees."""


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
        reader = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _READER, str(file), kind.value, json.dumps(asdict(self._caps))),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,  # parsers quote what they stumble over
            env=self._environment(),
        )
        try:
            async with asyncio.timeout(self._caps.seconds):
                answer, _ = await reader.communicate()
        except TimeoutError:
            raise refused(TOO_COMPLEX) from None
        finally:
            if reader.returncode is None:
                reader.kill()
                await reader.wait()
        return _understood(answer, reader.returncode)

    def _environment(self) -> dict[str, str]:
        known = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        threads = str(self._caps.threads)
        return {
            **known,
            "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }


def _understood(answer: bytes, code: int | None) -> DocumentAnalysis:
    """Raises: EngineRefused, also where a parser crashed and took the reader along; EngineUnavailable."""
    if code == -signal.SIGKILL:
        raise EngineUnavailable("the document reader was ended by the system")
    if code is not None and code < 0:
        raise refused(UNREADABLE)
    try:
        said = json.loads(answer)
        if said.get("refused") in REASONS:
            raise refused(said["refused"])
        return DocumentAnalysis.model_validate(said)
    except (ValueError, ValidationError):
        raise EngineUnavailable(
            f"the document reader ended with {code}: is requirements-embedded.txt installed?"
        ) from None
