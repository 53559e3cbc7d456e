"""What GitLab's JSON says, as values of ours, and what ours become there. Pure.

https://docs.gitlab.com/api/merge_requests/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from promoter.errors import TransientError
from promoter.forges.written import Note, fitting, split_note, with_note
from promoter.model.ports import MergeRequest, MergeRequestDraft

T = TypeVar("T")
Json = Mapping[str, Any]

LONGEST_DESCRIPTION = 1_048_576  # characters
LONGEST_TITLE = 255
# A line that begins with a slash is a command, with the rights of whoever posts it:
# https://docs.gitlab.com/user/project/quick_actions/. Its `^` knows no other end of line.
_COMMAND = re.compile(r"^([^\S\n]*)/", re.MULTILINE)
# https://docs.gitlab.com/user/project/merge_requests/drafts/
_DRAFT = re.compile(r"\A(?:\s*(?:draft:|\[draft\]|\(draft\)))+\s*", re.IGNORECASE)
_STATES: Mapping[str, Literal["open", "merged", "closed"]] = {
    "opened": "open",
    "locked": "open",  # for the moment that a merge takes
    "merged": "merged",
    "closed": "closed",
}


def field(data: Json, name: str, kind: type[T]) -> T:
    """A value of the kind that it must have; TransientError: GitLab never says such a thing."""
    value = data.get(name) if isinstance(data, Mapping) else None
    if not isinstance(value, kind):
        raise TransientError(f"GitLab answered without a good '{name}'; asking again may help")
    return value


def moment(data: Json, name: str) -> datetime | None:
    """A time in UTC; None where none is given."""
    if data.get(name) is None:
        return None
    try:
        return datetime.fromisoformat(field(data, name, str)).astimezone(UTC)
    except ValueError:
        raise TransientError(f"GitLab answered with a '{name}' that is no time") from None


def user_id(data: Json, name: str) -> int | None:
    user = data.get(name)
    return None if user is None else field(user, "id", int)


def is_own_branch(data: Json) -> bool:
    """Whether the branch is the project's: anybody may give one of a fork any name."""
    return data.get("source_project_id") == field(data, "target_project_id", int)


def read_request(data: Json, bot: int | None) -> MergeRequest:
    """`bot`: the user id of the bot itself; None: nobody was asked, as nothing is closed. Whether
    the word of `closed_by` counts is not looked at."""
    state = _STATES.get(field(data, "state", str))
    if state is None:
        raise TransientError("GitLab answered with a merge request of a state that is not known")
    title = field(data, "title", str)
    body, note = split_note(data.get("description") or "")
    closer = data.get("closed_by") if state == "closed" else None
    login = field(closer, "username", str) if closer else None
    own = closer is not None and bot is not None and field(closer, "id", int) == bot
    ended = {"merged": "merged_at", "closed": "closed_at"}.get(state)
    return MergeRequest(
        number=field(data, "iid", int),
        state=state,
        branch=field(data, "source_branch", str),
        base=field(data, "target_branch", str),
        head=(note.head if state == "open" else "") or data.get("sha") or "",
        title=_DRAFT.sub("", title),
        body=body,
        url=field(data, "web_url", str),
        closed_by=login,
        closed_by_bot=own,
        approvals=note.approvals,
        ended_at=moment(data, ended) if ended else None,
        draft=data.get("draft") is True or _DRAFT.match(title) is not None,
        labels=tuple(map(str, data.get("labels") or ())),
        merged_by=_merger(data) if state == "merged" else None,
        # GitLab's name is an old one: it is so for every automatic merge, also by a train.
        armed=state == "open" and data.get("merge_when_pipeline_succeeds") is True,
    )


def _merger(data: Json) -> str | None:
    """`merge_user` is the newer name (since 14.7) of `merged_by`."""
    user = data.get("merge_user") or data.get("merged_by")
    return field(user, "username", str) if user else None


def title_of(draft: MergeRequestDraft) -> str:
    """A draft is one by the prefix of its title; what is none has no such prefix."""
    title = _DRAFT.sub("", " ".join(draft.title.split()))
    title = f"Draft: {title}" if draft.draft else title
    return fitting(title, LONGEST_TITLE)


def description_of(draft: MergeRequestDraft) -> str:
    """The body, and the note: GitLab keeps how many approvals are asked for in some editions
    only."""
    return with_note(defused(draft.body), Note(draft.approvals, draft.head), LONGEST_DESCRIPTION)


def defused(text: str) -> str:
    """The same text to a reader, without commands to GitLab."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _COMMAND.sub(r"\1\\/", lines)
