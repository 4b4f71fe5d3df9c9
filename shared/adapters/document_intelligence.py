"""Documents read by Azure AI Document Intelligence: layout for PDFs, recognition for pictures.

The free tier (F0) reads the first two pages of anything and says nothing about the rest, so the service's pages are
held against the file's own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.core.polling.async_base_polling import AsyncLROBasePolling

from shared.adapters.azure_answers import Patience, engine_error
from shared.adapters.azure_calls import meaning_of_azure_error, patiently
from shared.adapters.azure_identity import COGNITIVE_SERVICES, bearer
from shared.adapters.document_refusals import TOO_COMPLEX, UNREADABLE, refused
from shared.adapters.page_counts import count_pages
from shared.domain.document import DocumentAnalysis, DocumentKind, Table
from shared.domain.errors import EngineRefused, EngineUnavailable, ScribeError

if TYPE_CHECKING:
    from azure.ai.documentintelligence.aio import DocumentIntelligenceClient
    from azure.ai.documentintelligence.models import AnalyzeResult, DocumentTable
    from azure.core.credentials_async import AsyncTokenCredential

SERVICE = "document intelligence"

_REFUSALS = {
    "InvalidContent": UNREADABLE,
    "UnsupportedContent": UNREADABLE,
    "UnsupportedMediaType": UNREADABLE,
    "InvalidContentLength": TOO_COMPLEX,
    "InvalidContentDimensions": TOO_COMPLEX,
    "ContentProcessingTimeout": TOO_COMPLEX,
}
"""Our code by the service's (error codes of API version 2024-11-30)."""
_LOOKS_AGAIN = 2
"""Times the SDK looks again at an analysis under way when a look fails, before the document is sent once more."""

_log = logging.getLogger(__name__)


class DocumentIntelligenceEngine:
    """Implements `ports.DocumentEngine`. `credential` is the resource's key, or the app's identity.

    `max_seconds` caps a document with all its tries, `timeout_s` the silence within one. The file is sent from disk
    in pieces, and opened anew for each try. The connection opens with the first use.
    """

    def __init__(
        self,
        endpoint: str,
        credential: str | Callable[[], AsyncTokenCredential],
        *,
        patience: Patience | None = None,
        polling_interval_s: float = 1,
        timeout_s: float = 60,
        max_seconds: float = 180,
        max_pages: int = 2000,
        max_bytes: int = 500 * 1024**2,
    ) -> None:
        self._endpoint = endpoint
        self._credential = credential
        self._patience = patience or Patience()
        self._polling_interval_s = polling_interval_s
        self._timeout_s = timeout_s
        self._max_seconds = max_seconds
        self._max_pages = max_pages
        self._max_bytes = max_bytes
        self._opened: DocumentIntelligenceClient | None = None

    async def analyse(self, file: Path, kind: DocumentKind) -> DocumentAnalysis:
        """As in `ports.DocumentEngine`."""
        pages = await count_pages(file, kind)
        size = (await asyncio.to_thread(file.stat)).st_size
        if pages > self._max_pages or size > self._max_bytes:
            raise refused(TOO_COMPLEX)
        try:
            async with asyncio.timeout(self._max_seconds):
                result = await patiently(lambda: self._read(file, kind), meaning=_meaning, patience=self._patience)
        except TimeoutError:
            raise EngineUnavailable(f"{SERVICE} took more than {self._max_seconds:g} s") from None
        _check_whole(result, pages)
        return DocumentAnalysis(
            content=result.content or "", pages=pages, tables=tuple(_table(table) for table in result.tables or ())
        )

    async def close(self) -> None:
        """Close the connection; the next use opens another."""
        client, self._opened = self._opened, None
        if client is not None:
            await client.close()

    async def _read(self, file: Path, kind: DocumentKind) -> AnalyzeResult:
        """Send the file and wait for what stands in it."""
        client = self._client()
        model = "prebuilt-layout" if kind is DocumentKind.PDF else "prebuilt-read"
        looks: AsyncLROBasePolling[Any, Any, Any] = AsyncLROBasePolling(
            self._polling_interval_s,
            path_format_arguments={},
            retry_total=_LOOKS_AGAIN,
            retry_backoff_factor=self._patience.first_wait_s,
        )
        with file.open("rb") as body:
            poller = await client.begin_analyze_document(
                model,
                body,
                content_type="application/octet-stream",
                output_content_format="text",
                polling=looks,
                retry_total=0,
            )
        result: AnalyzeResult | None = await poller.result()
        if result is None or result.pages is None:
            raise EngineUnavailable(f"{SERVICE} answers without a result")
        return result

    def _client(self) -> DocumentIntelligenceClient:
        if self._opened is None:
            from azure.ai.documentintelligence.aio import DocumentIntelligenceClient  # noqa: PLC0415 (heavy)

            waits = {"connection_timeout": 10, "read_timeout": self._timeout_s}
            if isinstance(self._credential, str):
                self._opened = DocumentIntelligenceClient(self._endpoint, AzureKeyCredential(self._credential), **waits)
            else:
                identity = self._credential()
                policy = bearer(self._endpoint, identity, COGNITIVE_SERVICES)
                self._opened = DocumentIntelligenceClient(
                    self._endpoint, identity, authentication_policy=policy, **waits
                )
        return self._opened


def _meaning(error: Exception) -> ScribeError | None:
    if isinstance(error, HttpResponseError):
        code = _REFUSALS.get(_code_of(error))
        if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            code = TOO_COMPLEX
        if code is not None:
            return refused(code)
        if error.status_code == HTTPStatus.OK:  # the look succeeded, the analysis did not
            return engine_error(SERVICE, None)
    return meaning_of_azure_error(error, SERVICE)


def _code_of(error: HttpResponseError) -> str:
    """The innermost code of an error answer: the outer one says only that something was invalid."""
    found = error.error
    inner: dict[str, Any] | None = getattr(found, "innererror", None)
    code = str(getattr(found, "code", None) or "")
    while inner:
        code = str(inner.get("code") or code)
        inner = inner.get("innererror")
    return code


def _check_whole(result: AnalyzeResult, pages: int) -> None:
    """Raises: EngineRefused for the first pages of a document in place of all of it."""
    if len(result.pages) < pages:
        _log.error("%s read %d of %d pages: its free tier reads two, use S0", SERVICE, len(result.pages), pages)
        raise EngineRefused(f"only {len(result.pages)} of its {pages} pages could be read: split it", code=TOO_COMPLEX)


def _table(table: DocumentTable) -> Table:
    """Cells in their rows; what a cell spans beyond its first place is empty."""
    rows = [[""] * table.column_count for _ in range(table.row_count)]
    for cell in table.cells:
        rows[cell.row_index][cell.column_index] = cell.content or ""
    page = table.bounding_regions[0].page_number if table.bounding_regions else 1
    return Table(page=page, rows=tuple(tuple(row) for row in rows))
