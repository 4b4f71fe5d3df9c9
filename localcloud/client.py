"""The two kinds of client the product serves: a mobile app that records, and a web app that reads."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx

from shared.crypto.envelope import DataKey, associated_data, open_envelope

FINAL = frozenset({"done", "skipped", "failed"})
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Piece:
    """One chunk as a recorder leaves it: its bytes and what the app says about it."""

    content: bytes
    filename: str
    index: int | None = None
    last: bool = False


class SessionFailed(RuntimeError):
    """A session did not come to its end in time; the message is its last status."""


class Client:
    """Speaks to the API as one user. Thread-safe."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(base_url=url + "/", headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; `path` is relative to /api."""
        return self._http.request(method, path, **options)

    def upload(self, piece: Piece, **fields: str) -> httpx.Response:
        """Send one chunk once."""
        form = {"is_last_blob": str(piece.last), **fields}
        if piece.index is not None:
            form["chunk_index"] = str(piece.index)
        return self.request(
            "POST", "recordings", data=form, files={"file": (piece.filename, piece.content, "audio/webm")}
        )

    def upload_until_accepted(self, piece: Piece, **fields: str) -> dict[str, Any]:
        """Send a chunk until the server says 200, as a mobile app must. Raises: HTTPStatusError for a 4xx."""
        pause = 0.2
        while True:
            try:
                answer = self.upload(piece, **fields)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                answer.raise_for_status()
                return dict(answer.json())
            time.sleep(pause)
            pause = min(2 * pause, 5.0)

    def upload_all(
        self, pieces: Iterable[Piece], *, at_once: int, told: Callable[[Piece, dict[str, Any]], None], **fields: str
    ) -> None:
        """Send chunks in the order given, several at a time; `told` hears of each answer, one at a time."""
        lock = threading.Lock()

        def send(piece: Piece) -> None:
            answer = self.upload_until_accepted(piece, **fields)
            with lock:
                told(piece, answer)

        with ThreadPoolExecutor(at_once) as senders:
            list(senders.map(send, pieces))

    def session(self, session_id: str) -> dict[str, Any]:
        """A session's status."""
        answer = self.request("GET", f"sessions/{session_id}")
        answer.raise_for_status()
        return dict(answer.json())

    def follow(
        self, session_id: str, told: Callable[[dict[str, Any]], None] = lambda _: None, *, timeout_s: float = 600
    ) -> dict[str, Any]:
        """Ask until nothing more happens; `told` hears of each change. Raises: SessionFailed when time is up."""
        deadline, before = time.monotonic() + timeout_s, None
        while True:
            try:
                status = self.session(session_id)
            except (httpx.TransportError, httpx.HTTPStatusError):
                status = None
            if status is not None and status["state"] != before:
                before = status["state"]
                told(status)
            if status is not None and before in FINAL:
                return status
            if time.monotonic() > deadline:
                raise SessionFailed(f"session {session_id} is not finished: {status}")
            time.sleep(POLL_SECONDS)

    def transcripts(self, userid: str, relationship: str) -> list[dict[str, Any]]:
        """A client's transcripts, encrypted."""
        return self._query("transcripts/query", userid, relationship)

    def histories(self, userid: str, relationship: str) -> list[dict[str, Any]]:
        """A client's histories, encrypted."""
        return self._query("histories/query", userid, relationship)

    def open(self, relationship: str, resource: str, record: dict[str, Any], field: str) -> str:
        """Decrypt a field of a record here, with the relationship's keys."""
        answer = self.request("GET", f"relationships/{relationship}/keys")
        answer.raise_for_status()
        keys = [
            DataKey(UUID(key["kid"]), datetime.fromisoformat(key["created"]), base64.b64decode(key["key"]))
            for key in answer.json()["keys"]
        ]
        aad = associated_data(resource, record["id"], field)
        return open_envelope(record[field], keys=keys, aad=aad).decode()

    def _query(self, path: str, userid: str, relationship: str) -> list[dict[str, Any]]:
        answer = self.request("POST", path, json={"userid": userid, "therapist_clientid": relationship})
        answer.raise_for_status()
        return [] if answer.status_code == HTTPStatus.NO_CONTENT else list(answer.json())
