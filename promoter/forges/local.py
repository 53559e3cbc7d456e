"""A forge that is nothing but a bare repository.

Merge request N is the ref `refs/promoter/merge-requests/N`: a chain of commits, one an event,
whose tree holds `merge-request.json`. Every change is a leased push, so any number of bots and
people may act at once, over any transport that git has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from promoter.access.mirror import Mirror
from promoter.access.objects import NewCommit, Person
from promoter.errors import ConflictError, InputError, TransientError
from promoter.forges.local_document import FILE, Approval, Document, Event, moment
from promoter.model.ports import MergeRequest, MergeRequestDraft, RefMove
from promoter.model.record import Record

PREFIX = "refs/promoter/merge-requests/"
_REF = re.compile(rf"{PREFIX}([1-9][0-9]*)")
_HEADS = "refs/heads/"
_ATTEMPTS = 20
_MANY = 10_000  # versions kept in memory; they are small


@dataclass(frozen=True)
class Local:
    """A merge request with its history. `head` is where its branch stands now (None: gone),
    `tip` the ref's own commit."""

    number: int
    document: Document
    tip: str
    head: str | None


Change = Callable[[Local], tuple[Document, Sequence[RefMove]] | None]
"""What an event makes of a merge request, and the refs that move with it; None: nothing."""


