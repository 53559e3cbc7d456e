"""How a version is selected from a registry: one module each, one line in this table."""

from __future__ import annotations

from collections.abc import Mapping

from promoter.decisions.policies.moving_tag import MovingTagPolicy
from promoter.decisions.policies.newest_build import NewestBuildPolicy
from promoter.decisions.policies.policy import Policy
from promoter.decisions.policies.semver import SemverPolicy

POLICIES: Mapping[str, Policy] = {
    "semver": SemverPolicy(),
    "tag": MovingTagPolicy(),
    "newest": NewestBuildPolicy(),
}
