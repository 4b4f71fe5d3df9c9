"""Errors on the wire, as problem details."""

from __future__ import annotations

from http import HTTPStatus

import httpx


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    """The answer is problem details (RFC 9457) with this status and code; its body."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = dict(answer.json())
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert (body["status"], body["code"], body["title"]) == (status, code, HTTPStatus(status).phrase), body
    assert body["detail"]
    return body
