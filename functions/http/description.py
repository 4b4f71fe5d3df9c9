"""The OpenAPI document, with errors as this API answers them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

PROBLEM = {"$ref": "#/components/schemas/Problem"}
PROBLEM_JSON = "application/problem+json"
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")


def describe(api: FastAPI) -> dict[str, Any]:
    """FastAPI's description, corrected: problems have their own media type, and invalid input is a 400, not a 422.

    Whoever needs no credentials is not told that theirs are not valid.
    """
    document = get_openapi(title=api.title, version=api.version, summary=api.summary, routes=api.routes)
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            if "security" not in operation:
                operation["responses"].pop("401", None)
            for answer in operation["responses"].values():
                if any(content.get("schema") == PROBLEM for content in answer.get("content", {}).values()):
                    answer["content"] = {PROBLEM_JSON: {"schema": PROBLEM}}
    for name in _FRAMEWORKS_OWN:
        document["components"]["schemas"].pop(name, None)
    return document
