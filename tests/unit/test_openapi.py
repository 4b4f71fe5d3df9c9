"""The API's description: complete, and never changed unseen."""

import json
from pathlib import Path

import pytest

from localcloud.openapi import description

DOCUMENT = json.loads(description())
COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
OPEN = {"/api/health", "/api/health/ready"}
OPERATIONS = [
    pytest.param(path, method, described, id=f"{method} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
]


def test_the_committed_copy_is_what_the_code_says():
    assert COMMITTED.read_text("utf-8") == description(), "run `make openapi` and look at the difference"


@pytest.mark.parametrize(("path", "method", "described"), OPERATIONS)
def test_every_operation_says_what_it_is_for_who_may_and_how_it_fails(path, method, described):
    assert described["summary"]
    assert described["description"]
    if path in OPEN:
        return
    assert described["security"]
    assert {"401", "503"} <= set(described["responses"])
    for status, answer in described["responses"].items():
        if status >= "400" and path not in OPEN:
            assert "application/problem+json" in answer["content"], status


def test_it_is_openapi_3_1():
    assert DOCUMENT["openapi"].startswith("3.1")
