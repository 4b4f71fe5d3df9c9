"""Errors on the wire: problem details (RFC 9457) with a stable `code`, and nothing that was sent repeated."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from shared.domain import errors

log = logging.getLogger(__name__)

STATUS: Mapping[type[errors.ScribeError], int] = {
    errors.Transient: 503,
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.InvalidInput: 400,
    errors.NotAuthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.ScribeError: 500,
}


class FieldProblem(BaseModel):
    """One field that is not as it should be."""

    loc: list[str | int]
    msg: str


class Problem(BaseModel):
    """The body of every error answer."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] | None = None


def install(api: FastAPI) -> None:
    """Answer every error, ours or not, as a problem."""

    @api.exception_handler(errors.ScribeError)
    async def ours(_: Request, error: errors.ScribeError) -> JSONResponse:
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("answered %d %s: %s", status, error.code, error)
        headers: dict[str, str] = {}
        if error.retry_after_s is not None:
            headers["Retry-After"] = str(error.retry_after_s)
        if isinstance(error, errors.NotAuthenticated):
            headers["WWW-Authenticate"] = "Bearer"
        return problem(status, error.code, str(error), headers=headers)

    @api.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        found = [FieldProblem(loc=list(e["loc"]), msg=e["msg"]) for e in error.errors()]
        return problem(400, "invalid_input", "one or more fields are not as they should be", found)

    @api.exception_handler(HTTPException)
    async def of_the_framework(_: Request, error: HTTPException) -> JSONResponse:
        code = "invalid_body" if error.status_code == HTTPStatus.BAD_REQUEST else "http_error"
        return problem(error.status_code, code, str(error.detail))

    @api.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        return problem(500, "internal_error", "something went wrong on our side; nothing that was accepted is lost")


def problem(
    status: int,
    code: str,
    detail: str,
    found: list[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem as an answer."""
    body: dict[str, Any] = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, code=code, errors=found
    ).model_dump(exclude_none=True)
    return JSONResponse(body, status, headers, media_type="application/problem+json")
