"""A forge that is nothing but a bare repository: merge requests are refs (`local_requests`), and
people act on them with `promoter mr`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from promoter.access.mirror import Mirror
from promoter.access.objects import Person
from promoter.errors import ConflictError, InputError, TransientError
from promoter.forges.local_document import COMMENTED, Approval, Document, moment
from promoter.forges.local_merging import LocalMerging, check_head, open_document
from promoter.forges.local_requests import ATTEMPTS, Deed, Local, LocalRequests
from promoter.model.ports import (
    Check,
    Comment,
    Footing,
    MergeRequest,
    MergeRequestDraft,
    MergeText,
    Protection,
    Readiness,
    RefMove,
    Rights,
)

_HEADS = "refs/heads/"


class LocalForge:
    """`promoter.model.ports.Forge` in the repository itself; thread-safe. People are named by
    email. It has no queue and protects nothing: what it insists on are the approvals that a
    request asks for, and that it is no draft.

    `bot` acts where no person is given; `now` gives the time of events, in UTC.
    """

    def __init__(self, mirror: Mirror, *, bot: Person, now: Callable[[], datetime]) -> None:
        self._mirror = mirror
        self._requests = LocalRequests(mirror)
        self._merging = LocalMerging(mirror, self._requests, bot)
        self._bot = bot
        self._now = now

    # -- what is there -----------------------------------------------------------------------

    def find(
        self,
        base: str,
        prefix: str,
        since: datetime | None = None,  # noqa: ARG002 - a ref tells all at no cost
    ) -> Sequence[MergeRequest]:
        """As the port says, the newest first."""
        found = []
        for each in self.list():
            document = each.document
            if document.base != base:
                continue
            if document.branch.startswith(prefix):
                found.append(self.view(each))
            elif document.state == "open":
                found.append(replace(self.view(each), foreign=True, body=""))
        return found

    def list(self) -> Sequence[Local]:
        """All merge requests, the newest first."""
        return self._requests.list(self._mirror.refresh())

    def show(self, number: int) -> Local:
        """One merge request as it is now; InputError where there is none."""
        return self._requests.show(number)

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
            draft=document.draft,
            labels=document.labels,
            ended_at=document.ended_at,
            merged_by=document.merged_by,
        )

    def mergers(self, numbers: Sequence[int]) -> Mapping[int, str]:  # noqa: ARG002
        """Nobody: `find` tells."""
        return {}

    def approvals(self, number: int, head: str) -> Sequence[str]:
        return self._merging.approvers(self.show(number).document, head)

    def approvers(self, local: Local) -> Sequence[str]:
        """Who approved the head where its branch stands now, as `approvals` counts them."""
        return self._merging.approvers(local.document, local.head or local.document.head)

    def checks(self, number: int, head: str) -> Sequence[Check]:
        return self.show(number).document.checks_of(head)

    def commit_checks(self, commit: str) -> Sequence[Check]:
        """As the port says: what was said of it in any merge request. What a merge made is spoken
        of in the request that was merged."""
        found: dict[str, Check] = {}
        for each in reversed(self.list()):
            found.update({check.name: check for check in each.document.checks_of(commit)})
        return tuple(found[name] for name in sorted(found))

    def readiness(self, number: int, head: str) -> Readiness:
        return self._merging.readiness(self.show(number), head)

    def footing(self, base: str) -> Footing:  # noqa: ARG002 - all branches are alike here
        """As the port says. A status has no reader here: whoever looks at a request by `promoter
        mr` has `promoter why` beside it."""
        rights = Rights(
            bot=self._bot.email,
            push=True,
            open=True,
            merge=True,
            see_approvals=True,
            publish=True,
            starts_pipelines=True,
        )
        return Footing(rights, Protection(is_on=False, approvals=0, checks=()), statuses=False)

    # -- what the bot does, and people too ----------------------------------------------------

    def open(self, draft: MergeRequestDraft, person: Person | None = None) -> MergeRequest:
        """As the port says. Numbers are given by create-only pushes of the next one, so that of
        two that open at once one wins and the other finds it. One that is open on another base
        (the rule's branch changed) moves to this one: `find` would never show it."""
        who = person or self._bot
        for _ in range(ATTEMPTS):
            # The last look will do: whoever opened one since then took this number.
            known = self._requests.list(self._mirror.refs)
            for each in known:
                if each.document.state == "open" and each.document.branch == draft.branch:
                    return self.view(self._move(each, draft, who))
            head = self._check_branches(draft)
            document = Document.of(draft, who.email)
            number = max((each.number for each in known), default=0) + 1
            deed = self._deed("opened", who)
            try:
                return self.view(self._requests.create(number, document, deed, head))
            except ConflictError:
                self._mirror.refresh()
        raise TransientError(f"{self._mirror.url}: others opened merge requests faster; try again")

    def _move(self, local: Local, draft: MergeRequestDraft, who: Person) -> Local:
        """An open merge request, on the base that the draft names."""
        base = local.document.base
        if base == draft.base:
            return local
        self._check_branches(draft)
        detail = f"merges into {draft.base} instead of {base}"
        return self._rewrite(local.number, draft, who, detail)

    def update(
        self, number: int, draft: MergeRequestDraft, person: Person | None = None
    ) -> MergeRequest:
        """As the port says; approvals stay with the head that they were given for."""
        return self.view(self._rewrite(number, draft, person or self._bot))

    def _rewrite(
        self, number: int, draft: MergeRequestDraft, who: Person, detail: str = ""
    ) -> Local:
        return self._change(number, "updated", who, lambda old: old.rewritten(draft), detail)

    def comment(self, number: int, comment: Comment) -> None:
        """As the port says. People may quote a mark: only what the bot said counts as said."""

        def change(local: Local) -> tuple[Document, Sequence[RefMove]] | None:
            comments = local.document.comments()
            if any(comment.mark in each.detail and self._is_bot(each.person) for each in comments):
                return None
            return open_document(local), ()

        self._requests.record(number, self._deed(COMMENTED, self._bot, comment.text), change)

    def label(self, number: int, name: str, person: Person | None = None) -> None:
        """As the port says; a label needs no making here. InputError for an empty name."""
        words = " ".join(name.split())
        if not words:
            raise InputError("a label needs a name")
        self._change(number, "labelled", person, lambda old: old.labelled(words), words)

    def close(self, number: int, reason: str, person: Person | None = None) -> None:
        """Record the end and delete the branch in one push; closing twice is closing once.

        The bot leaves a branch that is not where it saw it: somebody's work would be lost.
        """
        who = person or self._bot

        def change(local: Local) -> tuple[Document, Sequence[RefMove]] | None:
            if local.document.state == "closed":
                return None
            old = open_document(local)
            moves = []
            if local.head and (local.head == old.head or not self._is_bot(who.email)):
                moves.append(RefMove(f"{_HEADS}{old.branch}", local.head, None))
            return replace(old, state="closed", closed_by=who.email), moves

        self._requests.record(number, self._deed("closed", who, reason), change)

    def merge(
        self,
        number: int,
        head: str,
        text: MergeText | None = None,
        person: Person | None = None,
    ) -> Literal["merged", "queued"]:
        """As the port says; without a text it is the request's own title and record. InputError
        where it is a draft or approvals are missing."""
        deed = self._deed("merged", person or self._bot)
        self._merging.merge(self.show(number), head, text, deed)
        return "merged"

    def disarm(self, number: int) -> None:
        """Nothing is ever armed: there is no queue."""

    def publish(self, number: int, head: str, check: Check, person: Person | None = None) -> bool:
        """As the port says; a person reports what a pipeline would, also of the commit that the
        merge made."""
        detail = f"{check.name} is {check.state} at {head[:8]}"

        def changed(local: Local) -> tuple[Document, Sequence[RefMove]] | None:
            is_merge = local.document.merge_commit == head
            old = local.document if is_merge else open_document(local)
            new = old.checked(head, check)
            return None if new == old else (new, ())

        self._requests.record(number, self._deed("checked", person or self._bot, detail), changed)
        return True

    # -- what only people do ------------------------------------------------------------------

    def approve(self, number: int, head: str, person: Person) -> None:
        """Record a person's yes to `head`; ConflictError where the branch is elsewhere."""

        def change(local: Local) -> tuple[Document, Sequence[RefMove]] | None:
            old = open_document(local)
            check_head(local, head)
            if person.email.casefold() == old.author.casefold():
                raise InputError(f"!{number} is {person.email}'s own: another person approves it")
            if person.email.casefold() in (each.casefold() for each in old.approvers(head)):
                return None
            approval = Approval(person.email, head, moment(self._now()))
            return replace(old, approvals=(*old.approvals, approval)), ()

        self._requests.record(number, self._deed("approved", person, head[:8]), change)

    def say(self, number: int, text: str, person: Person) -> None:
        """A person's comment; said twice it stands twice."""
        deed = self._deed(COMMENTED, person, text)
        self._requests.record(number, deed, lambda local: (open_document(local), ()))

    def unlabel(self, number: int, name: str, person: Person) -> None:
        """Take a label away; InputError where it has none of that name."""
        name = " ".join(name.split())

        def change(old: Document) -> Document:
            if name not in old.labels:
                has = ", ".join(old.labels) or "none"
                raise InputError(f"!{number} has no label {name!r}; its labels: {has}")
            return old.unlabelled(name)

        self._change(number, "unlabelled", person, change, name)

    def mark(self, number: int, *, draft: bool, person: Person) -> None:
        """Make it a draft, which nobody can merge, or none."""
        what = "marked draft" if draft else "marked ready"
        self._change(number, what, person, lambda old: replace(old, draft=draft))

    # -----------------------------------------------------------------------------------------

    def _change(
        self,
        number: int,
        what: str,
        person: Person | None,
        change: Callable[[Document], Document],
        detail: str = "",
    ) -> Local:
        """Change the document of an open one; nothing is written where it is so already."""

        def changed(local: Local) -> tuple[Document, Sequence[RefMove]] | None:
            old = open_document(local)
            new = change(old)
            return None if new == old else (new, ())

        deed = self._deed(what, person or self._bot, detail)
        return self._requests.record(number, deed, changed)

    def _deed(self, what: str, who: Person, detail: str = "") -> Deed:
        return Deed(what, who, self._now(), detail)

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

    def _is_bot(self, email: str) -> bool:
        return email.casefold() == self._bot.email.casefold()
