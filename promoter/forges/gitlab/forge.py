"""Merge requests of a GitLab project: gitlab.com, or a server of one's own.

https://docs.gitlab.com/api/merge_requests/. Its numbers are GitLab's `iid`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from gitlab.exceptions import GitlabError

from promoter.access.credentials import Credential, Credentials
from promoter.access.http import HttpClient
from promoter.errors import ConflictError, InputError, PromoterError
from promoter.forges.gitlab.approvals import approvers
from promoter.forges.gitlab.checks import Checks
from promoter.forges.gitlab.extras import Extras
from promoter.forges.gitlab.footing import Standing
from promoter.forges.gitlab.merging import Merging
from promoter.forges.gitlab.people import People
from promoter.forges.gitlab.requests import Requests
from promoter.forges.gitlab.server import GitLabPlace, GitLabServer
from promoter.forges.gitlab.settings import Settings
from promoter.forges.gitlab.values import (
    LONGEST_DESCRIPTION,
    Json,
    defused,
    description_of,
    field,
    is_own_branch,
    read_request,
    title_of,
)
from promoter.forges.written import marked
from promoter.model.ports import (
    Check,
    Comment,
    Footing,
    MergeRequest,
    MergeRequestDraft,
    MergeText,
    Readiness,
)


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
    name. `credential` is asked by host (`Credentials.for_host`); what is known of people, settings
    and protection holds for five minutes by `clock` (seconds)."""

    def __init__(
        self,
        place: GitLabPlace,
        credential: Callable[[str], Credential | None],
        http: HttpClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._server = GitLabServer(place, credential, http)
        self._people = People(self._server, clock)
        self._settings = Settings(self._server, clock)
        self._requests = Requests(self._server, self._people)
        self._extras = Extras(self._people)
        self._checks = Checks(self._server, self._requests, self._settings, clock)
        self._merging = Merging(self._server, self._requests, self._settings)
        self._standing = Standing(self._server, self._people, self._settings, clock)

    def find(self, base: str, prefix: str, since: datetime | None = None) -> Sequence[MergeRequest]:
        """As the port says, the newest first. Two lists: the open ones, then all that changed
        since, so that one that ends in between is seen as ended, and none is missed."""
        with self._server.speaking("listing merge requests"):
            found = self._requests.list(target_branch=base, state="opened") if since else []
            after = {"updated_after": since.astimezone(UTC).isoformat()} if since else {}
            found += self._requests.list(target_branch=base, state="all", **after)
        newest = {field(each, "iid", int): each for each in found}
        told = [self._tell(newest[number], prefix) for number in sorted(newest, reverse=True)]
        return [each for each in told if each is not None]

    def mergers(self, numbers: Sequence[int]) -> Mapping[int, str]:  # noqa: ARG002
        """Nobody: `find` tells."""
        return {}

    def open(self, draft: MergeRequestDraft) -> MergeRequest:
        """As the port says. One that is open on another base (the rule's branch changed) moves to
        this one: `find` would never show it."""
        found = self._requests.find_open(draft.branch, draft.base)
        if found is None:
            try:
                return self._create(draft)
            except GitlabError as error:
                # 409: "another open merge request already exists". Somebody was faster.
                found = self._requests.find_open(draft.branch, draft.base)
                if found is None:
                    raise self._why_not_opened(draft, error) from None
        return found if found.base == draft.base else self.update(found.number, draft)

    def update(self, number: int, draft: MergeRequestDraft) -> MergeRequest:
        """As the port says; the head is the branch's. GitLab notes a new title by itself.
        ConflictError where it is open no more."""
        data: Json = self._requests.get(number).attributes
        self._requests.check_open(data)
        extras = self._extras.of(draft)
        wanted = {
            "title": title_of(draft),
            "description": description_of(draft),
            "target_branch": draft.base,
        }
        changed = {k: v for k, v in wanted.items() if data.get(k) != v} | extras.missing_in(data)
        if changed:
            data = self._put(number, changed, "updating")
        return replace(self._requests.view(data), warnings=extras.warnings_about(data))

    def comment(self, number: int, comment: Comment) -> None:
        """As the port says; the bot's own notes count only: anybody may write a mark."""
        request = self._requests.get(number)
        with self._server.speaking(f"commenting !{number}"):
            bot = self._people.me()
            for note in request.notes.list(iterator=True, order_by="created_at", sort="desc"):
                data: Json = note.attributes
                author = field(data, "author", dict)
                if author.get("id") == bot and comment.mark in str(data.get("body")):
                    return
            self._requests.check_open(request.attributes)
            said = replace(comment, text=defused(comment.text))
            request.notes.create({"body": marked(said, LONGEST_DESCRIPTION)})

    def label(self, number: int, name: str) -> None:
        """As the port says; GitLab makes a label that it does not know."""
        data = self._requests.get(number).attributes
        if name not in (data.get("labels") or ()):
            self._put(number, {"add_labels": name}, "labelling")

    def close(self, number: int, reason: str) -> None:  # noqa: ARG002 - nowhere to put it
        """Closing twice is closing once. GitLab's own record has no place for a reason. The branch
        stays: GitLab has no deletion that names the commit it expects."""
        data = self._requests.get(number).attributes
        if data.get("state") != "closed":
            self._requests.check_open(data)
            self._put(number, {"state_event": "close"}, "closing")

    def approvals(self, number: int, head: str) -> Sequence[str]:
        """As the port says, the bot left out too, and whoever may not write here. An approval
        from before this head is none: GitLab takes those back by itself only where the project
        says so."""
        with self._server.speaking(f"reading the approvals of !{number}"):
            return approvers(self._people, self._requests.get(number), head)

    def checks(self, number: int, head: str) -> Sequence[Check]:
        """As the port says; the pipeline itself is named `pipeline`, without the bot's status."""
        return self._checks.read(number, head)

    def commit_checks(self, commit: str) -> Sequence[Check]:
        """As the port says; the newest pipeline of the commit, on whatever branch, is named
        `pipeline`."""
        return self._checks.read_commit(commit)

    def readiness(self, number: int, head: str) -> Readiness:
        return self._merging.readiness(number, head)

    def merge(self, number: int, head: str, text: MergeText) -> Literal["merged", "queued"]:
        """As the port says; `queued`: it is on the merge train, where the project has one."""
        return self._merging.merge(number, head, text)

    def disarm(self, number: int) -> None:
        """As the port says; ConflictError where it was merged before."""
        self._merging.disarm(number)

    def publish(self, number: int, head: str, check: Check) -> bool:
        """As the port says; not before CI has made a pipeline, where the project has CI. `pending`
        is shown as failed: a pending status would keep the pipeline running for as long as the wait
        lasts."""
        return self._checks.publish(number, head, check)

    def footing(self, base: str) -> Footing:
        return self._standing.footing(base)

    def _tell(self, data: Json, prefix: str) -> MergeRequest | None:
        """None: it is somebody else's, and has ended."""
        if is_own_branch(data) and field(data, "source_branch", str).startswith(prefix):
            return self._requests.view(data)
        if data.get("state") not in ("opened", "locked"):
            return None
        return replace(read_request(data, None), body="", approvals=0, foreign=True)

    def _create(self, draft: MergeRequestDraft) -> MergeRequest:
        extras = self._extras.of(draft)
        given = extras.missing_in({})
        if labels := given.pop("add_labels", None):
            given["labels"] = labels
        made: Json = self._server.project.mergerequests.create(
            {
                "source_branch": draft.branch,
                "target_branch": draft.base,
                "title": title_of(draft),
                "description": description_of(draft),
                "remove_source_branch": True,
                **given,
            }
        ).attributes
        # The commit is told when GitLab has prepared the request, a moment later.
        opened = read_request({**made, "sha": made.get("sha") or draft.head}, None)
        return replace(opened, warnings=extras.warnings_about(made))

    def _put(self, number: int, changed: Json, doing: str) -> Json:
        with self._server.speaking(f"{doing} !{number}"):
            path = f"{self._server.project_path}/merge_requests/{number}"
            data = self._server.api.http_put(path, post_data=dict(changed))
        return field({"answer": data}, "answer", dict)

    def _why_not_opened(self, draft: MergeRequestDraft, error: GitlabError) -> PromoterError:
        if error.response_code in (400, 409, 422):
            if self._requests.tip(draft.branch) is None:
                return ConflictError(f"{self._place} has no branch {draft.branch} any more")
            if self._requests.tip(draft.base) is None:
                return InputError(f"{self._place} has no branch {draft.base} to merge into")
        return self._server.translate(error, f"opening a merge request for {draft.branch}")
