"""Pull requests, their reviews and their merge, as the fake GitHub serves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.services.github import git as hub
from tests.services.github import rules
from tests.services.github.json import user
from tests.services.github.routes import REPOSITORY, Answer, Request, Routes, invalid
from tests.services.github.state import GitHubError, Pull

_LONGEST_TITLE = 256
NO_DRAFTS = "Draft pull requests are not supported in this repository."


def list_pulls(request: Request) -> Answer:
    """In GitHub's order; a `head` without its owner is ignored, as GitHub does."""
    query = request.query
    state, base, head = query.get("state", "open"), query.get("base"), query.get("head", "")
    owner, colon, branch = head.partition(":")
    chosen = [
        each
        for each in request.pulls
        if state in ("all", each.state)
        and (base is None or each.base == base)
        and (not colon or (owner, branch) == (request.repository.owner, each.branch))
    ]
    return request.page(_sort(chosen, query), request.shapes.pull_in_list)


def _sort(pulls: Sequence[Pull], query: Mapping[str, str]) -> list[Pull]:
    by = query.get("sort", "created")
    direction = query.get("direction", "desc" if by == "created" else "asc")
    if by == "updated":
        return sorted(
            pulls, key=lambda each: (each.updated_at, each.number), reverse=direction == "desc"
        )
    return sorted(pulls, key=lambda each: each.number, reverse=direction == "desc")


def open_pull(request: Request) -> Answer:
    request.need_write()
    repository, world, body = request.repository, request.world, request.body
    branch, base = body["head"].removeprefix(f"{repository.owner}:"), body["base"]
    for field, name in (("head", branch), ("base", base)):
        if name not in repository.seen:
            detail = {"resource": "PullRequest", "field": field, "code": "invalid"}
            raise GitHubError(422, "Validation Failed", (detail,))
    for each in repository.pulls.values():
        if each.state == "open" and (each.branch, each.base) == (branch, base):
            label = f"{repository.owner}:{branch}"
            raise invalid("head", f"A pull request already exists for {label}.")
    head, onto = repository.seen[branch], repository.seen[base]
    if hub.is_ancestor(repository.git, head, onto):
        raise invalid("base", f"No commits between {base} and {branch}")
    if body.get("draft") and not repository.drafts:
        raise GitHubError(422, NO_DRAFTS)
    at = world.now()
    pull = Pull(
        id=world.next_id(),
        number=max(repository.pulls, default=0) + 1,
        title=request.text("title", _LONGEST_TITLE),
        body=request.text("body"),
        branch=branch,
        base=base,
        head=head,
        base_sha=onto,
        login=request.login,
        created_at=at,
        updated_at=at,
        draft=body.get("draft", False),
    )
    repository.pulls[pull.number] = pull
    rules.publish_head(repository, pull)
    world.note("opened", pull.number, request.login, branch)
    return Answer(request.shapes.pull(pull), 201)


def show_pull(request: Request) -> Answer:
    return Answer(request.shapes.pull(request.pull))


def edit_pull(request: Request) -> Answer:
    """Title, body, state and base; what is like before is no effect."""
    request.need_write()
    pull, world, body = request.pull, request.world, request.body
    if "base" in body and body["base"] not in request.repository.seen:
        raise invalid("base", f"Proposed base branch '{body['base']}' was not found")
    if "state" in body and body["state"] != pull.state:
        change_state(request, pull, body["state"])
    before = (pull.title, pull.body, pull.base)
    if "title" in body:
        pull.title = request.text("title", _LONGEST_TITLE)
    if "body" in body:
        pull.body = request.text("body")
    if "base" in body and body["base"] != pull.base:
        pull.base = body["base"]
        pull.base_sha = request.repository.seen[pull.base]
    if before != (pull.title, pull.body, pull.base):
        pull.updated_at = world.now()
        world.note("edited", pull.number, request.login)
    return Answer(request.shapes.pull(pull))


def change_state(request: Request, pull: Pull, state: str) -> None:
    """Close, or open again; what is merged, or whose branch is gone, stays closed."""
    world, repository = request.world, request.repository
    if state == "closed":
        rules.close(world, repository, pull, request.login, world.now())
        return
    if pull.merged_at is not None:
        raise invalid("state", "state cannot be changed. The pull request is merged.")
    head = repository.seen.get(pull.branch)
    if head is None:
        raise invalid("state", f"state cannot be changed. The {pull.branch} branch was deleted.")
    for each in repository.pulls.values():
        if each.state == "open" and (each.branch, each.base) == (pull.branch, pull.base):
            why = f"There is already an open pull request (#{each.number})."
            raise invalid("state", f"state cannot be changed. {why}")
    pull.state, pull.closed_at, pull.closed_by = "open", None, None
    pull.head, pull.updated_at = head, world.now()
    rules.publish_head(repository, pull)
    rules.tell(world, repository, pull, "reopened", request.login, pull.updated_at)
    world.note("reopened", pull.number, request.login)


