"""Errors of SDKs in our words: the one place where one becomes the other.

What an SDK's error says may hold what was sent, what was answered, or an address with its signature, and the host logs
an error with all that stands behind it. So nothing stands behind ours: whoever raises one in place of a library's
raises it `from None`, with what an operator has to know in the message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.domain.errors import ScribeError

Meaning = Callable[[Exception], ScribeError | None]
"""What an SDK's error means to us; None for what is a defect of ours."""

_CODE = re.compile(r"[A-Za-z_]{1,60}")


@contextmanager
def in_our_words(meaning: Meaning) -> Iterator[None]:
    """Raise what `meaning` makes of an error; our own, and those that mean nothing to it, are raised as they are."""
    try:
        yield
    except ScribeError:
        raise
    except Exception as exc:
        meant = meaning(exc)
        if meant is None:
            raise
        raise meant from None


def plain(code: object) -> str:
    """A service's error code, or `unknown` for what does not look like one: it is a server's to choose."""
    text = str(getattr(code, "value", code))
    return text if _CODE.fullmatch(text) else "unknown"
