"""Kinds of fields and bodies that several operations take."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


def _unicode(text: str) -> str:
    """JSON can hold half of a surrogate pair, which no encoding can."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must be Unicode text")
    return text


Text = Annotated[str, AfterValidator(_unicode)]

NEXT_PAGE: dict[str, Any] = {
    "headers": {
        "x-continuation": {
            "description": "Where the next page starts; absent on the last page",
            "schema": {"type": "string"},
        }
    }
}
"""What an operation that answers page by page says of its 200."""


class CamelModel(BaseModel):
    """A body of the processing service, whose fields are written `likeThis` on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
