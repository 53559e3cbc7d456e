"""GitHub's pull requests, on github.com and Enterprise, as `promoter.model.ports.Forge`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from promoter.errors import ConflictError, InputError, PromoterError, TransientError
from promoter.forges.github_merging import Merging, NotYetError
from promoter.forges.github_people import People
from promoter.forges.github_talk import Conversation, Json
from promoter.forges.github_text import (
    Note,
    closing_comment,
    closing_mark,
    fitting_title,
    split_note,
    with_note,
)
from promoter.forges.github_trouble import RefusalError
from promoter.model.ports import MergeRequest, MergeRequestDraft

_log = logging.getLogger(__name__)


class GitHubForge:
    """Merge requests of one repository; thread-safe.

    A look (`find`) is one list call for the open ones and one for those that ended, by pages of
    100, plus one or two for each that somebody closed since, once.
    """

    def __init__(self, talk: Conversation, now: Callable[[], datetime]) -> None:
        self._talk = talk
        self._place = talk.place
        self._people = People(talk, now)
        self._merging = Merging(talk, now)

    def find(self, base: str, prefix: str, since: datetime | None = None) -> Sequence[MergeRequest]:
        """As the port says. Branches of forks never count: anybody can name one alike."""
        # The open ones first: one that is closed meanwhile is in both lists, not in neither.
        found = {int(each["number"]): each for each in self._open_ones(base)}
        found.update((int(each["number"]), each) for each in self._ended_ones(base, since))
        return [
            self._view(each)
            for _, each in sorted(found.items(), reverse=True)
            if self._is_ours(each) and str(each["head"]["ref"]).startswith(prefix)
        ]

    def _open_ones(self, base: str) -> Iterator[Json]:
        wanted = {"state": "open", "base": base, "sort": "created", "direction": "desc"}
        return self._list("list the open merge requests", wanted)

    def _ended_ones(self, base: str, since: datetime | None) -> Iterator[Json]:
        wanted = {"state": "closed", "base": base, "sort": "updated", "direction": "desc"}
        for each in self._list("list the closed merge requests", wanted):
            # Nothing ends later than it was last updated.
            if since is not None and _moment(each["updated_at"]) < since:
                return
            yield each

    def _list(self, doing: str, wanted: dict[str, str]) -> Iterator[Json]:
        for each in self._talk.pages(self._place.path("/pulls"), doing, wanted):
            # PyGithub follows a renamed repository and loses what was asked for on the way.
            if (
                str(each["base"]["repo"]["full_name"]).casefold()
                != self._place.full_name.casefold()
            ):
                raise self._talk.moved(doing, each)
            yield each

    def _is_ours(self, pull: Json) -> bool:
        head = pull["head"]["repo"]  # None: a fork that was deleted
        return head is not None and head["id"] == pull["base"]["repo"]["id"]

    def _view(self, pull: Json) -> MergeRequest:
        number = int(pull["number"])
        ended = pull["merged_at"] or pull["closed_at"]
        closer = None
        state: Literal["open", "merged", "closed"] = "open"
        if pull["merged_at"]:
            state = "merged"
        elif pull["state"] == "closed":
            state = "closed"
            closer = self._people.closer(number, str(pull["closed_at"]))
        body, note = split_note(pull["body"] or "")
        return MergeRequest(
            number=number,
            state=state,
            branch=pull["head"]["ref"],
            base=pull["base"]["ref"],
            head=pull["head"]["sha"],
            title=pull["title"],
            body=body,
            url=pull["html_url"],
            closed_by=closer,
            closed_by_bot=closer is not None and self._people.is_me(closer),
            approvals=note.approvals,
            ended_at=_moment(ended) if ended else None,
        )

    def open(self, draft: MergeRequestDraft) -> MergeRequest:
        """As the port says. One that is open on another base (the rule's branch changed) moves to
        this one: GitHub would open a second one, and `find` never show the first."""
        found = self._open_from(draft)
        if found is None:
            doing = f"open a merge request from {draft.branch}"
            body = {
                "title": fitting_title(draft.title),
                "head": draft.branch,
                "base": draft.base,
                "body": _body(draft),
            }
            try:
                made = self._talk.send("POST", self._place.path("/pulls"), doing, body, "number")
                return self._view(made)
            except RefusalError as error:
                if error.status != 422:
                    raise
                # Somebody else's may have come first: only the list tells, whatever the words.
                found = self._open_from(draft)
                if found is None:
                    raise _why_not_opened(draft, error) from None
        if found["base"]["ref"] != draft.base:
            found = self._rewrite(int(found["number"]), draft, base=draft.base)
        return self._view(found)

    def _open_from(self, draft: MergeRequestDraft) -> Json | None:
        wanted = {"state": "open", "head": f"{self._place.owner}:{draft.branch}"}
        doing = f"look for a merge request from {draft.branch}"
        # GitHub takes a filter that it does not understand for none.
        of_branch = [
            each
            for each in self._list(doing, wanted)
            if self._is_ours(each) and each["head"]["ref"] == draft.branch
        ]
        here = [each for each in of_branch if each["base"]["ref"] == draft.base]
        return next(iter([*here, *of_branch]), None)

    def update(self, number: int, draft: MergeRequestDraft) -> None:
        """As the port says; ConflictError where it is not open any more."""
        pull = self._rewrite(number, draft)
        if pull["state"] != "open":
            raise ConflictError(f"#{number} is closed already")

    def _rewrite(self, number: int, draft: MergeRequestDraft, **more: str) -> Json:
        doing = f"update #{number}"
        body = {"title": fitting_title(draft.title), "body": _body(draft), **more}
        path = self._place.path(f"/pulls/{number}")
        return self._talk.send("PATCH", path, doing, body, "number")

    def close(self, number: int, reason: str) -> None:
        """Say why, close, delete the branch; each once, however often this is repeated. A branch
        that is not where the bot put it stays: somebody's work would be lost."""
        pull = self._show(number)
        if pull.get("merged_at"):
            raise ConflictError(f"#{number} is merged already")
        if pull["state"] != "open":
            return
        self._say(number, closing_mark(number, reason), closing_comment(number, reason))
        doing = f"close #{number}"
        path = self._place.path(f"/pulls/{number}")
        closed = self._talk.send("PATCH", path, doing, {"state": "closed"}, "number")
        _, note = split_note(closed["body"] or "")
        if self._is_ours(closed) and closed["head"]["sha"] == note.head:
            self._delete_branch(closed["head"]["ref"])

    def _say(self, number: int, mark: str, text: str) -> None:
        doing = f"comment on #{number}"
        path = self._place.path(f"/issues/{number}/comments")
        if not any(mark in (each.get("body") or "") for each in self._talk.pages(path, doing, {})):
            self._talk.send("POST", path, doing, {"body": text})

    def approvals(self, number: int, head: str) -> Sequence[str]:
        """Logins of people with write access, other than the bot and the author, whose latest
        review approves exactly `head`; none while such a person asks for changes."""
        doing = f"read the reviews of #{number}"
        reviews = list(self._talk.pages(self._place.path(f"/pulls/{number}/reviews"), doing, {}))
        if not reviews:
            return ()
        author = self._show(number).get("user") or {}
        return self._people.approvers(reviews, head, str(author.get("login", "")))

    def merge(self, number: int, head: str) -> Literal["merged", "queued"]:
        """As the port says; TransientError with what GitHub said where it does not let it be
        merged yet (required checks or reviews). What is merged already is merged."""
        pull = self._show(number)
        _check_head(pull, head)
        if pull.get("merged_at"):
            return "merged"
        _check_mergeable(pull)
        body, _ = split_note(pull["body"] or "")
        try:
            done = self._merging.merge(pull, pull["title"], body, head)
        except NotYetError:
            # GitHub finds out whether it can merge only once it is asked, and says null meanwhile.
            if pull.get("mergeable") is None:
                again = self._show(number)
                _check_head(again, head)
                _check_mergeable(again)
            raise
        if done == "merged" and self._is_ours(pull):
            self._delete_branch(pull["head"]["ref"])
        return done

    def _delete_branch(self, branch: str) -> None:
        """Tidiness: where it fails the deed stands all the same, and GitHub may have done it."""
        path = self._place.path(f"/git/refs/heads/{quote(branch)}")
        try:
            self._talk.send("DELETE", path, f"delete the branch {branch}")
        except PromoterError as error:
            _log.debug("%s", error)

    def _show(self, number: int) -> Json:
        return self._talk.get(self._place.path(f"/pulls/{number}"), f"read #{number}", "number")


def _body(draft: MergeRequestDraft) -> str:
    return with_note(draft.body, Note(draft.approvals, draft.head))


def _check_head(pull: Json, head: str) -> None:
    branch, stands = pull["head"]["ref"], pull["head"]["sha"]
    if stands != head:
        raise ConflictError(
            f"#{pull['number']}: the branch {branch} is at {stands[:8]}, not at {head[:8]}"
        )


def _check_mergeable(pull: Json) -> None:
    if pull["state"] != "open":
        raise ConflictError(f"#{pull['number']} is closed already")
    if pull.get("mergeable_state") == "dirty":
        raise ConflictError(f"#{pull['number']} conflicts with {pull['base']['ref']}")


def _why_not_opened(draft: MergeRequestDraft, error: RefusalError) -> PromoterError:
    """GitHub tells a branch that it does not know by a field, and the rest in words only."""
    errors = error.data.get("errors") if isinstance(error.data, dict) else None
    listed = [each for each in errors or () if isinstance(each, dict)]
    fields = {each.get("field") for each in listed if each.get("code") == "invalid"}
    if "base" in fields:
        return InputError(f"{error.message}: there is no branch {draft.base} to merge into")
    said = [str(each.get("message")) for each in listed]
    if any(each.startswith("A pull request already exists") for each in said):
        return TransientError(f"{error.message}, and does not list it yet")
    if "head" in fields or any(each.startswith("No commits between") for each in said):
        return ConflictError(f"{draft.branch} is gone, or merged into {draft.base}: {error.said}")
    return error


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
