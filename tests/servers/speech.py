"""A speech resource as its SDKs see it, heard by an engine of ours: conversations over a websocket, and whole files.

A message is headers, an empty line and a body; a binary one begins with the length of its headers (16 bits, big
endian). The client sends `speech.config`, `speech.context` and `audio`, of which an empty one is the last; the server
`turn.start`, `speech.startDetected`, `speech.hypothesis`, `speech.phrase` and, when all is heard, `turn.end`. Offsets
count 100 ns from the first sample of the connection. A client that comes back after a broken connection names the
`serviceTag` it had and the offset from which it sends again.
"""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from shared.domain.transcript import Segment, Word
from shared.ports import SpeechEngine
from tests.servers.fast_transcription import FastTranscription
from tests.servers.faults import Fault, Server, Trouble, hang_up
from tests.servers.hearing import BYTES_PER_MS, KEY, hear_pcm

TICKS_PER_MS = 10_000
UNFINISHED_MS = 60
"""A phrase that ended less than this ago may still go on."""
DEFAULT_LOCALE = "en-US"


@dataclass
class Talk:
    """A conversation, over however many connections."""

    pcm: bytearray = field(default_factory=bytearray)
    voices: dict[str, str] = field(default_factory=dict)


class SpeechServer(Server):
    """A speech resource."""

    def __init__(self, engine: SpeechEngine) -> None:
        super().__init__()
        self.engine = engine
        self.fast = FastTranscription(engine)
        self.unknown: Collection[int] = ()
        """The phrases of a conversation, counted from 0, whose speaker it does not know."""
        self.every_ms: int | None = None
        """How much audio it lets pass before it says what it has heard; without it, it waits for the end."""
        self.contexts: list[dict[str, Any]] = []
        """Every `speech.context` that came."""
        self.contexts_came = threading.Event()
        """Set once there is one."""
        self.talks: dict[str, Talk] = {}
        self.open = 0
        """Connections that nobody has closed."""

    def routes(self, router: web.UrlDispatcher) -> None:
        """Where resources of their own name and regional hosts have it."""
        router.add_get("/stt/speech/universal/v2", self._connect)
        router.add_get("/speech/universal/v2", self._connect)
        router.add_post(self.fast.path, self.fast.transcribe)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        key, bearer = (request.headers.get(name) for name in ("Ocp-Apim-Subscription-Key", "Authorization"))
        if key != KEY and not (bearer or "").startswith("Bearer "):
            return Fault(status=401).answer()
        socket = web.WebSocketResponse(max_msg_size=0, protocols=("USP",))
        await socket.prepare(request)
        self.open += 1
        try:
            await Connection(self, request, socket).serve()
        except ConnectionResetError:
            pass  # the client has gone, or was hung up on
        finally:
            self.open -= 1
        return socket


