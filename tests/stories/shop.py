"""A shop that deploys by Git: its manifests, registry and Git server are real, and the product
is called as a shell calls it.

with open_shop(tmp_path, monkeypatch) as shop:
    shop.publish("1.1.0")
    shop.promoter("run")
    assert shop.landings(since) == ...
"""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from string import Template
from typing import Any

import pytest

from promoter.cli import main
from tests.services.git_server import GitServer, commit, git, git_server, refs
from tests.services.notifications import Receiver
from tests.services.registry import SOME_DAY, RunningRegistry, running_registry
from tests.stories.apart import run_commands

HOST = "registry.shop.example"
ENVIRONMENTS = ("dev", "staging", "production")
ALICE = "Alice <alice@example.com>"
BOB = "Bob <bob@example.com>"
REGISTRY_PASSWORD = "canary-of-the-registry-7f3a"
GIT_PASSWORD = "canary-of-git-91bd"
MAIN = "refs/heads/main"

Change = tuple[tuple[str, ...], tuple[str, ...]]
"""The lines of a file that went, and those that came."""


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return f"{self.out}{self.err}"

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def line(self, *parts: str) -> str:
        """The one line that holds all the parts; there must be exactly one."""
        found = [each for each in self.text.splitlines() if all(part in each for part in parts)]
        assert len(found) == 1, f"{len(found)} lines hold {parts}:\n{self.text}"
        return found[0]


@dataclass
class Terminal:
    """Calls the product in this process; remembers all that it ever said."""

    said: list[Said] = field(default_factory=list)

    def __call__(self, *words: str, expect: int = 0) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(words))
        return self._check(Said(words, code, out.getvalue(), err.getvalue()), expect)

    def run_apart(self, *words: str, expect: int = 0) -> Said:
        """The same in a process of its own, where --debug can turn on the logs of everything."""
        (done,) = run_commands(words)
        return self._check(Said(words, done.code, done.out, done.err), expect)

    def _check(self, said: Said, expect: int) -> Said:
        self.said.append(said)
        assert "--debug" in said.words or "Traceback" not in said.text, said.text
        told = f"promoter {' '.join(said.words)} ended with {said.code}:\n{said.text}"
        assert said.code == expect, told
        return said


@dataclass(frozen=True)
class Application:
    """One way to name an image. `text` is the environment's file; `went` and `came` are the
    lines that a promotion may touch, `$old`, `$new` and `$digest` filled in."""

    name: str
    path: str
    text: str
    went: tuple[str, ...]
    came: tuple[str, ...]

    @property
    def is_kustomize(self) -> bool:
        return self.path.endswith("kustomization.yaml")

    def file(self, environment: str) -> str:
        return Template(self.path).substitute(environment=environment)

    def write(self, environment: str, version: str, digest: str) -> bytes:
        values = {"environment": environment, "version": version, "digest": digest}
        return Template(self.text).substitute(values).encode()

    def change(self, old: str, new: str, old_digest: str, digest: str) -> Change:
        """The only lines that the promotion from `old` to `new` may touch."""
        values = {"old": old, "new": new, "old_digest": old_digest, "digest": digest}
        went, came = (
            tuple(Template(line).substitute(values) for line in lines)
            for lines in (self.went, self.came)
        )
        return went, came


WEB = Application(
    "web",
    "apps/web/overlays/$environment/kustomization.yaml",
    f"""\
# The $environment window. Every byte but the version stays as a person wrote it.
resources:
- ../../base

images:
- name: {HOST}/shop/web
  newTag: "$version"      # moved by the bot

commonLabels: {{tier:   front}}
""",
    ('  newTag: "$old"      # moved by the bot',),
    ('  newTag: "$new"      # moved by the bot', '  digest: "$digest"'),
)
API = Application(
    "api",
    "apps/api/overlays/$environment/kustomization.yaml",
    f"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
images:
  - digest: $digest   # of the tag below
    name: {HOST}/shop/api
    newTag: $version
  - {{name: nginx, newTag: "1.0.0"}}   # somebody else's
resources: [../../base]
""".replace("\n", "\r\n"),
    ("  - digest: $old_digest   # of the tag below\r", "    newTag: $old\r"),
    ("  - digest: $digest   # of the tag below\r", "    newTag: $new\r"),
)
CART = Application(
    "cart",
    "apps/cart/overlays/$environment/kustomization.yaml",
    f"""\
namespace: shop-$environment
resources:
    - ../../base
images:
    - name: cart
      newName: {HOST}/shop/cart
      newTag: '$version'
""",
    ("      newTag: '$old'",),
    ("      newTag: '$new'", "      digest: '$digest'"),
)
ORDERS = Application(
    "orders",
    "charts/orders/values-$environment.yaml",
    f"""\
replicaCount:   2

image:
  registry:   {HOST}
  repository: 'shop/orders'
  tag:        '$version'   # quoted, aligned and commented: it stays so
  digest:     ''

appVersion: "$version"   # says the same and names no image
""",
    ("  tag:        '$old'   # quoted, aligned and commented: it stays so", "  digest:     ''"),
    (
        "  tag:        '$new'   # quoted, aligned and commented: it stays so",
        "  digest:     '$digest'",
    ),
)
MAIL = Application(
    "mail",
    "charts/mail/values-$environment.yaml",
    f"image: {{repository: {HOST}/shop/mail, tag: $version, pullPolicy: Always}}\n",
    (f"image: {{repository: {HOST}/shop/mail, tag: $old, pullPolicy: Always}}",),
    (f"image: {{repository: {HOST}/shop/mail, tag: $new, pullPolicy: Always}}",),
)
SEARCH = Application(
    "search",
    "charts/search/values-$environment.yaml",
    f"""\
pods:
  - name: sidecar
    image: busybox:1.0.0
  - name: search
    image: "{HOST}/shop/search:$version\"""",  # and no line break at the end
    (f'    image: "{HOST}/shop/search:$old"',),
    (f'    image: "{HOST}/shop/search:$new@$digest"',),
)
ALL = (WEB, API, CART, ORDERS, MAIL, SEARCH)

