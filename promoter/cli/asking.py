"""Who asks for a promotion, as it is kept in the ledger and told in the merge request."""

from __future__ import annotations

import getpass
from collections.abc import Mapping

from promoter.access.redaction import redact

_PEOPLE = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID", "BUILD_USER")
"""Whom CI systems name: GitHub Actions (and Gitea's), GitLab CI, Jenkins with "build user vars"."""
_LONGEST = 300
_NOBODY = "somebody"


def who_asks(person: str | None, environment: Mapping[str, str]) -> str:
    """`ada (https://ci.example.com/job/7)`: `person` where one is given, else whom the CI system
    names, else the login name; with the address of the job where the system tells it."""
    named = person or next((environment[name] for name in _PEOPLE if environment.get(name)), None)
    job = _job_url(environment)
    text = f"{named or _login_name()} ({job})" if job else named or _login_name()
    return redact(" ".join(text.split()))[:_LONGEST]


def _job_url(environment: Mapping[str, str]) -> str | None:
    server, repository, run = (
        environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    if server and repository and run:
        return f"{server}/{repository}/actions/runs/{run}"
    return environment.get("CI_JOB_URL") or environment.get("BUILD_URL")


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry; OSError since Python 3.13
        return _NOBODY
