"""The world of the quiet look: a manifest repository and a registry as large as a company's."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from benchmarks.quiet_process import HOST, World
from promoter.registries.content import digest_of
from promoter.registries.images import BuiltImage, build_image
from tests.services.registry import RunningRegistry, running_registry

_APPLICATIONS = [f"service-{number:04d}" for number in range(1000)]
_SIDECARS = [
    *("envoy", "fluent-bit", "statsd", "vault-agent", "otel-collector"),
    *("oauth2-proxy", "pgbouncer", "redis-exporter", "jmx-exporter", "config-reloader"),
]
_SIDECARS_EACH = 3
_ENVIRONMENTS = ("dev", "staging", "production")
_VERSIONS = [f"1.{minor}.0" for minor in range(20)]
_OLD, _NEW = _VERSIONS[-2:]
_PROMOTIONS = 100  # applications that came to the newest release after the first commit
_DAYS_AGO = 30
_RULE = """\
version: 1
repository: {{url: "{url}", branch: main, forge: local}}
artifacts:
{artifacts}applications: apps/{{application}}/overlays/{{environment}}
environments:
  dev:
    merge: automatic
  staging:
    after: dev
    merge: automatic
    require:
      - soak: 1h
  production:
    after: staging
    require:
      - soak: 1d
      - window: {{allow: "0 9 * * mon-fri", for: 8h, timezone: Europe/Berlin}}
      - approvals: 1
"""
_ARTIFACT = """\
  - image: {name}
    select: {{semver: ">=1.0"}}
"""
_BASE_KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- deployment.yaml
- service.yaml
- serviceaccount.yaml
- hpa.yaml
- config.yaml
"""
_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      serviceAccountName: {name}
      containers:
"""
_CONTAINER = """\
      - name: {name}
        image: {image}
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
          limits: {{memory: 256Mi}}
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {name}}}
  ports:
  - {{name: http, port: 80, targetPort: 8080}}
"""
_ACCOUNT = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}}}\n"
_HPA = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}
  minReplicas: 2
  maxReplicas: 10
"""
_CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}}}
data:
  LOG_LEVEL: info
  UPSTREAM: http://{name}.{environment}.svc
"""
_OVERLAY = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {environment}
resources:
- ../../base
patches:
- path: replicas.yaml
- path: config.yaml
images:
"""
_ENTRY = """\
- name: {name}
  newTag: {tag}
  digest: {digest}
"""
_REPLICAS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec: {{replicas: {replicas}}}
"""


def build_world(folder: Path, registry: str) -> World:
    folder.mkdir(parents=True)
    world = World(folder, registry)
    names = [f"{HOST}/shop/{{application}}", *map(_sidecar, _SIDECARS)]
    artifacts = "".join(_ARTIFACT.format(name=each) for each in names)
    (folder / "shop.yaml").write_text(_RULE.format(url=world.remote, artifacts=artifacts), "utf-8")
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(world.remote)], check=True)
    _import(world, b"".join(_commits()))
    return world


def add_files(world: World, wide: int, deep: int) -> None:
    """`wide` thousand files beside the applications, and `deep` of each application's own."""
    files = {f"docs/{n % 1000:03d}/page-{n // 1000:03d}.md": n for n in range(1000 * wide)}
    for name in _APPLICATIONS:
        files |= {f"apps/{name}/base/dashboards/{n:03d}.yaml": n for n in range(deep)}
    stream = [_commit(0, "more files", follows=True)]
    stream += [_file(path, f"kind: Nothing\nnumber: {n % 500}\n") for path, n in files.items()]
    _import(world, b"".join(stream))


def push_nothing(world: World) -> None:
    """A commit with a file that concerns no target."""
    text = f"{time.time_ns()}\n"
    _import(world, _commit(0, "a note", follows=True) + _file("docs/note.md", text))


@contextlib.contextmanager
def build_registry(folder: Path) -> Iterator[RunningRegistry]:
    """1,010 image repositories with 20 tags each, written where the registry keeps them: to push
    them takes minutes."""
    for name in [f"shop/{each}" for each in _APPLICATIONS] + [f"sidecars/{e}" for e in _SIDECARS]:
        _publish(folder / "storage/docker/registry/v2", name)
    with running_registry(folder) as registry:
        yield registry


def _sidecar(name: str) -> str:
    return f"{HOST}/sidecars/{name}"


@cache
def _image(name: str, version: str) -> BuiltImage:
    created = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    return build_image(created, {"of": name, "version": version})


