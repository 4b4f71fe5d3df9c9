"""Parsers in a process of their own: what anybody sends can bring that down, and not the app."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from shared.adapters.document_refusals import REASONS, TOO_COMPLEX, UNREADABLE, refused
from shared.domain.errors import EngineRefused, EngineUnavailable

_PASSED_ON = ("PATH", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""All of the environment that the process sees."""
LONGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of JSON that one line, such as a page, may come to."""

Answer = dict[str, Any]


async def ask_apart(
    module: str,
    *arguments: str,
    seconds: float,
    threads: int = 1,
    each: Callable[[Answer], Awaitable[None]] | None = None,
) -> Answer:
    """Run `python -m module` and give the last JSON object it answers with; `each` is told all of them as they come.

    Cancelling ends the process.
    Raises: TimeoutError after `seconds`; EngineRefused for a document it refuses or does not survive; EngineUnavailable
    when the process was ended from outside or cannot do its work.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,  # parsers quote what they stumble over
        env=_environment(threads),
        limit=LONGEST_ANSWER,
    )
    try:
        async with asyncio.timeout(seconds):
            return await _listen(process, each)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def answer_apart(read: Callable[[], Iterable[Answer]], *, memory_bytes: int, cpu_seconds: int) -> None:
    """The other side: read within limits, and answer on standard output, a JSON object a line.

    The last line is `{"refused": code}` for what is refused.
    """
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is not an answer
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    # Whoever started this may be gone, and with them the clock that would end it.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold the document

    def say(said: Answer) -> None:
        answer.write(json.dumps(said) + "\n")
        answer.flush()

    with answer:
        try:
            for said in read():
                say(said)
        except EngineRefused as error:
            say({"refused": error.code})
        except ImportError:
            raise  # an operator's to mend
        except Exception as error:  # parsers of formats anybody may bend: whatever they raise, it is the file
            say({"refused": TOO_COMPLEX if _ran_out(error) else UNREADABLE})


async def _listen(process: Process, each: Callable[[Answer], Awaitable[None]] | None) -> Answer:
    assert process.stdout is not None
    last: Answer = {}
    while line := await _line(process.stdout):
        try:
            last = json.loads(line)
        except json.JSONDecodeError:
            break  # it died in the middle of it
        if each is not None:
            await each(last)
    code = await process.wait()
    if code == -signal.SIGKILL:
        raise EngineUnavailable("the document reader was ended by the system")
    if code < 0:
        raise refused(UNREADABLE)
    if last.get("refused") in REASONS:
        raise refused(last["refused"])
    if code or not last:
        raise EngineUnavailable(f"the document reader ended with {code}: is requirements-embedded.txt installed?")
    return last


async def _line(answer: asyncio.StreamReader) -> bytes:
    try:
        return await answer.readline()
    except ValueError:
        raise refused(TOO_COMPLEX) from None  # the line is too long


def _environment(threads: int) -> dict[str, str]:
    known = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **known,
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # noqa: PTH109 (a string is wanted)
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
    }


def _ran_out(error: BaseException | None) -> bool:
    """Whether it began with memory or stack coming to an end; parsers raise errors of their own on top."""
    while error is not None and not isinstance(error, MemoryError | RecursionError):
        error = error.__context__
    return error is not None
