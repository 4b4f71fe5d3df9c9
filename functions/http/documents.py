"""Documents: intake forms, letters, scans. Read and stored, and shown again."""

from __future__ import annotations

from typing import Annotated

from fastapi import File, Form, Query, Request, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.idempotency import AttemptNow, repeatable
from functions.http.problems import Problem
from functions.http.streaming import STREAMED, stream_blob
from shared.bootstrap import Services
from shared.domain.caller import Caller
from shared.domain.document import FEATURE_PATTERN, UploaderRole, display_name
from shared.domain.ids import ID_PATTERN
from shared.domain.names import DOCUMENTS_BLOBS
from shared.services.documents import StoredDocument, UploadedFile, find_document, store_documents

VIEWED = {**STREAMED, 404: {"model": Problem, "description": "No such document, or not yours"}}
FileName = Annotated[str, Field(min_length=1, max_length=512, examples=["intake_form.pdf"])]
FileUrl = Annotated[
    str, Field(min_length=1, max_length=1024, examples=["intake-forms/Therapist/42/2026-02-23/intake_form.pdf"])
]


class DocumentTable(BaseModel):
    """Rows from the top, cells from the left; `page` counts from 1."""

    page: int
    rows: list[list[str]]


class Document(BaseModel):
    """A document that is stored under `file_url`. `content` is its text in reading order."""

    content: str = Field(examples=["Patient name: Jane Doe\nDate of birth: 01/01/1990\n..."])
    file_name: str = Field(examples=["intake_form.pdf"])
    file_url: str = Field(examples=["intake-forms/Therapist/42/2026-02-23/intake_form.pdf"])
    pages: int
    tables: list[DocumentTable]


class DocumentView(BaseModel):
    """`file_name` is what a browser saves it as, `file_url` is as the upload answered it."""

    file_name: FileName
    file_url: FileUrl


@operation(
    "POST",
    "documents",
    summary="Upload documents, to be read and kept",
    responses={
        403: {"model": Problem, "description": "In somebody else's name, or in a role that is not the caller's"},
        413: {"model": Problem, "description": "A file is too large"},
        415: {"model": Problem, "description": "A file is not a PDF, PNG, JPEG, TIFF or BMP"},
    },
)
@repeatable
async def upload_documents(
    app: App,
    caller: CallerNow,
    attempt: AttemptNow,
    userid: Annotated[str, Form(pattern=ID_PATTERN)],
    role: Annotated[UploaderRole, Form()],
    feature: Annotated[str, Form(pattern=FEATURE_PATTERN)],
    files: Annotated[list[UploadFile], File()],
) -> list[list[Document]]:
    """All files are stored, or none. What a file is counts, not its name. A retry is answered as the first time.

    Long scans take more than one request: the answer is a 503 `document_unfinished` with `Retry-After`, and the same
    request again goes on where it stopped, until it is a 200. With an `Idempotency-Key` a retry after midnight finds
    what was stored before.
    """
    stored = await store_documents(
        [UploadedFile(file.filename, file.file, file.size or 0) for file in files],
        caller,
        userid=userid,
        role=role,
        feature=feature,
        engine=app.documents,
        blobs=app.blobs,
        documents=app.client_documents,
        asked=attempt.begun,
        limits=app.limits,
    )
    return [[_document(document) for document in stored]]


def _document(stored: StoredDocument) -> Document:
    found = stored.analysis
    return Document(
        content=found.content,
        file_name=stored.name,
        file_url=stored.blob,
        pages=found.pages,
        tables=[DocumentTable(page=table.page, rows=[list(row) for row in table.rows]) for table in found.tables],
    )


@operation("POST", "documents/view", summary="A document's bytes", response_class=Response, responses=VIEWED)
@repeatable
async def view_document(app: App, caller: CallerNow, request: Request, asked: DocumentView) -> Response:
    """Streamed, whole or in part (Range), with its own content type. Therapists see what their clients uploaded."""
    return await _view(app, caller, request, asked.file_name, asked.file_url)


@operation("GET", "documents/view", summary="A document's bytes, for links", response_class=Response, responses=VIEWED)
async def get_document(
    app: App,
    caller: CallerNow,
    request: Request,
    file_name: Annotated[FileName, Query()],
    file_url: Annotated[FileUrl, Query()],
) -> Response:
    """As POST does it."""
    return await _view(app, caller, request, file_name, file_url)


async def _view(app: Services, caller: Caller, request: Request, file_name: str, file_url: str) -> Response:
    found = await find_document(file_url, caller, blobs=app.blobs, relationships=app.relationships)
    return stream_blob(request, app.blobs, DOCUMENTS_BLOBS, found, display_name(file_name))
