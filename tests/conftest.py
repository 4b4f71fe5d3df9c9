"""Fixtures of every suite."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from localcloud.azurite import Azurite, start_azurite
from localcloud.cosmos.process import Cosmos, start_cosmos

# Where the outcome decides what lands, the same code must give the same outcome; at a desk, chance goes on searching.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

MEASURED = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def measured(pytestconfig: pytest.Config) -> list[str]:
    """Lines of measurements, shown when the run ends whether or not it passes."""
    return pytestconfig.stash.setdefault(MEASURED, [])


LONGEST = (
    "test_killed_between_steps",
    "test_stitch_memory",
    "test_real_worker",
    "test_embedded_speech",
    "test_cosmos_sdk_suite",
    "test_any_order",
    "test_dead_dependencies",
    "test_seed_processing",
    "test_schema",
)
"""Files that take minutes. Started last, one of them would keep the whole run waiting for one worker."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, as many tests wait for a process they started; each may take 3 GiB."""
    return min(4, (os.cpu_count() or 1) + 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that parallel workers end together."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A parallel worker hands its measurements to the run it belongs to."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["measured"] = session.config.stash.get(MEASURED, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take them from the worker."""
    node.config.stash.setdefault(MEASURED, []).extend(getattr(node, "workeroutput", {}).get("measured", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was measured."""
    lines = terminalreporter.config.stash.get(MEASURED, [])
    if lines:
        terminalreporter.section("measured")
    for line in lines:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """A storage emulator for the whole run; tests keep apart by the names of their containers and queues."""
    running = start_azurite(tmp_path_factory.mktemp("azurite"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def cosmos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cosmos]:
    """A Cosmos DB emulator for the whole run; tests keep apart by the names of their databases."""
    running = start_cosmos(tmp_path_factory.mktemp("cosmos"))
    yield running
    running.stop()
