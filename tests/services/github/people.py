"""What people do at the fake GitHub with their own hands: push, review, close, merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.services.git_server import commit
from tests.services.github import git as hub
from tests.services.github import queue as github_queue
from tests.services.github import rules
from tests.services.github.state import (
    CheckRun,
    MergeMethod,
    Protection,
    Pull,
    Repository,
    Status,
    World,
)


@dataclass(frozen=True)
class HostedRepository:
    """A repository, as its people use it."""

    world: World
    state: Repository

    @property
    def git(self) -> Path:
        """The bare repository."""
        return self.state.git

    def pull(self, number: int) -> Pull:
        with self.world.lock:
            rules.catch_up(self.world, self.state)
            return self.state.pulls[number]

    def pulls(self, state: str = "open") -> list[Pull]:
        with self.world.lock:
            rules.catch_up(self.world, self.state)
            return [each for each in self.state.pulls.values() if state in ("all", each.state)]

    def protect(self, branch: str, protection: Protection) -> None:
        self.state.protections[branch] = protection

    def push(
        self,
        branch: str,
        files: Mapping[str, bytes | None],
        *,
        login: str = "ann",
        message: str = "change",
        onto: str | None = None,
    ) -> str:
        """Commit onto a branch (onto another one where it is new) and push; the new commit."""
        with self.world.lock:
            rules.catch_up(self.world, self.state)
            tip = self.state.seen.get(branch) or self.state.seen[onto or "main"]
            name, mail = login, rules.email(login)
            new = commit(
                self.git,
                files,
                branch=branch,
                message=message,
                parents=(tip,),
                name=name,
                email=mail,
                date=self.world.now(),
            )
            rules.catch_up(self.world, self.state, login)
            return new

    @property
    def url(self) -> str:
        """Where git clones it from, and `repository.url` of a rule."""
        return f"{self.world.web}/{self.state.full_name}.git"

    def delete_branch(self, branch: str, login: str = "ann") -> None:
        """Push its deletion, or click on it."""
        with self.world.lock:
            rules.catch_up(self.world, self.state)
            self.world.account(login)
            hub.move(self.git, f"refs/heads/{branch}", self.state.seen[branch], None)
            rules.catch_up(self.world, self.state, login)

    def reset_branch(self, branch: str, sha: str, login: str = "ann") -> None:
        """Push by force."""
        with self.world.lock:
            rules.catch_up(self.world, self.state)
            self.world.account(login)
            hub.move(self.git, f"refs/heads/{branch}", self.state.seen[branch], sha)
            rules.catch_up(self.world, self.state, login)

    def approve(self, number: int, login: str) -> None:
        self._review(number, login, "APPROVE")

    def request_changes(self, number: int, login: str, body: str = "not like this") -> None:
        self._review(number, login, "REQUEST_CHANGES", body)

    def _review(self, number: int, login: str, event: str, body: str = "") -> None:
        with self.world.lock:
            self.world.account(login)
            rules.review(self.world, self.pull(number), login, event, body)

    def close(self, number: int, login: str) -> None:
        with self.world.lock:
            self.world.account(login)
            rules.close(self.world, self.state, self.pull(number), login, self.world.now())

    def label(self, number: int, *names: str, login: str = "ann") -> None:
        with self.world.lock:
            pull = self.pull(number)
            pull.labels = [*pull.labels, *(each for each in names if each not in pull.labels)]
            pull.updated_at = self.world.now()
            self.world.note("labelled", number, login, ",".join(pull.labels))

    def merge(self, number: int, login: str, method: MergeMethod = "merge") -> str:
        """Press the button; the commit that the base is at then."""
        with self.world.lock:
            pull = self.pull(number)
            new = rules.merge(self.world, self.state, pull, login, method=method)
            rules.catch_up(self.world, self.state)
            return new

    def reopen(self, number: int, login: str) -> None:
        with self.world.lock:
            pull = self.pull(number)
            pull.state, pull.closed_at, pull.closed_by = "open", None, None
            pull.updated_at = self.world.now()
            rules.tell(self.world, self.state, pull, "reopened", login, pull.updated_at)
            self.world.note("reopened", number, login)

    def unlabel(self, number: int, *names: str, login: str = "ann") -> None:
        with self.world.lock:
            pull = self.pull(number)
            pull.labels = [each for each in pull.labels if each not in names]
            pull.updated_at = self.world.now()
            self.world.note("labelled", number, login, ",".join(pull.labels))

    def make_ready(self, number: int, login: str = "ann") -> None:
        """Click on "Ready for review"."""
        with self.world.lock:
            pull = self.pull(number)
            pull.draft, pull.updated_at = False, self.world.now()
            self.world.note("ready", number, login)

    def enqueue(self, number: int, login: str) -> None:
        with self.world.lock:
            rules.enter_queue(self.world, self.state, self.pull(number), login, None)

    def stage_queue(self) -> str:
        """The merge queue tries its first pull request: the commit on a temporary branch, which CI
        builds and reports on."""
        with self.world.lock:
            rules.catch_up(self.world, self.state)
            return github_queue.stage(self.world, self.state)

    def run_queue(self, *, passes: bool | None = True) -> None:
        """Let the merge queue go on with its first pull request: where the required checks of its
        temporary branch passed the base is moved there, where one failed it leaves the queue, else
        it stays. `passes`: report all of them so first; None: as CI reported them."""
        with self.world.lock:
            sha = self.stage_queue()
            pull = self.state.pulls[self.state.queue[0]]
            if passes is not None:
                for name in self.state.protection(pull.base).checks:
                    self.report(sha, name, "success" if passes else "failure")
            github_queue.settle(self.world, self.state, failed=passes is False)
            rules.catch_up(self.world, self.state)

    def report(self, sha: str, context: str, state: str, login: str = "ci") -> None:
        """A CI system posts a commit status."""
        with self.world.lock:
            self.state.statuses.append(
                Status(
                    self.world.next_id(), sha, state, context, None, None, login, self.world.now()
                )
            )

    def check(self, sha: str, name: str, conclusion: str | None) -> None:
        """GitHub Actions reports a check run; None: it still runs."""
        with self.world.lock:
            status = "completed" if conclusion else "in_progress"
            number, at = self.world.next_id(), self.world.now()
            self.state.check_runs.append(
                CheckRun(number, sha, name, status, conclusion, "github-actions[bot]", at)
            )
