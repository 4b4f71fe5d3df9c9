"""What an hour of session costs in Azure: operations of a real run, counted, times the prices in infra/prices.yaml.

    python -m bench.cost [minutes]

A session is recorded, uploaded in chunks and written about on a local stack. Between the app and its stores stand
counting proxies; the Cosmos DB emulator estimates request units. The host's own requests and what the cloud's engines
take are assumptions in the price file. What happens once a session counts once in so many minutes, so a short run shows
too much rather than too little.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import httpx
from aiohttp import web

from bench.bill import Counted, Prices, bill
from bench.recordings import repeated
from localcloud.azurite import AzuritePorts, connection_string
from localcloud.client import Client, Piece
from localcloud.processes import LOOPBACK
from localcloud.recorder import record_webm
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.proxy import Proxy, Tripwire

CHUNK_SECONDS = 30
SESSION, RELATIONSHIP, CLIENT = "cost", "c", "u"
FORM = {"therapist_userid": "t", "therapist_clientid": RELATIONSHIP, "client_userid": CLIENT, "session_id": SESSION}
NEVER = "0 0 0 29 2 *"
"""No sweep: it goes by the clock, whatever the sessions."""
SWEEPS_A_MONTH = 60 * 24 * 30 * 2
_ENDED = re.compile(r"(\w+) (?:succeeded|failed) in (\d+) ms")
_LISTING = "comp=list"


class CountingProxy(Proxy):
    """Passes requests on and keeps what they were."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(f"http://{LOOPBACK}:{port}", name, Tripwire())
        self.kinds: Counter[str] = Counter()
        self.bytes_written = 0

    async def _pass_on(self, request: web.BaseRequest) -> web.Response:
        if request.method == "DELETE":
            kind = "delete"  # free of charge
        elif request.method in {"GET", "HEAD"} and _LISTING not in request.query_string:
            kind = "read"
        else:
            kind = "write"
            self.bytes_written += request.content_length or 0
        self.kinds[kind] += 1
        return await super()._pass_on(request)


def main(minutes: float) -> None:
    """Count, and print the bill."""
    prices = Prices.read()
    with tempfile.TemporaryDirectory(prefix="scribe-cost-") as folder:
        audio = repeated(Path(folder) / "session.flac", minutes)
        chunks = record_webm(audio, max(2, round(minutes * 60 / CHUNK_SECONDS)))
        counted = count(Path(folder) / "home", chunks, minutes / 60)
    print(
        f"An hour of session, from {minutes:g} min of it in {len(chunks)} chunks; {prices.currency}, {prices.source},"
    )
    print(f"{prices.date}. Replace infra/prices.yaml by your own prices before you rely on this.")
    lines = bill(counted, prices)
    for line in lines:
        print(f"  {line.name:24} {line.amount:12,.3f} {line.unit:10} {line.cost:10.5f}")
    print(f"  {'an hour of session':24} {'':12} {'':10} {sum(line.cost for line in lines):10.5f}")
    sweeps = SWEEPS_A_MONTH * prices.functions.memory_gb * prices.functions.gb_second
    print(f"  {'two sweeps a minute':24} {SWEEPS_A_MONTH:12,} {'a month':10} {sweeps:10.5f}  whatever the sessions")


def count(home: Path, chunks: list[bytes], hours: float) -> Counted:
    """Play a session of these chunks."""
    stack = Stack(home, settings={"SWEEP_SCHEDULE": NEVER})
    stack.start_stores()
    ports = stack.azurite.ports
    blob, queue = CountingProxy(ports.blob, "blob"), CountingProxy(ports.queue, "queue")
    try:
        proxied = connection_string(AzuritePorts(blob.start(), queue.start(), ports.table))
        stack.settings = {**stack.settings, "STORAGE__CONNECTION_STRING": proxied}
        stack.start_host()
        with Client(stack.url, stack.issuer.token("t", [Role.THERAPIST])) as client:
            transcript, note = play(client, chunks)
        stats = httpx.get(f"{stack.cosmos.endpoint}_emulator/stats").raise_for_status().json()
        items = sum(file.stat().st_size for file in (home / "cosmos").rglob("*") if file.is_file())
    finally:
        stack.stop()
        blob.stop()
        queue.stop()
    log = stack.host_log.read_text("utf-8")
    return Counted(
        hours=hours,
        seconds=executions(log),
        blob=blob.kinds,
        blob_bytes=blob.bytes_written,
        queue=queue.kinds.total(),
        request_units=stats["request_units"],
        item_bytes=items,
        log_bytes=len(log),
        transcript_characters=len(transcript),
        note_characters=len(note),
    )


def play(client: Client, chunks: list[bytes]) -> tuple[str, str]:
    """Upload, wait, read: the transcript and the note."""
    pieces = [Piece(chunk, f"part{n}.webm", n, n == len(chunks) - 1) for n, chunk in enumerate(chunks)]
    client.upload_all(pieces, at_once=2, told=lambda *_: None, **FORM)
    end = client.follow(SESSION, timeout_s=3600)
    if end["state"] != "done":
        raise SystemExit(f"the session ended as {end['state']}: {end['error']}")
    [transcript] = client.transcripts(CLIENT, RELATIONSHIP)
    [history] = client.histories(CLIENT, RELATIONSHIP)
    return (
        client.open(RELATIONSHIP, "transcripts", transcript, "transcript"),
        client.open(RELATIONSHIP, "histories", history, "transcript_summary"),
    )


def executions(log: str) -> dict[str, tuple[float, ...]]:
    """Seconds of each execution in the host's log, by function; asking how a session is doing is left out."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for name, ms in _ENDED.findall(log):
        if name not in {"health", "get_session"}:
            found[name].append(int(ms) / 1000)
    return {name: tuple(each) for name, each in found.items()}


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 4)
