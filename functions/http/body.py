"""Bodies of requests, in pieces that are worth the work each one costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

PIECE = 1024 * 1024
"""Bytes that are gathered before they are handed on."""


def in_large_pieces(receive: Receive) -> Receive:
    """An ASGI `receive` that gathers a body's pieces until they have PIECE bytes or the body ends.

    A server hands on what its socket gave, and for each piece the multipart parser hops to a thread and back. What a
    client had begun to send when it went away is dropped: nobody reads half a form.
    """

    async def gathered() -> Message:
        pieces, size = list[bytes](), 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            more = message.get("more_body", False)
            if not more or size >= PIECE:
                return {"type": "http.request", "body": b"".join(pieces), "more_body": more}

    return gathered
