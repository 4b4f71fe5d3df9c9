"""`make demo` shows the product and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.e2e

PROJECT = Path(__file__).parents[2]


def test_the_demo_plays_a_session_to_its_note_and_leaves_nothing_running(tmp_path):
    demo = subprocess.run(
        [sys.executable, "-m", "localcloud.demo"],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "Speaker 2: Honestly, it's been a rough couple of weeks." in demo.stdout
    assert "**Risk** Asked:" in demo.stdout
    assert '"transcript": "A' in demo.stdout
    assert "total" in demo.stdout
    assert [
        p.info for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])
    ] == []
    assert list(tmp_path.glob("scribe-demo-*")) == []
