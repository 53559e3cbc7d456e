"""How a version is selected from a registry: one module each, one line in this table."""

from __future__ import annotations

from collections.abc import Mapping

from promoter.decisions.policies.alphabetical import AlphabeticalScheme
from promoter.decisions.policies.by_version import VersionPolicy
from promoter.decisions.policies.calver import CalverScheme
from promoter.decisions.policies.moving_tag import MovingTagPolicy
from promoter.decisions.policies.newest_build import NewestBuildPolicy
from promoter.decisions.policies.numeric import NumericScheme
from promoter.decisions.policies.policy import Policy
from promoter.decisions.policies.semver import SemverScheme

POLICIES: Mapping[str, Policy] = {
    "semver": VersionPolicy(SemverScheme()),
    "calver": VersionPolicy(CalverScheme()),
    "numeric": VersionPolicy(NumericScheme()),
    "alphabetical": VersionPolicy(AlphabeticalScheme()),
    "tag": MovingTagPolicy(),
    "newest": NewestBuildPolicy(),
}
