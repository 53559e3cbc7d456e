"""How GitHub behaves: what follows from a push, what a merge asks for and what it makes."""

from __future__ import annotations

from datetime import datetime

from tests.services.git_server import git
from tests.services.github import gates
from tests.services.github import git as hub
from tests.services.github.state import (
    Event,
    GitHubError,
    MergeMethod,
    Pull,
    Repository,
    Review,
    World,
)

_NOT_MERGEABLE = "Pull Request is not mergeable"


def email(login: str) -> str:
    return f"{login}@users.noreply.github.com"


def catch_up(world: World, repository: Repository, login: str | None = None) -> None:
    """Look at the branches and let follow what does: a head that moved takes its pull request
    along, a branch that is gone closes it, one that landed by a push is merged. `login`: who
    pushed; GitHub names them as who closed what their push closed."""
    now = hub.branches(repository.git)
    repository.queue = [each for each in repository.queue if repository.pulls[each].state == "open"]
    if now == repository.seen:
        return
    before, repository.seen = repository.seen, now
    for pull in repository.pulls.values():
        head, base = now.get(pull.branch), now.get(pull.base)
        at = world.now()
        if pull.state != "open":
            pass
        elif head is None or base is None:
            close(world, repository, pull, login, at)
        elif head != pull.head:
            leave_queue(world, repository, pull, login or "")
            _move_head(world, repository, pull, head, base, login)
        elif base != before.get(pull.base) and hub.is_ancestor(repository.git, head, base):
            mark_merged(world, repository, pull, None, head)
        if head is None and pull.branch in before:
            tell(world, repository, pull, "head_ref_deleted", login, at)


def tell(
    world: World, repository: Repository, pull: Pull, kind: str, login: str | None, at: datetime
) -> None:
    """Add an issue event."""
    repository.events.append(Event(world.next_id(), pull.number, kind, login, at))


def _move_head(
    world: World, repository: Repository, pull: Pull, head: str, base: str, login: str | None
) -> None:
    at = world.now()
    forced = not hub.is_ancestor(repository.git, pull.head, head)
    pull.head, pull.base_sha, pull.updated_at = head, base, at
    publish_head(repository, pull)
    if forced:
        tell(world, repository, pull, "head_ref_force_pushed", login, at)
    if hub.is_ancestor(repository.git, head, base):
        close(world, repository, pull, login, at)  # nothing is left to merge
    if repository.protection(pull.base).dismiss_stale:
        for review in pull.reviews:
            if review.state == "APPROVED":
                review.state = "DISMISSED"


def enter_queue(
    world: World, repository: Repository, pull: Pull, login: str, head: str | None
) -> None:
    """GitHubError 422 where it may not: the head moved, something is missing, no queue."""
    if not repository.protection(pull.base).queue:
        raise GitHubError(422, "Merge queue is not enabled for this branch")
    if pull.state != "open" or pull.draft:
        raise GitHubError(422, "Pull request is closed or a draft")
    if head is not None and head != pull.head:
        raise GitHubError(422, "Head sha was modified. Review and try the merge again.")
    if pull.number in repository.queue:
        raise GitHubError(422, "Pull request is already in the queue")
    wanted = _NOT_MERGEABLE if gates.collides(repository, pull) else gates.missing(repository, pull)
    if wanted:
        raise GitHubError(422, wanted)
    repository.queue.append(pull.number)
    world.note("queued", pull.number, login)


def unstage(repository: Repository, pull: Pull) -> None:
    """Take its temporary branch away, where it has one."""
    sha = repository.staged.pop(pull.number, None)
    if sha is not None:
        branch = staging_branch(repository, pull)
        found = hub.branches(repository.git).get(branch)
        hub.move(repository.git, f"refs/heads/{branch}", found, None)
        repository.seen.pop(branch, None)


def staging_branch(repository: Repository, pull: Pull) -> str:
    return f"gh-readonly-queue/{pull.base}/pr-{pull.number}-{pull.base_sha}"


def leave_queue(world: World, repository: Repository, pull: Pull, login: str) -> None:
    """Nothing where it is not in the queue."""
    if pull.number in repository.queue:
        repository.queue.remove(pull.number)
        unstage(repository, pull)
        world.note("dequeued", pull.number, login)


def publish_head(repository: Repository, pull: Pull) -> None:
    """GitHub keeps the head of every pull request as a ref."""
    ref = f"refs/pull/{pull.number}/head"
    git(repository.git, "update-ref", ref, pull.head)


