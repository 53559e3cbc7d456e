"""Merge requests of a GitLab project: gitlab.com, or a server of one's own.

https://docs.gitlab.com/api/merge_requests/. Its numbers are GitLab's `iid`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from gitlab.exceptions import GitlabError
from gitlab.v4.objects import ProjectMergeRequest

from promoter.access.credentials import Credential, Credentials
from promoter.access.http import HttpClient
from promoter.errors import ConflictError, InputError, PromoterError, TransientError
from promoter.forges.gitlab_approvals import approvers
from promoter.forges.gitlab_server import GitLabPlace, GitLabServer, words_of
from promoter.forges.gitlab_values import (
    Json,
    description_of,
    field,
    has_taken_in,
    is_own_branch,
    read_request,
    title_of,
)
from promoter.model.ports import MergeRequest, MergeRequestDraft
from promoter.model.record import Record
from promoter.texts.inline import escaped

_SQUASHES = frozenset({"always", "default_on"})
_NO_LONGER_ON_TRAIN = frozenset({"merged", "skip_merged"})


def connect(
    url: str, *, credentials: Credentials, http: HttpClient, servers: Sequence[str] = ()
) -> GitLabForge:
    """The forge of the repository at `url`. Nothing is asked before it is used.

    `servers`: base URLs of servers that are below a path (`https://example.com/gitlab`), or that
    git over SSH belongs to. InputError where `url` names no project.
    """
    return GitLabForge(GitLabPlace.of(url, servers), credentials.for_host, http)


class GitLabForge:
    """`promoter.model.ports.Forge` in a GitLab project; thread-safe. People are named by user
    name. `credential` is asked by host (`Credentials.for_host`)."""

    def __init__(
        self,
        place: GitLabPlace,
        credential: Callable[[str], Credential | None],
        http: HttpClient,
    ) -> None:
        self._place = place
        self._server = GitLabServer(place, credential, http)

    def find(self, base: str, prefix: str, since: datetime | None = None) -> Sequence[MergeRequest]:
        """As the port says, the newest first. Two lists: the open ones, then all that changed
        since, so that one that ends in between is seen as ended, and none is missed."""
        with self._server.speaking("listing merge requests"):
            found = self._list(target_branch=base, state="opened") if since else []
            after = {"updated_after": since.astimezone(UTC).isoformat()} if since else {}
            found += self._list(target_branch=base, state="all", **after)
        mine = {
            field(each, "iid", int): each
            for each in found
            if field(each, "source_branch", str).startswith(prefix) and is_own_branch(each)
        }
        closed = any(each.get("state") == "closed" for each in mine.values())
        bot = self._bot() if closed else None
        return [self._view(mine[number], bot) for number in sorted(mine, reverse=True)]

    def open(self, draft: MergeRequestDraft) -> MergeRequest:
        """As the port says. One that is open on another base (the rule's branch changed) moves to
        this one: `find` would never show it."""
        found = self._open_one(draft)
        if found is None:
            try:
                return self._create(draft)
            except GitlabError as error:
                # 409: "another open merge request already exists". Somebody was faster.
                found = self._open_one(draft)
                if found is None:
                    raise self._why_not_opened(draft, error) from None
        if found.base != draft.base:
            self.update(found.number, draft)
            found = self._view(self._get(found.number).attributes, None)
        return found

    def update(self, number: int, draft: MergeRequestDraft) -> None:
        """As the port says; the head is the branch's. GitLab notes a new title by itself.
        ConflictError where it is open no more."""
        request = self._get(number)
        self._check_open(request.attributes)
        wanted = {
            "title": title_of(draft),
            "description": description_of(draft),
            "target_branch": draft.base,
        }
        changed = {k: v for k, v in wanted.items() if request.attributes.get(k) != v}
        if changed:
            with self._server.speaking(f"updating !{number}"):
                self._server.project.mergerequests.update(number, changed)

    def close(self, number: int, reason: str) -> None:
        """A note with the reason, once, then the end; closing twice is closing once. The branch
        stays: GitLab has no deletion that names the commit it expects."""
        request = self._get(number)
        if request.attributes.get("state") == "closed":
            return
        self._check_open(request.attributes)
        with self._server.speaking(f"closing !{number}"):
            self._note_once(request, reason)
            self._server.project.mergerequests.update(number, {"state_event": "close"})

    def approvals(self, number: int, head: str) -> Sequence[str]:
        """As the port says, the bot left out too, and whoever may not write here. An approval
        from before this head is none: GitLab takes those back by itself only where the project
        says so."""
        with self._server.speaking(f"reading the approvals of !{number}"):
            return approvers(self._server, self._get(number), head)

    def merge(self, number: int, head: str) -> Literal["merged", "queued"]:
        """As the port says; `queued`: it is on the merge train, where the project has one."""
        request = self._get(number)
        if _is_merged(request.attributes, head):
            return "merged"
        self._check_open(request.attributes)
        self._check_head(request.attributes, head)
        with self._server.speaking("reading the project's settings"):
            project: Json = self._server.api.projects.get(self._place.project).attributes
        squash = {"squash": project["squash_option"] in _SQUASHES} if _squashes(project) else {}
        try:
            if project.get("merge_trains_enabled") is True:
                return self._board(request, head, squash)
            merged: Any = self._server.api.http_put(
                f"{self._server.project_path}/merge_requests/{number}/merge",
                post_data={
                    "sha": head,
                    "should_remove_source_branch": True,
                    **_messages(request.attributes),
                    **squash,
                },
            )
        except GitlabError as error:
            return self._after_refusal(number, head, error)
        except TransientError:
            # The answer may be lost, and the work done.
            if _is_merged(self._get(number).attributes, head):
                return "merged"
            raise
        if field(merged, "state", str) != "merged":
            raise TransientError(f"{self._place}: !{number} is being merged; look again")
        return "merged"

    def _list(self, **filters: str) -> list[Json]:
        # By creation, so that what is new or changes meanwhile shifts no page.
        found = self._server.project.mergerequests.list(
            iterator=True, order_by="created_at", sort="asc", **filters
        )
        return [each.attributes for each in found]

    def _get(self, number: int) -> ProjectMergeRequest:
        with self._server.speaking(f"reading !{number}"):
            return self._server.project.mergerequests.get(number)

    def _view(self, data: Json, bot: int | None) -> MergeRequest:
        """The head of an open one is where its branch really stands."""
        request = read_request(data, bot)
        if request.state != "open" or has_taken_in(data):
            return request
        return replace(request, head=self._tip(request.branch) or request.head)

    def _bot(self) -> int:
        return field(self._server.whoami(), "id", int)

    def _open_one(self, draft: MergeRequestDraft) -> MergeRequest | None:
        """The open one of the branch; of several, the one with the right base."""
        with self._server.speaking(f"looking for a merge request of {draft.branch}"):
            listed = self._list(source_branch=draft.branch, state="opened")
        found = [self._view(each, None) for each in listed if is_own_branch(each)]
        return max(found, key=lambda each: each.base == draft.base, default=None)

    def _create(self, draft: MergeRequestDraft) -> MergeRequest:
        made = self._server.project.mergerequests.create(
            {
                "source_branch": draft.branch,
                "target_branch": draft.base,
                "title": title_of(draft),
                "description": description_of(draft),
                "remove_source_branch": True,
            }
        )
        # The commit is told when GitLab has prepared the request, a moment later.
        return read_request(
            {**made.attributes, "sha": made.attributes.get("sha") or draft.head}, None
        )

    def _why_not_opened(self, draft: MergeRequestDraft, error: GitlabError) -> PromoterError:
        if error.response_code in (400, 409, 422):
            if self._tip(draft.branch) is None:
                return ConflictError(f"{self._place} has no branch {draft.branch} any more")
            if self._tip(draft.base) is None:
                return InputError(f"{self._place} has no branch {draft.base} to merge into")
        return self._server.translate(error, f"opening a merge request for {draft.branch}")

    def _tip(self, branch: str) -> str | None:
        """Where a branch stands; None where there is none."""
        with self._server.speaking(f"looking for the branch {branch}"):
            try:
                found = self._server.project.branches.get(branch)
            except GitlabError as error:
                if error.response_code == 404:
                    return None
                raise
        return field(field(found.attributes, "commit", dict), "id", str)

    def _note_once(self, request: ProjectMergeRequest, reason: str) -> None:
        """The mark tells the note of this very closing: who is killed after it says it once."""
        said = hashlib.sha256(f"{request.attributes.get('sha')} {reason}".encode()).hexdigest()[:16]
        mark = f"<!-- promoter closed: {said} -->"
        bot = self._bot()
        for note in request.notes.list(iterator=True, order_by="created_at", sort="desc"):
            author: Any = note.attributes.get("author") or {}
            if author.get("id") == bot and mark in str(note.attributes.get("body")):
                return
        request.notes.create({"body": f"Closed: {escaped(reason)}\n\n{mark}"})

    def _board(
        self, request: ProjectMergeRequest, head: str, squash: Json
    ) -> Literal["merged", "queued"]:
        """Put it on the train (https://docs.gitlab.com/api/merge_trains/), if it is not there."""
        number = request.attributes["iid"]
        path = f"{self._server.project_path}/merge_trains/merge_requests/{number}"
        try:
            car: Any = self._server.api.http_get(path)
        except GitlabError as error:
            if error.response_code != 404:
                raise
        else:
            if field(car, "status", str) not in _NO_LONGER_ON_TRAIN:
                return "queued"
        self._server.api.http_post(path, post_data={"sha": head, **squash})
        return "queued"

    def _after_refusal(
        self, number: int, head: str, error: GitlabError
    ) -> Literal["merged", "queued"]:
        now = self._get(number).attributes
        if _is_merged(now, head):
            return "merged"
        what = f"merging !{number}"
        if error.response_code == 401:  # here it is no word about the token: it could just read
            base = now.get("target_branch")
            raise InputError(
                f"{self._place}: {what}: the token's user may not merge into {base}; allow it"
                " where the branch is protected, or set merge: manual"
            )
        if error.response_code in (405, 406, 422):
            self._check_open(now)
            status = now.get("detailed_merge_status") or "not told"
            said = f"GitLab says: {words_of(error)} (merge status: {status})"
            # The base moved in the same files: decided again, the branch is built on it anew.
            kind = ConflictError if now.get("has_conflicts") is True else TransientError
            raise kind(f"{self._place}: {what}: {said}")
        raise self._server.translate(error, what)

    def _check_open(self, data: Json) -> None:
        if data.get("state") not in ("opened", "locked"):
            raise ConflictError(f"{self._place}: !{data.get('iid')} is {data.get('state')} already")

    def _check_head(self, data: Json, head: str) -> None:
        if data.get("sha") == head:
            return
        stands = self._tip(field(data, "source_branch", str))
        if stands == head:
            raise TransientError(
                f"{self._place}: !{data['iid']}: GitLab has not taken in {head[:8]} yet"
            )
        at = f"at {stands[:8]}" if stands else "deleted"
        raise ConflictError(f"{self._place}: the branch of !{data['iid']} is {at}, not {head[:8]}")


def _is_merged(data: Json, head: str) -> bool:
    return data.get("state") == "merged" and data.get("sha") == head


def _squashes(project: Json) -> bool:
    """Whether the project says anything about it; older servers don't."""
    return isinstance(project.get("squash_option"), str)


def _messages(data: Json) -> dict[str, str]:
    """Of the merge commit, and of the squashed one where the project squashes: with the record,
    so that the history reads the same whatever the method."""
    request = read_request(data, None)
    record = Record.parse(request.body)
    trailers = "\n".join(("", "", *record.trailers())) if record else ""
    return {
        "merge_commit_message": f"Merge !{request.number}: {request.title}{trailers}\n",
        "squash_commit_message": f"{request.title}{trailers}\n",
    }
