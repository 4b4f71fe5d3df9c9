"""Kinds of fields that several operations take."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def _unicode(text: str) -> str:
    """JSON can hold half of a surrogate pair, which no encoding can."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must be Unicode text")
    return text


Text = Annotated[str, AfterValidator(_unicode)]
