"""Pytest plugin for Microsoft's azure-cosmos tests: stands in for their conftest and for a package not published.

Their conftest also makes containers with hierarchical partition keys, which the emulator refuses; this one makes
only those the listed tests use. Loaded with `--noconftest -p cosmos_sdk_plugin` from the folder of their tests.
"""

import importlib
import os
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest


def _stand_in_for_devtools() -> None:
    """`devtools_testutils` lives in Microsoft's monorepo only; the tests need two names of it."""

    def get_credential(**_: Any) -> str:
        return os.environ["ACCOUNT_KEY"]

    def is_live() -> bool:
        return True

    contents: dict[str, dict[str, Any]] = {
        "azure_recorded_testcase": {"get_credential": get_credential},
        "helpers": {"is_live": is_live},
    }
    package = types.ModuleType("devtools_testutils")
    sys.modules[package.__name__] = package
    for name, members in contents.items():
        module = types.ModuleType(f"{package.__name__}.{name}")
        module.__dict__.update(members)
        sys.modules[module.__name__] = module


_stand_in_for_devtools()
sys.path.insert(0, os.getcwd())  # noqa: PTH109 - where pytest was started: the folder of their tests


def pytest_sessionstart() -> None:
    """Make the database and the containers every test class expects."""
    from azure.cosmos import CosmosClient  # noqa: PLC0415

    config = importlib.import_module("test_config").TestConfig  # theirs, importable only now
    # Theirs end in a random number, which the names of parametrised tests would carry into the allow-list.
    config.TEST_SINGLE_PARTITION_CONTAINER_ID = "SinglePartitionTestContainer"
    config.TEST_MULTI_PARTITION_CONTAINER_ID = "MultiPartitionTestContainer"
    client = CosmosClient(config.host, config.masterKey)
    config.get_account_info(client)
    config.create_database_if_not_exist(client)
    config.create_single_partition_container_if_not_exist(client)
    config.create_multi_partition_container_if_not_exist(client)


@pytest.fixture(autouse=True)
def _forget_ranges() -> Iterator[None]:
    """The SDK caches partition key ranges for the whole process; each test starts without."""
    yield
    from azure.cosmos._routing import routing_map_provider  # noqa: PLC0415
    from azure.cosmos._routing.aio import routing_map_provider as aio_routing_map_provider  # noqa: PLC0415

    for provider in (routing_map_provider, aio_routing_map_provider):
        with provider._shared_cache_lock:
            for cache in provider._shared_routing_map_cache.values():
                cache.clear()
            for locks in provider._shared_collection_locks.values():
                locks.clear()
