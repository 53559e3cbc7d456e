"""CI systems around a command: none of the one that runs the tests, and how one reads outputs."""

from __future__ import annotations

import pytest

from tests.texts.test_ci_outputs import read_github

__all__ = ["clear_ci", "read_github"]

_NAMES = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ACTOR", "GITLAB_USER_LOGIN")
_MORE = ("GITHUB_RUN_ID", "CI_JOB_URL", "BUILD_URL", "BUILD_USER", "BUILD_USER_ID")


def clear_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*_NAMES, *_MORE):
        monkeypatch.delenv(name, raising=False)
