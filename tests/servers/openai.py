"""Azure OpenAI's chat completions with structured output, written by the embedded writer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from shared.domain.note import ParticipantsType, Person, SessionType
from shared.domain.transcript import Gap, Segment, Transcript
from shared.notes.templates import Template, template_for
from shared.notes.writer import write_extract
from shared.ports import NoteRequest
from tests.servers.faults import Server

KEY = "openai-key"  # of nothing
DEPLOYMENT = "notes"

Reply = dict[str, Any]


class OpenAI(Server):
    """A deployment. `replies` are given before the writer's own, one a question; strings as the answer's text."""

    def __init__(self, *, token: str | None = None) -> None:
        super().__init__()
        self.replies: list[str | Reply | Callable[[dict[str, Any]], str]] = []
        self._token = token

    @property
    def questions(self) -> list[dict[str, Any]]:
        """What was asked, as JSON."""
        return [json.loads(request.body) for request in self.requests]

    def routes(self, router: web.UrlDispatcher) -> None:
        """See Server.routes."""
        router.add_post("/openai/v1/chat/completions", self._chat)
        router.add_post("/openai/deployments/{deployment}/chat/completions", self._chat)

    def _allowed(self, request: web.Request) -> bool:
        if self._token is not None:
            return request.headers.get("Authorization") == f"Bearer {self._token}"
        return KEY in (request.headers.get("api-key"), request.headers.get("Authorization", "").removeprefix("Bearer "))

    async def _chat(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        if not self._allowed(request):
            return _error(401, "401", "no.")
        if asked["model"] != DEPLOYMENT:
            return _error(404, "DeploymentNotFound", "no.")
        reply = self.replies.pop(0) if self.replies else written
        text = reply(asked) if callable(reply) else reply
        choice: Reply = {"finish_reason": "stop", "message": {"content": text}} if isinstance(text, str) else text
        message = {"role": "assistant", "content": None, "refusal": None, **choice["message"]}
        return web.json_response(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1771837200,
                "model": "gpt-of-the-tests",
                "choices": [{"index": 0, "logprobs": None, **choice, "message": message}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        )


def filtered() -> tuple[int, dict[str, Any]]:
    """Status and body of a question that the content filter stops."""
    return 400, {
        "error": {
            "code": "content_filter",
            "message": "The response was filtered.",
            "param": "prompt",
            "type": None,
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation"},
        }
    }


def written(asked: dict[str, Any]) -> str:
    """What the embedded writer makes of the transcript in a question."""
    template, shown = template_in(asked), shown_in(asked)
    speakers = shown["speakers"]
    note = write_extract(
        NoteRequest(
            transcript_in(shown),
            template.session_type,
            template.participants_type,
            roles={speaker: one["role"] for speaker, one in speakers.items()},
            people=tuple(Person(key=speaker, name=one["name"]) for speaker, one in speakers.items() if "name" in one),
            identities={speaker: speaker for speaker, one in speakers.items() if "name" in one},
            plan=shown.get("treatment_plan"),
            instructions=shown.get("wishes"),
        )
    )
    sections = {
        section.key: [{"text": s.text, "evidence": list(s.evidence)} for s in section.statements]
        for section in note.sections
    }
    entities = [entity.model_dump() for entity in note.entities]
    goals = [{"goal": touched.goal, "evidence": touched.evidence} for touched in note.goals]
    return json.dumps({"sections": sections, "topics": note.topics, "entities": entities, "goals": goals})


def template_in(asked: dict[str, Any]) -> Template:
    """The template whose form a question asks for."""
    form = asked["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True
    _, session_type, participants_type = form["json_schema"]["name"].split("_")
    return template_for(SessionType(session_type), ParticipantsType(participants_type))


def shown_in(asked: dict[str, Any]) -> dict[str, Any]:
    """The material of a question."""
    shown: dict[str, Any] = json.loads(asked["messages"][1]["content"])
    return shown


def transcript_in(shown: dict[str, Any]) -> Transcript:
    """The transcript of a question, to the second."""
    segments = tuple(
        Segment(id=id_, start_ms=_ms(at), end_ms=_ms(at), speaker=speaker, text=text)
        for id_, at, speaker, text in shown["transcript"]
    )
    gaps = tuple(Gap(start_ms=_ms(gap[0]), reason="missing", chunk="") for gap in shown["missing_audio"])
    return Transcript(segments=segments, gaps=gaps)


def _ms(clock: str) -> int:
    seconds = 0
    for part in clock.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds * 1000


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
