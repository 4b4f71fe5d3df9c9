"""The embedded document engine: each document is read in a process of its own, one at a time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path

from shared.adapters.apart import Answer, ask_apart
from shared.adapters.document_refusals import TOO_COMPLEX, refused
from shared.adapters.embedded_documents.caps import Caps
from shared.domain.document import DocumentAnalysis, DocumentKind, PageRead, analysis_of
from shared.domain.errors import EngineUnavailable, ReadingUnfinished, Transient
from shared.ports import PageStore

_READER = "shared.adapters.embedded_documents.reader"
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
        caps = self._caps
        given = (str(file), kind.value, json.dumps(asdict(caps)), json.dumps(sorted(reading.pages)))
        try:
            said = await ask_apart(_READER, *given, seconds=caps.seconds, threads=caps.threads, each=reading.hear)
        except TimeoutError:
            if self._pages is None or not reading.got_on:
                raise refused(TOO_COMPLEX) from None
            raise ReadingUnfinished(
                f"{len(reading.pages)} pages are read: send the same again to go on from there"
            ) from None
        finally:
            await asyncio.shield(reading.keep(WORTH_KEEPING))
        return analysis_of(reading.pages.values(), str(said["fields"]))


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

    async def hear(self, said: Answer) -> None:
        """A page is read, or all of them are."""
        if "number" not in said:
            return
        page = PageRead.model_validate(said)
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


def _digest(file: Path, kind: DocumentKind) -> str:
    with file.open("rb") as opened:
        return f"{kind.name.lower()}:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