def close(
    world: World, repository: Repository, pull: Pull, login: str | None, at: datetime
) -> None:
    """Close it; nobody's name stands there where nobody's is known."""
    leave_queue(world, repository, pull, login or "")
    pull.state, pull.closed_by = "closed", login
    pull.closed_at = pull.updated_at = at
    tell(world, repository, pull, "closed", login, at)
    world.note("closed", pull.number, login or "")


def mark_merged(
    world: World, repository: Repository, pull: Pull, login: str | None, commit: str
) -> None:
    at = world.now()
    pull.state, pull.closed_at, pull.updated_at, pull.merged_at = "closed", at, at, at
    pull.closed_by, pull.merged_by, pull.merge_commit = login, login, commit
    for kind in ("merged", "closed"):
        tell(world, repository, pull, kind, login, at)
    world.note("merged", pull.number, login or "", commit)
    if repository.delete_branch_on_merge and login is not None:
        hub.move(repository.git, f"refs/heads/{pull.branch}", pull.head, None)
        repository.seen.pop(pull.branch, None)


def merge(
    world: World,
    repository: Repository,
    pull: Pull,
    login: str,
    *,
    sha: str | None = None,
    method: MergeMethod = "merge",
    title: str | None = None,
    message: str | None = None,
) -> str:
    """Merge it for real; the commit that the base is at then. GitHubError 405 where it may not
    be, 409 where the head is not `sha`."""
    if pull.state != "open":
        raise GitHubError(405, _NOT_MERGEABLE)
    if pull.draft:
        raise GitHubError(405, "Pull Request is still a draft")
    if sha is not None and sha != pull.head:
        raise GitHubError(409, "Head branch was modified. Review and try the merge again.")
    if method not in repository.methods:
        names = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}
        raise GitHubError(405, f"{names[method]} are not allowed on this repository.")
    if repository.protection(pull.base).queue:
        raise GitHubError(405, "Changes must be made through the merge queue")
    wanted = gates.missing(repository, pull)
    if wanted and not gates.may_bypass(repository, pull.base, login):
        raise GitHubError(405, wanted)
    base = repository.seen[pull.base]
    try:
        new = make(world, repository, pull, login, base, method, title, message)
    except hub.CannotMergeError:
        raise GitHubError(405, _NOT_MERGEABLE) from None
    if not hub.move(repository.git, f"refs/heads/{pull.base}", base, new):
        raise GitHubError(409, "Base branch was modified. Review and try the merge again.")
    repository.seen[pull.base] = new
    mark_merged(world, repository, pull, login, new)
    return new


def make(
    world: World,
    repository: Repository,
    pull: Pull,
    login: str,
    base: str,
    method: MergeMethod,
    title: str | None,
    message: str | None,
) -> str:
    bare, head, at = repository.git, pull.head, world.now()
    who = (login, email(login))
    if method == "rebase":
        return hub.rebase_commits(bare, base, head, who, at)
    if method == "squash":
        subject = f"{pull.title} (#{pull.number})" if title is None else title
        if message is None:
            told = [hub.read_commit(bare, each).message for each in hub.log(bare, base, head)]
            message = told[0].partition("\n\n")[2] if len(told) == 1 else _bullets(told)
        author = (pull.login, email(pull.login))
        return hub.squash_commit(bare, base, head, _text(subject, message), author, at)
    subject = (
        f"Merge pull request #{pull.number} from {repository.owner}/{pull.branch}"
        if title is None
        else title
    )
    body = pull.title if message is None else message
    return hub.merge_commit(bare, base, head, _text(subject, body), who, at)


def _bullets(messages: list[str]) -> str:
    return "\n\n".join(f"* {each}" for each in messages)


def _text(subject: str, body: str) -> str:
    return f"{subject}\n\n{body}" if body else subject


def review(
    world: World,
    pull: Pull,
    login: str,
    event: str,
    body: str = "",
    commit: str | None = None,
) -> Review:
    """Add a review; GitHubError 422 where somebody would approve what is their own."""
    states = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}
    state = states.get(event, "COMMENTED")
    if login == pull.login and state != "COMMENTED":
        verb = "approve" if state == "APPROVED" else "request changes on"
        reason = f"Can not {verb} your own pull request"
        raise GitHubError(422, "Unprocessable Entity", (reason,))
    at = world.now()
    made = Review(world.next_id(), login, state, body, commit or pull.head, at)  # type: ignore[arg-type]  # one of the three
    pull.reviews.append(made)
    pull.updated_at = at
    if login in pull.reviewers:
        pull.reviewers.remove(login)
    world.note("reviewed", pull.number, login, state)
    return made
