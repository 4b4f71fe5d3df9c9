"""Fast transcription as its SDK sees it: a file and what is wanted of it in one request, heard by an engine of ours."""

from __future__ import annotations

import email.parser
import email.policy
import json
from typing import Any

from aiohttp import web

from shared.domain.errors import EngineRefused
from shared.domain.transcript import Segment, Word
from shared.ports import SpeechEngine
from tests.servers.faults import Fault, Received
from tests.servers.hearing import KEY, hear_file

API_VERSION = "2025-10-15"


class FastTranscription:
    """The operation of a speech resource that transcribes whole files."""

    path = "/speechtotext/transcriptions:transcribe"

    def __init__(self, engine: SpeechEngine) -> None:
        self.engine = engine
        self.length_limit_ms: int | None = None
        """The longest audio it takes."""
        self.says_ms: int | None = None
        """How much it says it has heard, where that is not the whole file."""
        self.definitions: list[dict[str, Any]] = []
        """What was wanted, request by request."""

    async def transcribe(self, request: web.Request) -> web.Response:
        key, bearer = (request.headers.get(name, "") for name in ("Ocp-Apim-Subscription-Key", "Authorization"))
        if key != KEY and not bearer.startswith("Bearer "):
            return Fault(status=401).answer()
        if request.query.get("api-version") != API_VERSION:
            return Fault(status=404).answer()
        parts = _parts(request.headers["Content-Type"], await request.read())
        wanted = json.loads(parts["definition"])
        self.definitions.append(wanted)
        locale = (wanted.get("locales") or ["en-US"])[0]
        diarization = wanted.get("diarization", {})
        try:
            transcript = await hear_file(
                self.engine, parts["audio"], locale, wanted.get("phraseList", {}).get("phrases", ())
            )
        except EngineRefused:
            return _refusal("InvalidAudio")
        if self.length_limit_ms is not None and transcript.duration_ms > self.length_limit_ms:
            return _refusal("AudioLengthLimitExceeded")
        tell_apart = bool(diarization.get("enabled"))
        speakers = list(dict.fromkeys(segment.speaker for segment in transcript.segments))
        numbers = {speaker: len(speakers) - n for n, speaker in enumerate(speakers)}  # in no particular order
        phrases = [
            _phrase(s, transcript.locale, numbers[s.speaker] if tell_apart else None) for s in transcript.segments
        ]
        text = " ".join(segment.text for segment in transcript.segments)
        return web.json_response(
            {
                "durationMilliseconds": self.says_ms or transcript.duration_ms,
                "combinedPhrases": [{"text": text}],
                "phrases": phrases,
            }
        )


def audio_of(request: Received) -> bytes:
    """The file in a request."""
    return _parts(request.headers["Content-Type"], request.body).get("audio", b"")


def _refusal(inner: str) -> web.Response:
    error = {"code": "InvalidRequest", "message": "refused", "innerError": {"code": inner, "message": "refused"}}
    return Fault(status=422 if inner == "AudioLengthLimitExceeded" else 400, body=error).answer()


def _phrase(segment: Segment, locale: str, speaker: int | None) -> dict[str, Any]:
    said = {
        **_time(segment),
        "text": segment.text,
        "words": [{"text": word.text.strip(), **_time(word)} for word in segment.words],
        "locale": locale,
        "confidence": segment.confidence or 0,
    }
    return said if speaker is None else said | {"speaker": speaker}


def _time(said: Segment | Word) -> dict[str, int]:
    return {"offsetMilliseconds": said.start_ms, "durationMilliseconds": said.end_ms - said.start_ms}


def _parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """Bodies of a multipart form by field name (RFC 7578)."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form: Any = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
        for part in form.iter_parts()
    }