_DEPLOYMENT = Template(
    """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: $name}
spec:
  selector: {matchLabels: {app: $name}}
  template:
    metadata: {labels: {app: $name}}
    spec:
      containers:
      - {name: proxy, image: nginx}
      - {name: $name, image: $image}
"""
)

RULE_HEAD = """\
version: 1
repository: {{url: {url}, branch: main, forge: local}}
artifacts:
  - image: {host}/shop/{{application}}
    select: {{semver: ">=1.0"}}
applications:
{applications}
environments:
"""
RULE = (
    RULE_HEAD
    + """\
  dev: {{merge: automatic}}
  staging: {{after: dev}}
  production:
    after: staging
    merge: automatic
    require:
      - approvals: 1
"""
)
_PATTERNS = {
    True: "  - apps/{application}/overlays/{environment}\n",
    False: "  - charts/{application}/values-{environment}.yaml\n",
}


@dataclass
class Shop:
    folder: Path
    git: GitServer
    registry: RunningRegistry
    promoter: Terminal
    applications: tuple[Application, ...]
    repository: Path = Path()
    digests: dict[tuple[str, str], str] = field(default_factory=dict)

    def publish(self, version: str, *names: str) -> None:
        """A build pushes an image of each application (or of those named)."""
        for name in names or [each.name for each in self.applications]:
            self.digests[name, version] = self.registry.push_image(
                f"shop/{name}", version, labels={"of": name, "version": version}
            )

    def change(self, application: Application, old: str, new: str) -> Change:
        digests = (self.digests[application.name, version] for version in (old, new))
        return application.change(old, new, *digests)

    def refs(self) -> dict[str, str]:
        return refs(self.repository)

    def tip(self, ref: str = MAIN) -> str:
        return self.refs()[ref]

    def file(self, application: Application, environment: str, at: str = MAIN) -> bytes:
        path = application.file(environment)
        return git(self.repository, "show", f"{at}:{path}").encode("utf-8", "surrogateescape")

    def commit(self, files: Mapping[str, bytes | None], **options: Any) -> str:
        """A person pushes, now: later than everything that stands."""
        tip = options.get("branch", "main")
        told = git(self.repository, "log", "-1", "--format=%ct", f"refs/heads/{tip}")
        date = SOME_DAY.fromtimestamp(int(told), SOME_DAY.tzinfo) + timedelta(seconds=1)
        return commit(self.repository, files, **{"date": date, **options})

    def landings(self, since: str) -> dict[str, dict[str, Change]]:
        """What each first-parent commit of main since then changed, by its subject."""
        span = f"{since}..{self.tip()}"
        lines = git(self.repository, "log", "--first-parent", "--format=%H %s", span).splitlines()
        return {
            subject: changes(self.repository, f"{at}^1", at)
            for at, _, subject in (line.partition(" ") for line in lines)
        }

    def requests(self, state: str = "open") -> dict[str, dict[str, Any]]:
        """Merge requests by branch, `staging/web`; of several on one branch the newest."""
        every = self.promoter("mr", "list", "--all", "--output", "json").json["merge_requests"]
        return {
            each["branch"].removeprefix("promoter/"): each
            for each in reversed(every)
            if each["state"] == state
        }

    def number(self, branch: str, state: str = "open") -> str:
        return str(self.requests(state)[branch]["number"])

    def decision(self, application: str, environment: str) -> Any:
        """What the plan says of one target."""
        plan = self.promoter("plan", "--output", "json").json
        (found,) = (
            each
            for each in plan["decisions"]
            if (each["application"], each["environment"]) == (application, environment)
        )
        return found

    def check_fresh_equals_warm(self) -> None:
        """A process without any memory decides the same."""
        warm = self.promoter("plan", "--output", "json")
        fresh_cache = self.folder / f"fresh-{len(self.promoter.said)}"
        fresh = self.promoter("plan", "--output", "json", "--cache", str(fresh_cache))
        assert timeless(fresh.json) == timeless(warm.json)

    def check_out(self, at: str, name: str) -> Path:
        """The files of a commit in a folder."""
        archive = self.folder / f"{name}.tar"
        git(self.repository, "archive", "--output", str(archive), at)
        with tarfile.open(archive) as packed:
            packed.extractall(self.folder / name, filter="data")
        return self.folder / name


