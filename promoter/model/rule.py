"""A rule as the decisions use it: validated, complete, hashable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from promoter.errors import Where
from promoter.model.address import GitAddress
from promoter.model.image import ImageName
from promoter.model.spell import spell_duration

if TYPE_CHECKING:  # it is slow to import, and few rules have one
    from promoter.model.window import Window

Options = tuple[tuple[str, "str | int | timedelta | Window"], ...]
Pin = Literal["tag-and-digest", "digest", "tag", "keep"]
Merge = Literal["manual", "automatic"]
Opening = Literal["ready", "early"]


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
class GateRule:
    """One entry of `require`: the gate's name and its validated options."""

    gate: str
    options: Options

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
class Upstream:
    """`after`: the environments a release must have run in, all of them or any; empty: registry."""

    environments: tuple[str, ...] = ()
    how: Literal["all", "any"] = "all"


@dataclass(frozen=True)
class EnvironmentRule:
    name: str
    after: Upstream
    require: tuple[GateRule, ...] = ()
    merge: Merge = "manual"
    open: Opening = "ready"
    paths: tuple[str, ...] | None = None


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

    @property
    def name(self) -> str:
        return self.name_of(self.source)

    @staticmethod
    def name_of(source: str) -> str:
        """The file's name without folders and ending: `shop.eu` of `rules/shop.eu.yaml`."""
        file = source.rpartition("/")[2]
        return file.rpartition(".")[0] or file

    def artifacts_for(self, application: str) -> dict[ImageName, ArtifactRule]:
        """What is followed for one application, by the image's name, each once.

        Raises ValueError where that is no image name.
        """
        return {each.name_for(application): each for each in self.artifacts}

    def environment(self, name: str) -> EnvironmentRule:
        return next(each for each in self.environments if each.name == name)
