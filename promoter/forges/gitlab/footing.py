"""How the bot stands in a project of GitLab: its token, its role, and what guards the base.

https://docs.gitlab.com/api/protected_branches/, https://docs.gitlab.com/api/branches/,
https://docs.gitlab.com/api/merge_request_approvals/,
https://docs.gitlab.com/api/personal_access_tokens/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import quote

from gitlab.exceptions import GitlabError

from promoter.access.redaction import redact
from promoter.forges.gitlab.checks import PIPELINE
from promoter.forges.gitlab.people import DEVELOPER, MAINTAINER, REPORTER, People
from promoter.forges.gitlab.server import GitLabServer
from promoter.forges.gitlab.settings import Settings
from promoter.forges.gitlab.values import Json, field
from promoter.forges.memory import Memory
from promoter.model.ports import Footing, Protection, Rights

Edition = Literal["free", "premium", "hidden"]
_HIDDEN = frozenset({401, 403, 404})
_ALWAYS_ASK = frozenset({"regular", "any_approver"})


class Standing:
    """Thread-safe. What was found holds for five minutes."""

    def __init__(
        self,
        server: GitLabServer,
        people: People,
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self._server = server
        self._people = people
        self._settings = settings
        self._known: Memory[str, Footing] = Memory(clock)

    def footing(self, base: str) -> Footing:
        return self._known.get(base, lambda: self._look(base))

    def _look(self, base: str) -> Footing:
        bot = field(self._server.whoami(), "username", str)
        if self._server.has_job_token():
            return _of_a_job(bot)
        level = self._people.level(self._people.me())
        branch = self._ask(f"/repository/branches/{_part(base)}")
        edition, all_rules = self._rules()
        rules = [each for each in all_rules if _is_about(each, base, branch)]
        problems = [_why_not_counted(each) for each in rules if not _is_counted(each)]
        guards = self._guards(base) if branch is not None and branch.get("protected") else ()
        if not level:
            problems.append(f"{bot} is no member of {self._server.place}: add it as a Developer")
        if branch is None:
            problems.append(f"{self._server.place} shows no branch {base} to {bot}")
        merge = None
        if branch is not None:
            merge = self._may_merge(branch, guards, level, has_users=edition != "free")
            if merge is None:
                problems.append(
                    f"who may merge into {base} is told to maintainers only: whether {bot} may"
                    " is seen when it merges"
                )
        scopes = self._scopes()
        protection = self._protection(branch, guards, [e for e in rules if _is_counted(e)])
        if edition == "hidden":
            problems.append(
                f"{self._server.place} does not show its approval rules to {bot}: it needs the role"
                " Developer"
            )
            protection = replace(protection, approvals=None)
        if protection.checks is None:
            problems.append(
                f"{self._server.place} does not tell {bot} whether pipelines must succeed"
            )
        rights = _rights(bot, level, scopes, branch, merge)
        if not self._settings.has_pipelines():
            rights = replace(rights, publish=False)
        return Footing(rights, protection, rights.publish is not False, tuple(problems))

    def _protection(
        self, branch: Json | None, guards: Sequence[Json] | None, rules: Sequence[Json]
    ) -> Protection:
        must_pass = self._settings.read().get("only_allow_merge_if_pipeline_succeeds")
        checks: tuple[str, ...] | None = None
        if isinstance(must_pass, bool):
            checks = (PIPELINE,) if must_pass else ()
        approving = self._ask("/approvals") or {}
        resets = approving.get("reset_approvals_on_push")
        return Protection(
            None if branch is None else self._needs_request(branch, guards),
            # The Free edition has no rules: nothing there asks for an approval.
            max((field(each, "approvals_required", int) for each in rules), default=0),
            checks,
            up_to_date=self._settings.is_linear(),
            queue=self._settings.has_trains(),
            stale_approvals=None if resets is None else not resets,
            own_approvals=approving.get("merge_requests_author_approval") is True,
        )

    def _needs_request(self, branch: Json, guards: Sequence[Json] | None) -> bool | None:
        """Whether nobody may push to the branch; None: GitLab does not tell. Whoever may needs no
        merge request. By default maintainers may. That the bot may is a matter of its own."""
        if branch.get("protected") is not True or branch.get("developers_can_push"):
            return False
        if not guards:
            return None
        me = self._people.me()
        entries = [each for guard in guards for each in _entries(guard, "push")]
        return all(each.get("user_id") == me or _is_nobody(each) for each in entries)

    def _guards(self, base: str) -> Sequence[Json] | None:
        """The protections that the branch is under, by its name or by a pattern: what one of them
        allows is allowed. None: GitLab does not tell."""
        path = f"{self._server.project_path}/protected_branches"
        with self._server.speaking("asking what protects the base"):
            try:
                found: Any = self._server.api.http_list(path, iterator=True)
                return [each for each in found if fnmatchcase(base, field(each, "name", str))]
            except GitlabError as error:
                if error.response_code in _HIDDEN:
                    return None
                raise

    def _may_merge(
        self, branch: Json, guards: Sequence[Json] | None, level: int, *, has_users: bool
    ) -> bool | None:
        """None: GitLab does not tell; an edition with rules may name single users."""
        if not branch.get("protected") or branch.get("developers_can_merge"):
            return level >= DEVELOPER
        if not guards:
            return None if has_users or level >= MAINTAINER else False
        me = self._people.me()
        entries = [each for guard in guards for each in _entries(guard, "merge")]
        if any(each.get("user_id") == me or _admits(each, level) for each in entries):
            return True
        return None if any(each.get("group_id") for each in entries) else False

    def _rules(self) -> tuple[Edition, Sequence[Json]]:
        """The Free edition has none, and no such address."""
        path = f"{self._server.project_path}/approval_rules"
        with self._server.speaking("reading the approval rules"):
            try:
                found: Any = self._server.api.http_list(path, iterator=True)
                return "premium", [field({"rule": each}, "rule", dict) for each in found]
            except GitlabError as error:
                if error.response_code in _HIDDEN:
                    return ("free" if error.response_code == 404 else "hidden"), ()
                raise

    def _scopes(self) -> frozenset[str] | None:
        """Of the token; None where it can't ask about itself (an OAuth token, an old server)."""
        with self._server.speaking("asking what the token may do"):
            try:
                found: Any = self._server.api.http_get("/personal_access_tokens/self")
            except GitlabError as error:
                if error.response_code in _HIDDEN | {400}:
                    return None
                raise
        return frozenset(map(str, field(found, "scopes", list)))

    def _ask(self, path: str) -> Json | None:
        """None: not there, or not for this token."""
        with self._server.speaking("asking what protects the base"):
            try:
                found: Any = self._server.api.http_get(f"{self._server.project_path}{path}")
            except GitlabError as error:
                if error.response_code in _HIDDEN:
                    return None
                raise
        return field({"answer": found}, "answer", dict)


