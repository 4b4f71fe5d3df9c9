"""The embedded document engine: each document is read in a process of its own, one at a time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shared.adapters.embedded_documents.caps import REASONS, TOO_COMPLEX, UNREADABLE, Caps, refused
from shared.domain.document import DocumentAnalysis, DocumentKind, PageRead, analysis_of
from shared.domain.errors import EngineUnavailable, ReadingUnfinished, Transient
from shared.ports import PageStore

_READER = "shared.adapters.embedded_documents.reader"
_PASSED_ON = ("PATH", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""All of the environment that the reader sees."""
_LONGEST_PAGE = 16 * 1024 * 1024
"""Bytes of JSON that one page may come to."""
KEEP_EVERY = 10.0
"""Seconds of reading that may be lost."""
WORTH_KEEPING = 2.0
"""Seconds; what is read faster is read again."""


class EmbeddedDocumentEngine:
    """Implements `ports.DocumentEngine` without leaving the machine.

    A process for each document costs a second and gives back all its memory; a bomb takes the process with it and
    not the app. Cancelling ends the process. With a `PageStore`, a document that takes longer than `Caps.seconds` is
    read in several calls: what one has read, the next one knows.
    """

    def __init__(self, caps: Caps | None = None, pages: PageStore | None = None) -> None:
        self._caps = caps or Caps()
        self._pages = pages
        self._one_at_a_time = asyncio.Semaphore(1)

    async def analyse(self, file: Path, kind: DocumentKind) -> DocumentAnalysis:
        """As in `ports.DocumentEngine`; ReadingUnfinished where a page store is given."""
        try:
            async with asyncio.timeout(self._caps.wait_seconds):
                await self._one_at_a_time.acquire()
        except TimeoutError:
            raise EngineUnavailable("other documents are being read") from None
        try:
            reading = _Reading(self._pages, await asyncio.to_thread(_digest, file, kind))
            return await self._analyse(file, kind, reading)
        finally:
            self._one_at_a_time.release()

    async def _analyse(self, file: Path, kind: DocumentKind, reading: _Reading) -> DocumentAnalysis:
        await reading.recall()
        reader = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _READER, str(file), kind.value, json.dumps(asdict(self._caps))),
            json.dumps(sorted(reading.pages)),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,  # parsers quote what they stumble over
            env=self._environment(),
            limit=_LONGEST_PAGE,
        )
        try:
            async with asyncio.timeout(self._caps.seconds):
                fields = await _listen(reader, reading)
        except TimeoutError:
            if self._pages is None or not reading.got_on:
                raise refused(TOO_COMPLEX) from None
            raise ReadingUnfinished(
                f"{len(reading.pages)} pages are read: send the same again to go on from there"
            ) from None
        finally:
            if reader.returncode is None:
                reader.kill()
                await reader.wait()
            await asyncio.shield(reading.keep(WORTH_KEEPING))
        return analysis_of(reading.pages.values(), fields)

    def _environment(self) -> dict[str, str]:
        known = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        threads = str(self._caps.threads)
        return {
            **known,
            "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }


class _Reading:
    """Pages of one document: those known from an earlier call, and those that come in."""

    def __init__(self, store: PageStore | None, digest: str) -> None:
        self._store = store
        self._digest = digest
        self._new: list[PageRead] = []
        self._since = time.monotonic()
        self.pages: dict[int, PageRead] = {}
        self.got_on = False
        """Whether anything was read that was not known before."""

    async def recall(self) -> None:
        """What earlier calls have kept."""
        if self._store is not None:
            self.pages = {page.number: page for page in await self._store.recall(self._digest)}
        self._since = time.monotonic()

    async def add(self, page: PageRead) -> None:
        """A page is read."""
        self.got_on = True
        self.pages[page.number] = page
        self._new.append(page)
        await self.keep(KEEP_EVERY)

    async def keep(self, seconds: float) -> None:
        """Keep what is new, if reading it took so long."""
        if self._store is not None and self._new and time.monotonic() - self._since >= seconds:
            new, self._new, self._since = self._new, [], time.monotonic()
            try:
                await self._store.keep(self._digest, new)
            except Transient:
                self._new = [*new, *self._new]  # it is tried again with the next, and else read again


async def _listen(reader: Process, reading: _Reading) -> str:
    """Take the pages as they come; the document's filled-in fields.

    Raises: EngineRefused, also where a parser crashed and took the reader along; EngineUnavailable.
    """
    assert reader.stdout is not None
    last: dict[str, Any] = {}
    while line := await _line(reader.stdout):
        try:
            last = json.loads(line)
        except json.JSONDecodeError:
            break  # it died in the middle of it
        if "number" in last:
            await reading.add(PageRead.model_validate(last))
    code = await reader.wait()
    if code == -signal.SIGKILL:
        raise EngineUnavailable("the document reader was ended by the system")
    if code < 0:
        raise refused(UNREADABLE)
    if last.get("refused") in REASONS:
        raise refused(last["refused"])
    if "fields" in last:
        return str(last["fields"])
    raise EngineUnavailable(f"the document reader ended with {code}: is requirements-embedded.txt installed?")


async def _line(answer: asyncio.StreamReader) -> bytes:
    try:
        return await answer.readline()
    except ValueError:
        raise refused(TOO_COMPLEX) from None  # the line is too long


def _digest(file: Path, kind: DocumentKind) -> str:
    with file.open("rb") as opened:
        return f"{kind.name.lower()}:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
