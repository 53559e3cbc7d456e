"""Commit statuses, check runs, and what protects a branch, as the fake GitHub serves them."""

from __future__ import annotations

from typing import Any

from tests.services.github import git as hub
from tests.services.github.json import repository, user
from tests.services.github.routes import REPOSITORY, Answer, Request, Routes, invalid
from tests.services.github.state import CheckRun, GitHubError, Protection, Repository, Status

_LONGEST_DESCRIPTION = 140


def _commit(request: Request, name: str) -> str:
    sha = hub.resolve(request.repository.git, name)
    if sha is None:
        raise GitHubError(422, f"No commit found for SHA: {name}")
    return sha


def add_status(request: Request) -> Answer:
    request.need_write()
    world, body = request.world, request.body
    sha = _commit(request, request.names["sha"])
    description = body.get("description")
    if description and len(description) > _LONGEST_DESCRIPTION:
        told = f"description is too long (maximum is {_LONGEST_DESCRIPTION} characters)"
        raise invalid("description", told, "Status")
    status = Status(
        world.next_id(),
        sha,
        body["state"],
        body.get("context", "default"),
        description,
        body.get("target_url"),
        request.login,
        world.now(),
    )
    request.repository.statuses.append(status)
    world.note("status", None, request.login, f"{status.context}: {status.state}")
    creator = user(world, status.login)
    return Answer({**request.shapes.status(status), "creator": creator}, 201)


def list_statuses(request: Request) -> Answer:
    sha = _commit(request, request.names["ref"])
    found = [each for each in reversed(request.repository.statuses) if each.sha == sha]
    return request.page(
        found,
        lambda each: {
            **request.shapes.status(each),
            "creator": user(request.world, each.login),
        },
    )


def combined_status(request: Request) -> Answer:
    """The latest of each context; pending where there is none at all."""
    sha = _commit(request, request.names["ref"])
    latest = {each.context: each for each in request.repository.statuses if each.sha == sha}
    states = {each.state for each in latest.values()}
    worst = (
        "failure"
        if states & {"failure", "error"}
        else "pending"
        if "pending" in states or not states
        else "success"
    )
    page = request.page_within("statuses", list(latest.values()), request.shapes.status)
    url = request.shapes.url
    whole = {
        **page.body,
        "state": worst,
        "sha": sha,
        "repository": repository(request.world, request.repository),
        "commit_url": f"{url}/commits/{sha}",
        "url": f"{url}/commits/{sha}/status",
    }
    return Answer(whole, headers=page.headers)


def add_check_run(request: Request) -> Answer:
    """Only Apps may; a conclusion completes it."""
    request.need_write()
    if not request.login.endswith("[bot]"):
        raise GitHubError(403, "You must authenticate via a GitHub App.")
    world, body = request.world, request.body
    output = body.get("output") or {}
    conclusion = body.get("conclusion")
    run = CheckRun(
        world.next_id(),
        _commit(request, body["head_sha"]),
        body["name"],
        "completed" if conclusion else body.get("status", "queued"),
        conclusion,
        request.login,
        world.now(),
        output.get("title"),
        output.get("summary"),
        body.get("details_url"),
    )
    request.repository.check_runs.append(run)
    world.note("check run", None, request.login, f"{run.name}: {conclusion or run.status}")
    return Answer(request.shapes.check_run(run), 201)


def edit_check_run(request: Request) -> Answer:
    request.need_write()
    body = request.body
    run = _run(request)
    output = body.get("output") or {}
    run.title = output.get("title", run.title)
    run.summary = output.get("summary", run.summary)
    run.status = body.get("status", run.status)
    if body.get("conclusion"):
        run.status, run.conclusion = "completed", body["conclusion"]
    told = f"{run.name}: {run.conclusion or run.status}"
    request.world.note("check run", None, request.login, told)
    return Answer(request.shapes.check_run(run))


def show_check_run(request: Request) -> Answer:
    return Answer(request.shapes.check_run(_run(request)))


def _run(request: Request) -> CheckRun:
    for each in request.repository.check_runs:
        if each.id == int(request.names["number"]):
            return each
    raise GitHubError(404, "Not Found")


def list_check_runs(request: Request) -> Answer:
    """The latest of each name, or all with `filter=all`."""
    sha, query = _commit(request, request.names["ref"]), request.query
    found = [
        each
        for each in request.repository.check_runs
        if each.sha == sha and query.get("check_name", each.name) == each.name
    ]
    if query.get("filter", "latest") == "latest":
        found = list({each.name: each for each in found}.values())
    return request.page_within("check_runs", found, request.shapes.check_run)


def _administers(request: Request) -> bool:
    """An administrator, or an App that was given to read it."""
    given = [each for each in request.world.apps.values() if f"{each.slug}[bot]" == request.login]
    if given:
        return "administration" in given[0].permissions
    return request.repository.permissions.get(request.login) == "admin"


