"""Notes without any outside service: the extractive writer behind the NoteEngine port."""

from __future__ import annotations

import asyncio

from shared.domain.note import Note
from shared.notes.writer import ENGINE, write_extract
from shared.ports import NoteRequest


class EmbeddedNoteEngine:
    """Quotes what was said under the template's headings. Needs nothing but CPU, so it is never unavailable."""

    name = ENGINE

    async def write(self, request: NoteRequest) -> Note:
        """Write the note in a worker thread."""
        return await asyncio.to_thread(write_extract, request)
