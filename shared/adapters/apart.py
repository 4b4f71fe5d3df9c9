"""Parsers in a process of their own: what anybody sends can bring that down, and not the app."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from typing import Any

from shared.adapters.document_refusals import REASONS, TOO_COMPLEX, UNREADABLE, refused
from shared.domain.errors import EngineRefused, EngineUnavailable

_PASSED_ON = ("PATH", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""All of the environment that the process sees."""


async def ask_apart(module: str, *arguments: str, seconds: float, threads: int = 1) -> dict[str, Any]:
    """Run `python -m module` and give the JSON object it answers with. Cancelling ends the process.

    Raises: EngineRefused for a document it refuses, does not survive, or takes more than `seconds` over;
    EngineUnavailable when the process was ended from outside or cannot do its work.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,  # parsers quote what they stumble over
        env=_environment(threads),
    )
    try:
        async with asyncio.timeout(seconds):
            answer, _ = await process.communicate()
    except TimeoutError:
        raise refused(TOO_COMPLEX) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _understood(answer, process.returncode)


def answer_apart(read: Callable[[], dict[str, Any]], *, memory_bytes: int, cpu_seconds: int) -> None:
    """The other side: read within limits, and answer on standard output with a JSON object or `{"refused": code}`."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is not an answer
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    # Whoever started this may be gone, and with them the clock that would end it.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold the document
    try:
        text = json.dumps(read())
    except EngineRefused as error:
        text = json.dumps({"refused": error.code})
    except ImportError:
        raise  # an operator's to mend
    except Exception as error:  # parsers of formats anybody may bend: whatever they raise, it is the file
        text = json.dumps({"refused": TOO_COMPLEX if _ran_out(error) else UNREADABLE})
    with answer:
        answer.write(text)


def _environment(threads: int) -> dict[str, str]:
    known = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **known,
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # noqa: PTH109 (a string is wanted)
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
    }


def _understood(answer: bytes, code: int | None) -> dict[str, Any]:
    if code == -signal.SIGKILL:
        raise EngineUnavailable("the document reader was ended by the system")
    if code is not None and code < 0:
        raise refused(UNREADABLE)
    try:
        said: dict[str, Any] = json.loads(answer)
    except ValueError:
        raise EngineUnavailable(
            f"the document reader ended with {code}: is requirements-embedded.txt installed?"
        ) from None
    if said.get("refused") in REASONS:
        raise refused(said["refused"])
    return said


def _ran_out(error: BaseException | None) -> bool:
    """Whether it began with memory or stack coming to an end; parsers raise errors of their own on top."""
    while error is not None and not isinstance(error, MemoryError | RecursionError):
        error = error.__context__
    return error is not None