def show_protection(request: Request) -> Answer:
    """Only an administrator reads it; to others it is not there."""
    branch = request.names["branch"]
    protection = request.repository.protections.get(branch)
    if not _administers(request):
        raise GitHubError(404, "Not Found")
    if protection is None or protection.by != "protection":
        raise GitHubError(404, "Branch not protected")
    url = f"{request.shapes.url}/branches/{branch}/protection"
    off = {"enabled": False}
    shape: dict[str, Any] = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": protection.enforce_admins},
        **dict.fromkeys(("required_linear_history", "allow_force_pushes", "allow_deletions"), off),
    }
    if protection.reviews:
        here = f"{url}/required_pull_request_reviews"
        shape["required_pull_request_reviews"] = {
            "url": here,
            "dismiss_stale_reviews": protection.dismiss_stale,
            "require_code_owner_reviews": False,
            "required_approving_review_count": protection.reviews,
            "bypass_pull_request_allowances": {
                "users": [user(request.world, each) for each in protection.bypass],
                "teams": [],
                "apps": [],
            },
        }
    if protection.checks:
        shape["required_status_checks"] = _checks(protection, url)
    return Answer(shape)


def _checks(protection: Protection, url: str) -> dict[str, Any]:
    here = f"{url}/required_status_checks"
    return {
        "url": here,
        "strict": protection.strict,
        "contexts": list(protection.checks),
        "contexts_url": f"{here}/contexts",
        "checks": [{"context": each, "app_id": None} for each in protection.checks],
    }


def list_rules(request: Request) -> Answer:
    """The rules of rulesets for a branch; whoever reads the repository reads them."""
    protection = request.repository.protections.get(request.names["branch"])
    if protection is None or protection.by != "ruleset":
        return Answer([])
    source = {
        "ruleset_source_type": "Repository",
        "ruleset_source": request.repository.full_name,
        "ruleset_id": _ruleset(request.repository, request.names["branch"]),
    }
    found: list[dict[str, Any]] = []
    if protection.reviews:
        parameters = {
            "required_approving_review_count": protection.reviews,
            "dismiss_stale_reviews_on_push": protection.dismiss_stale,
            "require_code_owner_review": False,
            "require_last_push_approval": False,
            "required_review_thread_resolution": False,
        }
        found.append({"type": "pull_request", "parameters": parameters, **source})
    if protection.checks:
        checks = {
            "required_status_checks": [{"context": each} for each in protection.checks],
            "strict_required_status_checks_policy": protection.strict,
        }
        found.append({"type": "required_status_checks", "parameters": checks, **source})
    if protection.queue:
        queue = {
            "check_response_timeout_minutes": 60,
            "grouping_strategy": "ALLGREEN",
            "max_entries_to_build": 5,
            "max_entries_to_merge": 1,
            "merge_method": request.repository.methods[0].upper(),
            "min_entries_to_merge": 1,
            "min_entries_to_merge_wait_minutes": 0,
        }
        found.append({"type": "merge_queue", "parameters": queue, **source})
    return Answer(found)


def _ruleset(repository: Repository, branch: str) -> int:
    return 1 + list(repository.protections).index(branch)


def show_ruleset(request: Request) -> Answer:
    """Whether who asks may bypass it; told to who may write."""
    number, known = int(request.names["number"]), request.repository.protections
    found = dict(enumerate(known.values(), 1)).get(number)
    if found is None or found.by != "ruleset":
        raise GitHubError(404, "Not Found")
    shape = {
        "id": number,
        "name": f"ruleset {number}",
        "target": "branch",
        "source_type": "Repository",
        "source": request.repository.full_name,
        "enforcement": "active",
    }
    if request.repository.may_write(request.login):
        may = request.login in found.bypass
        shape["current_user_can_bypass"] = "always" if may else "never"
    return Answer(shape)


_REF = f"{REPOSITORY}/commits/{{ref*}}"
_RUN = f"{REPOSITORY}/check-runs/{{number}}"
ROUTES: Routes = (
    ("POST", f"{REPOSITORY}/statuses/{{sha}}", add_status),
    ("GET", f"{_REF}/statuses", list_statuses),
    ("GET", f"{_REF}/status", combined_status),
    ("GET", f"{_REF}/check-runs", list_check_runs),
    ("POST", f"{REPOSITORY}/check-runs", add_check_run),
    ("GET", _RUN, show_check_run),
    ("PATCH", _RUN, edit_check_run),
    ("GET", f"{REPOSITORY}/branches/{{branch*}}/protection", show_protection),
    ("GET", f"{REPOSITORY}/rules/branches/{{branch*}}", list_rules),
    ("GET", f"{REPOSITORY}/rulesets/{{number}}", show_ruleset),
)
