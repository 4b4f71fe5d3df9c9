"""Erasing a relationship: the order to do it, and the receipt that it was done."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from shared.domain.model import Model


class Receipt(Model):
    """What was erased: ids and numbers, nothing about a person. `key_ids` are those of the shredded data keys."""

    relationship: str
    erased_at: str
    counts: dict[str, int]
    key_ids: tuple[str, ...]
    documents: tuple[str, ...] = ()
    """What the audit trail calls those that were erased."""


class Erasure(Model):
    """A relationship on the list of those to be erased, with all that is needed to go on after a crash."""

    relationship: str
    therapist_userid: str
    client_userid: str | None = None
    partner: str | None = None
    touched: datetime
    sessions: tuple[str, ...] | None = None
    """Found before anything was deleted; None until then."""
    documents: tuple[str, ...] = ()
    """Paths of the client's, found at the same time."""
    counts: dict[str, int] = Field(default_factory=dict)
    receipt: Receipt | None = None
    """Once it stands, what is left is to look a second time."""

    @property
    def folder(self) -> str:
        """Where its chunks lie."""
        return f"{self.therapist_userid}/{self.relationship}/"
