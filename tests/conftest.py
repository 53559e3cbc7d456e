"""Guards around every test: no home directory, no host but this one."""

from __future__ import annotations

import gc
import os
import socket
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from promoter.access import redaction

# Machines are noisy: a property is about what comes out, not how fast. CI looks at the same
# examples each time; a developer's machine looks for new ones.
settings.register_profile(
    "promoter",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("promoter")

_FROM_OUTSIDE = (
    *("PROMOTER_", "GIT_", "XDG_", "GITHUB_", "GITLAB_"),
    *("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "AWS_", "AZURE_", "GOOGLE_", "GCE_", "IDENTITY_"),
    *("OTEL_", "TRACEPARENT"),
)
_LOOPBACK = ("127.", "::1", "localhost")


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: nobody need look through it for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _guard(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty home, no settings from the developer's shell, and loopback only.

    A test that reaches for another host fails with the address that it wanted.
    """
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith(_FROM_OUTSIDE)]:
        if not name.startswith("PROMOTER_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    connect = socket.socket.connect

    def loopback_only(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            pytest.fail(f"a test wants to reach {address[0]}, which is not this machine")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", loopback_only)


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redaction is the process's: a plain word that one test takes for a password would be masked
    in what the next one reads."""
    monkeypatch.setattr(redaction, "_lasting", type(redaction._lasting)())
    monkeypatch.setattr(redaction, "_passing", type(redaction._passing)())
    monkeypatch.setattr(redaction, "_recent", OrderedDict())


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
