"""What tags named when they were looked at last, believed for a while where nothing is done by it.

A registry answers two questions by two requests: which tags there are, and what one of them names.
At a quiet look the second one tells only whether somebody pushed a version again that runs already
(`StillOf`). Nothing is promoted by that answer, so it may be some minutes old, and a quiet look
costs one request an image.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from promoter.access.recent import Recent
from promoter.model.facts import Known, Question, StillOf
from promoter.model.image import ImageName

_BELIEVED = timedelta(minutes=15)
_MOST = 50_000


@dataclass(frozen=True)
class _Seen:
    tag: str
    known: Known[Any]
    until: datetime


class Standing:
    """The last look at the tag in use of each image; thread-safe, and empty in a fresh process."""

    def __init__(self, believed: timedelta = _BELIEVED) -> None:
        self._believed = believed
        self._seen: Recent[ImageName, _Seen] = Recent(_MOST)

    def find(self, question: Question[Any], now: datetime) -> Known[Any] | None:
        """What is still believed of it; nothing where it was another image than is asked for."""
        if not isinstance(question, StillOf):
            return None
        seen = self._seen.get(question.name)
        if seen is None or (seen.tag, seen.known.value) != (question.tag, question.digest):
            return None
        return seen.known if seen.known.seen_at <= now < seen.until else None

    def note(self, question: StillOf, known: Known[Any]) -> None:
        # Each image has a time of its own, of which the shortest is half the longest: else all
        # that were seen at one look would be asked for again at one look.
        share = 0.5 + zlib.crc32(str(question.name).encode()) % 1000 / 2000
        until = known.seen_at + share * self._believed
        self._seen.put(question.name, _Seen(question.tag, known, until))

    def forget(self, name: ImageName) -> None:
        self._seen.drop(name)