def merge_pull(request: Request) -> Answer:
    request.need_write()
    body = request.body or {}
    sha = rules.merge(
        request.world,
        request.repository,
        request.pull,
        request.login,
        sha=body.get("sha"),
        method=body.get("merge_method", "merge"),
        title=body.get("commit_title"),
        message=body.get("commit_message"),
    )
    told = {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}
    return Answer(told)


def is_merged(request: Request) -> Answer:
    if request.pull.merged_at is None:
        raise GitHubError(404, "Not Found")
    return Answer(status=204)


def list_commits(request: Request) -> Answer:
    pull = request.pull
    found = hub.log(request.repository.git, pull.base_sha, pull.head)
    return request.page(found, request.shapes.commit)


def list_files(request: Request) -> Answer:
    pull = request.pull
    found = hub.files(request.repository.git, pull.base_sha, pull.head)
    return request.page(found, lambda each: request.shapes.file(each, pull.head))


def list_reviews(request: Request) -> Answer:
    pull = request.pull
    return request.page(pull.reviews, lambda each: request.shapes.review(pull, each))


def add_review(request: Request) -> Answer:
    body, pull = request.body or {}, request.pull
    event = body.get("event", "COMMENT")
    made = rules.review(
        request.world, pull, request.login, event, request.text("body"), body.get("commit_id")
    )
    return Answer(request.shapes.review(pull, made))


def dismiss_review(request: Request) -> Answer:
    request.need_write()
    pull = request.pull
    for each in pull.reviews:
        if each.id == int(request.names["review"]):
            each.state = "DISMISSED"
            request.world.note("dismissed", pull.number, request.login)
            return Answer(request.shapes.review(pull, each))
    raise GitHubError(404, "Not Found")


def show_reviewers(request: Request) -> Answer:
    users = [user(request.world, each) for each in request.pull.reviewers]
    return Answer({"users": users, "teams": []})


def ask_reviewers(request: Request) -> Answer:
    request.need_write()
    pull = request.pull
    wanted = request.body.get("reviewers", [])
    for login in wanted:
        if login == pull.login:
            raise GitHubError(422, "Review cannot be requested from pull request author.")
        if request.repository.permissions.get(login, "none") == "none":
            raise GitHubError(
                422,
                "Reviews may only be requested from collaborators. One or more of the users or "
                "teams you specified is not a collaborator of the "
                f"{request.repository.full_name} repository.",
            )
    new = [each for each in wanted if each not in pull.reviewers]
    pull.reviewers += new
    if new:
        request.world.note("asked", pull.number, request.login, ",".join(new))
    return Answer(request.shapes.pull_in_list(pull), 201)


def unask_reviewers(request: Request) -> Answer:
    request.need_write()
    pull = request.pull
    pull.reviewers = [each for each in pull.reviewers if each not in request.body["reviewers"]]
    return Answer(request.shapes.pull_in_list(pull))


_PULLS = f"{REPOSITORY}/pulls"
_PULL = f"{_PULLS}/{{number}}"
ROUTES: Routes = (
    ("GET", _PULLS, list_pulls),
    ("POST", _PULLS, open_pull),
    ("GET", _PULL, show_pull),
    ("PATCH", _PULL, edit_pull),
    ("GET", f"{_PULL}/merge", is_merged),
    ("PUT", f"{_PULL}/merge", merge_pull),
    ("GET", f"{_PULL}/commits", list_commits),
    ("GET", f"{_PULL}/files", list_files),
    ("GET", f"{_PULL}/reviews", list_reviews),
    ("POST", f"{_PULL}/reviews", add_review),
    ("PUT", f"{_PULL}/reviews/{{review}}/dismissals", dismiss_review),
    ("GET", f"{_PULL}/requested_reviewers", show_reviewers),
    ("POST", f"{_PULL}/requested_reviewers", ask_reviewers),
    ("DELETE", f"{_PULL}/requested_reviewers", unask_reviewers),
)
