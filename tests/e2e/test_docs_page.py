"""The API's description as a page, for people: whole without any other server."""

from __future__ import annotations

import re

import httpx
import pytest

from localcloud.stack import Stack

pytestmark = pytest.mark.e2e


def test_the_page_needs_nothing_but_this_api(stack: Stack):
    answer = httpx.get(f"{stack.url}/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert re.findall(r"(?:src|href)\s*=|https?://|@import|url\(", answer.text) == []
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; connect-src 'self'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "openapi.json" in answer.text


def test_the_description_it_reads_is_there_for_everybody(stack: Stack):
    answer = httpx.get(f"{stack.url}/openapi.json")
    assert (answer.status_code, answer.json()["openapi"][:3]) == (200, "3.1")
