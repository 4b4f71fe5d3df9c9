"""Documents that take longer than one request: what was read is kept, and the next request goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from shared.adapters.embedded_documents import Caps, EmbeddedDocumentEngine
from shared.domain.document import DocumentKind, PageRead, Table
from shared.domain.errors import EngineRefused, ReadingUnfinished
from shared.domain.names import RECORDS
from shared.services.kept_pages import KEPT, KeptPages
from tests.pdf_files import pages_pdf
from tests.unit.services.world import Process, Stores

SECRET = "Jane Doe has not slept since March"
READ = (PageRead(number=1, text=SECRET), PageRead(number=2, text="", tables=(Table(page=2, rows=(("a", "b"),)),)))
ENDLESS = b"BT /F 1 Tf (x) Tj ET\n" * 2_000_000


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path)


def pages_of(stores: Stores) -> KeptPages:
    process = Process(stores)
    return KeptPages(items=process.items, keyrings=process.keyrings, clock=process.clock)


async def test_what_one_request_has_read_the_next_one_goes_on_from(stores: Stores, tmp_path: Path):
    (tmp_path / "long.pdf").write_bytes(pages_pdf(b"BT /F 12 Tf 50 780 Td (First page) Tj ET", ENDLESS))
    with pytest.raises(ReadingUnfinished, match="1 pages"):
        await EmbeddedDocumentEngine(Caps(seconds=12), pages_of(stores)).analyse(
            tmp_path / "long.pdf", DocumentKind.PDF
        )
    [kept] = [row for partition in partitions(stores) for row in stores.partition(RECORDS, partition)]
    assert kept["id"] == "1-1"
    with pytest.raises(EngineRefused) as refused:  # the second page alone takes longer than any request has
        await EmbeddedDocumentEngine(Caps(seconds=4), pages_of(stores)).analyse(tmp_path / "long.pdf", DocumentKind.PDF)
    assert refused.value.code == "document_too_complex"


async def test_a_page_that_is_known_is_not_read_again(tmp_path: Path):
    pages = [Image.new("1", (400, 300), 1) for _ in range(3)]
    pages[0].save(tmp_path / "fax.tiff", save_all=True, append_images=pages[1:])
    known = Known([PageRead(number=1, text="one"), PageRead(number=3, text="three")])
    read = await EmbeddedDocumentEngine(pages=known).analyse(tmp_path / "fax.tiff", DocumentKind.TIFF)
    assert (read.content, read.pages) == ("one\n\nthree", 3)


class Known:
    """A page store that knows some pages of every document."""

    def __init__(self, pages: Sequence[PageRead]) -> None:
        self._pages = pages

    async def recall(self, digest: str) -> Sequence[PageRead]:
        return self._pages

    async def keep(self, digest: str, pages: Sequence[PageRead]) -> None:
        """Nothing: it knows enough."""


async def test_pages_come_back_in_another_process_and_only_for_their_document(stores: Stores):
    await pages_of(stores).keep("pdf:a", READ)
    assert await pages_of(stores).recall("pdf:a") == list(READ)
    assert await pages_of(stores).recall("pdf:b") == []


async def test_pages_that_are_kept_twice_are_there_once(stores: Stores):
    for part in (READ[:1], READ, READ[1:]):
        await pages_of(stores).keep("pdf:a", part)
    assert sorted(page.number for page in await pages_of(stores).recall("pdf:a")) == [1, 2]


async def test_pages_of_any_size_are_kept(stores: Stores):
    large = [PageRead(number=n, text="x" * 400_000) for n in range(1, 6)]
    await pages_of(stores).keep("pdf:a", large)
    assert await pages_of(stores).recall("pdf:a") == large
    rows = list(stores.partition(RECORDS, "pages:pdf:a"))
    assert max(len(row["pages"]) for row in rows) < 1_500_000


async def test_nothing_of_a_page_can_be_read_in_the_store(stores: Stores):
    await pages_of(stores).keep("pdf:a", READ)
    [row] = stores.partition(RECORDS, "pages:pdf:a")
    assert SECRET not in str(row)
    assert row["ttl"] == KEPT.total_seconds()


async def test_pages_are_kept_for_a_day(stores: Stores):
    await pages_of(stores).keep("pdf:a", READ)
    stores.clock.at += KEPT
    assert await pages_of(stores).recall("pdf:a") == []


async def test_pages_whose_key_is_gone_are_read_again(stores: Stores):
    await pages_of(stores).keep("pdf:a", READ)
    [row] = stores.partition(RECORDS, "pages:pdf:a")
    await stores.items.upsert(RECORDS, "pages:pdf:a", {**row, "id": "moved"})
    await stores.items.delete(RECORDS, "pages:pdf:a", row["id"])
    assert await pages_of(stores).recall("pdf:a") == []


def partitions(stores: Stores) -> list[str]:
    return [name for container, name in stores.items._partitions if container == RECORDS and name.startswith("pages:")]
