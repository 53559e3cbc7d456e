"""The merge queue of the fake GitHub: a temporary branch that is tried, and then fast-forwarded."""

from __future__ import annotations

from tests.services.github import gates, rules
from tests.services.github import git as hub
from tests.services.github.state import GitHubError, Repository, World

LOGIN = "github-merge-queue[bot]"


def stage(world: World, repository: Repository) -> str:
    """The commit that would be the base, on `gh-readonly-queue/BASE/pr-N-SHA`; made anew where the
    base moved since."""
    pull = repository.pulls[repository.queue[0]]
    base = repository.seen[pull.base]
    staged = repository.staged.get(pull.number)
    if staged is not None and hub.is_ancestor(repository.git, base, staged):
        return staged
    rules.unstage(repository, pull)
    method = repository.methods[0]
    try:
        new = rules.make(world, repository, pull, LOGIN, base, method, None, None)
    except hub.CannotMergeError:
        rules.leave_queue(world, repository, pull, LOGIN)
        raise GitHubError(405, "Pull Request is not mergeable") from None
    branch = rules.staging_branch(repository, pull)
    hub.move(repository.git, f"refs/heads/{branch}", None, new)
    repository.seen[branch] = repository.staged[pull.number] = new
    world.note("staged", pull.number, LOGIN, branch)
    return new


def settle(world: World, repository: Repository, *, failed: bool) -> None:
    """Merge the first one, let it go, or leave it where it is."""
    pull = repository.pulls[repository.queue[0]]
    staged = repository.staged[pull.number]
    known = gates.outcomes(repository, staged)
    states = [known.get(name, "pending") for name in repository.protection(pull.base).checks]
    if failed or "failure" in states or "error" in states:
        rules.leave_queue(world, repository, pull, LOGIN)
        return
    if "pending" in states:
        return
    hub.move(repository.git, f"refs/heads/{pull.base}", repository.seen[pull.base], staged)
    repository.seen[pull.base] = staged
    repository.queue.remove(pull.number)
    rules.unstage(repository, pull)
    rules.mark_merged(world, repository, pull, LOGIN, staged)
