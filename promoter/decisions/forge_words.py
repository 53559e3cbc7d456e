"""What a person sets in a forge, in that forge's own words, so that it is found there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ForgeWords:
    """What to do, as the end of a sentence; `{base}` is the branch and `{count}` a number. Empty:
    there is nothing that could be done in this forge."""

    push: str
    open: str
    merge: str
    see_approvals: str
    publish: str
    see_rights: str
    """What shows rights that can't be told."""
    see_protection: str
    protect: str
    no_bypass: str
    approvals: str
    fresh_approvals: str
    """What takes approvals back when the head moves."""
    others_approvals: str
    status: str
    pipelines: str
    """What this forge calls them."""
    token: str
    """What starts pipelines."""
    check_of_all: str | None = None
    """The required check that every status of a commit is part of, the bot's own too."""
    few_merge: str = ""
    """What keeps small who may merge."""

    def fill(self, text: str, base: str, count: int = 0) -> str:
        return text.format(base=base, count=count)


_GITHUB = ForgeWords(
    push="give its token the permission 'Contents: write' (a classic one the scope `repo`), and"
    " its account write access",
    open="give its token the permission 'Pull requests: write'; for GITHUB_TOKEN, also tick 'Allow"
    " GitHub Actions to create and approve pull requests' in Settings > Actions > General",
    merge="give its token the permission 'Contents: write', and let it in where a ruleset or"
    " 'Restrict who can push to matching branches' says who may update {base}",
    see_approvals="give its token the permission 'Pull requests: read'",
    publish="give its token the permission 'Commit statuses: write'",
    see_rights="a token with the permission 'Metadata: read' whose account is a collaborator"
    " shows them",
    see_protection="a token with the permission 'Administration: read' shows it",
    protect="in Settings > Rules > Rulesets, add a branch ruleset for {base} with 'Require a pull"
    " request before merging'",
    no_bypass="take it off the bypass list of the ruleset, or tick 'Do not allow bypassing the"
    " above settings' in the branch protection rule of {base}",
    approvals="set 'Required approvals' of {base} to {count}",
    fresh_approvals="tick 'Dismiss stale pull request approvals when new commits are pushed' for"
    " {base}",
    others_approvals="",
    status="make the status `promoter` a required check of {base} ('Require status checks to"
    " pass')",
    pipelines="workflows",
    token="give the bot a GitHub App or a machine account's token instead of GITHUB_TOKEN",  # noqa: S106 - words
)
_GITLAB = ForgeWords(
    push="give its token the scope `write_repository` and the role Developer",
    open="give its token the scope `api` and the role Developer",
    merge="add it to 'Allowed to merge' of {base} in Settings > Repository > Protected branches",
    see_approvals="give its token the scope `api` (a CI job's token can't read approvals)",
    publish="give its token the scope `api` and the role Developer",
    see_rights="a token with the scope `api` that is a member of the project shows them",
    see_protection="a token with the scope `api` and the role Maintainer shows it",
    protect="in Settings > Repository > Protected branches, protect {base} with 'Allowed to push"
    " and merge' set to 'No one'",
    no_bypass="take it out of 'Allowed to push and merge' of {base} in Settings > Repository >"
    " Protected branches",
    approvals="in Settings > Merge requests, add an approval rule for {base} with {count} required"
    " approvals (GitLab Premium)",
    fresh_approvals="in Settings > Merge requests, choose 'Remove all approvals' for when a commit"
    " is added",
    others_approvals="in Settings > Merge requests, tick 'Prevent approval by merge request"
    " creator'",
    status="turn on 'Pipelines must succeed' in Settings > Merge requests, so that the status"
    " `promoter` is a required check of {base}",
    pipelines="pipelines",
    token="give the bot a project or group access token instead of the job's",  # noqa: S106 - words
    check_of_all="pipeline",
    few_merge="keep 'Allowed to merge' of {base} to those who may decide that (Settings >"
    " Repository > Protected branches)",
)
_NO_SETTINGS = ForgeWords(
    push="give it write access",
    open="give it write access",
    merge="give it write access",
    see_approvals="give it read access",
    publish="",
    see_rights="",
    see_protection="",
    protect="this forge can't protect a branch, so keep who may push few, or use another forge",
    no_bypass="",
    approvals="",
    fresh_approvals="",
    others_approvals="",
    status="",
    pipelines="pipelines",
    token="",
)
_BY_FORGE: Mapping[str, ForgeWords] = {"github": _GITHUB, "gitlab": _GITLAB}


def words_of(forge: str) -> ForgeWords:
    """`forge` as a rule names it."""
    return _BY_FORGE.get(forge, _NO_SETTINGS)
