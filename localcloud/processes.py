"""Child processes of the local stack: started, waited for, stopped, never left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
_LAUNCHER = Path(__file__).with_name("tied.py")
_POLL_SECONDS = 0.05


class ChildFailed(RuntimeError):
    """A child ended, or stayed silent, before it was of use; the message ends with the tail of its log."""


@dataclass(frozen=True)
class Child:
    """A running command in a process group of its own, its output going to `log`."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path

    @property
    def alive(self) -> bool:
        """Whether the command is still running."""
        return self.popen.poll() is None

    def tail(self, lines: int = 30) -> str:
        """Return the last `lines` lines of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def stop(self, grace_seconds: float = 10.0) -> int:
        """End the command with SIGTERM, its whole group with SIGKILL after the grace; return the exit code."""
        if self.alive:
            self.popen.terminate()
        try:
            return self.popen.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            return self.kill()
        finally:
            self._kill_group()

    def kill(self) -> int:
        """End the command and everything it started with SIGKILL, as a power cut would; return the exit code."""
        self._kill_group()
        return self.popen.wait()

    def freeze(self) -> None:
        """Stop it where it stands (SIGSTOP): its port still takes connections and nobody answers."""
        os.killpg(self.popen.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        os.killpg(self.popen.pid, signal.SIGCONT)

    def _kill_group(self) -> None:
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # the group is empty: nothing was left


def free_ports(count: int, address: str = LOOPBACK) -> list[int]:
    """Return `count` different TCP ports nobody listens on right now."""
    with ExitStack() as held:  # all bound at once, or the same port could come twice
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((address, 0))
        return [each.getsockname()[1] for each in sockets]


def free_port(address: str = LOOPBACK) -> int:
    """Return a TCP port nobody listens on right now."""
    return free_ports(1, address)[0]


def start(
    name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Child:
    """Start `command` with its output appended to `log`; on Linux it ends when this process does.

    The tie is to the calling thread: call it from one that lives as long as the child shall.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid())]
    with log.open("ab") as output:
        popen = subprocess.Popen(
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=True,
        )
    return Child(name, popen, log)


def port_taken(port: int, address: str = LOOPBACK) -> bool:
    """Whether somebody listens on a TCP port."""
    return _accepts(address, port)


def wait_until_port(child: Child, port: int, *, address: str = LOOPBACK, timeout_seconds: float = 60.0) -> None:
    """Return once `port` accepts connections. Raises ChildFailed when the child ends or the time is up."""
    _wait_until(child, lambda: _accepts(address, port), f"port {port}", timeout_seconds)


def wait_until_url(child: Child, url: str, *, timeout_seconds: float = 60.0) -> None:
    """Return once `url` answers with 2xx. Raises ChildFailed when the child ends or the time is up."""
    _wait_until(child, lambda: _answers(url), url, timeout_seconds)


def _wait_until(child: Child, ready: Callable[[], bool], what: str, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while child.alive:
        if ready():
            return
        if time.monotonic() > deadline:
            child.stop()
            raise ChildFailed(f"{child.name}: no answer from {what} in {timeout_seconds:.0f} s\n{child.tail()}")
        time.sleep(_POLL_SECONDS)
    raise ChildFailed(f"{child.name}: ended with code {child.popen.returncode}\n{child.tail()}")


def _accepts(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2.0) as answer:  # noqa: S310 - a loopback address of our own
            return 200 <= int(answer.status) < 300  # noqa: PLR2004
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
