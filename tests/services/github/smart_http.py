"""Git over HTTP at the fake GitHub: `git http-backend`, with GitHub's users, rights and protected
branches before it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.services.git_server import git, refs, run_backend
from tests.services.github import gates, rules
from tests.services.github.accounts import login_of
from tests.services.github.state import GitHubError, Repository, World

_PATH = re.compile(
    r"/([^/]+/[^/]+?)(?:\.git)?(/(?:info/refs|git-(?:upload|receive)-pack))(?:\?.*)?"
)
_REFUSED = "FAKE_GITHUB_REFUSED"
_HOOK = f"""#!/bin/sh
case " ${_REFUSED} " in
*" $1 "*)
  echo "error: GH006: Protected branch update failed for $1." >&2
  exit 1 ;;
esac
"""


@dataclass(frozen=True)
class GitRequest:
    """`target` is the path and query as sent, `headers` hold what git sends, by lower-case name."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def pushes(self) -> bool:
        return self.method == "POST" and "git-receive-pack" in self.target


@dataclass(frozen=True)
class GitAnswer:
    status: int
    headers: Mapping[str, str]
    content: bytes


def is_git(target: str) -> bool:
    return _PATH.fullmatch(target) is not None


def prepare(repository: Path) -> None:
    """Let it refuse what GitHub does: protected branches, and the refs of pull requests."""
    hook = repository / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_HOOK)
    hook.chmod(0o755)
    git(repository, "config", "receive.hideRefs", "refs/pull")


def serve(world: World, root: Path, request: GitRequest) -> GitAnswer:
    """Answer it; what a push changed is in the journal before."""
    found = _PATH.fullmatch(request.target)
    assert found is not None
    try:
        login = _login(world, request.headers.get("authorization"))
        repository = _repository(world, found[1], login, writes="receive-pack" in request.target)
    except GitHubError as error:
        needs = {"WWW-Authenticate": 'Basic realm="GitHub"'} if error.status == 401 else {}
        return GitAnswer(error.status, needs, error.message.encode())
    if not request.pushes:
        return _run(root, repository, request, found[2], login, ())
    with world.lock:
        rules.catch_up(world, repository)
        before = refs(repository.git)
        refused = [
            f"refs/heads/{branch}"
            for branch in repository.protections
            if _is_guarded(repository, branch, login)
        ]
        answer = _run(root, repository, request, found[2], login, refused)
        after = refs(repository.git)
        for ref in sorted({*before, *after}):
            if before.get(ref) != after.get(ref):
                world.note("pushed", None, login, f"{ref} {after.get(ref, 'deleted')}")
        rules.catch_up(world, repository, login)
    return answer


def _login(world: World, header: str | None) -> str:
    """Any user name, and a token for a password."""
    kind, _, pair = (header or "").partition(" ")
    if kind.lower() != "basic":
        raise GitHubError(401, "Authentication required")
    return login_of(world, base64.b64decode(pair).decode().partition(":")[2])


def _repository(world: World, name: str, login: str, *, writes: bool) -> Repository:
    found = world.repositories.get(name)
    if found is None or found.permissions.get(login, "none") == "none":
        raise GitHubError(404, "Repository not found.")
    if writes and not found.may_write(login):
        raise GitHubError(403, f"Permission to {name}.git denied to {login}.")
    return found


def _is_guarded(repository: Repository, branch: str, login: str) -> bool:
    protection = repository.protection(branch)
    guards = protection.reviews or protection.checks or protection.queue
    return bool(guards) and not gates.may_bypass(repository, branch, login)


def _run(
    root: Path,
    repository: Repository,
    request: GitRequest,
    service: str,
    login: str,
    refused: Sequence[str],
) -> GitAnswer:
    target = f"/{repository.full_name}.git{service}?{request.target.partition('?')[2]}"
    told = {_REFUSED: " ".join(refused)}
    return GitAnswer(
        *run_backend(root, request.method, target, request.headers, request.body, login, told)
    )
