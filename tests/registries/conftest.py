from __future__ import annotations

from collections.abc import Iterator

import pytest

from promoter.access.http import HttpClient
from tests.services.registry import RunningRegistry, running_registry


@pytest.fixture
def http() -> Iterator[HttpClient]:
    """Impatient: no proxy, and no pause between two tries."""
    client = HttpClient(proxies={}, read_timeout=5.0, pause=lambda _: None)
    yield client
    client.close()


@pytest.fixture(scope="module")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A real registry that anybody may read and write."""
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry
