"""Microsoft's own tests of azure-cosmos, run against the emulator: those of the allow-list, all of which must pass.

The tests come from the SDK's source package, kept in `.local/` and fetched once; they run in a virtual environment of
their own, because they want a pytest of their own configuration. The list holds the tests that talk to an account and
need nothing the emulator refuses (hierarchical keys, DISTINCT, GROUP BY, change feed, scripts, users, throughput).
"""

import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pytest

from localcloud.cosmos.process import Cosmos
from tests.conformance.environments import make_environment

HERE = Path(__file__).parent
LOCAL = HERE.parents[1] / ".local"
VENV = LOCAL / "conformance-venv-cosmos"
PYTHON = VENV / ("Scripts" if sys.platform == "win32" else "bin") / "python"
REQUIREMENTS = HERE / "cosmos_sdk_requirements.txt"
SDK = "azure-cosmos==4.17.1"
SDIST = LOCAL / "conformance-sdist-cosmos" / "azure_cosmos-4.17.1.tar.gz"
LISTED = [line for line in (HERE / "cosmos_sdk_allowlist.txt").read_text().splitlines() if "::" in line]

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="session")
def sdk_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Microsoft's tests, beside an environment that can run them."""
    if not SDIST.exists():
        options = ("--disable-pip-version-check", "--no-binary", ":all:", "--no-deps", "--dest", str(SDIST.parent))
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, SDK], check=False, capture_output=True, timeout=300
        )
        if fetched.returncode != 0:
            pytest.skip("the source package of azure-cosmos is not cached and the registry cannot be reached")
    installed = VENV / "installed.txt"
    if not installed.exists() or installed.read_text() != REQUIREMENTS.read_text():
        make_environment(VENV, sys.executable, "--requirement", str(REQUIREMENTS))
        installed.write_text(REQUIREMENTS.read_text())
    unpacked = tmp_path_factory.mktemp("sdk")
    with tarfile.open(SDIST) as archive:
        archive.extractall(unpacked, filter="data")
    return unpacked / "azure_cosmos-4.17.1" / "tests"


@pytest.fixture(scope="session")
def outcomes(sdk_tests: Path, cosmos: Cosmos, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What became of each listed test: `passed`, or the report of its failure."""
    report = tmp_path_factory.mktemp("sdk-report") / "report.xml"
    options = [
        "--noconftest",
        "-p",
        "cosmos_sdk_plugin",
        "-p",
        "no:cacheprovider",
        "--timeout=60",
        "-W",
        "ignore",
        "-q",
    ]
    settings = {
        "ACCOUNT_HOST": cosmos.endpoint,
        "ACCOUNT_KEY": cosmos.key,
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    ended = subprocess.run(
        [str(PYTHON), "-m", "pytest", *options, f"--rootdir={sdk_tests}", f"--junitxml={report}", *LISTED],
        check=False,
        cwd=sdk_tests,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert report.exists(), f"{ended.stdout[-4000:]}\n{ended.stderr[-4000:]}"
    return {name_of(case): outcome_of(case) for case in ET.parse(report).iter("testcase")}  # noqa: S314 - our own


def name_of(case: ET.Element) -> str:
    """The name the allow-list has for a case of the report, whose class is `module.Class`."""
    module, _, class_name = case.attrib["classname"].partition(".")
    return "::".join(part for part in (f"{module}.py", class_name, case.attrib["name"]) if part)


def outcome_of(case: ET.Element) -> str:
    problem = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
    return "passed" if problem is None else f"{problem.tag}: {problem.attrib.get('message')}\n{problem.text}"


@pytest.mark.parametrize("test", LISTED, ids=LISTED)
def test_the_sdk_finds_in_the_emulator_what_it_expects_of_azure(outcomes, test):
    assert outcomes.get(test, "did not run") == "passed"
