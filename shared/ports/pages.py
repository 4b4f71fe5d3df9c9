"""Pages of documents that take longer to read than one request may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.domain.document import PageRead


class PageStore(Protocol):
    """What was read of a document so far, for a day. `digest` is that of the document's bytes and kind."""

    async def recall(self, digest: str) -> Sequence[PageRead]:
        """All pages kept, in no order; none where there are none, or none that can be read any more."""
        ...

    async def keep(self, digest: str, pages: Sequence[PageRead]) -> None:
        """Add pages; those kept already are kept once."""
        ...
