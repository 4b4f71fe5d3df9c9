"""Templates: what the sections of a note are, for its writer and its reader.

One YAML file a format, written for an individual session; what a couple's and a dictated note do differently is
written once, in `participants/`, and holds for every format. `guidance` is for whoever writes (a clinician, a language
model); `takes` is for the extractive writer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Self

import yaml
from pydantic import ConfigDict, Field, model_validator

from shared.domain.model import Model
from shared.domain.note import ParticipantsType, SessionType
from shared.notes.lexica import kinds, topics

FOLDER = Path(__file__).parent / "templates"
INDIVIDUAL = ParticipantsType.INDIVIDUAL
PARTNERS = ("first partner", "second partner")
"""How a template names the partners of a couple, in the order in which they first speak."""

TOGETHER = "together"
"""The key of the section for what partners share."""


class Written(Model):
    """What people write by hand: a misspelt field is an error, not something to ignore."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Take(Written):
    """Which sentences a section takes: a kind of speech act, on one of these topics (on any when empty)."""

    kind: str
    topics: tuple[str, ...] = ()
    weight: float = Field(default=1.0, gt=0)
    risk_too: bool = False
    """Whether what is quoted as a risk already stands here as well ("I'm not safe", the belief that EMDR works on)."""

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
    also: tuple[str, ...] = ()
    """What else clinicians call the section when they dictate or write its heading."""
    partner: int | None = None
    """In a couple's note, whose section it is: the position in `PARTNERS`."""


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
        if not any(_is_about_medication(section) and section.partner is None for section in self.sections):
            raise ValueError("a section must take medication, and not one partner's only")
        if max(Counter(section.key for section in self.sections).values()) > 1:
            raise ValueError("section keys must differ")
        return self

    @property
    def risk_section(self) -> TemplateSection:
        """Where every mention of risk goes."""
        return next(section for section in self.sections if section.risk)

    @property
    def topics(self) -> frozenset[str]:
        """Every topic some section asks for."""
        return frozenset(name for section in self.sections for take in section.takes for name in take.topics)

    def medication_section(self, partner: int | None = None) -> TemplateSection:
        """Where medicines and doses go that fit nowhere else: those of a partner of a couple with that partner."""
        fitting = [section for section in self.sections if _is_about_medication(section)]
        own = (section for section in fitting if section.partner == partner)
        return next(own, next((section for section in fitting if section.partner is None), fitting[0]))


def _is_about_medication(section: TemplateSection) -> bool:
    return any("medication" in take.topics for take in section.takes)


class FormatSection(TemplateSection):
    """A section as its format's file has it. `each_partner`: in a couple's note each partner has one of their own."""

    each_partner: bool = False


class Format(Written):
    """A file of `templates/`: a format as it is for an individual session."""

    key: str
    session_type: SessionType
    title: str
    version: int = Field(ge=1)
    sections: tuple[FormatSection, ...] = Field(min_length=1)


class Variation(Written):
    """A file of `participants/`: what other participants change in every format."""

    participants_type: ParticipantsType
    title: str
    """With `{title}` where the format's own goes."""
    version: int = Field(ge=1)
    guidance: str = ""
    """Added to that of every section."""
    partner_guidance: str = ""
    """Added to that of a partner's own section, with `{partner}` where that partner goes."""
    together: FormatSection | None = None
    """Follows the partners' own sections: what is both's, or cannot be told apart."""
    risk: FormatSection | None = None
    """The place for risk where it would otherwise be one partner's section."""


def template_for(session_type: SessionType, participants_type: ParticipantsType) -> Template:
    """The template of a note format: there is one for every pair."""
    return templates()[session_type, participants_type]


@cache
def templates() -> dict[tuple[SessionType, ParticipantsType], Template]:
    """All templates by pair, read and validated once. Raises: ValueError when two claim the same pair."""
    formats = [Format.model_validate(_read(path)) for path in sorted(FOLDER.glob("*.yaml"))]
    variations = [Variation.model_validate(_read(path)) for path in sorted((FOLDER / "participants").glob("*.yaml"))]
    made = [template_of(fmt, variation) for fmt in formats for variation in (None, *variations)]
    by_pair = {(template.session_type, template.participants_type): template for template in made}
    if len(by_pair) != len(made):
        raise ValueError("two templates for the same session and participants type")
    return by_pair


def template_of(fmt: Format, variation: Variation | None = None) -> Template:
    """A format's template, for an individual session or varied. Raises: pydantic.ValidationError."""
    if variation is None:
        sections = [section.model_dump(exclude={"each_partner"}) for section in fmt.sections]
        return Template(**fmt.model_dump(exclude={"sections"}), participants_type=INDIVIDUAL, sections=sections)
    return Template(
        key=fmt.key,
        session_type=fmt.session_type,
        participants_type=variation.participants_type,
        title=variation.title.format(title=fmt.title),
        version=fmt.version + variation.version - 1,  # grows when either part does
        sections=tuple(_varied(fmt, variation)),
    )


def _varied(fmt: Format, variation: Variation) -> Iterator[TemplateSection]:
    """The format's sections as the variation has them; its own follow the partners'."""
    splits = [section for section in fmt.sections if section.each_partner and variation.together]
    for section in fmt.sections:
        if section not in splits:
            yield _worded(section, variation.guidance)
            continue
        for position, partner in enumerate(PARTNERS):
            own = _worded(section, variation.guidance, variation.partner_guidance.format(partner=partner))
            suffix = partner.split()[0]
            changes = {"key": f"{section.key}_{suffix}", "title": f"{section.title}: {partner}", "partner": position}
            yield own.model_copy(update={**changes, "risk": False, "also": ()})
        if section == splits[-1]:
            yield from (_worded(extra) for extra in (variation.together,) if extra)
            yield from (_worded(extra) for extra in (variation.risk,) if extra and any(s.risk for s in splits))


def _worded(section: FormatSection, *more: str) -> TemplateSection:
    fields = section.model_dump(exclude={"each_partner", "guidance"})
    return TemplateSection(**fields, guidance=" ".join(part.strip() for part in (section.guidance, *more) if part))


def _read(path: Path) -> object:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
