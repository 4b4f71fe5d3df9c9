"""The API's description as a page: everything it needs comes with it, no content delivery network."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from starlette.responses import HTMLResponse

from functions.http.edge import operation

PAGE = Path(__file__).with_name("docs.html")


@operation("GET", "docs", include_in_schema=False)
async def get_docs() -> HTMLResponse:
    """Reads `openapi.json` beside it."""
    page, policy = _page()
    return HTMLResponse(page, headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"})


@cache
def _page() -> tuple[str, str]:
    """The page, and the policy that lets the browser run its one script and style and nothing else."""
    page = PAGE.read_text("utf-8")
    hashes = {
        tag: base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode("ascii")
        for tag, inner in re.findall(r"<(script|style)>(.*?)</\1>", page, re.DOTALL)
    }
    return page, (
        f"default-src 'none'; connect-src 'self'; script-src 'sha256-{hashes['script']}'; "
        f"style-src 'sha256-{hashes['style']}'; base-uri 'none'; frame-ancestors 'none'"
    )
