"""Say what the speakers of a session are called."""

from __future__ import annotations

from collections.abc import Mapping

from shared.domain.caller import Caller
from shared.domain.errors import InvalidInput, NotFound
from shared.domain.records import StoredTranscript
from shared.domain.session import Session
from shared.domain.transcript import render_text
from shared.ports import Queues
from shared.services.edit_record import Edit, RecordEditor
from shared.services.ledger import Ledger
from shared.services.transcribe_session import ask_for_note
from shared.services.transcripts import Transcripts


async def name_speakers(
    session: Session,
    names: Mapping[str, str],
    caller: Caller,
    *,
    ledger: Ledger,
    transcripts: Transcripts,
    editor: RecordEditor,
    queues: Queues,
) -> None:
    """Keep the names with the words, write the transcript's text anew, and have the session's notes written anew.

    A label as its own name undoes a name. Names are as private as what was said: they stand in the encrypted words
    and the encrypted text, nowhere else. Another run of the session, after a late chunk, tells speakers apart anew
    and starts without names. Names that stand already change nothing, but what an interrupted call has left undone is
    done: the words say which edition of the notes their names ask for.
    Raises: NotFound (`transcript_not_found`); InvalidInput (`unknown_speaker`); Forbidden.
    """
    stored = await transcripts.of(session)
    if stored is None or stored.deleted:
        raise NotFound(f"session {session.session_id} has no transcript", code="transcript_not_found")
    words = await transcripts.words(stored)
    labels = {segment.speaker for segment in words.segments}
    if not names.keys() <= labels:
        raise InvalidInput(f"the speakers of this session are {', '.join(sorted(labels))}", code="unknown_speaker")
    named = {label: name for label, name in {**words.names, **names}.items() if name != label}
    if named != words.names:
        edition = max(words.named, session.edition) + 1
        words = words.model_copy(update={"names": named, "named": edition})
        await transcripts.keep_words(stored, words)
    text = {"transcript": render_text(words)}
    await editor.edit(caller, StoredTranscript, stored.number, Edit(text))
    if words.named:
        wanted = await ledger.want(session.session_id, stored.manifest, words.named, *session.wanted)
        if wanted is not None:
            await ask_for_note(session.session_id, stored.manifest, queues)
