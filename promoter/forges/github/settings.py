"""What a repository on GitHub says of itself: the ways to merge, and what the bot may do there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from promoter.forges.github.talk import Conversation, Json
from promoter.forges.memory import Memory, seconds_of

Method = Literal["merge", "squash", "rebase"]
_METHODS: tuple[tuple[Method, str], ...] = (
    ("merge", "allow_merge_commit"),
    ("squash", "allow_squash_merge"),
    ("rebase", "allow_rebase_merge"),
)


class Settings:
    """One call for all of it; it holds for five minutes. Thread-safe."""

    def __init__(self, talk: Conversation, now: Callable[[], datetime]) -> None:
        self._talk = talk
        self._known: Memory[str, Json] = Memory(seconds_of(now))

    def methods(self) -> Sequence[Method]:
        """Told only to who may push; without that right the merge itself says so."""
        told = self._told()
        return tuple(method for method, key in _METHODS if told.get(key, True))

    def permissions(self) -> Mapping[str, bool]:
        """`pull`, `push`, `admin`, ... of the user whose token it is. An installation is no user:
        for one they are all false, whatever it may."""
        return self._told().get("permissions") or {}

    def _told(self) -> Json:
        path = self._talk.place.path()
        return self._known.get(
            "", lambda: self._talk.get(path, "read the repository's settings", "full_name")
        )
