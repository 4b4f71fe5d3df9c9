"""Memory does not grow with the length of a session."""

import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.recorder import RECORDERS, cut, encode
from tests.audio_fixtures import speech

TWO_HOURS = 240
MEGABYTE = 1_000_000

# Peak memory is the kernel's own count (VmHWM), of a process that does nothing but stitch.
STITCHING = """
import sys
from pathlib import Path
from shared.audio.stitch import ChunkSource, stitch

def peak_kib():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])

idle = peak_kib()

chunk_files = [Path(line) for line in sys.stdin.read().splitlines()]
chunks = [ChunkSource(str(n), path, path.stat().st_size) for n, path in enumerate(chunk_files)]
stitched = stitch(chunks, Path(sys.argv[1]))
print(idle * 1024, peak_kib() * 1024, stitched.duration_ms, len(stitched.gaps))
"""


def chunks_of_two_hours(folder: Path, kind: str) -> list[Path]:
    """240 chunks of 30 s, few of them different: files of their own, or one long recording in pieces."""
    if kind == "files":
        path = folder / "half_a_minute"
        path.write_bytes(encode(speech(30), RECORDERS["webm"]))
        return [path] * TWO_HOURS
    second = encode(speech(30), RECORDERS["mp3-bare"])
    paths = [folder / f"piece{n}" for n in range(2)]
    for path, piece in zip(paths, cut(second * 2, 2), strict=True):
        path.write_bytes(piece)
    return paths * (TWO_HOURS // 2)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel's memory counts are Linux's")
@pytest.mark.parametrize("kind", ["files", "pieces"])
def test_two_hours_in_240_chunks_stay_below_200_mb_above_idle(kind: str, tmp_path: Path):
    listed = "\n".join(str(path) for path in chunks_of_two_hours(tmp_path, kind))
    command = [sys.executable, "-c", STITCHING, str(tmp_path / "session.flac")]
    done = subprocess.run(command, input=listed, capture_output=True, text=True, check=True, cwd=Path.cwd())
    idle, peak, duration_ms, gaps = map(int, done.stdout.split())
    assert abs(duration_ms - TWO_HOURS * 30_000) < 10_000
    assert gaps == 0
    assert peak - idle < 200 * MEGABYTE, f"{(peak - idle) / MEGABYTE:.0f} MB"
    print(f"{kind}: {(peak - idle) / MEGABYTE:.0f} MB above idle ({idle / MEGABYTE:.0f} MB)")
