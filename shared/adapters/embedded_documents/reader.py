"""The process that reads one document and ends: `python -m shared.adapters.embedded_documents.reader`.

What it is given comes from anybody, and the parsers are not ours: here they can be stopped, cannot take more memory
than allowed, and see no setting and no key. Its answer on standard output is a line of JSON for each page, as it is
read (`PageRead`), and a last one: `{"fields": text}`, or `{"refused": code}`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Container, Iterator
from pathlib import Path

from shared.adapters.embedded_documents.caps import TOO_COMPLEX, UNREADABLE, Caps
from shared.adapters.embedded_documents.pdf import form_fields, read_pdf
from shared.adapters.embedded_documents.pictures import read_pictures
from shared.domain.document import DocumentKind, PageRead
from shared.domain.errors import EngineRefused


def main(file: str, kind: str, caps: str, known: str) -> None:
    """Read the file and answer; `known` are numbers of pages that are not to be read, as a JSON list."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is not an answer
    given = Caps(**json.loads(caps))
    resource.setrlimit(resource.RLIMIT_DATA, (given.memory_bytes, given.memory_bytes))
    # Whoever started this may be gone, and with them the clock that would end it.
    resource.setrlimit(resource.RLIMIT_CPU, (given.seconds * (given.threads + 1),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold the document
    try:
        for page in _pages(Path(file), DocumentKind(kind), given, frozenset(json.loads(known))):
            answer.write(page.model_dump_json() + "\n")
            answer.flush()
        last = {"fields": form_fields(Path(file)) if kind == DocumentKind.PDF else ""}
    except EngineRefused as error:
        last = {"refused": error.code}
    except ImportError:
        raise  # an operator's to mend
    except Exception as error:  # five parsers of formats anybody may bend: whatever they raise, it is the file
        last = {"refused": TOO_COMPLEX if _ran_out(error) else UNREADABLE}
    with answer:
        answer.write(json.dumps(last) + "\n")


def _pages(file: Path, kind: DocumentKind, caps: Caps, known: Container[int]) -> Iterator[PageRead]:
    return read_pdf(file, caps, known) if kind is DocumentKind.PDF else read_pictures(file, kind, caps, known)


def _ran_out(error: BaseException | None) -> bool:
    """Whether it began with memory or stack coming to an end; parsers raise errors of their own on top."""
    while error is not None and not isinstance(error, MemoryError | RecursionError):
        error = error.__context__
    return error is not None


if __name__ == "__main__":
    main(*sys.argv[1:])
