"""A partner: what it sends, and how it waits for what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import httpx

from localcloud.client import Client
from tests.e2e.visits import FOLLOW_SECONDS
from tests.e2e.waiting import wait_until

TURNS = (
    ("A", "How have you been sleeping since we last met, Wilhelmina?"),
    ("B", "Badly. I wake up at three and I lie there until the alarm goes off."),
    ("A", "What goes through your mind when you lie awake?"),
    ("B", "I worry about losing my job. Sometimes I think that I do not want to live like this."),
    ("A", "Are you having any thoughts of ending your life?"),
    ("B", "No, I am not. I would never do that to my daughter."),
    ("A", "Shall we practise the breathing exercise again this week?"),
    ("B", "Yes, the breathing exercise helped me on Tuesday evening."),
)
PLAN = "# Treatment plan\n\n## Goals\n- Improve sleep with a breathing exercise\n- Learn to juggle\n"


@dataclass(frozen=True)
class Partner:
    """A partner's back end, with one clinician."""

    client: Client
    clinician: str = "clinician-1"

    @cached_property
    def owner(self) -> str:
        """The clinician's UUID."""
        known = self.client.request("POST", "users/check", json={"partnerUserId": self.clinician}).json()
        if known["isUserExists"]:
            return str(UUID(known["userId"]))
        answer = self.client.request("POST", "users", json={"partnerUserId": self.clinician})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["userId"])

    def people(self) -> dict[str, Any]:
        """Who takes part."""
        return {
            "ownerUserId": self.owner,
            "speakerNames": {self.owner: "Bartholomew", "client-7": "Wilhelmina"},
            "speakerPronouns": {self.owner: "MasculineHim", "client-7": "FeminineHer"},
        }

    def by_recording(self, url: str | None = None, **changes: Any) -> dict[str, Any]:
        """The body of a request; without a URL, one of ours where nothing was put."""
        return {**self.people(), "recordingUrl": url or self.recording_url()["recordingUrl"], **changes}

    def by_transcript(self, **changes: Any) -> dict[str, Any]:
        """The body of a request."""
        transcript = {
            "utterances": [
                {"text": text, "speaker": speaker, "start": n * 5000, "end": n * 5000 + 4000, "words": words(text, n)}
                for n, (speaker, text) in enumerate(TURNS)
            ]
        }
        mapping = {"A": self.owner, "B": "client-7"}
        return {
            **self.people(),
            "transcript": transcript,
            "speakerMapping": mapping,
            "language": "en",
            **changes,
        }

    def recording_url(self, **body: Any) -> dict[str, Any]:
        """An address to upload to."""
        answer = self.client.request("POST", "recording-url", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def put(self, content: bytes) -> str:
        """Upload; the address."""
        given = self.recording_url(fileName="session.m4a", contentType="audio/mp4")
        answer = httpx.request(given["method"], given["recordingUrl"], content=content, headers=given["headers"])
        assert answer.status_code == 201, answer.text
        return str(given["recordingUrl"])

    def create(self, body: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
        """By whichever door the body is for."""
        path = "processing-sessions" + ("/from-transcript" if "transcript" in body else "")
        return self.client.request("POST", path, json=body, headers=headers)

    def created(self, body: dict[str, Any]) -> str:
        """The processing id; the request must be taken in."""
        answer = self.create(body)
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"processingId"}
        return str(answer.json()["processingId"])

    def get(self, processing_id: str, **params: Any) -> dict[str, Any]:
        """How it stands."""
        answer = self.client.request("GET", f"processing-sessions/{processing_id}", params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def follow(self, processing_id: str, **params: Any) -> dict[str, Any]:
        """Ask until it is not processing any more."""
        return wait_until(
            lambda: self.get(processing_id, **params),
            lambda found: found["status"] != "Processing",
            seconds=FOLLOW_SECONDS,
        )


def words(text: str, turn: int) -> list[dict[str, Any]]:
    """Each word of a turn, 90 ms long."""
    start = turn * 5000
    return [
        {"text": word, "start": start + 100 * n, "end": start + 100 * n + 90} for n, word in enumerate(text.split())
    ]
