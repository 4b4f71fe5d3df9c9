"""The base of every value this product stores or passes on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Immutable, and lenient about fields a newer version has written: old and new rows live side by side.

    What does not fit is never quoted in an error: it may be what a patient said.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