class LocalForge:
    """`promoter.model.ports.Forge` in the repository itself; thread-safe.

    `bot` acts where no person is given; `now` gives the time of events, in UTC.
    """

    def __init__(self, mirror: Mirror, *, bot: Person, now: Callable[[], datetime]) -> None:
        self._mirror = mirror
        self._bot = bot
        self._now = now
        self._parsed: dict[str, Document] = {}

    def find(
        self,
        base: str,
        prefix: str,
        since: datetime | None = None,  # noqa: ARG002 - a ref tells all at no cost
    ) -> Sequence[MergeRequest]:
        """As the port says, the newest first. InputError names a ref that is damaged: what it
        was about can't be told, so nothing can be opened safely."""
        return [
            self.view(each)
            for each in self.list()
            if each.document.base == base and each.document.branch.startswith(prefix)
        ]

    def list(self) -> Sequence[Local]:
        """All merge requests, the newest first."""
        return self._list(self._mirror.refresh())

    def _list(self, refs: Mapping[str, str]) -> Sequence[Local]:
        numbers = {int(m[1]): at for ref, at in refs.items() if (m := _REF.fullmatch(ref))}
        return [each for _, each in sorted(self._read(refs, numbers).items(), key=lambda e: -e[0])]

    def show(self, number: int) -> Local:
        """One merge request as it is now; InputError where there is none."""
        refs = self._mirror.refresh()
        tip = refs.get(f"{PREFIX}{number}")
        if tip is None:
            raise InputError(f"{self._mirror.url} has no merge request !{number}")
        return self._read(refs, {number: tip})[number]

    def view(self, local: Local) -> MergeRequest:
        """The port's value. The head of an open one is where its branch really stands."""
        document = local.document
        closed_by = document.closed_by
        is_open = document.state == "open"
        return MergeRequest(
            number=local.number,
            state=document.state,
            branch=document.branch,
            base=document.base,
            head=(local.head if is_open else None) or document.head,
            title=document.title,
            body=document.body,
            url=f"{self._mirror.url}#{local.number}",
            closed_by=closed_by,
            closed_by_bot=closed_by is not None and self._is_bot(closed_by),
            approvals=document.needed,
            kept=True,
        )

    def open(self, draft: MergeRequestDraft, person: Person | None = None) -> MergeRequest:
        """As the port says. Numbers are given by create-only pushes of the next one, so that of
        two that open at once one wins and the other finds it. One that is open on another base
        (the rule's branch changed) moves to this one: `find` would never show it."""
        who = person or self._bot
        for _ in range(_ATTEMPTS):
            # The last look will do: whoever opened one since then took this number.
            known = self._list(self._mirror.refs)
            for each in known:
                if each.document.state == "open" and each.document.branch == draft.branch:
                    return self.view(self._move(each, draft, who))
            head = self._check_branches(draft)
            at = self._now()
            document = Document(
                state="open",
                branch=draft.branch,
                base=draft.base,
                head=draft.head,
                title=draft.title,
                body=draft.body,
                author=who.email,
                needed=draft.approvals,
                events=(Event("opened", who.email, moment(at)),),
            )
            number = max((each.number for each in known), default=0) + 1
            tip = self._commit(number, document, (), who, at)
            try:
                self._mirror.push([RefMove(f"{PREFIX}{number}", None, tip)])
            except ConflictError:
                self._mirror.refresh()
                continue
            return self.view(Local(number, document, tip, head))
        raise TransientError(f"{self._mirror.url}: others opened merge requests faster; try again")

    def _move(self, local: Local, draft: MergeRequestDraft, who: Person) -> Local:
        """An open merge request, on the base that the draft names."""
        base = local.document.base
        if base == draft.base:
            return local
        self._check_branches(draft)
        self._rewrite(local.number, draft, who, f"merges into {draft.base} instead of {base}")
        return self.show(local.number)

    def update(self, number: int, draft: MergeRequestDraft, person: Person | None = None) -> None:
        """As the port says; approvals stay with the head that they were given for."""
        self._rewrite(number, draft, person or self._bot)

    def _rewrite(
        self, number: int, draft: MergeRequestDraft, who: Person, detail: str = ""
    ) -> None:
        def change(local: Local) -> tuple[Document, Sequence[RefMove]] | None:
            old = self._open_document(local)
            new = replace(
                old,
                base=draft.base,
                head=draft.head,
                title=draft.title,
                body=draft.body,
                needed=draft.approvals,
            )
            return None if new == old else (new, ())

        self._record(number, "updated", who, change, detail)

    def approvals(self, number: int, head: str) -> Sequence[str]:
        """As the port says; people are named by email."""
        return self.show(number).document.approvers(head)

    def approve(self, number: int, head: str, person: Person) -> None:
        """Record a person's yes to `head`; ConflictError where the branch is elsewhere."""

        def change(local: Local) -> tuple[Document, Sequence[RefMove]] | None:
            old = self._open_document(local)
            self._check_head(local, head)
            if person.email.casefold() == old.author.casefold():
                raise InputError(f"!{number} is {person.email}'s own: another person approves it")
            if person.email.casefold() in (each.casefold() for each in old.approvers(head)):
                return None
            approval = Approval(person.email, head, moment(self._now()))
            return replace(old, approvals=(*old.approvals, approval)), ()

        self._record(number, "approved", person, change, head[:8])

    def close(self, number: int, reason: str, person: Person | None = None) -> None:
        """Record the end and delete the branch in one push; closing twice is closing once.

        The bot leaves a branch that is not where it saw it: somebody's work would be lost.
        """
        who = person or self._bot

        def change(local: Local) -> tuple[Document, Sequence[RefMove]] | None:
            if local.document.state == "closed":
                return None
            old = self._open_document(local)
            moves = []
            if local.head and (local.head == old.head or not self._is_bot(who.email)):
                moves.append(RefMove(f"{_HEADS}{old.branch}", local.head, None))
            return replace(old, state="closed", closed_by=who.email), moves

        self._record(number, "closed", who, change, reason)

    def merge(
        self, number: int, head: str, person: Person | None = None
    ) -> Literal["merged", "queued"]:
        """As the port says: one atomic push moves the base, deletes the branch and records it.

        InputError where approvals are missing, ConflictError where the head or the base moved
        or the two conflict.
        """
        who = person or self._bot
        local = self.show(number)
        if local.document.state == "merged" and local.document.head == head:
            return "merged"
        document = self._open_document(local)
        self._check_head(local, head)
        self._check_approvals(local, head)
        base = self._mirror.refs.get(f"{_HEADS}{document.base}")
        if base is None:
            raise InputError(f"!{number}: the base branch {document.base} does not exist")
        try:
            tree = self._mirror.objects.merge_trees(base, head)
        except ConflictError as error:
            raise ConflictError(f"!{number} {error.message}") from None
        at = self._now()
        record = Record.parse(document.body)
        trailers = "\n".join(("", "", *record.trailers())) if record else ""
        message = f"Merge !{number}: {document.title}{trailers}\n"
        (merged,) = self._mirror.write([NewCommit((base, head), message, tree=tree)], who, at)
        event = Event("merged", who.email, moment(at))
        after = replace(
            document,
            state="merged",
            head=head,
            merge_commit=merged,
            events=(*document.events, event),
        )
        self._mirror.push(
            [
                RefMove(f"{_HEADS}{document.base}", base, merged),
                RefMove(f"{_HEADS}{document.branch}", head, None),
                RefMove(
                    f"{PREFIX}{number}",
                    local.tip,
                    self._commit(number, after, (local.tip,), who, at),
                ),
            ]
        )
        return "merged"

    def _record(
        self, number: int, what: str, who: Person, change: Change, detail: str = ""
    ) -> None:
        """Append an event to what is there; where somebody else's came first, to that."""
        for _ in range(_ATTEMPTS):
            local = self.show(number)
            made = change(local)
            if made is None:
                return
            document, moves = made
            at = self._now()
            event = Event(what, who.email, moment(at), detail)
            document = replace(document, events=(*document.events, event))
            tip = self._commit(number, document, (local.tip,), who, at)
            try:
                self._mirror.push([*moves, RefMove(f"{PREFIX}{number}", local.tip, tip)])
            except ConflictError:
                continue
            return
        raise TransientError(f"{self._mirror.url}: !{number} changes too fast; try again")

    def _commit(
        self, number: int, document: Document, parents: tuple[str, ...], who: Person, at: datetime
    ) -> str:
        event = document.events[-1]
        because = f" because {event.detail}" if event.what == "closed" else ""
        message = f"!{number} {event.what} by {who}{because}\n"
        files = {FILE: ("100644", document.dump())}
        return self._mirror.write([NewCommit(parents, message, files)], who, at)[0]

    def _read(self, refs: Mapping[str, str], numbers: Mapping[int, str]) -> dict[int, Local]:
        if len(self._parsed) > _MANY:
            self._parsed = {}
        parsed = self._parsed  # this one to the end, even if another thread starts afresh
        missing = [tip for tip in numbers.values() if tip not in parsed]
        contents = self._mirror.objects.read_at(FILE, missing)
        found = {}
        for number, tip in numbers.items():
            document = parsed.get(tip)
            if document is None:
                document = Document.parse(contents.get(tip), f"{PREFIX}{number}")
                parsed[tip] = document
            head = refs.get(f"{_HEADS}{document.branch}")
            found[number] = Local(number, document, tip, head)
        return found

    def _check_branches(self, draft: MergeRequestDraft) -> str:
        needed = (f"{_HEADS}{draft.base}", f"{_HEADS}{draft.branch}")
        refs = self._mirror.refs
        if not all(ref in refs for ref in needed):
            refs = self._mirror.refresh()
        if f"{_HEADS}{draft.base}" not in refs:
            raise InputError(f"{self._mirror.url} has no branch {draft.base} to merge into")
        head = refs.get(f"{_HEADS}{draft.branch}")
        if head is None:
            raise ConflictError(f"{self._mirror.url} has no branch {draft.branch} any more")
        return head

    def _check_approvals(self, local: Local, head: str) -> None:
        needed, has = local.document.needed, len(local.document.approvers(head))
        if has < needed:
            raise InputError(
                f"!{local.number} needs {needed} approvals of {head[:8]} and has {has}:"
                f" {needed - has} missing"
            )

    def _open_document(self, local: Local) -> Document:
        if local.document.state != "open":
            raise ConflictError(f"!{local.number} is {local.document.state} already")
        return local.document

    def _check_head(self, local: Local, head: str) -> None:
        if local.head != head:
            stands = f"at {local.head[:8]}" if local.head else "deleted"
            raise ConflictError(
                f"!{local.number}: the branch {local.document.branch} is {stands},"
                f" not at {head[:8]}"
            )

    def _is_bot(self, email: str) -> bool:
        return email.casefold() == self._bot.email.casefold()
