"""Uploading chunks through the API against putting the same bytes straight into the storage emulator.

    python -m bench.upload [rounds] [MiB]

Both go over HTTP on loopback, in turn, in one run, so that the ratio is fair whatever else the machine does: one chunk
after another, where every step of an upload is waited for, and several at once, as many phones do it, where the steps
of one overlap with those of others. The API's way parses, hashes, spools, stores, enters the ledger and writes the row
on top of the put. Processor time is the cross-check: unlike time on the clock it hardly depends on who else works.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil
from azure.storage.blob import BlobServiceClient, ContainerClient

from localcloud.client import Client, Piece
from localcloud.stack import Stack
from shared.domain.caller import Role

MIB = 1024 * 1024
AT_ONCE = 4
FORM = {"therapist_userid": "t", "therapist_clientid": "c", "client_userid": "u", "session_id": "bench"}

Send = Callable[[int, bytes], object]


def main(rounds: int, mib: int) -> None:
    with tempfile.TemporaryDirectory(prefix="scribe-bench-") as home:
        stack = Stack(Path(home))
        stack.start()
        try:
            with Client(stack.url, stack.issuer.token("t", [Role.THERAPIST])) as client:
                measure(stack, client, rounds, mib)
        finally:
            stack.stop()


def measure(stack: Stack, client: Client, rounds: int, mib: int) -> None:
    def through_api(n: int, content: bytes) -> object:
        return client.upload_until_accepted(Piece(content, f"{n}.wav", n), **FORM)

    def directly(n: int, content: bytes) -> object:
        return straight.upload_blob(f"{n}", content)

    straight = container(stack, "straight")
    numbers = count()
    through_api(next(numbers), recording(1))
    before = memory(stack)
    for at_once, how in ((1, "one after another"), (AT_ONCE, f"{AT_ONCE} at once")):
        contents = [recording(mib) for _ in range(2 * at_once)]
        api, put = list[Round](), list[Round]()
        for _ in range(rounds):
            chunks = [(next(numbers), content) for content in contents]
            api.append(timed(stack, through_api, chunks, at_once))
            put.append(timed(stack, directly, chunks, at_once))
        report(how, mib, api, put)
    print(f"host process {(memory(stack) - before) / MIB:+.1f} MiB after all of them")


@dataclass(frozen=True)
class Round:
    """What one chunk of a round took, in milliseconds: on the clock, and of the processors."""

    clock: float
    app: float
    storage: float


def timed(stack: Stack, send: Send, chunks: list[tuple[int, bytes]], at_once: int) -> Round:
    """Send all chunks, `at_once` at a time."""
    app, storage = processor(stack.host_pid), processor(stack.azurite.child.popen.pid)
    with ThreadPoolExecutor(at_once) as senders:
        began = time.perf_counter()
        list(senders.map(send, *zip(*chunks, strict=True)))
        clock = time.perf_counter() - began
    app, storage = processor(stack.host_pid) - app, processor(stack.azurite.child.popen.pid) - storage
    return Round(*(1000 * seconds / len(chunks) for seconds in (clock, app, storage)))


def report(how: str, mib: int, api: list[Round], put: list[Round]) -> None:
    """Medians of the rounds, and of the ratio within each pair."""
    ratio = statistics.median(straight.clock / through.clock for through, straight in zip(api, put, strict=True))
    print(f"chunks of {mib} MiB, {how}: ratio {ratio:.2f}")
    for way, rounds in (("straight to storage", put), ("through the API", api)):
        clock, app, storage = (
            statistics.median(getattr(each, what) for each in rounds) for what in ("clock", "app", "storage")
        )
        print(
            f"  {way:20} {1000 * mib / clock:6.1f} MiB/s   {clock:4.0f} ms a chunk,"
            f" of the processors {app:.0f} in the host and {storage:.0f} in the storage emulator"
        )


def container(stack: Stack, name: str) -> ContainerClient:
    """A new one, which takes a chunk in one request, as the app's does."""
    account = BlobServiceClient.from_connection_string(stack.azurite.connection_string, max_single_put_size=64 * MIB)
    return account.create_container(name)


def recording(mib: int) -> bytes:
    """A WAV file of `mib` MiB that no other is like."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(os.urandom(mib * MIB - 44))
    return file.getvalue()


def processor(pid: int) -> float:
    """Seconds of processor time a process has had."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def memory(stack: Stack) -> int:
    """Bytes the host and what it started hold."""
    host = psutil.Process(stack.host_pid)
    return sum(process.memory_info().rss for process in (host, *host.children(recursive=True)))


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*given, *(8, 8)[len(given) :])
