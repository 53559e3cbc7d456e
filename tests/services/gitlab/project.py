"""A project on a GitLab, over a bare repository: its settings, and what they mean for a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from tests.services.gitlab import git as gitlab_git
from tests.services.gitlab.nouns import (
    DEVELOPER,
    UNFINISHED,
    MergeMethod,
    Outcome,
    Pipeline,
    Protection,
    Push,
    Request,
    Rule,
    Status,
    User,
)


@dataclass
class Project:
    """A project and its settings, which a test sets as attributes."""

    id: int
    path: str
    repository: Path
    default_branch: str = "main"
    private: bool = True
    premium: bool = True
    """Approval rules, several reviewers and assignees, trains; without it as the Free edition."""
    trains: bool = False
    squash_option: Literal["never", "always", "default_on", "default_off"] = "default_off"
    ci_config_path: str = ""
    external_checks: dict[str, Literal["pending", "passed", "failed"]] | None = None
    """By name, the same for each request; None: the edition (below Ultimate) has none."""
    discussions_open: bool = False
    """Whether requests wait for an open discussion to be resolved."""
    tells_approval_times: bool = True
    """Older servers do not."""
    merge_method: MergeMethod = "merge"
    pipeline_must_succeed: bool = False
    reset_approvals_on_push: bool = True
    authors_may_approve: bool = False
    members: dict[int, int] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    """Of members who are not active, by number: `blocked`, `banned`, `deactivated`."""
    protections: dict[str, Protection] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    requests: dict[int, Request] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    pushes: list[Push] = field(default_factory=list)
    pusher: User | None = None
    """Who pushed last, over HTTP."""
    heads: dict[str, str] = field(default_factory=dict)
    """The branches as of the last `World.sync`."""
    _mergeable: dict[tuple[str, str], bool] = field(default_factory=dict)

    def access(self, user: User) -> int:
        return self.members.get(user.id, 0)

    def tip(self, branch: str) -> str | None:
        return gitlab_git.branches(self.repository).get(branch)

    def protection(self, branch: str) -> Protection | None:
        """By the branch's name, else by a pattern. (Of several the most permissive holds in truth;
        no test has several.)"""
        fits = (each for name, each in self.protections.items() if fnmatchcase(branch, name))
        return self.protections.get(branch) or next(fits, None)

    def may_push(self, user: User, branch: str) -> bool:
        protection = self.protection(branch)
        if protection and user in protection.pushers:
            return True
        least = protection.push if protection else DEVELOPER
        return bool(least) and self.access(user) >= max(least, DEVELOPER)

    def may_merge(self, user: User, branch: str) -> bool:
        protection = self.protection(branch)
        least = protection.merge if protection else DEVELOPER
        return bool(least) and self.access(user) >= max(least, DEVELOPER)

    def may_approve(self, user: User, request: Request) -> bool:
        own = user == request.author and not self.authors_may_approve
        return self.access(user) >= DEVELOPER and not own

    def may_close(self, user: User, request: Request) -> bool:
        concerned = user == request.author or user in request.assignees
        return user.admin or concerned or self.access(user) >= DEVELOPER

    def pipeline(self, sha: str) -> Pipeline | None:
        """The newest that is about a commit."""
        found = (each for each in reversed(self.pipelines) if sha in {each.sha, each.source_sha})
        return next(found, None)

    def shown_pipeline(self, request: Request) -> Pipeline | None:
        """What stands in `head_pipeline`."""
        return self.pipeline(request.head) or request.former_run

    def train(self, target: str) -> list[Request]:
        """Who waits on the train of a branch, the first first."""
        return sorted(
            (r for r in self.requests.values() if r.on_train and r.target == target),
            key=lambda each: each.boarded_at,
        )

    def sum_up(self, run: Pipeline) -> None:
        """A pipeline is what the worst in it is; of each name the newest counts."""
        inside = {each.name: each for each in self.statuses if each.pipeline == run.id}
        states = {each.state for each in inside.values() if not each.allow_failure}
        if run.ran:
            states.add(run.ran)
        order: tuple[Outcome, ...] = ("running", "pending", "created", "failed", "canceled")
        worst: Outcome = next((word for word in order if word in states), "success")
        run.status = "running" if worst in UNFINISHED else worst

    def missing_approvals(self, request: Request) -> list[Rule]:
        """Rules that a request does not meet; without Premium there are none."""
        given = [each.user for each in request.approvals]
        rules = self.rules if self.premium else []
        return [
            rule
            for rule in rules
            if len([user for user in given if not rule.users or user in rule.users]) < rule.required
        ]

    def conflicts(self, request: Request, known_only: bool = False) -> bool | None:
        """Whether it does not merge; None: not looked at yet (`known_only`) or no target."""
        target = self.heads.get(request.target)
        if target is None:
            return None
        key = (target, request.head)
        if key not in self._mergeable:
            if known_only:
                return None
            merged = gitlab_git.merged_tree(self.repository, target, request.head)
            self._mergeable[key] = merged is not None
        return not self._mergeable[key]

    def waits_for(self, request: Request, *, pipeline: bool = True) -> str | None:
        """Why it may not be merged whatever its files are, as `detailed_merge_status` has it."""
        if request.state != "opened":
            return "not_open"
        if request.draft:
            return "draft_status"
        if pipeline and self.pipeline_must_succeed:
            found = self.pipeline(request.head)
            if found is None or found.status != "success":
                running = found is not None and found.status in UNFINISHED
                return "ci_still_running" if running else "ci_must_pass"
        if self.premium and request.asking_for_changes:
            return "requested_changes"
        if self.discussions_open:
            return "discussions_not_resolved"
        return "not_approved" if self.missing_approvals(request) else None

    def misfits(self, request: Request) -> str | None:
        """Why its files or history do not fit, as `detailed_merge_status` has it."""
        if self.conflicts(request):
            return "conflict"
        target = self.heads.get(request.target)
        linear = self.merge_method != "merge"
        if linear and target and not gitlab_git.contains(self.repository, request.head, target):
            return "need_rebase"
        return None
