"""The storage emulator, killed and started again on its data while clients keep writing to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient, ContainerClient

from localcloud.azurite import Azurite, connection_string, start_azurite

WRITERS = 4
RESTARTS = 3


class Writers:
    """Write blobs without pause, whoever answers, and remember what was acknowledged."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container
        self._stop = threading.Event()
        self.acknowledged: set[str] = set()
        self.wrote = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(WRITERS)]

    def start(self) -> None:
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()

    def _write(self, writer: int) -> None:
        number = 0
        while not self._stop.is_set():
            name = f"{writer}-{number}"
            try:
                self._container.upload_blob(name, b"x", overwrite=True)
            except AzureError:
                continue  # it is down, or came down in the middle: not acknowledged
            self.acknowledged.add(name)
            self.wrote.set()
            number += 1


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "azurite"


@pytest.fixture
def running(home: Path) -> Iterator[list[Azurite]]:
    """The emulator that runs, last in the list."""
    started = [start_azurite(home, durable=True)]
    yield started
    started[-1].stop()


def test_it_comes_back_while_clients_write_with_all_it_has_acknowledged(home: Path, running: list[Azurite]):
    ports = running[0].ports
    with ExitStack() as clients:
        account = clients.enter_context(
            BlobServiceClient.from_connection_string(connection_string(ports), retry_total=0)
        )
        container = clients.enter_context(account.create_container("written"))
        writers = Writers(container)
        writers.start()
        clients.callback(writers.stop)
        for _ in range(RESTARTS):
            writers.wrote.clear()
            assert writers.wrote.wait(30), "nobody could write any more"
            running[-1].child.kill()
            running.append(start_azurite(home, ports, durable=True))
        writers.stop()
        assert set(container.list_blob_names()) >= writers.acknowledged
