"""Nothing stands behind an adapter's error: what an SDK's says may hold what was asked or answered."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from shared.adapters.sdk_errors import plain

ADAPTERS = Path(__file__).parents[2] / "shared" / "adapters"
ON_THIS_MACHINE = "embedded_speech"
"""Its models are files and its errors name files, which whoever installs them has to read."""


def test_no_adapter_names_a_cause():
    chained = [
        f"{path.relative_to(ADAPTERS)}:{node.lineno}"
        for path in sorted(ADAPTERS.rglob("*.py"))
        if ON_THIS_MACHINE not in path.parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Raise) and node.cause is not None and ast.unparse(node.cause) != "None"
    ]
    assert chained == []


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("InvalidBlockList", "InvalidBlockList"),
        ("content_filter", "content_filter"),
        ("no such Jane", "unknown"),
        ("", "unknown"),
        ("A" * 61, "unknown"),
        ("sig=c2ln", "unknown"),
    ],
)
def test_a_code_is_shown_where_it_looks_like_one(code, shown):
    assert plain(code) == shown
