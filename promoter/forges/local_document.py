"""What a local merge request's ref holds: `merge-request.json`, one version an event."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, Self, TypeVar, cast

from promoter.errors import InputError, Where

FILE = "merge-request.json"
State = Literal["open", "merged", "closed"]
T = TypeVar("T")


@dataclass(frozen=True)
class Approval:
    """Somebody's yes to exactly one head. `person` is the email, `at` ISO 8601."""

    person: str
    head: str
    at: str


@dataclass(frozen=True)
class Event:
    """Something that happened: `opened`, `updated`, `approved`, `merged`, `closed`."""

    what: str
    person: str
    at: str
    detail: str = ""


@dataclass(frozen=True)
class Document:
    """A merge request as its ref tells it. People are named by email, as git knows them.

    `head` is the head that the last event saw; `needed` how many approvals a merge asks for.
    """

    state: State
    branch: str
    base: str
    head: str
    title: str
    body: str
    author: str
    needed: int = 0
    approvals: tuple[Approval, ...] = ()
    events: tuple[Event, ...] = ()
    merge_commit: str | None = None
    closed_by: str | None = None

    def approvers(self, head: str) -> tuple[str, ...]:
        """Distinct people who approved exactly `head`, in the order of their word, the author
        left out."""
        found = {
            each.person.casefold(): each.person for each in self.approvals if each.head == head
        }
        found.pop(self.author.casefold(), None)
        return tuple(found.values())

    def dump(self) -> bytes:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def parse(cls, data: bytes | None, ref: str) -> Self:
        """Read it back; raises InputError with the ref where it is absent or damaged."""
        try:
            content = json.loads(data or b"")
            state = _field(content, "state", str)
            if state not in ("open", "merged", "closed"):
                raise ValueError(f"state {state!r}")  # noqa: TRY301 - one message for all damage
            return cls(
                state=cast("State", state),
                **{name: _field(content, name, str) for name in _TEXTS},
                needed=_field(content, "needed", int),
                approvals=tuple(_each(content, "approvals", lambda of: Approval(**of))),
                events=tuple(_each(content, "events", lambda of: Event(**of))),
                merge_commit=_optional(content, "merge_commit"),
                closed_by=_optional(content, "closed_by"),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"is no merge request ({FILE} is damaged: {type(error).__name__}): move the ref"
                f" back to its last good commit, or delete it with `git push REMOTE :{ref}`",
                where=Where(ref),
            ) from None


_TEXTS = ("branch", "base", "head", "title", "body", "author")


def moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _field(content: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = content[name]
    if not isinstance(value, kind):
        raise TypeError(name)
    return value


def _optional(content: Mapping[str, Any], name: str) -> str | None:
    return None if content[name] is None else _field(content, name, str)


def _each(content: Mapping[str, Any], name: str, make: Callable[[Any], T]) -> list[T]:
    made = [make(each) for each in _field(content, name, list)]
    if not all(isinstance(value, str) for each in made for value in vars(each).values()):
        raise TypeError(name)
    return made