def _publish(root: Path, name: str) -> None:
    """See "Storage layout" in the registry's own documentation of its drivers."""
    home = root / "repositories" / name
    for version in (_OLD, _NEW):
        image = _image(name, version)
        for data in (image.top.data, *image.blobs.values()):
            digest = digest_of(data).partition(":")[2]
            _write(root / "blobs/sha256" / digest[:2] / digest / "data", data)
        for blob in image.blobs:
            _link(home / "_layers/sha256" / blob.partition(":")[2], blob)
        hexadecimal = image.digest.partition(":")[2]
        _link(home / "_manifests/revisions/sha256" / hexadecimal, image.digest)
    for version in _VERSIONS:
        digest = _image(name, _NEW if version == _NEW else _OLD).digest
        tag = home / "_manifests/tags" / version
        _link(tag / "current", digest)
        _link(tag / "index/sha256" / digest.partition(":")[2], digest)


def _link(folder: Path, digest: str) -> None:
    _write(folder / "link", digest.encode())


def _write(file: Path, data: bytes) -> None:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _commits() -> Iterator[bytes]:
    """All applications, most at the newest release; then the others come to it one by one."""
    yield _commit(0, "all applications")
    for index, name in enumerate(_APPLICATIONS):
        for path, text in _application(index, name):
            yield _file(path, text)
    for number in range(_PROMOTIONS):
        for stage, environment in enumerate(_ENVIRONMENTS):
            name = _APPLICATIONS[number]
            yield _commit(number * 3 + stage + 1, f"{name} {_NEW} in {environment}", follows=True)
            yield _file(*_overlay(number, name, environment, _NEW))


def _application(index: int, name: str) -> Iterator[tuple[str, str]]:
    """15 files, 4 image references in each environment."""
    base = f"apps/{name}/base"
    containers = [(name, f"{HOST}/shop/{name}"), *((e, _sidecar(e)) for e in _sidecars_of(index))]
    yield f"{base}/kustomization.yaml", _BASE_KUSTOMIZATION
    deployment = "".join(_CONTAINER.format(name=each, image=image) for each, image in containers)
    yield f"{base}/deployment.yaml", _DEPLOYMENT.format(name=name) + deployment
    for file, text in (("service", _SERVICE), ("serviceaccount", _ACCOUNT), ("hpa", _HPA)):
        yield f"{base}/{file}.yaml", text.format(name=name)
    yield f"{base}/config.yaml", _CONFIG.format(name=name, environment="svc")
    for environment in _ENVIRONMENTS:
        overlay = f"apps/{name}/overlays/{environment}"
        version = _OLD if index < _PROMOTIONS else _NEW
        yield _overlay(index, name, environment, version)
        yield f"{overlay}/replicas.yaml", _REPLICAS.format(name=name, replicas=2)
        yield f"{overlay}/config.yaml", _CONFIG.format(name=name, environment=environment)


def _overlay(index: int, name: str, environment: str, version: str) -> tuple[str, str]:
    """The sidecars are always the newest: all that is promoted is the application's own image."""
    images = [(f"shop/{name}", version)]
    images += [(f"sidecars/{each}", _NEW) for each in _sidecars_of(index)]
    entries = "".join(
        _ENTRY.format(name=f"{HOST}/{image}", tag=tag, digest=_image(image, tag).digest)
        for image, tag in images
    )
    path = f"apps/{name}/overlays/{environment}/kustomization.yaml"
    return path, _OVERLAY.format(environment=environment) + entries


def _sidecars_of(index: int) -> list[str]:
    return [_SIDECARS[(index + 3 * each) % len(_SIDECARS)] for each in range(_SIDECARS_EACH)]


def _commit(number: int, message: str, *, follows: bool = False) -> bytes:
    at = int(time.time()) - (0 if follows and not number else (_DAYS_AGO * 86_400 - number * 60))
    parent = "from refs/heads/main^0\n" if follows and not number else ""
    return (
        f"commit refs/heads/main\ncommitter Ann <ann@example.com> {at} +0000\n"
        f"data {len(message)}\n{message}\n{parent}"
    ).encode()


def _file(path: str, text: str) -> bytes:
    return f"M 100644 inline {path}\ndata {len(text)}\n{text}\n".encode()


def _import(world: World, stream: bytes) -> None:
    command = ["git", "-C", str(world.remote), "fast-import", "--quiet"]
    subprocess.run(command, input=stream, check=True)
