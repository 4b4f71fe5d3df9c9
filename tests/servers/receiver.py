"""A partner's receiver of webhooks on loopback: takes what comes and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"
WAIT_SECONDS = 60


@dataclass(frozen=True)
class Received:
    """One request: header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """What it says."""
        return dict(json.loads(self.body))


class Receiver:
    """Answers with `status`, or with the next of `first` while there are any; None hangs up without an answer."""

    def __init__(self) -> None:
        self.status: int | None = 204
        self.first: list[int | None] = []
        self.received: list[Received] = []
        self.answering = threading.Event()
        """Cleared, it keeps whoever asks waiting."""
        self.answering.set()
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self._server.server_port}/scribe?token=of-the-receiver"

    def wait_for(self, count: int) -> list[Received]:
        """All requests so far, once there are this many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, WAIT_SECONDS), self.received
            return list(self.received)

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        """Listen while the block runs."""
        self._thread.start()
        try:
            yield self
        finally:
            self.answering.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def take(self, request: Received) -> int | None:
        """Note a request; what to answer."""
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()
            status = self.first.pop(0) if self.first else self.status
        self.answering.wait()
        return status


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.take(Received(self.path, headers, body))
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            if status in {301, 302, 307, 308}:
                self.send_header("Location", receiver.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler
