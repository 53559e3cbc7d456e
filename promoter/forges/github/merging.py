"""Merging on GitHub: the ways that the repository allows, and its merge queue."""

from __future__ import annotations

from typing import Literal

from promoter.errors import ConflictError, InputError, TransientError
from promoter.forges.github.queue import Queue
from promoter.forges.github.settings import Settings
from promoter.forges.github.talk import Conversation, Json
from promoter.forges.github.trouble import RefusalError
from promoter.model.ports import MergeText

# GitHub gives its refusals (405) no code; these words are all that tells them apart.
_BASE_MOVED = "base branch was modified"
_QUEUE = "merge queue"
_OTHER_METHOD = ("merge commit", "linear history", "squash merges", "rebase merges")


class NotYetError(TransientError):
    """GitHub does not let it be merged as it stands; nothing was done."""


class Merging:
    """Merges what was decided to be merged; thread-safe."""

    def __init__(self, talk: Conversation, settings: Settings, queue: Queue) -> None:
        self._talk = talk
        self._settings = settings
        self._queue = queue

    def merge(self, pull: Json, text: MergeText, head: str) -> Literal["merged", "queued"]:
        """Merge an open request whose head was seen to be `head`. A rebase keeps the messages of
        the commits, and a queue makes its own.

        ConflictError where head or base moved, NotYetError with what GitHub said where it does not
        let it be merged.
        """
        if self._queue.exists(pull["base"]["ref"]):
            return self._queue.enter(pull, head)
        number = int(pull["number"])
        message: Json = {
            "sha": head,
            "commit_title": f"{text.subject} (#{number})",
            "commit_message": text.body,
        }
        refused: RefusalError | None = None
        for method in self._settings.methods():
            try:
                self._put(number, {**message, "merge_method": method})
            except RefusalError as error:
                refused = error
                said = error.said.casefold()
                if _QUEUE in said:
                    self._queue.note(pull["base"]["ref"])
                    return self._queue.enter(pull, head)
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


def _translate(number: int, error: RefusalError) -> Exception:
    said = error.said or str(error.status)
    if error.status == 409 or _BASE_MOVED in said.casefold():
        return ConflictError(f"#{number}: its head or its base moved: GitHub says {said}")
    if error.status in (405, 422):
        return NotYetError(f"#{number} can't be merged yet: GitHub says {said}")
    return error
