"""Merging on GitLab: whether it would, the project's way of doing it, and its merge trains.

https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request,
https://docs.gitlab.com/api/merge_trains/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gitlab.exceptions import GitlabError

from promoter.errors import ConflictError, InputError, TransientError
from promoter.forges.gitlab.requests import Requests
from promoter.forges.gitlab.server import GitLabServer, words_of
from promoter.forges.gitlab.settings import Settings
from promoter.forges.gitlab.values import Json, field
from promoter.model.ports import MergeText, Readiness

Deed = Literal["merged", "queued"]

# https://docs.gitlab.com/api/merge_requests/#merge-status
_WAITS: Mapping[str, str] = {
    "approvals_syncing": "GitLab is still counting its approvals",
    "blocked_status": "another merge request must be merged before it",
    "broken_status": "GitLab can't merge it: its branch or its changes are gone",
    "checking": "GitLab is still looking whether it merges",
    "ci_must_pass": "its pipeline has not succeeded",
    "ci_still_running": "its pipeline is still running",
    "commits_status": "its branch is gone or holds no commits",
    "discussions_not_resolved": "not all of its discussions are resolved",
    "draft_status": "it is a draft",
    "external_status_checks": "an external status check has not passed",
    "jira_association_missing": "its title or description must name a Jira issue",
    "locked_lfs_files": "it changes files that somebody locked",
    "locked_paths": "it changes paths that somebody locked",
    "merge_request_blocked": "another merge request must be merged before it",
    "merge_time": "the time after which it may be merged has not come",
    "not_approved": "an approval that the project asks for is missing",
    "policies_denied": "a policy of the project denies it",
    "preparing": "GitLab is still preparing it",
    "requested_changes": "a reviewer asks for changes",
    "security_policy_pipeline_check": "a security policy waits for its pipelines",
    "security_policy_violations": "it violates a security policy of the project",
    "status_checks_must_pass": "an external status check has not passed",
    "title_regex": "its title is not as the project wants it",
    "title_not_matching": "its title is not as the project wants it",
    "unchecked": "GitLab has not looked yet whether it merges",
}
# What servers before 15.6 say, in `merge_status`.
_OLDER: Mapping[str, str] = {
    "can_be_merged": "mergeable",
    "cannot_be_merged": "conflict",
    "cannot_be_merged_recheck": "checking",
}


class Merging:
    """Merges what was decided to be merged; thread-safe."""

    def __init__(self, server: GitLabServer, requests: Requests, settings: Settings) -> None:
        self._server = server
        self._requests = requests
        self._settings = settings

    def readiness(self, number: int, head: str) -> Readiness:
        data = self._requests.get(number).attributes
        if data.get("state") in ("closed", "merged"):
            return Readiness("ready")  # it ended meanwhile: the merge tells
        if data.get("state") != "opened":
            return Readiness("wait", f"it is {data.get('state')}")
        if data.get("sha") != head:
            return Readiness("wait", f"GitLab has not taken in {head[:8]}, or it stands elsewhere")
        older = _OLDER.get(str(data.get("merge_status")), "unchecked")
        status = data.get("detailed_merge_status") or older
        if status == "conflict" or data.get("has_conflicts") is True:
            return Readiness("conflict", f"it conflicts with {data.get('target_branch')}")
        if status == "need_rebase":
            base = data.get("target_branch")
            return Readiness("behind", f"the project wants it on the tip of {base}")
        if status != "mergeable":
            return Readiness("wait", _WAITS.get(str(status), f"GitLab says {status}"))
        user: Any = data.get("user") or {}
        if user.get("can_merge") is False:
            base = data.get("target_branch")
            return Readiness("refused", f"the token's user may not merge into {base}")
        return Readiness("ready")

    def merge(self, number: int, head: str, text: MergeText) -> Deed:
        """`queued`: it is on the merge train, where the project has one."""
        data = self._requests.get(number).attributes
        if _is_merged(data, head):
            return "merged"
        self._requests.check_open(data)
        self._requests.check_head(data, head)
        try:
            if self._settings.has_trains():
                return self._board(data, head)
            return self._merge_now(number, head, text)
        except GitlabError as error:
            self._settings.forget()
            return self._after_refusal(number, head, error)
        except TransientError:
            # The answer may be lost, and the work done.
            if _is_merged(self._requests.get(number).attributes, head):
                return "merged"
            raise

    def disarm(self, number: int) -> None:
        """Off the train, or no automatic merge any more: GitLab has one call for both, whatever its
        name says. ConflictError where it was merged before."""
        data = self._requests.get(number).attributes
        if data.get("state") in ("merged", "locked"):
            raise ConflictError(f"{self._server.place}: !{number} is being merged, or is already")
        if data.get("merge_when_pipeline_succeeds") is not True:
            return
        path = f"{self._path(number)}/cancel_merge_when_pipeline_succeeds"
        with self._server.speaking(f"disarming !{number}"):
            try:
                self._server.api.http_post(path)
            except GitlabError as error:
                if error.response_code == 401:
                    raise self._may_not(f"disarming !{number}", data) from None
                if error.response_code != 406:  # that says: it is not armed
                    raise

    def _path(self, number: int) -> str:
        return f"{self._server.project_path}/merge_requests/{number}"

    def _merge_now(self, number: int, head: str, text: MergeText) -> Deed:
        merged: Any = self._server.api.http_put(
            f"{self._path(number)}/merge",
            post_data={
                "sha": head,
                "should_remove_source_branch": True,
                "merge_commit_message": f"Merge !{number}: {text.subject}\n\n{text.body}\n",
                "squash_commit_message": f"{text.subject}\n\n{text.body}\n",
                **self._settings.squash(),
            },
        )
        if field(merged, "state", str) != "merged":
            raise TransientError(f"{self._server.place}: !{number} is being merged; look again")
        return "merged"

    def _board(self, data: Json, head: str) -> Deed:
        """Put it on the train, if it is not there. The train makes the message of its merge from
        the project's template; the commits keep theirs."""
        if data.get("merge_when_pipeline_succeeds") is not True:
            path = f"{self._server.project_path}/merge_trains/merge_requests/{data['iid']}"
            self._server.api.http_post(path, post_data={"sha": head, **self._settings.squash()})
        return "queued"

    def _after_refusal(self, number: int, head: str, error: GitlabError) -> Deed:
        now = self._requests.get(number).attributes
        if _is_merged(now, head):
            return "merged"
        what = f"merging !{number}"
        if error.response_code == 401:  # here it is no word about the token: it could just read
            raise self._may_not(what, now)
        if error.response_code in (400, 405, 406, 422):
            self._requests.check_open(now)
            status = now.get("detailed_merge_status") or "not told"
            said = f"GitLab says: {words_of(error)} (merge status: {status})"
            # The base moved in the same files: decided again, the branch is built on it anew.
            kind = ConflictError if now.get("has_conflicts") is True else TransientError
            raise kind(f"{self._server.place}: {what}: {said}")
        raise self._server.translate(error, what)

    def _may_not(self, what: str, data: Json) -> InputError:
        return InputError(
            f"{self._server.place}: {what}: the token's user may not merge into"
            f" {data.get('target_branch')}; allow it where the branch is protected, or set"
            " merge: manual"
        )


def _is_merged(data: Json, head: str) -> bool:
    return data.get("state") == "merged" and data.get("sha") == head
