"""Child processes: up when they answer, gone when told, and never left behind."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcloud.processes import ChildFailed, free_port, free_ports, start, wait_until_port, wait_until_url

SERVER = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1"]
DEAF = """
import signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
signal.pause()
"""
WITH_CHILD = """
import signal, socket, subprocess, sys
print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
signal.pause()
"""
PARENT = """
import sys
from pathlib import Path
from localcloud.processes import start
child = start("sleeper", ["sleep", "600"], log=Path(sys.argv[1]))
print(child.popen.pid, flush=True)
sys.stdin.read()
"""


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs what only Linux tells of other processes")


@contextmanager
def ending_of(pid: int) -> Iterator[Callable[[], bool]]:
    """Watch a process that is not ours: whether it ends within 30 s."""
    watched = os.pidfd_open(pid)
    try:
        yield lambda: bool(select.select([watched], [], [], 30)[0])
    finally:
        os.close(watched)


def test_free_ports_are_all_different():
    assert len(set(free_ports(50))) == 50


def test_a_server_is_waited_for_and_stopped(tmp_path: Path):
    port = free_port()
    child = start("server", [*SERVER, str(port)], log=tmp_path / "log", cwd=tmp_path)
    wait_until_port(child, port)
    wait_until_url(child, f"http://127.0.0.1:{port}/")
    assert child.alive
    assert child.stop() == -signal.SIGTERM
    assert not child.alive
    assert "GET / HTTP/1.1" in child.tail()


def test_a_child_that_ends_too_soon_fails_with_the_end_of_its_log(tmp_path: Path):
    child = start("short", [sys.executable, "-c", "raise SystemExit('no storage')"], log=tmp_path / "log")
    with pytest.raises(ChildFailed, match=r"short: ended with code 1\nno storage"):
        wait_until_port(child, free_port())


def test_a_child_that_never_answers_is_stopped(tmp_path: Path):
    child = start("mute", ["sleep", "600"], log=tmp_path / "log")
    with pytest.raises(ChildFailed, match="mute: no answer"):
        wait_until_port(child, free_port(), timeout_seconds=0.2)
    assert not child.alive


def test_a_child_that_does_not_listen_to_sigterm_is_killed(tmp_path: Path):
    port = free_port()
    child = start("deaf", [sys.executable, "-c", DEAF, str(port)], log=tmp_path / "log")
    wait_until_port(child, port)
    assert child.stop(grace_seconds=0.5) == -signal.SIGKILL


@linux_only
def test_what_a_child_started_goes_with_it(tmp_path: Path):
    port = free_port()
    child = start("family", [sys.executable, "-c", WITH_CHILD, str(port)], log=tmp_path / "log")
    wait_until_port(child, port)
    with ending_of(int(child.tail())) as ended:
        child.stop()
        assert ended()


@linux_only
def test_no_child_outlives_a_killed_parent(tmp_path: Path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with parent:
        assert parent.stdout is not None
        with ending_of(int(parent.stdout.readline())) as ended:
            parent.kill()
            assert ended()
