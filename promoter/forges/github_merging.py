"""Merging on GitHub: the ways that the repository allows, and its merge queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from promoter.errors import ConflictError, InputError, TransientError
from promoter.forges.github_talk import Conversation, Json
from promoter.forges.github_trouble import RefusalError
from promoter.model.record import Record

Method = Literal["merge", "squash", "rebase"]
_SETTINGS: tuple[tuple[Method, str], ...] = (
    ("merge", "allow_merge_commit"),
    ("squash", "allow_squash_merge"),
    ("rebase", "allow_rebase_merge"),
)
_LIFETIME = timedelta(minutes=5)

# GitHub gives its refusals (405) no code; these words are all that tells them apart.
_BASE_MOVED = "base branch was modified"
_QUEUE = "merge queue"
_OTHER_METHOD = ("merge commit", "linear history", "squash merges", "rebase merges")

_ENQUEUE = """mutation($id: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) {
    mergeQueueEntry { state }
  }
}"""
_IS_QUEUED = """query($id: ID!) {
  node(id: $id) { ... on PullRequest { isInMergeQueue headRefOid } }
}"""


class NotYetError(TransientError):
    """GitHub does not let it be merged as it stands; nothing was done."""


class Merging:
    """Merges what was decided to be merged; thread-safe."""

    def __init__(self, talk: Conversation, now: Callable[[], datetime]) -> None:
        self._talk = talk
        self._now = now
        self._methods: tuple[datetime, Sequence[Method]] | None = None

    def merge(self, pull: Json, title: str, body: str, head: str) -> Literal["merged", "queued"]:
        """Merge an open request whose head was seen to be `head`.

        ConflictError where head or base moved, NotYetError with what GitHub said where it does not
        let it be merged.
        """
        number = int(pull["number"])
        record = Record.parse(body)
        message: Json = {
            "sha": head,
            "commit_title": f"{title} (#{number})",
            "commit_message": "\n".join(record.trailers()) if record else "",
        }
        refused: RefusalError | None = None
        for method in self._allowed():
            try:
                self._put(number, {**message, "merge_method": method})
            except RefusalError as error:
                refused = error
                said = error.said.casefold()
                if _QUEUE in said:
                    return self._enqueue(pull, head)
                if error.status == 405 and any(each in said for each in _OTHER_METHOD):
                    continue
                raise _translate(number, error) from None
            return "merged"
        if refused is None:
            raise InputError(
                f"{self._talk.place} allows no way to merge: allow merge commits, squash or rebase"
                " in the repository's settings"
            )
        raise _translate(number, refused) from None

    def _put(self, number: int, body: Json) -> None:
        if body["merge_method"] == "rebase":
            body = {key: body[key] for key in ("sha", "merge_method")}
        doing = f"merge #{number}"
        path = self._talk.place.path(f"/pulls/{number}/merge")
        answer = self._talk.send("PUT", path, doing, body, "merged")
        if not answer["merged"]:
            raise self._talk.moved(doing, answer)

    def _allowed(self) -> Sequence[Method]:
        now = self._now()
        if self._methods is None or now - self._methods[0] >= _LIFETIME:
            settings = self._talk.get(
                self._talk.place.path(), "read the repository's settings", "full_name"
            )
            # Told only to who may push; without that right the merge itself says so.
            found = tuple(method for method, key in _SETTINGS if settings.get(key, True))
            self._methods = now, found
        return self._methods[1]

    def _enqueue(self, pull: Json, head: str) -> Literal["queued"]:
        number, node = pull["number"], pull["node_id"]
        doing = f"put #{number} into the merge queue"
        queued = self._talk.graphql(_IS_QUEUED, {"id": node}, doing).get("node") or {}
        if queued.get("headRefOid", head) != head:
            raise ConflictError(f"#{number}: its head moved")
        if queued.get("isInMergeQueue"):
            return "queued"
        try:
            self._talk.graphql(_ENQUEUE, {"id": node, "head": head}, doing)
        except RefusalError as error:
            raise TransientError(
                f"#{number} can't enter the merge queue yet: GitHub says {error.said}"
            ) from None
        return "queued"


def _translate(number: int, error: RefusalError) -> Exception:
    said = error.said or str(error.status)
    if error.status == 409 or _BASE_MOVED in said.casefold():
        return ConflictError(f"#{number}: its head or its base moved: GitHub says {said}")
    if error.status in (405, 422):
        return NotYetError(f"#{number} can't be merged yet: GitHub says {said}")
    return error
