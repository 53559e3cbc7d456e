"""From a request to nudges: who is it, may it be now, what does it say."""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promoter.errors import InputError
from promoter.model.trace_context import TraceContext
from promoter.service.webhooks.authentication import Secrets, proved_by_body, proved_by_head
from promoter.service.webhooks.bucket import Bucket, Pace
from promoter.service.webhooks.few_lines import FewLines
from promoter.service.webhooks.nudge import Nudge
from promoter.service.webhooks.payload import MOST_EVENTS, MalformedError, load
from promoter.service.webhooks.request import Headers
from promoter.service.webhooks.secrets import SecretFiles
from promoter.service.webhooks.sources import SOURCES, UNKNOWN, Source

_log = logging.getLogger(__name__)

# A registry tells of every layer, and a monorepo pushes hundreds of images at once.
KNOWN = Pace(per_second=100, burst=2000)
STRANGERS = Pace(per_second=5, burst=50)

Notify = Callable[[Sequence[Nudge], str | None], int]
"""Takes the nudges of one webhook and its `traceparent`; gives how many looks they ask for. Returns
soon: one webhook at a time."""
Count = Callable[[str, str], None]
"""Counts a webhook by its source and what came of it; thread-safe."""


@dataclass(frozen=True)
class Answer:
    """What the sender is told; `retry_after` in seconds. `result` is the word that is counted."""

    status: int
    result: str
    text: str
    retry_after: int | None = None


LOOKED = Answer(202, "looked", "looking now")
NOTHING = Answer(200, "nothing", "nothing to look at")
UNFOLLOWED = Answer(200, "unfollowed", "no rule has to do with it")
UNKNOWN_SOURCE = Answer(404, "unknown", "no such source here")
UNAUTHENTICATED = Answer(401, "unauthenticated", "the secret or signature is missing or wrong")
UNUSABLE = Answer(503, "unusable", "the secret of this source can't be used; see the log")


@dataclass(frozen=True)
class Admission:
    """A request whose body may be read. `proved`: that it is the source's is known already."""

    source: Source
    secrets: Secrets
    headers: Headers
    proved: bool


class Webhooks:
    """Thread-safe as long as one request at a time is admitted or taken.

    `secrets` is the directory of `SecretFiles`. `known` and `strangers` bound how often a source
    is heard, and how often those are answered who claim to be it: apart, so that they can't
    silence it. `clock` gives seconds and only goes forward.
    """

    def __init__(
        self,
        secrets: Path | None,
        notify: Notify,
        count: Count,
        *,
        known: Pace = KNOWN,
        strangers: Pace = STRANGERS,
        sources: Mapping[str, Source] = SOURCES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secrets = SecretFiles(secrets)
        self._notify = notify
        self._count = count
        self._sources = sources
        self._clock = clock
        self._known = {name: Bucket(known) for name in sources}
        self._strangers = {name: Bucket(strangers) for name in sources}
        self._lines = FewLines(clock)

    def admit(self, name: str, headers: Headers, in_url: str | None) -> Admission | Answer:
        """Look at a request before its body is read. `in_url` is the secret in its URL."""
        source = self._sources.get(name)
        try:
            secrets = self._secrets.of(name) if source else None
        except InputError as error:
            return self.refuse(name, UNUSABLE, str(error))
        if source is None or secrets is None:
            # One answer for both, so that nobody can find out what is on.
            return self.refuse(UNKNOWN, UNKNOWN_SOURCE)
        proved = proved_by_head(source.ways, headers, in_url, secrets)
        if proved is None:
            return Admission(source, secrets, headers, False)
        return self._allow(Admission(source, secrets, headers, proved), proved)

    def take(self, admission: Admission, body: bytes) -> Answer:
        """Read the body of an admitted request, and hand on what it says."""
        source = admission.source
        if not admission.proved:
            proved = proved_by_body(source.ways, admission.headers, body, admission.secrets)
            allowed = self._allow(admission, proved)
            if isinstance(allowed, Answer):
                return allowed
        try:
            nudges = _read(source, admission.headers, body)
        except MalformedError as error:
            return self.refuse(source.name, Answer(400, "malformed", str(error)))
        answer = NOTHING
        if nudges:
            looks = self._notify(nudges, _traceparent(admission.headers))
            answer = LOOKED if looks else UNFOLLOWED
        self._count(source.name, answer.result)
        return answer

    def refuse(self, source: str, answer: Answer, reason: str | None = None) -> Answer:
        """Count and log the answer, which is given back. `source` may be any text of a stranger's.
        `reason` is for the log, where that is to know more than the sender."""
        source = source if source in self._sources else UNKNOWN
        self._count(source, answer.result)
        left_out = self._lines.more((source, answer.status))
        if left_out is not None:
            reason = reason or answer.text
            _log.warning(
                "webhook refused: source %s, status %d: %s%s",
                source,
                answer.status,
                reason,
                f" ({left_out} more like it since the last line)" if left_out else "",
                extra={"source": source, "status": answer.status, "reason": reason},
            )
        return answer

    def _allow(self, admission: Admission, proved: bool) -> Admission | Answer:
        name = admission.source.name
        wait = (self._known if proved else self._strangers)[name].take(self._clock())
        if wait:
            busy = Answer(429, "too-many", "too many requests", math.ceil(wait))
            return self.refuse(name, busy)
        return admission if proved else self.refuse(name, UNAUTHENTICATED)


def _read(source: Source, headers: Headers, body: bytes) -> tuple[Nudge, ...]:
    found = source.read(headers, load(body))
    nudges = tuple(dict.fromkeys(itertools.islice(found, MOST_EVENTS + 1)))
    if len(nudges) > MOST_EVENTS:
        raise MalformedError(f"it tells of more than {MOST_EVENTS} images")
    return nudges


def _traceparent(headers: Headers) -> str | None:
    value = headers.get("traceparent", "")
    return value if TraceContext.parse(value) else None
