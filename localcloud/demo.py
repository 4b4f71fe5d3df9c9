"""`make demo`: a session as its clients see it, from the first chunk to the note, on a stack of its own."""

from __future__ import annotations

import json
import random
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

from localcloud.client import Client, Piece
from localcloud.recorder import record_webm
from localcloud.stack import PROJECT, Stack, StackFailed, say
from shared.domain.caller import Role
from shared.domain.names import RECORDS

RECORDING = PROJECT / "tests" / "data" / "speech" / "therapy_tts.flac"
PIECES = 8
WIDTH = 110
THERAPIST, CLIENT, RELATIONSHIP, SESSION = "therapist1", "client2", "client2-of-therapist1", "demo-session"


def main() -> int:
    """Play the demo; 0 when the session came to its end."""
    with tempfile.TemporaryDirectory(prefix="scribe-demo-") as home:
        stack = Stack(Path(home))
        heading("Starting storage, database and the Functions host")
        began = time.monotonic()
        try:
            stack.start()
        except StackFailed as failure:
            say(f"error: {failure}")
            return 1
        say(f"ready {stack.url}  ({time.monotonic() - began:.1f} s)")
        try:
            with Client(stack.url, stack.issuer.token(THERAPIST, [Role.THERAPIST])) as client:
                outcome = play(client, stack)
            if outcome != 0:
                say(stack.host_tail())
            return outcome
        finally:
            stack.stop()


def play(client: Client, stack: Stack) -> int:
    """Record, follow, read."""
    began = time.monotonic()
    upload(client)
    uploaded = time.monotonic()
    heading("Following the session")
    end = client.follow(SESSION, lambda status: say(f"  {time.monotonic() - began:6.1f} s  {status['state']}"))
    if end["state"] != "done":
        say(f"error: the session ended as {end['state']}: {json.dumps(end['error'])}")
        return 1
    finished = time.monotonic()
    show_transcript(client)
    show_note(client)
    show_stored(stack)
    heading("Timings")
    timings = {"upload_ms": round((uploaded - began) * 1000), **end["timings"]}
    timings["total_ms"] = round((finished - began) * 1000)
    for name, ms in timings.items():
        say(f"  {name.removesuffix('_ms'):12} {ms / 1000:6.1f} s")
    say(f"  {'audio':12} {end['duration_ms'] / 1000:6.1f} s")
    return 0


def upload(client: Client) -> None:
    """Two at a time, out of order, the last chunk first and one sent twice."""
    contents = record_webm(RECORDING, PIECES)
    pieces = [Piece(content, "session.webm", n, n == PIECES - 1) for n, content in enumerate(contents)]
    order = [pieces[-1], *random.Random(7).sample(pieces[:-1], PIECES - 1)]  # noqa: S311 (a shuffle, no secret)
    order.insert(3, order[1])
    heading(f"Uploading a two-voice session in {PIECES} WebM chunks: shuffled, one twice, two at a time")

    def told(piece: Piece, answer: dict[str, Any]) -> None:
        waiting = f"still missing {answer['missing']}" if answer["missing"] else answer["state"]
        say(f"  chunk {piece.index}  {len(piece.content) / 1024:5.0f} KiB  → {answer['file_url']}  ({waiting})")

    client.upload_all(
        order,
        at_once=2,
        told=told,
        therapist_userid=THERAPIST,
        therapist_clientid=RELATIONSHIP,
        client_userid=CLIENT,
        session_id=SESSION,
    )


def show_transcript(client: Client) -> None:
    """By speaker, with times, from the captions; the stored text is the envelope below."""
    heading("Transcript")
    for cue in client.request("GET", f"sessions/{SESSION}/captions.srt").text.strip().split("\n\n"):
        _, times, text = cue.split("\n", 2)
        say(textwrap.fill(text, WIDTH, initial_indent=f"  {times[3:8]}  ", subsequent_indent=" " * 20))


def show_note(client: Client) -> None:
    """Decrypted here, with the relationship's keys, as a web app would."""
    heading("Clinical note, every statement with its evidence")
    [history] = client.histories(CLIENT, RELATIONSHIP)
    for line in client.open(RELATIONSHIP, "histories", history, "transcript_summary").splitlines():
        say(textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="    "))


def show_stored(stack: Stack) -> None:
    """What a thief of the database would see."""
    heading("The same transcript as it stands in Cosmos DB")
    item = stack.container(RECORDS).read_item(f"transcript:{SESSION}", partition_key=RELATIONSHIP)
    short = {
        key: f"{value[:64]}…" if len(str(value)) > WIDTH else value
        for key, value in item.items()
        if not key.startswith("_")
    }
    say(textwrap.indent(json.dumps(short, indent=2, ensure_ascii=False), "  "))


def heading(text: str) -> None:
    """One line that stands out."""
    say(f"\n── {text} " + "─" * max(0, WIDTH - len(text) - 4))


if __name__ == "__main__":
    sys.exit(main())
