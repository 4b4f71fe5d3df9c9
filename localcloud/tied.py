"""Run a command that ends when its parent does: `python tied.py PARENT_PID COMMAND…`.

On Linux the kernel is asked to send SIGTERM when the parent dies (prctl PR_SET_PDEATHSIG), so that even a parent
ended by SIGKILL leaves nothing behind. SIGTERM, not SIGKILL: Azurite writes what it holds in memory on the way out.
The wish survives exec, hence this launcher instead of `preexec_fn`, which is unsafe once the parent has threads.
Standard library only, and run without site packages: it stands between every start and its command.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Become `command`; exit silently when `parent` is already gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel knew our wish
            sys.exit(0)
    os.execvp(command[0], command)  # noqa: S606 - becoming the command, without a shell, is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
