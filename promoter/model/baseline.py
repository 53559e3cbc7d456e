"""Where an environment stood when the bot was adopted: what was there already is not proposed."""

from __future__ import annotations

from collections.abc import Mapping

from promoter.model.release import Release

FOLDER = ".promoter/baseline"
"""Where baselines lie in a manifest repository, a file an environment."""

Baseline = Mapping[str, Release]
"""By application, the newest release that was offered then."""


def baseline_file(environment: str) -> str:
    return f"{FOLDER}/{environment}.yaml"
