"""`make run`: what it says, how it stops, and what a power cut leaves to the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
import pytest

from localcloud.client import Client
from localcloud.processes import free_port
from localcloud.stack import PROJECT
from tests.e2e.conftest import QUICK
from tests.e2e.visits import THERAPIST, Visit, assert_done, pieces_of, speech

pytestmark = pytest.mark.e2e

STOP_SECONDS = 60


@dataclass(frozen=True)
class Run:
    """`make run` without make, on a home folder and a port."""

    popen: subprocess.Popen[str]
    home: Path
    port: int

    @property
    def lines(self) -> IO[str]:
        assert self.popen.stdout is not None
        return self.popen.stdout

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def wait_until_ready(self) -> list[str]:
        """Read up to the line that says so; all lines read. Fails when it ends before."""
        read: list[str] = []
        for line in self.lines:
            read.append(line.rstrip("\n"))
            if read[-1] == f"ready {self.url}":
                return read
        pytest.fail(f"ended with {self.popen.wait()} before it was ready:\n" + "\n".join(read))

    def tree(self) -> list[psutil.Process]:
        """The process and all it has started."""
        root = psutil.Process(self.popen.pid)
        return [root, *root.children(recursive=True)]

    def power_cut(self) -> None:
        """SIGKILL for everything at once."""
        tree = self.tree()
        for each in tree:
            each.suspend()  # so that none sees another die
        for each in tree:
            each.kill()
        self.popen.communicate()
        psutil.wait_procs(tree, timeout=STOP_SECONDS)

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C; exit code, and what it said on the way out."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
        said, _ = self.popen.communicate(timeout=STOP_SECONDS)
        return self.popen.returncode, said


RunStack = Callable[..., Run]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunStack]:
    """Start `make run`; several runs of a test share the home folder unless they say otherwise."""
    with ExitStack() as running:

        def start(*, home: Path = tmp_path / "home", port: int | None = None) -> Run:
            port = port or free_port()
            settings = {**os.environ, **QUICK, "SCRIBE_HOME": str(home), "SCRIBE_PORT": str(port)}
            popen = subprocess.Popen(
                [sys.executable, "-m", "localcloud.run"],
                cwd=PROJECT,
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            started = Run(popen, home, port)
            running.callback(started.interrupt)
            return started

        yield start


@pytest.fixture
def token() -> Callable[[Run], str]:
    """Prints a token as `make -s token` does."""

    def printed(run: Run) -> str:
        made = subprocess.run(
            [sys.executable, "-m", "localcloud.issuer", "token", "--user", THERAPIST, "--role", "therapist"],
            cwd=PROJECT,
            env={**os.environ, "SCRIBE_HOME": str(run.home)},
            check=True,
            capture_output=True,
            text=True,
        )
        return made.stdout.strip()

    return printed


def left_of(home: Path) -> list[str]:
    """Command lines of processes that have to do with a home folder."""
    found = []
    for each in psutil.process_iter():
        try:
            line = " ".join(each.cmdline())
            files = [file.path for file in each.open_files()]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if str(home) in line or any(path.startswith(str(home)) for path in files):
            found.append(line)
    return found


def test_it_says_when_it_is_ready_and_ctrl_c_ends_all_of_it(run: RunStack, token: Callable[[Run], str]):
    running = run()
    running.wait_until_ready()
    with Client(running.url, token(running)) as therapist:
        assert therapist.request("GET", "health/ready").json()["status"] == "ok"
        assert therapist.request("GET", "sessions/unheard-of").json()["code"] == "session_not_found"
    tree = running.tree()
    assert len(tree) >= 4, "the stack, storage, database, host"
    assert left_of(running.home)

    code, said = running.interrupt()

    assert code == 0
    assert "stopping" in said
    assert "error" not in said.lower()
    assert [each for each in tree if each.is_running()] == []
    assert left_of(running.home) == []


def test_killed_while_chunks_arrive_it_goes_on_where_it_was(run: RunStack, token: Callable[[Run], str]):
    said = speech(0, 2)
    *accepted, rest = pieces_of(said.stream(3))
    first = run()
    first.wait_until_ready()
    with Client(first.url, token(first)) as therapist:
        Visit("power-cut", therapist).upload_each(accepted)
    first.power_cut()
    assert left_of(first.home) == []

    second = run(port=first.port)
    second.wait_until_ready()
    with Client(second.url, token(second)) as therapist:
        visit = Visit("power-cut", therapist)
        status = visit.status()
        assert (status["state"], status["received"]) == ("receiving", 2)
        again = visit.upload(accepted[0])
        assert again["received"] == 2
        assert visit.upload(rest)["state"] == "sealed"
    second.power_cut()  # now with the work sealed, taken up or not

    third = run(port=first.port)
    third.wait_until_ready()
    with Client(third.url, token(third)) as therapist:
        assert_done(Visit("power-cut", therapist), said)
    assert list((third.home / "tmp").rglob("*")) == [], "audio that a killed host was working on"


def test_two_on_one_home_is_an_error_that_says_so(run: RunStack):
    first = run()
    first.wait_until_ready()
    second = run()
    said, _ = second.popen.communicate(timeout=STOP_SECONDS)
    assert second.popen.returncode == 1
    assert f"error: another stack runs on {second.home}" in said
    assert "Traceback" not in said
    with Client(first.url, "none") as client:
        assert client.request("GET", "health").status_code == 200


def test_a_taken_port_is_an_error_that_says_so(run: RunStack, tmp_path: Path):
    first = run()
    first.wait_until_ready()
    second = run(home=tmp_path / "another", port=first.port)
    said, _ = second.popen.communicate(timeout=STOP_SECONDS)
    assert second.popen.returncode == 1
    assert f"error: port {first.port} is taken" in said
    assert "SCRIBE_PORT" in said
    assert "Traceback" not in said
    assert left_of(second.home) == []


def test_what_ends_by_itself_takes_the_rest_with_it_and_is_named(run: RunStack):
    running = run()
    running.wait_until_ready()
    [database] = [each for each in running.tree() if "localcloud.cosmos" in each.cmdline()]
    database.kill()
    said, _ = running.popen.communicate(timeout=STOP_SECONDS)
    assert running.popen.returncode == 1
    assert "error: cosmos ended by itself" in said
    assert left_of(running.home) == []