def _rights(
    bot: str, level: int, scopes: frozenset[str] | None, branch: Json | None, merge: bool | None
) -> Rights:
    writes = scopes is None or "api" in scopes
    is_developer = level >= DEVELOPER
    return Rights(
        bot,
        push=is_developer and (writes or "write_repository" in (scopes or ())),
        open=is_developer and writes,
        merge=merge if writes else False,
        see_approvals=level >= REPORTER and (writes or "read_api" in (scopes or ())),
        publish=is_developer and writes,
        bypass=None if branch is None else bool(branch.get("protected") and branch.get("can_push")),
        starts_pipelines=True,
    )


def _of_a_job(bot: str) -> Footing:
    """https://docs.gitlab.com/ci/jobs/ci_job_token/: it opens next to nothing, and what it pushes
    starts no pipeline."""
    rights = Rights(
        bot,
        open=False,
        merge=False,
        see_approvals=False,
        publish=False,
        starts_pipelines=False,
    )
    why = "a CI job's token opens no merge requests: give a project access token with the scope api"
    return Footing(rights, Protection(), statuses=False, problems=(why,))


def _admits(entry: Json, level: int) -> bool:
    """Level 0 is "No one"; what names a user or a group has the level of that, or none."""
    least = entry.get("access_level")
    named = entry.get("user_id") or entry.get("group_id")
    return not named and isinstance(least, int) and 0 < least <= level


def _entries(guard: Json, what: str) -> Sequence[Json]:
    entries: list[Json] = field(guard, f"{what}_access_levels", list)
    return entries


def _is_nobody(entry: Json) -> bool:
    named = (entry.get(each) for each in ("user_id", "group_id", "deploy_key_id", "member_role_id"))
    return entry.get("access_level") == 0 and not any(named)


def _is_counted(rule: Json) -> bool:
    """Others ask under conditions: where coverage falls, where a scanner finds something."""
    return rule.get("rule_type", "regular") in _ALWAYS_ASK or not rule.get("approvals_required")


def _why_not_counted(rule: Json) -> str:
    name = redact(repr(str(rule.get("name"))))
    return f"the approval rule {name} asks under conditions only: it is not counted"


def _is_about(rule: Json, base: str, branch: Json | None) -> bool:
    if rule.get("applies_to_all_protected_branches") is True:
        return bool(branch and branch.get("protected"))
    branches: Any = rule.get("protected_branches") or ()
    return not branches or any(fnmatchcase(base, str(each.get("name"))) for each in branches)


def _part(name: str) -> str:
    """Of an address; a branch may have slashes."""
    return quote(name, safe="")
