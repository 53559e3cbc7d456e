"""What a local merge request's ref holds: `merge-request.json`, one version an event."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self, TypeVar, cast, get_args

from promoter.errors import InputError, Where
from promoter.model.ports import Check, CheckState, MergeRequestDraft

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
class CheckEntry:
    """What was said last of exactly one head under a name (`promoter.model.ports.Check`)."""

    name: str
    head: str
    state: CheckState
    text: str = ""
    url: str = ""


COMMENTED = "commented"


@dataclass(frozen=True)
class Event:
    """Something that happened: `opened`, `updated`, `approved`, `merged`, `closed`, `commented`
    (`detail` is what was said), `labelled`, `unlabelled`, `marked draft`, `marked ready`,
    `checked`."""

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
    draft: bool = False
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    checks: tuple[CheckEntry, ...] = ()

    @classmethod
    def of(cls, draft: MergeRequestDraft, author: str) -> Self:
        """What a draft opens; `author` is an email."""
        bare = cls("open", draft.branch, draft.base, draft.head, draft.title, draft.body, author)
        return bare.rewritten(draft)

    def rewritten(self, draft: MergeRequestDraft) -> Self:
        """As the draft has it; of labels and people what is missing is added."""
        return replace(
            self,
            base=draft.base,
            head=draft.head,
            title=draft.title,
            body=draft.body,
            needed=draft.approvals,
            draft=draft.draft,
            labels=_joined(self.labels, draft.labels),
            reviewers=_joined(self.reviewers, draft.reviewers),
            assignees=_joined(self.assignees, draft.assignees),
        )

    def merged(self, head: str, commit: str) -> Self:
        return replace(self, state="merged", head=head, merge_commit=commit)

    def labelled(self, name: str) -> Self:
        return replace(self, labels=_joined(self.labels, (name,)))

    def unlabelled(self, name: str) -> Self:
        return replace(self, labels=tuple(each for each in self.labels if each != name))

    def checked(self, head: str, check: Check) -> Self:
        """With this in place of what was said of `head` under this name."""
        entry = CheckEntry(check.name, head, check.state, check.text, check.url)
        if entry in self.checks:
            return self
        others = [e for e in self.checks if (e.name, e.head) != (check.name, head)]
        return replace(self, checks=(*others, entry))

    def checks_of(self, head: str) -> tuple[Check, ...]:
        """The newest of each name, by name."""
        return tuple(
            Check(each.name, each.state, each.text, each.url)
            for each in sorted(self.checks, key=lambda entry: entry.name)
            if each.head == head
        )

    @property
    def merged_by(self) -> str | None:
        """Who merged it; None where it is not merged."""
        end = self._end()
        return end.person if end and self.state == "merged" else None

    @property
    def ended_at(self) -> datetime | None:
        """When it was merged or closed, in UTC."""
        end = self._end()
        try:
            return datetime.fromisoformat(end.at).astimezone(UTC) if end else None
        except ValueError:
            return None  # written by hand

    def _end(self) -> Event | None:
        ends = (each for each in reversed(self.events) if each.what == self.state)
        return next(ends, None) if self.state != "open" else None

    def comments(self) -> tuple[Event, ...]:
        return tuple(each for each in self.events if each.what == COMMENTED)

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
        """Read it back, also what a version wrote that had no drafts, labels and checks yet; raises
        InputError with the ref where it is absent or damaged."""
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
                draft=_field({"draft": False, **content}, "draft", bool),
                labels=_words(content, "labels"),
                reviewers=_words(content, "reviewers"),
                assignees=_words(content, "assignees"),
                checks=tuple(_each({"checks": [], **content}, "checks", _check_entry)),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
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


def _words(content: Mapping[str, Any], name: str) -> tuple[str, ...]:
    words = _field({name: [], **content}, name, list)
    if not all(isinstance(each, str) for each in words):
        raise TypeError(name)
    return tuple(words)


def _check_entry(of: Mapping[str, Any]) -> CheckEntry:
    entry = CheckEntry(**of)
    if entry.state not in get_args(CheckState):
        raise ValueError(entry.state)
    return entry


def _joined(stand: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*stand, *more)))