class Connection:
    """One connection of a conversation."""

    def __init__(self, server: SpeechServer, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._server = server
        self._request = request
        self._socket = socket
        self._fault: Fault | None = request.get("fault")
        self._detailed = request.query.get("format") == "detailed"
        self._locale = request.query.get("language", DEFAULT_LOCALE)
        self._context: dict[str, Any] = {}
        self._request_id = ""
        self._talk = Talk()
        self._offset_ms = 0
        self._said_ms = 0
        self._looked_ms = 0
        self._started = False

    async def serve(self) -> None:
        """Until the client or a fault has had enough."""
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                head, _, body = message.data.partition("\r\n\r\n")
                if _headers(head)["path"] == "speech.context":
                    self._open(_headers(head)["x-requestid"], json.loads(body))
            elif message.type is WSMsgType.BINARY:
                length = int.from_bytes(message.data[:2], "big")
                if _headers(message.data[2 : 2 + length].decode())["path"] == "audio":
                    await self._audio(message.data[2 + length :])

    def _open(self, request_id: str, context: dict[str, Any]) -> None:
        self._request_id, self._context = request_id, context
        self._server.contexts.append(context)
        self._server.contexts_came.set()
        tag = context.get("continuation", {}).get("previousServiceTag", "")
        self._talk = self._server.talks.get(tag, self._talk)
        diarization = context["phraseDetection"]["speakerDiarization"]
        self._offset_ms = int(diarization["audioOffsetMS"])
        self._said_ms = self._offset_ms
        del self._talk.pcm[self._offset_ms * BYTES_PER_MS :]

    async def _audio(self, samples: bytes) -> None:
        if not self._started:
            self._started = True
            await self._start()
        header = samples.startswith(b"RIFF")
        self._talk.pcm += samples[44:] if header else samples
        if await self._struck():
            return
        if not samples and not header:
            await self._finish()
        elif self._server.every_ms is not None and self._taken_ms - self._looked_ms >= self._server.every_ms:
            await self._say(until_ms=self._heard_ms - UNFINISHED_MS)

    @property
    def _heard_ms(self) -> int:
        return len(self._talk.pcm) // BYTES_PER_MS

    @property
    def _taken_ms(self) -> int:
        """Of this connection."""
        return self._heard_ms - self._offset_ms

    async def _start(self) -> None:
        tag = uuid.uuid4().hex
        self._server.talks[tag] = self._talk
        if self._fault is None or self._fault.trouble is not Trouble.SILENT:
            await self._send("turn.start", {"context": {"serviceTag": tag}})

    async def _struck(self) -> bool:
        """Whether the connection has come to its appointed end."""
        fault = self._fault
        if fault is None or fault.trouble in (Trouble.SLOW, Trouble.TRUNCATED, Trouble.MALFORMED):
            return False
        if self._taken_ms < (fault.after_ms or 0):
            return False
        if fault.trouble is Trouble.SILENT:
            return True
        await self._say(until_ms=self._heard_ms - UNFINISHED_MS)
        if fault.trouble is Trouble.STATUS:
            await self._socket.close(code=fault.status, message=b"on order")
        else:
            hang_up(self._request)
        return True

    async def _finish(self) -> None:
        await self._say(until_ms=self._heard_ms)
        if self._said_ms == self._offset_ms:
            quiet = {"RecognitionStatus": "InitialSilenceTimeout", "Offset": 0, "Channel": 0}
            await self._send("speech.phrase", quiet | {"Duration": self._taken_ms * TICKS_PER_MS})
        if self._fault is not None and self._fault.trouble is Trouble.TRUNCATED:
            hang_up(self._request)
            return
        end = self._taken_ms * TICKS_PER_MS
        await self._send("speech.endDetected", {"Offset": end})
        over = {"RecognitionStatus": "EndOfDictation", "Offset": end, "Duration": 0, "Channel": 0}
        await self._send("speech.phrase", {"Id": uuid.uuid4().hex, **over})
        await self._send("turn.end", {})

    async def _say(self, *, until_ms: int) -> None:
        """What was said up to a time of the conversation and not told yet."""
        self._looked_ms = self._taken_ms
        languages = self._context.get("languageId", {}).get("languages")
        hints = [item["Text"] for group in self._context.get("dgi", {}).get("Groups", ()) for item in group["Items"]]
        transcript = await hear_pcm(
            self._server.engine, bytes(self._talk.pcm), languages[0] if languages else self._locale, hints
        )
        for number, segment in enumerate(transcript.segments):
            if segment.start_ms >= self._said_ms and segment.end_ms <= until_ms:
                await self._phrase(number, segment, detected=transcript.locale if languages else None)
                self._said_ms = segment.end_ms

    async def _phrase(self, number: int, segment: Segment, detected: str | None) -> None:
        if self._fault is not None and self._fault.trouble is Trouble.SLOW:
            await asyncio.sleep(self._fault.seconds)
        begin, length = self._ticks(segment.start_ms), (segment.end_ms - segment.start_ms) * TICKS_PER_MS
        guest = self._talk.voices.setdefault(segment.speaker, f"Guest-{len(self._talk.voices) + 1}")
        await self._send("speech.startDetected", {"Offset": begin})
        guess = {"Text": segment.text.split()[0].lower(), "SpeakerId": "Unknown"}
        place = {"Id": uuid.uuid4().hex, "Offset": begin, "Duration": length, "Channel": 0}
        await self._send("speech.hypothesis", place | guess)
        speaker = "Unknown" if number in self._server.unknown else guest
        said = {"RecognitionStatus": "Success", "DisplayText": segment.text, "SpeakerId": speaker}
        kind: dict[str, Any] = {"Type": "ConversationTranscription"}
        if detected is not None:
            kind["PrimaryLanguage"] = {"Language": detected, "Confidence": "High"}
        if self._detailed:
            kind["NBest"] = [self._best(segment)]
        await self._send("speech.phrase", place | said | kind)

    def _best(self, segment: Segment) -> dict[str, Any]:
        lexical = segment.text.lower()
        best = {"Confidence": segment.confidence, "Lexical": lexical, "ITN": lexical, "MaskedITN": lexical}
        options = self._context.get("phraseOutput", {}).get("detailed", {}).get("options", ())
        if "WordTimings" not in options:
            return best | {"Display": segment.text}
        written = [{"DisplayText": word.text.strip(), **self._time(word)} for word in segment.words]
        spoken = [{"Word": word.text.strip(" .,?!").lower(), **self._time(word)} for word in segment.words]
        if "WordConfidence" in options:
            spoken = [
                word | {"Confidence": heard.confidence} for word, heard in zip(spoken, segment.words, strict=True)
            ]
        return best | {"Display": segment.text, "Words": spoken, "DisplayWords": written}

    def _time(self, word: Word) -> dict[str, int]:
        return {"Offset": self._ticks(word.start_ms), "Duration": (word.end_ms - word.start_ms) * TICKS_PER_MS}

    def _ticks(self, ms: int) -> int:
        """A time of the conversation as this connection counts it."""
        return (ms - self._offset_ms) * TICKS_PER_MS

    async def _send(self, path: str, body: dict[str, Any]) -> None:
        text = json.dumps(body)
        if path == "speech.phrase" and self._fault is not None and self._fault.trouble is Trouble.MALFORMED:
            text = text[: len(text) // 2]
        kind = "Content-Type:application/json; charset=utf-8"
        await self._socket.send_str(f"X-RequestId:{self._request_id}\r\n{kind}\r\nPath:{path}\r\n\r\n{text}")


def _headers(head: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
