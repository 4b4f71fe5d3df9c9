"""What an hour of session costs in Azure: operations of real runs, counted, times the prices in infra/prices.yaml.

    python -m bench.cost [minutes]

Two sessions, one of them twice as long, are uploaded in chunks and written about on a local stack: part of what a
session takes is the same for all, part grows with its length, and from both follows what an hour takes. Between the app
and its stores stand counting proxies; the Cosmos DB emulator estimates request units. The host's own requests and what
the cloud's engines take are assumptions in the price file.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from bench.bill import Counted, Prices, bill, session_of
from bench.recordings import repeated
from localcloud.azurite import AzuritePorts, connection_string
from localcloud.client import Client, Piece
from localcloud.processes import LOOPBACK
from localcloud.recorder import record_webm
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.proxy import Proxy, Tripwire

CHUNK_SECONDS = 30
NEVER = "0 0 0 29 2 *"
"""No sweep: it goes by the clock, whatever the sessions."""
SWEEPS_A_MONTH = 60 * 24 * 30 * 3
"""Three timers go by the sweep's schedule: sessions, erasures, deliveries."""
LEAST_BILLED_SECONDS = 1.0
"""Of an execution on Flex Consumption."""
TRANSCRIBE, NOTE = "transcribe_sealed", "write_note"
ASKING = frozenset({"get_session", "health"})
"""What the bench asks while it waits."""
_ENDED = re.compile(r"(\w+) (?:succeeded|failed) in (\d+) ms")
_LISTING = "comp=list"


