"""How clinical documents are written: standard instruction sets, and a user's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, Field

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import Text
from functions.http.problems import Problem
from shared.domain.ids import ID_PATTERN
from shared.notes.instructions import InstructionSection, InstructionSet
from shared.services.instructions import MAX_CHARACTERS, require_own_instructions

Type = Annotated[str, Path(max_length=128, examples=["soap", "risk_assessment"])]
ANSWERS = {
    403: {"model": Problem, "description": "Somebody else's instructions"},
    404: {"model": Problem, "description": "No such type; the detail lists the known"},
}


class Instructions(BaseModel):
    """`instructions` is all of it as Markdown; `sections` are its parts under second-level headings."""

    instruction_type: str
    title: str
    version: int
    instructions: str
    sections: list[InstructionSection]


class OwnInstructions(BaseModel):
    """A user's own set. Without a title it keeps that of the standard."""

    title: Text | None = Field(default=None, min_length=1, max_length=200)
    instructions: Text = Field(min_length=1, max_length=MAX_CHARACTERS, description="Markdown")


@operation("GET", "instructions/{instruction_type}", summary="How a document is written", responses=ANSWERS)
async def get_instructions(
    app: App,
    caller: CallerNow,
    instruction_type: Type,
    user_id: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
) -> Instructions:
    """With `user_id`, that user's own set goes before the standard one."""
    if user_id is not None:
        require_own_instructions(caller, user_id)
    return _shown(await app.instructions.of(instruction_type, user_id))


@operation("PUT", "instructions/{instruction_type}", summary="Write one's own instructions", responses=ANSWERS)
async def put_instructions(
    app: App,
    caller: CallerNow,
    instruction_type: Type,
    user_id: Annotated[str, Query(pattern=ID_PATTERN)],
    own: OwnInstructions,
) -> Instructions:
    """Each writing raises the version. They must not hold anything about a client."""
    require_own_instructions(caller, user_id)
    kept = await app.instructions.keep(instruction_type, user_id, title=own.title, markdown=own.instructions)
    return _shown(kept)


def _shown(found: InstructionSet) -> Instructions:
    return Instructions(**found.model_dump(), sections=list(found.sections))
