"""Azure AI Document Intelligence (API version 2024-11-30), reading with the embedded engine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web

from shared.adapters.document_refusals import EMPTY, ENCRYPTED, TOO_COMPLEX, UNREADABLE, refused
from shared.adapters.embedded_documents import Caps, EmbeddedDocumentEngine
from shared.domain.document import HEAD, DocumentAnalysis, Table, kind_of
from shared.domain.errors import EngineRefused
from tests.servers.faults import Server

KEY = "document-intelligence-key"  # of nothing
_CODES = {TOO_COMPLEX: "InvalidContentDimensions", ENCRYPTED: "UnsupportedContent", EMPTY: "InvalidContent"}


class DocumentIntelligence(Server):
    """Takes a document, is `running` for `looks` looks, then gives its analysis.

    `page_limit` is how many pages are read, the rest being left out without a word, as the free tier does. With
    `reads` it reads this in whatever it is sent, for tests of anything but reading.
    """

    def __init__(
        self,
        *,
        looks: int = 1,
        page_limit: int | None = None,
        token: str | None = None,
        reads: DocumentAnalysis | None = None,
    ) -> None:
        super().__init__()
        self.looks = looks
        self._reads = reads
        self.page_limit = page_limit
        self._token = token
        self._engine = EmbeddedDocumentEngine(Caps(pages=50, pixels=20_000_000))
        self._results: dict[str, dict[str, Any]] = {}
        self._looked: dict[str, int] = {}

    def routes(self, router: web.UrlDispatcher) -> None:
        """See Server.routes."""
        router.add_post("/documentintelligence/documentModels/{model}:analyze", self._analyse)
        router.add_get("/documentintelligence/documentModels/{model}/analyzeResults/{id}", self._result)

    def _allowed(self, request: web.Request) -> bool:
        if self._token is not None:
            return request.headers.get("Authorization") == f"Bearer {self._token}"
        return request.headers.get("Ocp-Apim-Subscription-Key") == KEY

    async def _analyse(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return _error(401, "Unauthorized")
        model, body, key = request.match_info["model"], await request.read(), uuid4().hex
        try:
            found = self._reads or await self._read(body)
        except EngineRefused as error:
            return _error(400, "InvalidRequest", _CODES.get(error.code, "InvalidContent"))
        self._results[key] = self._as_result(model, found)
        self._looked[key] = 0
        version = request.query["api-version"]
        where = f"{self.url}/documentintelligence/documentModels/{model}/analyzeResults/{key}?api-version={version}"
        return web.Response(status=202, headers={"Operation-Location": where, "Retry-After": "0"})

    async def _read(self, body: bytes) -> DocumentAnalysis:
        kind = kind_of(body[:HEAD])
        if kind is None:
            raise refused(UNREADABLE)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "document"
            file.write_bytes(body)
            return await self._engine.analyse(file, kind)

    async def _result(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return _error(401, "Unauthorized")
        key = request.match_info["id"]
        self._looked[key] += 1
        now = "2026-02-23T09:00:00Z"
        operation = {"createdDateTime": now, "lastUpdatedDateTime": now}
        if self._looked[key] <= self.looks:
            return web.json_response({"status": "running", **operation}, headers={"Retry-After": "0"})
        return web.json_response({"status": "succeeded", **operation, "analyzeResult": self._results[key]})

    def _as_result(self, model: str, found: DocumentAnalysis) -> dict[str, Any]:
        read = min(found.pages, self.page_limit or found.pages)
        result: dict[str, Any] = {
            "apiVersion": "2024-11-30",
            "modelId": model,
            "stringIndexType": "textElements",
            "contentFormat": "text",
            "content": found.content,
            "pages": [{"pageNumber": n + 1, "spans": [], "words": [], "lines": []} for n in range(read)],
            "paragraphs": [],
            "styles": [],
        }
        if model == "prebuilt-layout":
            result["tables"] = [_table(table) for table in found.tables]
        return result


def _table(table: Table) -> dict[str, Any]:
    cells = [
        {"rowIndex": r, "columnIndex": c, "content": text, "spans": []}
        for r, row in enumerate(table.rows)
        for c, text in enumerate(row)
    ]
    return {
        "rowCount": len(table.rows),
        "columnCount": max(len(row) for row in table.rows),
        "boundingRegions": [{"pageNumber": table.page, "polygon": []}],
        "spans": [],
        "cells": cells,
    }


def _error(status: int, code: str, inner: str | None = None) -> web.Response:
    error: dict[str, Any] = {"code": code, "message": "no."}
    if inner is not None:
        error["innererror"] = {"code": inner, "message": "no."}
    return web.json_response({"error": error}, status=status)
