"""Environments of their own for what cannot run in the project's."""

import subprocess
from pathlib import Path

from uv import find_uv_bin


def make_environment(folder: Path, python: str, *wanted: str) -> None:
    """A virtual environment with this interpreter and these requirements, in place of what was there.

    Raises: CalledProcessError, after uv has said on the terminal what is wrong.
    """
    uv = find_uv_bin()
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", python, str(folder)], check=True, timeout=120)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(folder), *wanted], check=True, timeout=300)
