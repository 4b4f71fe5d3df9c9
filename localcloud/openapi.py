"""The API's description as a file: what clients are promised, kept in the repository so that no change goes unseen.

python -m localcloud.openapi docs/openapi.json
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from functions.http.edge import api


def description() -> str:
    """The OpenAPI document of the code as it is, as text."""
    importlib.import_module("function_app")  # registers every operation
    return json.dumps(api.openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(description(), "utf-8")
