"""Accounts, Apps, labels and repositories as the JSON that GitHub's API promises."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.services.github.state import Repository, World

Json = dict[str, Any]

_USER_LINKS = (
    *("followers", "following", "gists", "starred", "subscriptions", "organizations"),
    *("repos", "events", "received_events"),
)
_REPOSITORY_LINKS = (
    *("archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits"),
    *("compare", "contents", "contributors", "deployments", "downloads", "events", "forks"),
    *("git_commits", "git_refs", "git_tags", "hooks", "issue_comment", "issue_events", "issues"),
    *("keys", "labels", "languages", "merges", "milestones", "notifications", "pulls"),
    *("releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams"),
    "trees",
)

APP_PERMISSIONS = {
    **dict.fromkeys(("checks", "contents", "issues", "pull_requests", "statuses"), "write"),
    "metadata": "read",
}
BEGAN = "2026-01-01T00:00:00Z"


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def maybe(at: datetime | None) -> str | None:
    return None if at is None else moment(at)


def node(kind: str, number: int) -> str:
    return f"{kind}_{number}"


def user(world: World, login: str) -> Json:
    account = world.account(login)
    url = f"{world.api}/users/{login}"
    return {
        "login": login,
        "id": account.id,
        "node_id": node("U", account.id),
        "avatar_url": f"{world.web}/avatars/{account.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{world.web}/{login}",
        **{f"{each}_url": f"{url}/{each}" for each in _USER_LINKS},
        "type": account.type,
        "site_admin": False,
    }


def maybe_user(world: World, login: str | None) -> Json | None:
    return None if login is None else user(world, login)


def public_user(world: World, login: str) -> Json:
    counts = dict.fromkeys(("followers", "following", "public_gists", "public_repos"), 0)
    blank = dict.fromkeys(("bio", "blog", "company", "hireable", "location", "email"))
    times = {"created_at": BEGAN, "updated_at": BEGAN}
    return {
        **user(world, login),
        **blank,
        **counts,
        **times,
        "name": login.title(),
        "user_view_type": "public",
    }


def integration(world: World, number: int, slug: str) -> Json:
    """A GitHub App."""
    return {
        "id": number,
        "slug": slug,
        "node_id": node("A", number),
        "owner": user(world, "platform"),
        "name": slug,
        "description": None,
        "external_url": world.web,
        "html_url": f"{world.web}/apps/{slug}",
        "created_at": BEGAN,
        "updated_at": BEGAN,
        "permissions": APP_PERMISSIONS,
        "events": [],
    }


def repository_url(world: World, repository: Repository) -> str:
    return f"{world.api}/repos/{repository.full_name}"


def repository(world: World, repo: Repository, login: str | None = None) -> Json:
    """With the permissions of `login` where one asks."""
    url, web = repository_url(world, repo), f"{world.web}/{repo.full_name}"
    counts = ("forks", "open_issues", "watchers")
    open_pulls = sum(each.state == "open" for each in repo.pulls.values())
    shape: Json = {
        "id": repo.id,
        "node_id": node("R", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "owner": user(world, repo.owner),
        "private": repo.private,
        "html_url": web,
        "description": None,
        "fork": False,
        "url": url,
        **{f"{each}_url": f"{url}/{each}" for each in _REPOSITORY_LINKS},
        "clone_url": f"{web}.git",
        "git_url": f"git:{web.partition(':')[2]}.git",
        "ssh_url": f"git@127.0.0.1:{repo.full_name}.git",
        "svn_url": web,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        **dict.fromkeys(counts, 0),
        **{f"{each}_count": 0 for each in (*counts, "stargazers", "network", "subscribers")},
        "open_issues": open_pulls,
        "open_issues_count": open_pulls,
        "size": 1,
        "default_branch": (repo.git / "HEAD").read_text().strip().removeprefix("ref: refs/heads/"),
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True),
        "has_pages": False,
        "has_discussions": False,
        "archived": False,
        "disabled": False,
        "pushed_at": moment(repo.created_at),
        "created_at": moment(repo.created_at),
        "updated_at": moment(repo.created_at),
        "license": None,
        "allow_merge_commit": "merge" in repo.methods,
        "allow_squash_merge": "squash" in repo.methods,
        "allow_rebase_merge": "rebase" in repo.methods,
        "allow_auto_merge": False,
        "delete_branch_on_merge": repo.delete_branch_on_merge,
    }
    if login is not None:
        ranks = ("none", "read", "triage", "write", "maintain", "admin")
        rank = ranks.index(repo.permissions.get(login, "none"))
        names = {"pull": 1, "triage": 2, "push": 3, "maintain": 4, "admin": 5}
        told = not login.endswith("[bot]")  # an installation is no user: all false
        shape["permissions"] = {name: told and rank >= least for name, least in names.items()}
    return shape


def label(world: World, repo: Repository, name: str) -> Json:
    number = repo.labels.setdefault(name, world.next_id())
    return {
        "id": number,
        "node_id": node("LA", number),
        "url": f"{repository_url(world, repo)}/labels/{name}",
        "name": name,
        "description": "",
        "color": "ededed",
        "default": False,
    }
