"""The examples partners copy: both must open the frozen vectors, given keys in the shape the API answers with."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "docs" / "examples"
VECTORS = json.loads((ROOT / "tests" / "data" / "crypto" / "envelope_vectors.json").read_text("utf-8"))

# Reads {"module", "keys", "cases"} and writes, for each case, the text or null.
RUN_IN_NODE = """
let input = "";
for await (const piece of process.stdin) input += piece;
const { module, keys, cases } = JSON.parse(input);
const { decryptEnvelope } = await import(module);
const texts = [];
for (const { envelope, aad } of cases) texts.push(await decryptEnvelope(envelope, keys, aad).catch(() => null));
process.stdout.write(JSON.stringify(texts));
"""


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("decrypt_example", EXAMPLES / "decrypt.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_javascript(cases: list[dict[str, str]]) -> list[str | None]:
    node = shutil.which("node")
    assert node is not None, "node is needed, as everywhere in this project"
    request: dict[str, Any] = {"module": (EXAMPLES / "decrypt.mjs").as_uri(), "keys": VECTORS["keys"], "cases": cases}
    run = subprocess.run(
        [node, "--input-type=module", "-e", RUN_IN_NODE],
        input=json.dumps(request).encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    texts: list[str | None] = json.loads(run.stdout)
    return texts


def test_javascript_opens_every_vector():
    assert in_javascript(VECTORS["opens"]) == [case["plaintext"] for case in VECTORS["opens"]]


def test_javascript_refuses_what_was_changed_or_moved():
    assert in_javascript(VECTORS["refused"]) == [None] * len(VECTORS["refused"])


def test_the_browser_module_imports_nothing():
    source = (EXAMPLES / "decrypt.mjs").read_text("utf-8")
    code = [line for line in source.splitlines() if not line.lstrip().startswith(("*", "/*", "//"))]
    assert not [line for line in code if "import" in line.split("(")[0].split() or "require(" in line]


def test_python_opens_every_vector(example):
    texts = [example.decrypt_envelope(case["envelope"], VECTORS["keys"], case["aad"]) for case in VECTORS["opens"]]
    assert texts == [case["plaintext"] for case in VECTORS["opens"]]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: case["name"])
def test_python_refuses_what_was_changed_or_moved(example, case):
    with pytest.raises((ValueError, KeyError, InvalidTag)):
        example.decrypt_envelope(case["envelope"], VECTORS["keys"], case["aad"])


def test_python_runs_from_the_command_line(tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": VECTORS["keys"]}), "utf-8")
    case = VECTORS["opens"][1]
    run = subprocess.run(
        [sys.executable, EXAMPLES / "decrypt.py", keys, case["aad"]],
        input=case["envelope"],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.strip() == case["plaintext"]
