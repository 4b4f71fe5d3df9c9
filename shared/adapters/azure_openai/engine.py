"""Notes by a language model: asked, checked, mended once, and written by the embedded writer where that fails.

A service that is away is no reason for another note: EngineUnavailable, and the host tries again. The embedded writer
takes over where trying again would change nothing: what the filter or the model declines, what does not fit, what is
no note, what the session does not hold. Why stands in the note's `engine`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence

from shared.adapters.azure_openai.model import ChatModel, Declined, TooLong
from shared.domain.errors import EngineRefused
from shared.domain.note import Note, Section
from shared.notes.drafts import checked, merged, read_draft, schema_of
from shared.notes.evidence import CheckedNote
from shared.notes.parts import Part, halved, parts_of
from shared.notes.personal import followed
from shared.notes.prompts import Message, line, mend, shown, told, version
from shared.notes.templates import Template, template_for
from shared.notes.writer import write_extract
from shared.ports import NoteRequest

MOST_FLAWED = 0.5
"""Share of statements that may fall to the check before the note is taken for no note."""
_LEAST_ROOM = 1000
"""Characters of transcript that must fit in one question."""

_log = logging.getLogger(__name__)


class AzureOpenAINotes:
    """Implements `ports.NoteEngine`. `context_tokens` is the model's window; tokens are estimated from characters."""

    def __init__(self, model: ChatModel, *, context_tokens: int = 128_000, characters_per_token: float = 3.0) -> None:
        self._model = model
        # A question leaves room for its answer twice: a mended note is asked for with the first one in sight.
        self._window = (context_tokens - 2 * model.max_output_tokens) * characters_per_token

    @property
    def name(self) -> str:
        """See NoteEngine.name: the deployment, and the version of what it is told."""
        return f"azure-openai {self._model.deployment} prompts {version()}"

    async def write(self, request: NoteRequest) -> Note:
        """See NoteEngine.write. Raises: EngineUnavailable, InvalidInput (`template_not_available`)."""
        template = followed(template_for(request.session_type, request.participants_type), request.instructions)
        if not request.transcript.has_speech:
            return self._empty(template)
        try:
            parts = self._parts(request, template)
            notes = [
                note
                for number, part in enumerate(parts)
                for note in await self._written(request, template, part, number, len(parts))
            ]
        except EngineRefused as reason:
            _log.warning("%s wrote no note (%s): the embedded writer does", self.name, reason.code)
            note = await asyncio.to_thread(write_extract, request)
            return note.model_copy(update={"engine": f"{note.engine} for {self.name}: {reason.code}"})
        return merged(notes)

    async def close(self) -> None:
        """Close the connection; the next use opens another."""
        await self._model.close()

    def _parts(self, request: NoteRequest, template: Template) -> list[Part]:
        """The session in parts that fit. Raises: TooLong when what goes with each leaves no room."""
        around = len(told(template)["content"]) + len(json.dumps(schema_of(template)))
        around += len(shown(request, (), 0, 2)["content"])
        room = self._window - around
        if room < _LEAST_ROOM:
            raise TooLong("plan and instructions leave no room for the session")
        return parts_of(
            request.transcript.segments, room, lambda segment: len(json.dumps(line(segment), ensure_ascii=False)) + 1
        )

    async def _written(
        self, request: NoteRequest, template: Template, part: Part, number: int, parts: int
    ) -> list[Note]:
        """Notes of a part: one, or more where it proved too long. Raises: EngineUnavailable, EngineRefused."""
        messages = [told(template), shown(request, part, number, parts)]
        try:
            return [await self._mended(request, template, messages)]
        except TooLong:
            halves = halved(part)
            if halves is None:
                raise
            return [
                note for half in halves for note in await self._written(request, template, half, number, max(parts, 2))
            ]

    async def _mended(self, request: NoteRequest, template: Template, messages: Sequence[Message]) -> Note:
        """The note that is left after the check and one repair."""
        answer, first = await self._asked(request, template, messages)
        best = first
        if first is None or first.findings:
            findings = first.findings if first is not None else ()
            # An answer that is not of the form is not shown again: it may be endless.
            again = [*messages, *mend(answer if first is not None else None, findings)]
            _, second = await self._asked(request, template, again)
            best = min((c for c in (second, first) if c is not None), key=lambda c: len(c.findings), default=None)
        if best is None:
            raise Declined("twice no JSON of the form asked for", code="malformed")
        held = sum(len(section.statements) for section in best.note.sections)
        if len(best.findings) > MOST_FLAWED * (held + len(best.findings)):
            raise Declined("most of its statements do not hold", code="unsupported")
        return best.note

    async def _asked(
        self, request: NoteRequest, template: Template, messages: Sequence[Message]
    ) -> tuple[str, CheckedNote | None]:
        """An answer and the note in it; None when it is not of the form."""
        name = f"note_{template.session_type}_{template.participants_type}"
        answer = await self._model.ask(messages, name=name, schema=schema_of(template))
        draft = read_draft(answer, template)
        if draft is None:
            return answer, None
        return answer, await asyncio.to_thread(checked, draft, template, request, self.name)

    def _empty(self, template: Template) -> Note:
        """Where nothing was said nothing is asked."""
        return Note(
            session_type=template.session_type,
            participants_type=template.participants_type,
            template_version=template.version,
            sections=tuple(Section(key=section.key, title=section.title) for section in template.sections),
            engine=self.name,
        )
