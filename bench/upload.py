"""Uploading chunks through the API against putting the same bytes straight into the storage emulator.

    python -m bench.upload [chunks] [MiB]

Both go over HTTP on loopback, one chunk after another, alternating in one run, so that the ratio is fair whatever else
the machine does. The API's way hashes, spools, stores, enters the ledger and writes the row on top of the put.
"""

from __future__ import annotations

import io
import os
import statistics
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

import psutil
from azure.storage.blob import BlobServiceClient

from localcloud.client import Client, Piece
from localcloud.stack import Stack
from shared.domain.caller import Role

MIB = 1024 * 1024
FORM = {"therapist_userid": "t", "therapist_clientid": "c", "client_userid": "u", "session_id": "bench"}


def main(chunks: int, mib: int) -> None:
    with tempfile.TemporaryDirectory(prefix="scribe-bench-") as home:
        stack = Stack(Path(home))
        stack.start()
        try:
            measure(stack, chunks, mib)
        finally:
            stack.stop()


def measure(stack: Stack, chunks: int, mib: int) -> None:
    straight = BlobServiceClient.from_connection_string(
        stack.azurite.connection_string, max_single_put_size=64 * MIB
    ).create_container("straight")
    through_api: list[float] = []
    direct: list[float] = []
    with Client(stack.url, stack.issuer.token("t", [Role.THERAPIST])) as client:
        client.upload_until_accepted(Piece(recording(1), "first.wav", 0), **FORM)
        before = memory(stack)
        for n in range(1, chunks + 1):
            content = recording(mib)
            through_api.append(seconds(client.upload_until_accepted, Piece(content, f"{n}.wav", n), **FORM))
            direct.append(seconds(straight.upload_blob, f"{n}", content))
        grown = memory(stack) - before
    api, put = statistics.median(through_api), statistics.median(direct)
    print(f"{chunks} chunks of {mib} MiB, one after another")
    print(f"  straight to storage   {mib / put:7.1f} MiB/s")
    print(f"  through the API       {mib / api:7.1f} MiB/s   ratio {put / api:.2f}")
    print(f"  host process          {grown / MIB:+7.1f} MiB after all of them")


def recording(mib: int) -> bytes:
    """A WAV file of `mib` MiB that no other is like."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(os.urandom(mib * MIB - 44))
    return file.getvalue()


def seconds(work: Callable[..., object], *args: object, **kwargs: object) -> float:
    began = time.perf_counter()
    work(*args, **kwargs)
    return time.perf_counter() - began


def memory(stack: Stack) -> int:
    """Bytes the host and what it started hold."""
    host = psutil.Process(stack.host_pid)
    return sum(process.memory_info().rss for process in (host, *host.children(recursive=True)))


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*given, *(12, 8)[len(given) :])
