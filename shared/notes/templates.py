"""Templates: what the sections of a note are, for its writer and its reader.

One YAML file a format and kind of participants. `guidance` is for whoever writes (a clinician, a language model);
`takes` is for the extractive writer.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Self

import yaml
from pydantic import ConfigDict, Field, model_validator

from shared.domain.errors import InvalidInput
from shared.domain.model import Model
from shared.domain.note import ParticipantsType, SessionType
from shared.notes.lexica import kinds, topics

FOLDER = Path(__file__).parent / "templates"


class Written(Model):
    """What people write by hand: a misspelt field is an error, not something to ignore."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Take(Written):
    """Which sentences a section takes: a kind of speech act, on one of these topics (on any when empty)."""

    kind: str
    topics: tuple[str, ...] = ()
    weight: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _names_known_cues(self) -> Self:
        unknown = {self.kind} - kinds().keys() | set(self.topics) - topics().keys()
        if unknown:
            raise ValueError(f"no such kind or topic: {sorted(unknown)}")
        if not self.topics and not kinds()[self.kind].cues:
            raise ValueError(f"`{self.kind}` needs topics: it would take every sentence")
        return self


class TemplateSection(Written):
    """A heading, what belongs under it, and how many statements a reader bears there (risk is never counted)."""

    key: str = Field(pattern=r"^[a-z][a-z_]*$")
    title: str
    guidance: str = Field(min_length=40)
    risk: bool = False
    at_most: int = Field(default=6, ge=1, le=12)
    takes: tuple[Take, ...] = ()


class Template(Written):
    """A note format. Exactly one section is the place for risk; medication has one, too."""

    key: str = Field(pattern=r"^[a-z][a-z_]*$")
    session_type: SessionType
    participants_type: ParticipantsType
    title: str
    version: int = Field(ge=1)
    sections: tuple[TemplateSection, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_one_place_for_risk(self) -> Self:
        if sum(section.risk for section in self.sections) != 1:
            raise ValueError("exactly one section must be the place for risk")
        if not any(_is_about_medication(section) for section in self.sections):
            raise ValueError("a section must take medication")
        if max(Counter(section.key for section in self.sections).values()) > 1:
            raise ValueError("section keys must differ")
        return self

    @property
    def risk_section(self) -> TemplateSection:
        """Where every mention of risk goes."""
        return next(section for section in self.sections if section.risk)

    @property
    def medication_section(self) -> TemplateSection:
        """Where medicines and doses go that fit nowhere else."""
        return next(section for section in self.sections if _is_about_medication(section))


def _is_about_medication(section: TemplateSection) -> bool:
    return any("medication" in take.topics for take in section.takes)


def template_for(session_type: SessionType, participants_type: ParticipantsType) -> Template:
    """The template of a note format. Raises: InvalidInput (`template_not_available`)."""
    found = templates().get((session_type, participants_type))
    if found is None:
        raise InvalidInput(f"no note template {session_type} for {participants_type}", code="template_not_available")
    return found


@cache
def templates() -> dict[tuple[SessionType, ParticipantsType], Template]:
    """All templates that exist, read and validated once. Raises: ValueError when two claim the same format."""
    loaded = [load(path) for path in sorted(FOLDER.glob("*.yaml"))]
    by_format = {(template.session_type, template.participants_type): template for template in loaded}
    if len(by_format) != len(loaded):
        raise ValueError("two templates for the same session and participants type")
    return by_format


def load(path: Path) -> Template:
    """Read one template file. Raises: pydantic.ValidationError."""
    return Template.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
