"""The demo's world: a manifest repository, an OCI image layout as the registry, and a rule file.

Everything is real and lies in one folder; nothing of it needs a network.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from promoter.access.git import Git
from promoter.access.mirror import Mirror
from promoter.access.objects import NewCommit, Person
from promoter.model.ports import RefMove
from promoter.registries.layout_writer import remove_tag, write_image

HOST = "registry.example.com"
ENVIRONMENTS = ("dev", "staging", "production")
_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

_RULE = """\
version: 1

repository:
  url: {repository}
  branch: main
  forge: local                 # merge requests live in the repository itself

artifacts:
  - image: registry.example.com/shop/{{application}}
    select: {{semver: ">=1.0"}}

applications:
  - apps/{{application}}/overlays/{{environment}}          # web: kustomize
  - apps/{{application}}/values-{{environment}}.yaml       # api: Helm

environments:
  dev:
    merge: automatic
  staging:
    after: dev
  production:
    after: staging
    merge: automatic
    require:
      - soak: 8s
      - approvals: 1
"""

_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example.com/shop/web   # the overlays say which one
"""

_OVERLAY = """\
# The {environment} shop. Every byte of this file but the version stays as you wrote it.
resources:
  - ../../base

images:
- name: registry.example.com/shop/web
  newTag: "1.0.0"      # moved by the bot
"""

_VALUES = """\
replicaCount:   {replicas}

image:
  registry:   registry.example.com
  repository: 'shop/api'
  tag:        '1.0.0'   # quoted, aligned and commented: it stays so
  digest:     ''

resources: {{requests: {{cpu: 100m}}}}
"""


@dataclass(frozen=True)
class DemoWorld:
    folder: Path

    @property
    def repository(self) -> str:
        return (self.folder / "manifests.git").absolute().as_uri()

    @property
    def environment(self) -> dict[str, str]:
        """What a shell exports to repeat the steps by hand."""
        return {
            "PROMOTER_RULES": str(self.folder / "rules"),
            "PROMOTER_REGISTRIES": f"{HOST}=oci-layout:{self.folder / 'registry'}",
            "PROMOTER_CACHE": str(self.folder / "cache"),
        }

    def publish(self, application: str, version: str) -> str:
        """Write an image into the registry; returns its digest."""
        numbers = [int(part) for part in version.split(".") if part.isdigit()]
        created = _START + timedelta(days=sum(numbers[:2]), hours=sum(numbers[2:]))
        labels = {
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.source": f"https://git.example.com/shop/{application}",
        }
        registry = self.folder / "registry"
        return write_image(registry, f"shop/{application}", version, created=created, labels=labels)

    def unpublish(self, application: str, version: str) -> None:
        """Take a tag away, as a clean-up job would."""
        remove_tag(self.folder / "registry", f"shop/{application}", version)

    def prepare(self, now: datetime) -> None:
        """Everything at 1.0.0, in every environment."""
        for application in ("web", "api"):
            self.publish(application, "1.0.0")
        rules = self.folder / "rules"
        rules.mkdir(parents=True, exist_ok=True)
        (rules / "shop.yaml").write_text(_RULE.format(repository=self.repository), "utf-8")
        shutil.rmtree(self.folder / "manifests.git", ignore_errors=True)
        bare = self.folder / "manifests.git"
        Git(bare).read("init", "--quiet", "--bare", "--initial-branch=main", "--", str(bare))
        mirror = Mirror(self.repository, self.folder / "cache")
        files = {path: ("100644", text.encode()) for path, text in _manifests().items()}
        author = Person("Alice", "alice@example.com")
        commit = NewCommit((), "The shop at 1.0.0\n", files)
        (first,) = mirror.write([commit], author, now - timedelta(days=2))
        mirror.push([RefMove("refs/heads/main", None, first)])


def _manifests() -> dict[str, str]:
    files = {
        "apps/web/base/kustomization.yaml": "resources:\n  - deployment.yaml\n",
        "apps/web/base/deployment.yaml": _DEPLOYMENT,
    }
    for replicas, environment in enumerate(ENVIRONMENTS, start=1):
        overlay = f"apps/web/overlays/{environment}/kustomization.yaml"
        files[overlay] = _OVERLAY.format(environment=environment)
        files[f"apps/api/values-{environment}.yaml"] = _VALUES.format(replicas=replicas)
    return files