def timeless(plan: Any) -> Any:
    """A plan without the moments at which it was made and its evidence looked up."""
    if isinstance(plan, dict):
        moments = ("at", "now", "seen_at")
        return {key: timeless(each) for key, each in plan.items() if key not in moments}
    return [timeless(each) for each in plan] if isinstance(plan, list) else plan


def changes(repository: Path, before: str, after: str) -> dict[str, Change]:
    """The lines that differ, by file. Asserts that files are changed only: no file comes, goes,
    or gets another mode."""
    raw = git(repository, "diff", "--raw", "--no-renames", before, after).splitlines()
    found: dict[str, Change] = {}
    for line in raw:
        facts, _, path = line.partition("\t")
        old_mode, new_mode, _, _, kind = facts.removeprefix(":").split(" ")
        assert (kind, old_mode) == ("M", new_mode), line
        diff = git(repository, "diff", "--unified=0", before, after, "--", path)
        body = diff[diff.index("\n@@") :].split("\n")
        found[path] = (
            tuple(each[1:] for each in body if each.startswith("-")),
            tuple(each[1:] for each in body if each.startswith("+")),
        )
    return found


def manifests(
    applications: Sequence[Application], digests: Mapping[tuple[str, str], str]
) -> dict[str, bytes]:
    """A repository at version 1.0.0 everywhere."""
    files = {"README.md": b"The shop's manifests.\n"}
    for each in applications:
        for environment in ENVIRONMENTS:
            text = each.write(environment, "1.0.0", digests[each.name, "1.0.0"])
            files[each.file(environment)] = text
        if each.is_kustomize:
            image = "cart" if each is CART else f"{HOST}/shop/{each.name}"
            deployment = _DEPLOYMENT.substitute(name=each.name, image=image)
            files[f"apps/{each.name}/base/deployment.yaml"] = deployment.encode()
            files[f"apps/{each.name}/base/kustomization.yaml"] = b"resources: [deployment.yaml]\n"
    return files


def credentials(shop: Path, registry: str, git_host: str, git_password: str) -> str:
    """A credentials file whose passwords lie in files of their own."""
    (shop / "registry.password").write_text(f"{registry}\n")
    (shop / "git.password").write_text(f"{git_password}\n")
    file = shop / "credentials.yaml"
    file.write_text(
        f"{HOST}: {{username: robot, password-file: {shop / 'registry.password'}}}\n"
        f"{git_host}: {{username: bot, password-file: {shop / 'git.password'}}}\n"
    )
    return str(file)


@contextlib.contextmanager
def open_shop(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    applications: tuple[Application, ...] = ALL,
    rule: str = RULE,
    *,
    over_http: bool = True,
    notify: Receiver | None = None,
) -> Iterator[Shop]:
    """The shop with version 1.0.0 in all environments; both servers want a password.

    What is not about servers takes the repository by its path: that is many times faster. `notify`
    is told what is pushed to the registry.
    """
    with (
        running_registry(
            folder / "registry", username="robot", password=REGISTRY_PASSWORD, notify=notify
        ) as registry,
        git_server(folder / "git", user="bot", password=GIT_PASSWORD) as server,
    ):
        shop = Shop(folder, server, registry, Terminal(), applications)
        shop.publish("1.0.0")
        shop.repository = server.create("shop.git", manifests(applications, shop.digests))
        kinds = sorted({each.is_kustomize for each in applications})
        (folder / "rules").mkdir()
        (folder / "rules/shop.yaml").write_text(
            rule.format(
                url=server.url("shop.git") if over_http else f"file://{shop.repository}",
                host=HOST,
                applications="".join(_PATTERNS[kind] for kind in kinds),
            )
        )
        known = credentials(folder, REGISTRY_PASSWORD, server.host, GIT_PASSWORD)
        monkeypatch.setenv("PROMOTER_RULES", str(folder / "rules"))
        monkeypatch.setenv("PROMOTER_REGISTRIES", f"{HOST}=http://{registry.host}")
        monkeypatch.setenv("PROMOTER_CREDENTIALS", known)
        monkeypatch.setenv("PROMOTER_CACHE", str(folder / "cache"))
        yield shop
