"""A request's body reaches the API in large pieces, whatever the pieces it came in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from functions.http.body import PIECE, Message, Receive, in_large_pieces

GONE: Message = {"type": "http.disconnect"}


def coming(pieces: Sequence[bytes], *, whole: bool = True) -> Receive:
    """A server's side: the pieces, and then that the client has left."""
    last = len(pieces) - 1
    messages = iter(
        {"type": "http.request", "body": piece, "more_body": n < last or not whole} for n, piece in enumerate(pieces)
    )

    async def receive() -> Message:
        return next(messages, GONE)

    return receive


async def everything(receive: Receive) -> list[Message]:
    """All messages up to the end of the body or of the connection."""
    gathered = in_large_pieces(receive)
    messages = [await gathered()]
    while messages[-1].get("more_body"):
        messages.append(await gathered())
    return messages


@given(st.lists(st.sampled_from([0, 1, 1000, 256 * 1024, PIECE - 1, PIECE, PIECE + 1]), min_size=1, max_size=12))
async def test_the_body_is_the_same_in_pieces_that_are_large_but_for_the_last(sizes):
    pieces = [bytes([n]) * size for n, size in enumerate(sizes)]
    messages = await everything(coming(pieces))
    assert b"".join(message["body"] for message in messages) == b"".join(pieces)
    assert all(len(message["body"]) >= PIECE for message, _ in pairwise(messages))
    assert all(len(message["body"]) < PIECE + max(sizes) for message in messages)


async def test_a_client_that_leaves_half_way_is_seen_to_leave():
    [first, then] = await everything(coming([bytes(PIECE), b"rest"], whole=False))
    assert len(first["body"]) == PIECE
    assert then == GONE


async def test_a_request_without_a_body_has_one_empty_piece():
    assert await everything(coming([b""])) == [{"type": "http.request", "body": b"", "more_body": False}]
