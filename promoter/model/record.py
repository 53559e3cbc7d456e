"""The record: what a promotion's commit and merge request say of themselves, for machines.

Git trailers (`git interpret-trailers`) in the commit message, the same lines in an HTML
comment of the merge request's body. Commentary, not state: what runs where is read from
the manifests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from promoter.model.image import ImageReference
from promoter.model.release import Release
from promoter.model.trace_context import TraceContext

_PREFIX = "Promoter-"
_FIRST = f"{_PREFIX}Rule"
TRAILER_OF_SKIPS = f"{_PREFIX}Skips"
_TRACE = f"{_PREFIX}Trace"
_UNSAFE = re.compile(r"[<>\x00-\x1f\x7f-\x9f\u2028\u2029]")
LONGEST_TEXT = 200
"""Of what people wrote, in a trailer."""
_NO_WIDTH = "\u200b"
# The `@` of an address calls nobody; an issue is also named by its address, or as `SHOP-12`.
_CALLING = re.compile(r"((?<![A-Za-z0-9_.+-])@|[#!%&$~]|:/|[A-Za-z0-9]-(?=[0-9]))(?=[A-Za-z0-9_/])")


@dataclass(frozen=True)
class Record:
    rule: str
    """The rule's name; it alone may close what it once opened."""
    application: str
    environment: str
    release: Release
    origin: str
    """The environment that it came from, or `registry`."""
    requested_by: str = field(default="", compare=False)
    """Who asked for it, where somebody did; a promotion is the same whoever asked."""
    rolls_back: str = ""
    """The id of the release that this one takes the place of, where it goes back."""
    skips: tuple[str, ...] = ()
    """The environments that it did not pass, and the gates that it was not asked, on its way."""
    reason: str = field(default="", compare=False)
    """Why somebody goes back, or skips."""

    def trailers(self) -> tuple[str, ...]:
        """Lines `Promoter-Application: web`, ready for the last paragraph of a message."""
        return (
            f"{_FIRST}: {self.rule}",
            f"{_PREFIX}Application: {self.application}",
            f"{_PREFIX}Environment: {self.environment}",
            f"{_PREFIX}Release: {self.release.id}",
            *(f"{_PREFIX}Artifact: {each.normal}" for each in self.release.artifacts),
            f"{_PREFIX}From: {self.origin}",
            *((f"{_PREFIX}Rolls-Back: {self.rolls_back}",) if self.rolls_back else ()),
            *(f"{TRAILER_OF_SKIPS}: {each}" for each in self.skips),
            *_free_text("Requested-By", self.requested_by),
            *_free_text("Reason", self.reason),
        )

    @staticmethod
    def parse(text: str) -> Record | None:
        """The record in a commit message or a body; None where there is none or it is damaged.

        Of several the last: it is the bot's own, whatever others wrote before it.
        """
        return _parse(text)

    @staticmethod
    def parse_all(text: str) -> tuple[Record, ...]:
        """All records of a merge request that brings several, in their order; a damaged one is left
        out. They stand together: what others wrote before the last run of such lines is no record.
        """
        return _parse_all(text)


def trailers_of(records: Iterable[Record], trace: TraceContext | None = None) -> str:
    """The lines of records that stand together, and the trace in which they are promoted. That is
    no part of a record: a promotion is the same in whichever trace."""
    lines = [line for each in records for line in each.trailers()]
    return "\n".join([*lines, *([f"{_TRACE}: {trace}"] if trace else [])])


def trace_of(text: str) -> TraceContext | None:
    """The trace of the promotion that a commit message or a body tells of; the last one, as of
    records. Whoever may write there may have made it up: it names a trace and nothing else."""
    found = None
    for line in text.splitlines():
        key, value = _key_and_value(line)
        if key == _TRACE:
            found = value
    return TraceContext.parse(found) if found else None


# A plan reads the body of each request several times.
@lru_cache(maxsize=1 << 12)
def _parse(text: str) -> Record | None:
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, value = _key_and_value(line)
        if key:
            if key == _FIRST:
                values.clear()
            values.setdefault(key.removeprefix(_PREFIX), []).append(value)
    return _read(values)


@lru_cache(maxsize=1 << 12)
def _parse_all(text: str) -> tuple[Record, ...]:
    found: list[dict[str, list[str]]] = []
    follows = False
    for line in text.splitlines():
        key, value = _key_and_value(line)
        if key and not follows:
            found.clear()
        follows = bool(key)
        if key == _FIRST:
            found.append({})
        if key and found:
            found[-1].setdefault(key.removeprefix(_PREFIX), []).append(value)
    return tuple(record for values in found if (record := _read(values)) is not None)


def _read(values: Mapping[str, Sequence[str]]) -> Record | None:
    try:
        artifacts = [ImageReference.parse(value) for value in values["Artifact"]]
        return Record(
            values["Rule"][0],
            values["Application"][0],
            values["Environment"][0],
            Release.of(artifacts),
            values["From"][0],
            values.get("Requested-By", [""])[0].replace(_NO_WIDTH, ""),
            values.get("Rolls-Back", [""])[0],
            tuple(values.get("Skips", ())),
            values.get("Reason", [""])[0].replace(_NO_WIDTH, ""),
        )
    except (KeyError, ValueError):
        return None


def _key_and_value(line: str) -> tuple[str, str]:
    """Of a line of a record; the key is empty where it is none."""
    key, colon, value = line.strip().partition(": ")
    return (key, value.strip()) if colon and key.startswith(_PREFIX) else ("", "")


def _free_text(key: str, text: str) -> tuple[str, ...]:
    """A trailer of what people wrote, where they wrote something: on one line, without what could
    end the comment that it stands in, and so that a forge reads nobody's name, reference or closing
    keyword in it."""
    line = " ".join(_UNSAFE.sub(" ", text).split())[:LONGEST_TEXT]
    harmless = _CALLING.sub(rf"\1{_NO_WIDTH}", line)
    return (f"{_PREFIX}{key}: {harmless}",) if line else ()
