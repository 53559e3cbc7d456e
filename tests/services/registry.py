"""A real registry (Debian's docker-registry) on a free loopback port.

with running_registry(tmp_path, username="ci", password="secret") as registry:
    digest = registry.push_image("shop/web", "1.2.0", created=..., labels={})
    registry.requests()  # what it was asked, by its own log

It asks for nothing, for a password (`username`), for tokens of a token server (`tokens`), or for
client certificates; with an `authority` it speaks TLS. See token_server.py, certificates.py,
notifications.py.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import urllib3

from promoter.registries.images import BuiltImage, Flavour, build_image
from promoter.registries.media_types import ACCEPTED_MANIFESTS, OCI_INDEX
from tests.needs import need
from tests.services.artifacts import build_chart, build_referrer, referrer_entry
from tests.services.certificates import Authority, Identity
from tests.services.notifications import Receiver
from tests.services.token_server import ISSUER, SERVICE, TokenServer

_READY_WITHIN = 20.0
_LOGGED = re.compile(r'^\S+ - .*?"([A-Z]+) (\S+) HTTP/[\d.]+" (\d+) \d+ "[^"]*" "([^"]*)"$', re.M)
_OURS = "tests/1"
_LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")
SOME_DAY = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class LoggedRequest:
    """A line of the access log. Where the registry asks for a proof, any status but 401 means that
    one was sent and accepted."""

    method: str
    path: str
    status: int
    user_agent: str


@dataclass
class RunningRegistry:
    """`host` is `127.0.0.1:PORT`; what is pushed here goes past our own code."""

    host: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    scheme: str = "http"
    log: Path = Path()
    tokens: TokenServer | None = None
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

    def write_tags(self, repository: str, digest: str, tags: Iterable[str]) -> None:
        """Let many tags name a digest, written where the registry keeps them: it takes half a
        minute for a thousand that are pushed."""
        place = self.log.parent / "storage/docker/registry/v2/repositories" / repository
        algorithm, _, encoded = digest.partition(":")
        for tag in tags:
            folder = place / "_manifests/tags" / tag
            for each in (folder / "current", folder / "index" / algorithm / encoded):
                each.mkdir(parents=True)
                (each / "link").write_text(digest, "ascii")

    def delete(self, repository: str, digest: str) -> None:
        """Delete a manifest and every tag that names it."""
        self._ask("DELETE", f"/v2/{repository}/manifests/{digest}", 202)

    def push_chart(self, repository: str, tag: str) -> str:
        """Push a Helm chart (see `build_chart`); returns its digest."""
        chart = build_chart(repository.rpartition("/")[2], tag)
        self.push(repository, tag, chart)
        return chart.digest

    def push_referrer(
        self,
        repository: str,
        subject: str,
        artifact_type: str,
        annotations: Mapping[str, str] | None = None,
    ) -> str:
        """Push a manifest that refers to `subject` (a digest), as a client does where the registry
        has no referrers API: with the fallback tag (OCI distribution 1.1, "Referrers Tag Schema").
        """
        referrer = build_referrer(subject, artifact_type, annotations or {})
        self.push(repository, referrer.digest, referrer)
        tag = subject.replace(":", "-")
        path = f"/v2/{repository}/manifests/{tag}"
        found = self._ask("GET", path, None, {"Accept": OCI_INDEX})
        others = json.loads(found.data)["manifests"] if found.status == 200 else []
        entry = referrer_entry(referrer, artifact_type, annotations or {})
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*others, entry]}
        self.push_manifest(repository, tag, OCI_INDEX, json.dumps(index).encode())
        return referrer.digest

    def requests(self) -> list[LoggedRequest]:
        """What it was asked by others than this class, in the order in which it answered."""
        marker = f"{_OURS}-{time.monotonic_ns()}"
        self._ask("GET", "/v2/", None, {"User-Agent": marker})
        deadline = time.monotonic() + _READY_WITHIN
        while marker not in (text := self.log.read_text("utf-8", "replace")):
            assert time.monotonic() < deadline, "docker-registry does not log"
            time.sleep(0.005)
        logged = [
            LoggedRequest(line[1], line[2], int(line[3]), line[4])
            for line in _LOGGED.finditer(text)
        ]
        return [each for each in logged if not each.user_agent.startswith(_OURS)]

    def _ask(
        self,
        method: str,
        path: str,
        expected: int | None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        url = path if path.startswith("http") else f"{self.scheme}://{self.host}{path}"
        sent = {"User-Agent": _OURS, **(headers or {})}
        if self.username is not None:
            pair = f"{self.username}:{self.password}".encode()
            sent["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        if self.tokens is not None:
            name = path.partition("/v2/")[2].rpartition("/")[0].partition("/blobs")[0]
            name = name.removesuffix("/manifests")
            actions: dict[str, object] = {
                "type": "repository",
                "name": name,
                "actions": ["pull", "push", "delete"],
            }
            sent["Authorization"] = f"Bearer {self.tokens.mint('pusher', [actions])}"
        response = self._http.request(method, url, headers=sent, body=body, retries=False)
        if expected is not None:
            told = f"{method} {path}: {response.status} {response.data!r}"
            assert response.status == expected, told
        return response


@contextmanager
def running_registry(
    folder: Path,
    *,
    username: str | None = None,
    password: str | None = None,
    tokens: TokenServer | None = None,
    authority: Authority | None = None,
    client: Identity | None = None,
    notify: Receiver | None = None,
) -> Iterator[RunningRegistry]:
    """Start one that keeps its files in `folder`.

    With a user it wants the password (Basic), with a token server the tokens of that; with an
    authority it speaks TLS, and with a client's identity, too, it refuses whoever has none of that
    authority. Skips the test where docker-registry (or htpasswd, for a user) is absent.
    """
    program = need("docker-registry")
    folder.mkdir(parents=True, exist_ok=True)
    http: dict[str, object] = {"addr": "127.0.0.1:0", "secret": "not-a-secret"}
    configuration: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "storage")},
            "delete": {"enabled": True},
        },
        "http": http,
    }
    if username is not None:
        configuration["auth"] = _htpasswd(folder / "htpasswd", username, f"{password}")
    if tokens is not None:
        configuration["auth"] = {"token": _trusting(tokens)}
    if authority is not None:
        http["tls"] = _served(authority, client)
    if notify is not None:
        configuration["notifications"] = {"endpoints": [_notified(notify)]}
    file = folder / "registry.yml"
    file.write_text(json.dumps(configuration))  # which is YAML, too
    log = folder / "registry.log"
    environment = {key: each for key, each in os.environ.items() if key[:9] != "REGISTRY_"}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [program, "serve", file], stdout=stream, stderr=stream, env=environment
        )
    pool = urllib3.PoolManager()
    if authority is not None:
        pool = urllib3.PoolManager(
            ca_certs=str(authority.certificate),
            cert_file=str(client.certificate) if client else None,
            key_file=str(client.key) if client else None,
        )
    try:
        yield RunningRegistry(
            _address(process, log),
            username,
            password,
            "https" if authority else "http",
            log,
            tokens,
            pool,
        )
    finally:
        pool.clear()
        process.terminate()
        process.wait(10)


def _htpasswd(file: Path, username: str, password: str) -> dict[str, object]:
    line = subprocess.run(
        [need("htpasswd"), "-BinC4", username],  # as cheap as can be: it is asked at each request
        input=password,
        capture_output=True,
        text=True,
        check=True,
    )
    file.write_text(line.stdout)
    return {"htpasswd": {"realm": "tests", "path": str(file)}}


def _trusting(tokens: TokenServer) -> dict[str, object]:
    return {
        "realm": tokens.realm,
        "service": SERVICE,
        "issuer": ISSUER,
        "rootcertbundle": str(tokens.certificate),
    }


def _served(authority: Authority, client: Identity | None) -> dict[str, object]:
    server = authority.issue("registry")
    told: dict[str, object] = {"certificate": str(server.certificate), "key": str(server.key)}
    if client is not None:
        told["clientcas"] = [str(authority.certificate)]
    return told


def _notified(receiver: Receiver) -> dict[str, object]:
    return {
        "name": "tests",
        "url": receiver.url,
        "headers": {"Authorization": [receiver.secret]},
        "timeout": "5s",
        "threshold": 3,
        "backoff": "100ms",
    }


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
