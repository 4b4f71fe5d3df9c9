"""Receive Session Scribe's events and believe only those that are genuine, new and fresh.

    SCRIBE_WEBHOOK_SECRET=whsec_… python webhook_receiver.py 9000

Register its address with `PUT /api/webhook {"url": "https://…"}`; the answer holds the secret, this once. Every event
comes with `x-scribe-timestamp` (milliseconds) and `x-scribe-signature`, `v1=` and the hex HMAC-SHA256 of timestamp,
full stop and body under the secret. Answer 200 or 204 within five seconds, or it is sent again. Needs Python 3.11+.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

TOLERANCE_MS = 5 * 60 * 1000


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, now_ms: float) -> bool:
    """Whether who knows the secret has signed this body within the last five minutes. `body` is as it came."""
    timestamp = headers.get("x-scribe-timestamp", "")
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    given = headers.get("x-scribe-signature", "")
    if not hmac.compare_digest(f"v1={signed.hexdigest()}".encode(), given.encode()):  # in constant time
        return False
    return abs(now_ms - int(timestamp)) <= TOLERANCE_MS


class Receiver(BaseHTTPRequestHandler):
    """Prints each event once."""

    secret: str
    seen: set[str] = set()  # noqa: RUF012 - in earnest a table with a unique key, written together with what follows

    def do_POST(self) -> None:
        """An event, perhaps."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        genuine = is_genuine(self.secret, self.headers, body, time.time() * 1000)
        if genuine:
            event = json.loads(body)
            if event["eventId"] not in self.seen:  # a retry or a replay is the same event
                self.seen.add(event["eventId"])
                sys.stdout.write(f"{event['type']} {event['processingId']}\n")
                sys.stdout.flush()
        self.send_response(204 if genuine else 401)
        self.end_headers()


if __name__ == "__main__":
    Receiver.secret = os.environ["SCRIBE_WEBHOOK_SECRET"]
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
