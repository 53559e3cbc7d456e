"""Rules for the stories, as short to write as in a rule file."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from promoter.errors import Where
from promoter.model.image import ImageName, ImageReference
from promoter.model.image_prefix import ImagePrefix
from promoter.model.release import Release
from promoter.model.rule import (
    ArtifactRule,
    EnvironmentRule,
    GateRule,
    Merge,
    RepositoryAddress,
    Rule,
    Select,
    Upstream,
)

REGISTRY = "ghcr.io/shop"
MANIFESTS = RepositoryAddress("https://git.example.com/manifests.git", "main", "local")


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def name(short: str) -> ImageName:
    return ImageName.parse(f"{REGISTRY}/{short}")


def image(text: str) -> ImageReference:
    """`web:1.0.0` has the digest of that text, `web:1.0.0@x` that of x, `web:1.0.0@` none."""
    short, _, version = text.partition(":")
    tag, at, content = version.partition("@")
    if at and not content:
        return ImageReference(name(short), tag or None)
    return ImageReference(name(short), tag or None, digest(content or text))


def release(*texts: str) -> Release:
    return Release.of(image(text) for text in texts)


def artifact(
    policy: str = "semver", argument: str = ">=1.0", short: str = "{application}", **more: Any
) -> ArtifactRule:
    return ArtifactRule(f"{REGISTRY}/{short}", Select(policy, argument), **more)


def soak(**duration: float) -> GateRule:
    return GateRule("soak", (("duration", timedelta(**duration)),))


def approvals(count: int) -> GateRule:
    return GateRule("approvals", (("count", count),))


def environment(
    which: str,
    *require: GateRule,
    after: tuple[str, ...] = (),
    any_of: tuple[str, ...] = (),
    automatic: bool = False,
    **more: Any,
) -> EnvironmentRule:
    upstream = Upstream(any_of, "any") if any_of else Upstream(after)
    merge: Merge = "automatic" if automatic else "manual"
    return EnvironmentRule(which, upstream, require, merge, **more)


def renames(there: str, here: str) -> tuple[ImagePrefix, ImagePrefix]:
    """What names of images begin with elsewhere, and in an environment."""
    return ImagePrefix.parse(there), ImagePrefix.parse(here)


def chain(*names: str, automatic: bool = False) -> tuple[EnvironmentRule, ...]:
    """Environments without gates, each after the one before it."""
    firsts = ((), *((each,) for each in names))
    return tuple(
        environment(which, after=after, automatic=automatic)
        for which, after in zip(names, firsts, strict=False)
    )


SHOP = (
    environment("dev", automatic=True),
    environment("staging", soak(minutes=30), after=("dev",), automatic=True),
    environment("production", soak(hours=24), approvals(1), after=("staging",)),
)


def rule(
    *environments: EnvironmentRule,
    artifacts: tuple[ArtifactRule, ...] = (artifact(),),
    source: str = "rules/shop.yaml",
    **more: Any,
) -> Rule:
    return Rule(
        source,
        MANIFESTS,
        artifacts,
        ("apps/{application}/{environment}",),
        environments or SHOP,
        Where(source, 1, 1),
        **more,
    )
