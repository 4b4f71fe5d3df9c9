"""Instruction sets: how a clinical document is written, for people and for language models alike.

Hand-written ones are Markdown files with a short YAML head in `instructions/`. Each note template gives one, too, made
of the guidance its note is written by, so that what clinicians read is what note writers go by.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml
from pydantic import Field

from shared.domain.errors import NotFound
from shared.domain.model import Model
from shared.domain.note import ParticipantsType
from shared.notes.templates import Template, Written, templates

FOLDER = Path(__file__).parent / "instructions"
RULES = "clinical_notes"
"""The set that holds in every note, whatever its format."""

_HEADING = re.compile(r"^## +(\S.*)$", re.MULTILINE)
_DEEPER = re.compile(r"^(?=##)", re.MULTILINE)
_HEAD = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)


class InstructionSection(Model):
    """A second-level heading of a set and the Markdown under it."""

    key: str
    title: str
    instructions: str


class InstructionSet(Model):
    """Instructions for one type of document. `instructions` is all of it, as Markdown."""

    instruction_type: str
    title: str
    version: int
    instructions: str

    @property
    def sections(self) -> tuple[InstructionSection, ...]:
        """The parts under `##` headings, in order."""
        headings = list(_HEADING.finditer(self.instructions))
        borders = [*(heading.start() for heading in headings), len(self.instructions)]
        return tuple(
            InstructionSection(
                key=_slug(heading.group(1)),
                title=heading.group(1).rstrip(),
                instructions=self.instructions[heading.end() : end].strip(),
            )
            for heading, end in zip(headings, borders[1:], strict=True)
        )


class _Head(Written):
    """The YAML head of a file."""

    title: str = Field(min_length=1)
    version: int = Field(ge=1)


def instruction_set(instruction_type: str) -> InstructionSet:
    """The standard set of a type. Raises: NotFound (`instructions_not_found`), which names the known types."""
    found = instruction_sets().get(instruction_type)
    if found is None:
        raise NotFound(
            f"no such instruction type; there are {', '.join(sorted(instruction_sets()))}",
            code="instructions_not_found",
        )
    return found


@cache
def instruction_sets() -> dict[str, InstructionSet]:
    """All standard sets by type, read once. Raises: ValueError, pydantic.ValidationError for a malformed file."""
    written = {path.stem: load(path) for path in sorted(FOLDER.glob("*.md"))}
    by_key = {template.key: template for template in templates().values() if _is_individual(template)}
    made = {key: _of_template(template, written) for key, template in by_key.items()}
    return written | made


def load(path: Path) -> InstructionSet:
    """Read one file; its name is its type. Raises: ValueError, pydantic.ValidationError."""
    parts = _HEAD.match(path.read_text(encoding="utf-8"))
    if parts is None:
        raise ValueError(f"{path.name} must begin with a YAML head between --- lines")
    head = _Head.model_validate(yaml.safe_load(parts.group(1)))
    return InstructionSet(instruction_type=path.stem, **head.model_dump(), instructions=parts.group(2).strip() + "\n")


def _is_individual(template: Template) -> bool:
    return template.participants_type is ParticipantsType.INDIVIDUAL


def _of_template(template: Template, written: dict[str, InstructionSet]) -> InstructionSet:
    """The template's sections first; then what is written by hand about its type; then the rules of every note."""
    more = [written[name] for name in (template.key, RULES) if name in written]
    parts = [f"## {section.title}\n{_guidance(section.guidance, risk=section.risk)}" for section in template.sections]
    parts += [f"## {other.title}\n{_deeper(other.instructions)}" for other in more]
    return InstructionSet(
        instruction_type=template.key,
        title=template.title,
        version=template.version + sum(other.version - 1 for other in more),  # grows when any part does
        instructions="\n\n".join(parts) + "\n",
    )


def _guidance(guidance: str, *, risk: bool) -> str:
    return guidance.strip() + ("\n\nRisk belongs in this section, before anything else." if risk else "")


def _deeper(markdown: str) -> str:
    """Headings one level down."""
    return _DEEPER.sub("#", markdown).strip()


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
