"""What the host holds does not grow with the chunks that went through it, nor with their size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from localcloud.client import Client, Piece
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.conftest import NewStack
from tests.e2e.memory import Peak
from tests.e2e.visits import THERAPIST, Visit
from tests.engines import silence

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024
AT_ONCE = 4


def upload(stack: Stack, name: str, sizes: list[int]) -> None:
    """Chunks of so many MiB, several at once; the session stays open, so that nothing else happens."""
    with (
        Client(stack.url, stack.issuer.token(THERAPIST, [Role.THERAPIST])) as client,
        ThreadPoolExecutor(AT_ONCE) as senders,
    ):
        visit = Visit(name, client)
        pieces = [Piece(silence(0) + bytes(mib * MIB), f"{n}.wav", n) for n, mib in enumerate(sizes)]
        list(senders.map(lambda piece: client.upload_until_accepted(piece, **visit.form), pieces))


def test_chunks_of_any_size_leave_memory_as_it_was(new_stack: NewStack, measured: list[str]):
    stack = new_stack()
    upload(stack, "warm-up", [1] * 2 * AT_ONCE)
    with Peak(stack.host_pid) as peak:
        before = peak.held
        upload(stack, "chunks", [8] * 6 * AT_ONCE)
        upload(stack, "recordings", [48] * AT_ONCE)
        left = peak.held - before
    measured.append(
        f"uploads, {AT_ONCE} at once: host's memory {peak.grown / MIB:+.0f} MiB, {left / MIB:+.0f} MiB after"
    )
    assert peak.grown < 100 * MIB
    assert left < 24 * MIB
