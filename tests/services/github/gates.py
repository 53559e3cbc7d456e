"""What stands between a pull request at the fake GitHub and its base: protection and conflicts."""

from __future__ import annotations

from dataclasses import dataclass

from tests.services.github import git as hub
from tests.services.github.state import Pull, Repository


def collides(repository: Repository, pull: Pull) -> bool:
    base = repository.seen.get(pull.base, pull.base_sha)
    try:
        hub.merged_tree(repository.git, base, pull.head)
    except hub.CannotMergeError:
        return True
    return False


@dataclass(frozen=True)
class Mergeability:
    """`mergeable` and `mergeable_state` as the API tells them."""

    mergeable: bool | None
    state: str


def mergeability(repository: Repository, pull: Pull) -> Mergeability:
    """Not known yet at the first question after a change, as with GitHub."""
    if pull.state == "closed":
        return Mergeability(None, "unknown")
    here = (pull.head, repository.seen.get(pull.base, pull.base_sha))
    if pull.looked_at != here:
        pull.looked_at = here
        return Mergeability(None, "unknown")
    if collides(repository, pull):
        return Mergeability(False, "dirty")
    return Mergeability(True, _state(repository, pull, here[1]))


def _state(repository: Repository, pull: Pull, base: str) -> str:
    if pull.draft:
        return "draft"
    waits_outside = repository.protection(pull.base).queue and pull.number not in repository.queue
    if waits_outside or missing(repository, pull, strict=False):
        return "blocked"
    strict = repository.protection(pull.base).strict
    if strict and not hub.is_ancestor(repository.git, base, pull.head):
        return "behind"
    broken = any(each != "success" for each in outcomes(repository, pull.head).values())
    return "unstable" if broken else "clean"


def outcomes(repository: Repository, sha: str) -> dict[str, str]:
    """Context or check name -> success, pending or failure, as of its latest report."""
    found = {each.context: each.state for each in repository.statuses if each.sha == sha}
    for run in repository.check_runs:
        if run.sha == sha:
            good = run.conclusion in ("success", "neutral", "skipped")
            found[run.name] = (
                "pending" if run.status != "completed" else "success" if good else "failure"
            )
    return found


def missing(repository: Repository, pull: Pull, *, strict: bool = True) -> str | None:
    """What the protection of the base still asks for, in GitHub's words."""
    protection = repository.protection(pull.base)
    verdicts = [each for login, each in pull.verdicts.items() if repository.may_write(login)]
    if protection.reviews:
        if any(each.state == "CHANGES_REQUESTED" for each in verdicts):
            return "Changes have been requested."
        if sum(each.state == "APPROVED" for each in verdicts) < protection.reviews:
            count = protection.reviews
            what = "review is" if count == 1 else "reviews are"
            return f"At least {count} approving {what} required by reviewers with write access."
    known = outcomes(repository, pull.head)
    for name in protection.checks:
        if name not in known:
            return f'Required status check "{name}" is expected.'
        if known[name] != "success":
            return f'Required status check "{name}" is {known[name]}.'
    base = repository.seen.get(pull.base, pull.base_sha)
    if strict and protection.strict and not hub.is_ancestor(repository.git, base, pull.head):
        return "Head branch is out of date. Review and try the merge again."
    return None


def may_bypass(repository: Repository, branch: str, login: str) -> bool:
    protection = repository.protection(branch)
    admin = repository.permissions.get(login) == "admin" and protection.by == "protection"
    return login in protection.bypass or (admin and not protection.enforce_admins)
