"""Merge requests on GitHub as its lists tell them, and as the port's value."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from promoter.access.redaction import redact
from promoter.errors import PromoterError
from promoter.forges.github.people import People
from promoter.forges.github.talk import Conversation, Json
from promoter.forges.written import split_note
from promoter.model.ports import MergeRequest, MergeRequestDraft


class Listing:
    """Thread-safe; nothing is remembered but what `people` does."""

    def __init__(self, talk: Conversation, people: People) -> None:
        self._talk = talk
        self._place = talk.place
        self._people = people

    def find(self, base: str, prefix: str, since: datetime | None) -> list[MergeRequest]:
        """Ours, and of the others those that are open; the newest first."""
        # The open ones first: one that is closed meanwhile is in both lists, not in neither.
        found = {int(each["number"]): each for each in self._open_ones(base)}
        found.update((int(each["number"]), each) for each in self._ended_ones(base, since))
        told: list[MergeRequest] = []
        for _, each in sorted(found.items(), reverse=True):
            if self.is_ours(each) and str(each["head"]["ref"]).startswith(prefix):
                told.append(self.view(each))
            elif each["state"] == "open":
                told.append(_foreign(each))
        return told

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
        here = self._place.full_name.casefold()
        for each in self._talk.pages(self._place.path("/pulls"), doing, wanted):
            # PyGithub follows a renamed repository and loses what was asked for on the way.
            if str(each["base"]["repo"]["full_name"]).casefold() != here:
                raise self._talk.moved(doing, each)
            yield each

    def open_from(self, draft: MergeRequestDraft) -> Json | None:
        """The open one of the draft's branch; on its base where there is such a one."""
        wanted = {"state": "open", "head": f"{self._place.owner}:{draft.branch}"}
        doing = f"look for a merge request from {draft.branch}"
        # GitHub takes a filter that it does not understand for none.
        of_branch = [
            each
            for each in self._list(doing, wanted)
            if self.is_ours(each) and each["head"]["ref"] == draft.branch
        ]
        here = [each for each in of_branch if each["base"]["ref"] == draft.base]
        return next(iter([*here, *of_branch]), None)

    def is_ours(self, pull: Json) -> bool:
        """Whether its branch is in the repository itself."""
        head = pull["head"]["repo"]  # None: a fork that was deleted
        return head is not None and head["id"] == pull["base"]["repo"]["id"]

    def view(self, pull: Json) -> MergeRequest:
        """One of ours as the port's value."""
        number = int(pull["number"])
        ended = pull["merged_at"] or pull["closed_at"]
        closer, by_bot, unread = None, False, ""
        state: Literal["open", "merged", "closed"] = "open"
        if pull["merged_at"]:
            state = "merged"
        elif pull["state"] == "closed":
            state = "closed"
            try:
                closer = self._people.closer(number, str(pull["closed_at"]))
                by_bot = closer is not None and self._people.is_me(closer)
            except PromoterError as error:
                # One that nobody tells about must not hide all the others. It is asked again.
                closer, unread = None, redact(str(error))
        body, note = split_note(pull["body"] or "")
        return MergeRequest(
            number=number,
            state=state,
            branch=pull["head"]["ref"],
            base=pull["base"]["ref"],
            head=(note.head if state == "open" else "") or pull["head"]["sha"],
            title=pull["title"],
            body=body,
            url=pull["html_url"],
            closed_by=closer,
            closed_by_bot=by_bot,
            approvals=note.approvals,
            ended_at=_moment(ended) if ended else None,
            draft=bool(pull.get("draft")) or note.no_drafts,
            labels=_labels(pull),
            complete=not note.unfinished,
            unread=unread,
        )


def _foreign(pull: Json) -> MergeRequest:
    return MergeRequest(
        number=int(pull["number"]),
        state="open",
        branch=pull["head"]["ref"],
        base=pull["base"]["ref"],
        head=pull["head"]["sha"],
        title=pull["title"],
        body="",
        url=pull["html_url"],
        draft=bool(pull.get("draft")),
        labels=_labels(pull),
        foreign=True,
    )


def _labels(pull: Json) -> tuple[str, ...]:
    return tuple(str(each["name"]) for each in pull.get("labels") or ())


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
