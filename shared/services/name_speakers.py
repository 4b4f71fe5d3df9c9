"""Say what the speakers of a session are called."""

from __future__ import annotations

from collections.abc import Mapping

from shared.domain.caller import Caller
from shared.domain.errors import InvalidInput, NotFound
from shared.domain.records import StoredTranscript
from shared.domain.session import Session
from shared.domain.transcript import render_text
from shared.services.edit_record import Edit, RecordEditor
from shared.services.records import Records


async def name_speakers(
    session: Session, names: Mapping[str, str], caller: Caller, *, records: Records, editor: RecordEditor
) -> None:
    """Keep the names with the words and write the transcript's text anew; a label as its own name undoes a name.

    Names are as private as what was said: they stand in the encrypted words and the encrypted text, nowhere else.
    Another run of the session, after a late chunk, tells speakers apart anew and starts without names.
    Raises: NotFound (`transcript_not_found`); InvalidInput (`unknown_speaker`); Forbidden.
    """
    stored = await records.transcript(session)
    if stored is None or stored.deleted:
        raise NotFound(f"session {session.session_id} has no transcript", code="transcript_not_found")
    words = await records.words(stored)
    labels = {segment.speaker for segment in words.segments}
    if not names.keys() <= labels:
        raise InvalidInput(f"the speakers of this session are {', '.join(sorted(labels))}", code="unknown_speaker")
    named = {label: name for label, name in {**words.names, **names}.items() if name != label}
    words = words.model_copy(update={"names": named})
    await records.keep_words(stored, words)
    text = {"transcript": render_text(words)}
    await editor.edit(caller, StoredTranscript, stored.number, Edit(text))
