"""The local host's own suite, run once more with Azure's real Python worker behind it.

`azure-functions-runtime` is the v2 worker without its gRPC shell and needs Python 3.13. The suite is the same, to the
line: what the host's own worker does to a function, the real one must do too.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.environments import make_environment

PROJECT = Path(__file__).parents[2]
SUITE = "tests/integration/host"
ENVIRONMENT = PROJECT / ".local" / "conformance-venv"
WORKER = "azure-functions-runtime==1.3.0"
PINNED = (
    "azure-functions",
    "azurefunctions-extensions-base",
    "azurefunctions-extensions-http-fastapi",
    "aiohttp",
    "azure-storage-blob",
    "azure-storage-queue",
    "fastapi",
    "starlette",
    "uvicorn",
)

pytestmark = pytest.mark.conformance


def python_3_13() -> str | None:
    """Find an interpreter: `PYTHON313`, this one, PATH, pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        os.environ.get("PYTHON313"),
        sys.executable,
        *sorted(map(str, pyenv.glob("3.13*/bin/python3.13")), reverse=True),
        shutil.which("python3.13"),
    ]
    return next((each for each in candidates if each and is_3_13(each)), None)


def is_3_13(python: str) -> bool:
    """Whether it runs: a pyenv shim stands on PATH for versions that are not there."""
    asked = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
    return asked.returncode == 0 and asked.stdout.startswith("Python 3.13.")


def pins() -> list[str]:
    """Return what the worker's environment holds, at the versions of requirements.txt for Python 3.13."""
    lines = (PROJECT / "requirements.txt").read_text().splitlines()
    found = {}
    for line in lines:
        match = re.match(r"([\w.-]+)(?:\[[^]]*\])?==(\S+?)(?:\s*;\s*(.*?))?\s*\\?$", line)
        if match and match[1] in PINNED and "< '3.13'" not in (match[3] or ""):
            found[match[1]] = f"{match[1]}=={match[2]}"
    missing = set(PINNED) - set(found)
    assert not missing, f"not in requirements.txt: {missing}"
    return [*found.values(), WORKER]


@pytest.fixture(scope="module")
def worker_python() -> Path:
    """Return the interpreter of an environment with the real worker, made anew when its contents change."""
    python = python_3_13()
    if python is None:
        pytest.skip("the real worker needs Python 3.13: none in PYTHON313, on PATH or under pyenv")
    wanted = pins()
    mark = ENVIRONMENT / f"made-{hashlib.sha256(' '.join([python, *wanted]).encode()).hexdigest()[:16]}"
    if not mark.exists():
        make_environment(ENVIRONMENT, python, *wanted)
        mark.touch()
    return ENVIRONMENT / "bin" / "python"


def test_the_host_suite_passes_with_the_real_worker(worker_python: Path):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", SUITE],
        cwd=PROJECT,
        env={**os.environ, "HOST_TEST_PYTHON": str(worker_python), "HOST_TEST_WORKER": "runtime"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8000:]
