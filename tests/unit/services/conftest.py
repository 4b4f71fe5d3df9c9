"""A fresh world for each test."""

from pathlib import Path

import pytest

from tests.unit.services.world import Host, Process, SetClock, Stores


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path)


@pytest.fixture
def clock(stores: Stores) -> SetClock:
    return stores.clock


@pytest.fixture
def process(stores: Stores) -> Process:
    return Process(stores)


@pytest.fixture
def host(stores: Stores, process: Process) -> Host:
    return Host(stores, process)
