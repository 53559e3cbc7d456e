"""A rule as the decisions use it: validated, complete, hashable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from promoter.errors import Where
from promoter.model.address import GitAddress
from promoter.model.image import ImageName
from promoter.model.image_prefix import ImagePrefix
from promoter.model.spell import spell_duration

if TYPE_CHECKING:  # it is slow to import, and few rules have one
    from promoter.model.window import Window

_MOST_APPLICATIONS = 1 << 14  # whose artifacts a rule remembers

Options = tuple[tuple[str, "str | int | timedelta | Window"], ...]
Pin = Literal["tag-and-digest", "digest", "tag", "keep"]
Merge = Literal["manual", "automatic"]
Opening = Literal["ready", "early"]
Group = Literal["application", "environment"]
Replace = Literal["unless-approved", "always"]


@dataclass(frozen=True)
class RepositoryAddress:
    """Where manifests live. `branch` None: the remote's HEAD."""

    url: str
    branch: str | None
    forge: str

    @cached_property
    def key(self) -> str:
        """The same for every usual spelling of one repository."""
        try:
            return GitAddress.parse(self.url).key
        except ValueError:
            return self.url


@dataclass(frozen=True)
class Select:
    """A policy by name with its argument: `semver`, `>=1.0`."""

    policy: str
    argument: str


@dataclass(frozen=True)
class ArtifactRule:
    """What is followed. `image` may hold `{application}`."""

    image: str
    select: Select
    tags: str | None = None
    ignore: tuple[str, ...] = ()
    prereleases: bool = False
    platforms: tuple[str, ...] = ()
    """`os/architecture[/variant]`; the image must hold all of them."""
    minimum_age: timedelta = timedelta()
    pin: Pin = "tag-and-digest"

    def name_for(self, application: str) -> ImageName:
        """The image's name for one application; raises ValueError where that is no image name."""
        return ImageName.parse(self.image.replace("{application}", application))


@dataclass(frozen=True)
class Upstream:
    """`after`: the environments a release must have run in, all of them or any; empty: registry."""

    environments: tuple[str, ...] = ()
    how: Literal["all", "any"] = "all"


@dataclass(frozen=True)
class GateRule:
    """One entry of `require`: the gate's name and its validated options."""

    gate: str
    options: Options
    of: Upstream | None = None
    """The upstream that it looks at; None: the environment's own `after`. In a later wave what the
    whole stage requires goes on to look at what stands before the stage."""

    def option(self, name: str) -> str | int | timedelta | Window:
        return dict(self.options)[name]

    @property
    def text(self) -> str:
        """The entry in normal spelling: `soak: 1d`, `approvals: 2`, `checks: test of upstream`."""
        values = (value for name, value in self.options if name != "of")
        spelled = (spell_duration(v) if isinstance(v, timedelta) else str(v) for v in values)
        of = "".join(f" of {value}" for name, value in self.options if name == "of")
        return f"{self.gate}: {', '.join(spelled)}{of}"


@dataclass(frozen=True)
class EnvironmentRule:
    """A stage of the promotion graph. One that the file writes with `each` is as many of these:
    `production-eu` and `production-us`, both of the `stage` production.

    `repository` None: the rule's own. `images`: what an image's name begins with elsewhere, and
    what it begins with here; the longest that fits counts.
    """

    name: str
    after: Upstream
    require: tuple[GateRule, ...] = ()
    merge: Merge = "manual"
    open: Opening = "ready"
    paths: tuple[str, ...] | None = None
    repository: RepositoryAddress | None = None
    images: tuple[tuple[ImagePrefix, ImagePrefix], ...] = ()
    stage: str = ""
    """The name that the file has for it; empty: its own."""
    group: Group = "application"
    replace: Replace = "unless-approved"

    def name_here(self, name: ImageName) -> ImageName:
        """What an image is called here. Raises ValueError where that is no image name."""
        fitting = [pair for pair in self.images if pair[0].covers(name)]
        if not fitting:
            return name
        there, here = max(fitting, key=lambda pair: len(pair[0].path))
        return here.put_before(there.rest_of(name))


@dataclass(frozen=True)
class Limits:
    """`limits`: what keeps promotions from flooding people. None: no bound; `paths` are globs of
    the files that may be edited, empty: all of a target."""

    open: int = 10
    """Merge requests of one rule that may be open at once."""
    files: int | None = None
    lines: int | None = None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequestTexts:
    """`merge-request`: what users want of a merge request. Every text is a template
    (`rules.template`); None: the usual one. `reviewers` and `assignees` are user names."""

    title: str | None = None
    body: str | None = None
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommitTexts:
    """`commit`: `message` is a template, `author` reads `NAME <EMAIL>`; None: the usual ones."""

    message: str | None = None
    author: str | None = None


@dataclass(frozen=True)
class Rule:
    """One rule file, read and checked; `environments` stand in upstream-first order."""

    source: str
    repository: RepositoryAddress
    artifacts: tuple[ArtifactRule, ...]
    applications: tuple[str, ...]
    environments: tuple[EnvironmentRule, ...]
    where: Where
    request: RequestTexts = RequestTexts()
    commit: CommitTexts = CommitTexts()
    lockstep: bool = False
    limits: Limits = Limits()

    @property
    def name(self) -> str:
        return self.name_of(self.source)

    @staticmethod
    def name_of(source: str) -> str:
        """The file's name without folders and ending: `shop.eu` of `rules/shop.eu.yaml`."""
        file = source.rpartition("/")[2]
        return file.rpartition(".")[0] or file

    def artifacts_in(self, application: str, environment: str) -> Mapping[ImageName, ArtifactRule]:
        """What is followed for one application, by the image's name in an environment, each once
        and in the order of the file.

        Raises ValueError where that is no image name.
        """
        here = self.environment(environment)
        # A plan asks for them several times for each target; mostly all environments share them.
        key = (application, environment if here.images else "")
        found = self._artifacts.get(key)
        if found is None:
            if len(self._artifacts) >= _MOST_APPLICATIONS:
                self._artifacts.clear()
            found = {here.name_here(each.name_for(application)): each for each in self.artifacts}
            self._artifacts[key] = found
        return found

    @cached_property
    def _artifacts(self) -> dict[tuple[str, str], Mapping[ImageName, ArtifactRule]]:
        return {}

    def environment(self, name: str) -> EnvironmentRule:
        """Raises KeyError."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, EnvironmentRule]:
        return {each.name: each for each in self.environments}

    def line(self, environment: str) -> tuple[str, ...]:
        """The environments that a release passes before this one, the nearest first."""
        return self._lines[environment]

    def downstream(self, environment: str) -> tuple[str, ...]:
        """The environments that come after this one, directly or not, upstream first."""
        return tuple(name for name, line in self._lines.items() if environment in line)

    @cached_property
    def _lines(self) -> dict[str, tuple[str, ...]]:
        lines: dict[str, tuple[str, ...]] = {}
        for each in self.environments:
            line = list(each.after.environments)
            for name in line:  # grows while it is walked
                further = self._by_name[name].after.environments
                line.extend(each for each in further if each not in line)
            lines[each.name] = tuple(line)
        return lines

    def repository_of(self, environment: str) -> RepositoryAddress:
        return self.environment(environment).repository or self.repository

    @cached_property
    def repositories(self) -> tuple[RepositoryAddress, ...]:
        """Where its environments live, each repository and branch once, upstream first."""
        return tuple(dict.fromkeys(self.repository_of(each.name) for each in self.environments))
