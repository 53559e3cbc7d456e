"""Repositories, branches, refs, commits and comparisons, as the fake GitHub serves them."""

from __future__ import annotations

from typing import Any

from tests.services.git_server import refs
from tests.services.github import git as hub
from tests.services.github import rules
from tests.services.github.json import node, repository
from tests.services.github.routes import REPOSITORY, Answer, Request, Routes
from tests.services.github.state import GitHubError


def show_repository(request: Request) -> Answer:
    return Answer(repository(request.world, request.repository, request.login))


def list_branches(request: Request) -> Answer:
    found = sorted(request.repository.seen.items())
    return request.page(found, lambda each: _branch(request, *each))


def _branch(request: Request, name: str, sha: str) -> dict[str, Any]:
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{request.shapes.url}/commits/{sha}"},
        "protected": name in request.repository.protections,
    }


def show_branch(request: Request) -> Answer:
    name = request.names["branch"]
    sha = request.repository.seen.get(name)
    if sha is None:
        raise GitHubError(404, "Branch not found")
    here = f"{request.shapes.url}/branches/{name}"
    protection = request.repository.protections.get(name)
    if protection is not None and protection.by == "ruleset":
        protection = None  # that makes it a protected one, and is told elsewhere
    checks = list(protection.checks) if protection else []
    return Answer(
        {
            **_branch(request, name, sha),
            "commit": request.shapes.commit(sha),
            "_links": {"self": here, "html": f"{request.shapes.web}/tree/{name}"},
            "protection": {
                "enabled": protection is not None,
                "required_status_checks": {
                    "enforcement_level": "everyone" if checks else "off",
                    "contexts": checks,
                    "checks": [{"context": each, "app_id": None} for each in checks],
                },
            },
            "protection_url": f"{here}/protection",
        }
    )


def _ref(request: Request, ref: str, sha: str) -> dict[str, Any]:
    url = request.shapes.url
    return {
        "ref": ref,
        "node_id": node("REF", request.repository.id),
        "url": f"{url}/git/{ref}",
        "object": {"type": "commit", "sha": sha, "url": f"{url}/git/commits/{sha}"},
    }


def show_ref(request: Request) -> Answer:
    ref = f"refs/{request.names['ref']}"
    sha = refs(request.repository.git).get(ref)
    if sha is None:
        raise GitHubError(404, "Not Found")
    return Answer(_ref(request, ref, sha))


def matching_refs(request: Request) -> Answer:
    prefix = f"refs/{request.names['ref']}"
    found = [each for each in refs(request.repository.git).items() if each[0].startswith(prefix)]
    return Answer([_ref(request, *each) for each in found])


def create_ref(request: Request) -> Answer:
    request.need_write()
    ref, sha = request.body["ref"], request.body["sha"]
    if not hub.move(request.repository.git, ref, None, sha):
        raise GitHubError(422, "Reference already exists")
    request.world.note("ref created", None, request.login, ref)
    rules.catch_up(request.world, request.repository, request.login)
    return Answer(_ref(request, ref, sha), 201)


def move_ref(request: Request) -> Answer:
    request.need_write()
    ref, sha = f"refs/{request.names['ref']}", request.body["sha"]
    git = request.repository.git
    old = refs(git).get(ref)
    if old is None:
        raise GitHubError(422, "Reference does not exist")
    if not request.body.get("force", False) and not hub.is_ancestor(git, old, sha):
        raise GitHubError(422, "Update is not a fast forward")
    if not hub.move(git, ref, old, sha):
        raise GitHubError(409, "Reference cannot be updated")
    request.world.note("ref moved", None, request.login, ref)
    rules.catch_up(request.world, request.repository, request.login)
    return Answer(_ref(request, ref, sha))


def delete_ref(request: Request) -> Answer:
    request.need_write()
    ref = f"refs/{request.names['ref']}"
    git = request.repository.git
    old = refs(git).get(ref)
    if old is None or not hub.move(git, ref, old, None):
        raise GitHubError(422, "Reference does not exist")
    request.world.note("ref deleted", None, request.login, ref)
    rules.catch_up(request.world, request.repository, request.login)
    return Answer(status=204)


def show_commit(request: Request) -> Answer:
    name = request.names["ref"]
    sha = hub.resolve(request.repository.git, name)
    if sha is None:
        raise GitHubError(422, f"No commit found for SHA: {name}")
    return Answer(request.shapes.commit(sha))


def pulls_of_commit(request: Request) -> Answer:
    """The merged one that brought it, and the open ones whose head it is."""
    sha = request.names["sha"]
    found = [each for each in request.pulls if sha in (each.head, each.merge_commit)]
    return request.page(found, request.shapes.pull_in_list)


def compare(request: Request) -> Answer:
    git, shapes = request.repository.git, request.shapes
    names = request.names["basehead"].split("...")
    if len(names) != 2:
        raise GitHubError(404, "Not Found")
    found = [hub.resolve(git, each.rpartition(":")[2]) for each in names]
    base, head = found
    if base is None or head is None:
        raise GitHubError(404, "Not Found")
    ahead, behind = hub.log(git, base, head), hub.log(git, head, base)
    words = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}
    here = f"{shapes.web}/compare/{base}...{head}"
    return Answer(
        {
            "url": f"{shapes.url}/compare/{base}...{head}",
            "html_url": here,
            "permalink_url": here,
            "diff_url": f"{here}.diff",
            "patch_url": f"{here}.patch",
            "base_commit": shapes.commit(base),
            "merge_base_commit": shapes.commit(hub.merge_base(git, base, head)),
            "status": words.get((bool(ahead), bool(behind)), "identical"),
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "commits": [shapes.commit(each) for each in ahead],
            "files": [shapes.file(each, head) for each in hub.files(git, base, head)],
        }
    )


_REF = f"{REPOSITORY}/git/refs/{{ref*}}"
ROUTES: Routes = (
    ("GET", REPOSITORY, show_repository),
    ("GET", f"{REPOSITORY}/branches", list_branches),
    ("GET", f"{REPOSITORY}/branches/{{branch*}}", show_branch),
    ("GET", f"{REPOSITORY}/git/ref/{{ref*}}", show_ref),
    ("GET", f"{REPOSITORY}/git/matching-refs/{{ref*}}", matching_refs),
    ("POST", f"{REPOSITORY}/git/refs", create_ref),
    ("PATCH", _REF, move_ref),
    ("DELETE", _REF, delete_ref),
    ("GET", f"{REPOSITORY}/commits/{{sha}}/pulls", pulls_of_commit),
    ("GET", f"{REPOSITORY}/commits/{{ref*}}", show_commit),
    ("GET", f"{REPOSITORY}/compare/{{basehead*}}", compare),
)
