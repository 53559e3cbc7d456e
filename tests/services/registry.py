"""A real registry (Debian's docker-registry) on a free loopback port.

with running_registry(tmp_path, username="ci", password="secret") as registry:
    digest = registry.push_image("shop/web", "1.2.0", created=..., labels={})
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import urllib3

from promoter.registries.images import BuiltImage, Flavour, build_image
from promoter.registries.media_types import ACCEPTED_MANIFESTS
from tests.needs import need

_READY_WITHIN = 20.0
_LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")
SOME_DAY = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


@dataclass
class RunningRegistry:
    """`host` is `127.0.0.1:PORT`; what is pushed here goes over plain HTTP, past our own code."""

    host: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    _http: urllib3.PoolManager = field(default_factory=urllib3.PoolManager, repr=False)

    def push_image(
        self,
        repository: str,
        tag: str,
        *,
        created: datetime = SOME_DAY,
        labels: Mapping[str, str] | None = None,
        platforms: Sequence[str] = ("linux/amd64",),
        flavour: Flavour = "oci",
        annotations: Mapping[str, str] | None = None,
    ) -> str:
        """Push a small image (see `build_image`); returns the digest that the tag names now."""
        image = build_image(
            created, labels or {}, platforms, flavour=flavour, annotations=annotations
        )
        self.push(repository, tag, image)
        return image.digest

    def push(self, repository: str, tag: str, image: BuiltImage) -> None:
        for digest, data in image.blobs.items():
            self.push_blob(repository, digest, data)
        for manifest in image.manifests[:-1]:
            self.push_manifest(repository, manifest.digest, manifest.media_type, manifest.data)
        self.push_manifest(repository, tag, image.top.media_type, image.top.data)

    def push_blob(self, repository: str, digest: str, data: bytes) -> None:
        begun = self._ask("POST", f"/v2/{repository}/blobs/uploads/", 202)
        place = begun.headers["Location"]
        joint = "&" if "?" in place else "?"
        headers = {"Content-Type": "application/octet-stream"}
        self._ask("PUT", f"{place}{joint}digest={digest}", 201, headers, data)

    def push_manifest(self, repository: str, reference: str, media_type: str, data: bytes) -> None:
        headers = {"Content-Type": media_type}
        self._ask("PUT", f"/v2/{repository}/manifests/{reference}", 201, headers, data)

    def retag(self, repository: str, old: str, new: str) -> None:
        """Let the tag `new` name what `old` (a tag or a digest) names."""
        accept = {"Accept": ACCEPTED_MANIFESTS}
        found = self._ask("GET", f"/v2/{repository}/manifests/{old}", 200, accept)
        self.push_manifest(repository, new, found.headers["Content-Type"], found.data)

    def delete(self, repository: str, digest: str) -> None:
        """Delete a manifest and every tag that names it."""
        self._ask("DELETE", f"/v2/{repository}/manifests/{digest}", 202)

    def _ask(
        self,
        method: str,
        path: str,
        expected: int,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        url = path if path.startswith("http") else f"http://{self.host}{path}"
        sent = dict(headers or {})
        if self.username is not None:
            pair = f"{self.username}:{self.password}".encode()
            sent["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        response = self._http.request(method, url, headers=sent, body=body, retries=False)
        assert response.status == expected, f"{method} {path}: {response.status} {response.data!r}"
        return response


@contextmanager
def running_registry(
    folder: Path, *, username: str | None = None, password: str | None = None
) -> Iterator[RunningRegistry]:
    """Start one that keeps its files in `folder`, with Basic authentication if a user is given.

    Skips the test where docker-registry (or htpasswd, for a user) is absent.
    """
    program = need("docker-registry")
    folder.mkdir(parents=True, exist_ok=True)
    configuration: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "storage")},
            "delete": {"enabled": True},
        },
        "http": {"addr": "127.0.0.1:0", "secret": "not-a-secret"},
    }
    if username is not None:
        passwords = folder / "htpasswd"
        line = subprocess.run(
            [need("htpasswd"), "-Bin", username],
            input=f"{password}",
            capture_output=True,
            text=True,
            check=True,
        )
        passwords.write_text(line.stdout)
        configuration["auth"] = {"htpasswd": {"realm": "tests", "path": str(passwords)}}
    file = folder / "registry.yml"
    file.write_text(json.dumps(configuration))  # which is YAML, too
    log = folder / "registry.log"
    environment = {key: each for key, each in os.environ.items() if key[:9] != "REGISTRY_"}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [program, "serve", file], stdout=stream, stderr=stream, env=environment
        )
    running = None
    try:
        running = RunningRegistry(_address(process, log), username, password)
        yield running
    finally:
        if running is not None:
            running._http.clear()
        process.terminate()
        process.wait(10)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, by its own log: it picked the port itself, so none is lost to a race."""
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        found = _LISTENING.search(log.read_text("utf-8", "replace"))
        if found:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise AssertionError(f"docker-registry is not ready:\n{log.read_text('utf-8', 'replace')}")