class CountingProxy(Proxy):
    """Passes requests on and keeps what they were."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(f"http://{LOOPBACK}:{port}", name, Tripwire())
        self.kinds: Counter[str] = Counter()

    async def _pass_on(self, request: web.BaseRequest) -> web.Response:
        if request.method == "DELETE":
            kind = "delete"  # free of charge
        elif request.method in {"GET", "HEAD"} and _LISTING not in request.query_string:
            kind = "read"
        else:
            kind = "write"
            self.kinds["bytes"] += request.content_length or 0
        self.kinds[kind] += 1
        return await super()._pass_on(request)


@dataclass(frozen=True)
class Meter:
    """A stack on which nothing happens by itself, and what counts there."""

    home: Path
    stack: Stack
    blob: CountingProxy
    queue: CountingProxy
    client: Client

    def session(self, name: str, chunks: list[bytes], minutes: float) -> Counted:
        """Play one and count."""
        self.blob.kinds.clear()
        self.queue.kinds.clear()
        httpx.post(f"{self._control}/reset").raise_for_status()
        logged, stored = len(self._log()), self._stored()
        upload(self.client, name, chunks)
        units = self._units()
        lines = [line for line in self._log()[logged:].splitlines() if not ASKING & set(line.split())]
        asked = self._log()[logged:].count(" get_session succeeded")
        ended = Counter(name for name, _ in _ENDED.findall("\n".join(lines)))
        return Counted(
            minutes=minutes,
            executions=ended.total(),
            seconds=billed(lines),
            manifests=ended[TRANSCRIBE],
            messages=ended[NOTE],
            blob_writes=self.blob.kinds["write"],
            blob_reads=self.blob.kinds["read"],
            blob_bytes=self.blob.kinds["bytes"],
            queue_operations=self.queue.kinds["read"] + self.queue.kinds["write"],
            request_units=units - asked * self._units_of_asking(name),
            item_bytes=self._stored() - stored,
            log_bytes=sum(len(line) + 1 for line in lines),
            transcript_characters=len(self._transcript(name)),
        )

    @property
    def _control(self) -> str:
        return f"{self.stack.cosmos.endpoint}_emulator/stats"

    def _units(self) -> float:
        stats: dict[str, Any] = httpx.get(self._control).raise_for_status().json()
        return float(stats["request_units"])

    def _units_of_asking(self, name: str) -> float:
        httpx.post(f"{self._control}/reset").raise_for_status()
        self.client.session(name)
        return self._units()

    def _log(self) -> str:
        return self.stack.host_log.read_text("utf-8", "replace")

    def _stored(self) -> int:
        return sum(file.stat().st_size for file in (self.home / "cosmos").rglob("*") if file.is_file())

    def _transcript(self, name: str) -> str:
        [transcript] = self.client.transcripts(name, name)
        return self.client.open(name, "transcripts", transcript, "transcript")


def main(minutes: float) -> None:
    """Count, and print the bill."""
    prices = Prices.read()
    with tempfile.TemporaryDirectory(prefix="scribe-cost-") as folder, metered(Path(folder) / "home") as meter:
        recorded = {
            length: record_webm(repeated(Path(folder) / f"{length:g}.flac", length), round(length * 60 / CHUNK_SECONDS))
            for length in (minutes, 2 * minutes)
        }
        meter.session("warm", recorded[minutes], minutes)  # what a process does once is done before
        short, long = (meter.session(f"of-{n:g}".replace(".", "-"), chunks, n) for n, chunks in recorded.items())
    print(f"An hour of session in chunks of {CHUNK_SECONDS} s, from sessions of {minutes:g} and {2 * minutes:g} min.")
    print(f"Prices: {prices.source}, {prices.date}, {prices.currency}. Put yours into infra/prices.yaml.")
    lines = bill(session_of(60, short, long), prices)
    for line in lines:
        print(f"  {line.name:24} {line.amount:12,.3f} {line.unit:10} {line.cost:10.5f}")
    print(f"  {'an hour of session':24} {'':12} {'':10} {sum(line.cost for line in lines):10.5f}")
    sweeps = SWEEPS_A_MONTH * LEAST_BILLED_SECONDS * prices.functions.memory_gb * prices.functions.gb_second
    print(f"  {'three timers a minute':24} {SWEEPS_A_MONTH:12,} {'a month':10} {sweeps:10.5f}  whatever the sessions")


@contextmanager
def metered(home: Path) -> Iterator[Meter]:
    """A stack whose app reaches storage through counting proxies; the host's own traffic goes past them."""
    stack = Stack(home, settings={"SWEEP_SCHEDULE": NEVER, "ROTATE_SCHEDULE": NEVER})
    stack.start_stores()
    ports = stack.azurite.ports
    blob, queue = CountingProxy(ports.blob, "blob"), CountingProxy(ports.queue, "queue")
    try:
        proxied = connection_string(AzuritePorts(blob.start(), queue.start(), ports.table))
        stack.settings = {**stack.settings, "STORAGE__CONNECTION_STRING": proxied}
        stack.start_host()
        with Client(stack.url, stack.issuer.token("t", [Role.THERAPIST])) as client:
            yield Meter(home, stack, blob, queue, client)
    finally:
        stack.stop()
        blob.stop()
        queue.stop()


def upload(client: Client, name: str, chunks: list[bytes]) -> None:
    """As a phone does, and wait for the note. The session's relationship and client are named like it."""
    pieces = [Piece(chunk, f"part{n}.webm", n, n == len(chunks) - 1) for n, chunk in enumerate(chunks)]
    form = {"therapist_userid": "t", "therapist_clientid": name, "client_userid": name, "session_id": name}
    client.upload_all(pieces, at_once=2, told=lambda *_: None, **form)
    end = client.follow(name, timeout_s=3600)
    if end["state"] != "done":
        raise SystemExit(f"the session ended as {end['state']}: {end['error']}")


def billed(lines: list[str]) -> float:
    """Seconds of executions in the host's log, but for the two that wait for an engine of the cloud."""
    ended = [match for line in lines for match in _ENDED.findall(line)]
    return sum(max(LEAST_BILLED_SECONDS, int(ms) / 1000) for name, ms in ended if name not in {TRANSCRIBE, NOTE})


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 2)
