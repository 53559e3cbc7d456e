"""Merging a local merge request: what is missing for it, and the push that does it."""

from __future__ import annotations

from promoter.access.mirror import Mirror
from promoter.access.objects import NewCommit, Person
from promoter.errors import ConflictError, InputError
from promoter.forges.local_document import Document
from promoter.forges.local_requests import PREFIX, Deed, Local, LocalRequests
from promoter.model.ports import MergeText, Readiness, RefMove
from promoter.model.record import Record, trace_of, trailers_of

_HEADS = "refs/heads/"


class LocalMerging:
    """What bots and people may merge, and how; thread-safe."""

    def __init__(self, mirror: Mirror, requests: LocalRequests, bot: Person) -> None:
        self._mirror = mirror
        self._requests = requests
        self._bot = bot.email.casefold()

    def approvers(self, document: Document, head: str) -> tuple[str, ...]:
        """Who approved exactly this head, author and bot left out."""
        approvers = document.approvers(head)
        return tuple(each for each in approvers if each.casefold() != self._bot)

    def readiness(self, local: Local, head: str) -> Readiness:
        """As the port says. Checks keep nobody from merging here: gates look at them.

        One that ended meanwhile, or whose branch moved, is ready: the merge finds that out, and
        that race is lost and decided again. Told as a wait it would be the end of the run.
        """
        document = local.document
        if document.state != "open" or local.head != head:
            return Readiness("ready")
        if document.draft:
            return Readiness("wait", "it is a draft")
        if missing := self._missing_approvals(document, head):
            return Readiness("wait", f"it {missing}")
        base = self._mirror.refs.get(f"{_HEADS}{document.base}")
        if base is None:
            return Readiness("refused", f"the base branch {document.base} does not exist")
        try:
            self._mirror.objects.merge_trees(base, head)
        except ConflictError as error:
            return Readiness("conflict", f"it {error.message}")
        return Readiness("ready")

    def merge(self, local: Local, head: str, text: MergeText | None, deed: Deed) -> None:
        """One atomic push moves the base, deletes the branch and records it; merging twice is
        merging once.

        InputError where it is a draft or approvals are missing, ConflictError where the head or
        the base moved or the two conflict.
        """
        number, document = local.number, local.document
        if document.state == "merged" and document.head == head:
            return
        self._check_mergeable(local, head)
        base = self._mirror.refs.get(f"{_HEADS}{document.base}")
        if base is None:
            raise InputError(f"!{number}: the base branch {document.base} does not exist")
        try:
            tree = self._mirror.objects.merge_trees(base, head)
        except ConflictError as error:
            raise ConflictError(f"!{number} {error.message}") from None
        message = _message(number, text or _usual_text(document))
        new = NewCommit((base, head), message, tree=tree)
        (merged,) = self._mirror.write([new], deed.who, deed.at)
        after = document.merged(head, merged)
        _, tip = self._requests.write(number, after, (local.tip,), deed)
        self._mirror.push(
            [
                RefMove(f"{_HEADS}{document.base}", base, merged),
                RefMove(f"{_HEADS}{document.branch}", head, None),
                RefMove(f"{PREFIX}{number}", local.tip, tip),
            ]
        )

    def _check_mergeable(self, local: Local, head: str) -> None:
        document = open_document(local)
        check_head(local, head)
        if document.draft:
            raise InputError(
                f"!{local.number} is a draft: make it ready by"
                f" `promoter mr ready {local.number}` before it is merged"
            )
        if missing := self._missing_approvals(document, head):
            raise InputError(f"!{local.number} {missing}")

    def _missing_approvals(self, document: Document, head: str) -> str:
        needed, has = document.needed, len(self.approvers(document, head))
        if has >= needed:
            return ""
        return f"needs {needed} approvals of {head[:8]} and has {has}: {needed - has} missing"


def open_document(local: Local) -> Document:
    """ConflictError where it ended."""
    if local.document.state != "open":
        raise ConflictError(f"!{local.number} is {local.document.state} already")
    return local.document


def check_head(local: Local, head: str) -> None:
    """ConflictError where the branch is elsewhere."""
    if local.head != head:
        stands = f"at {local.head[:8]}" if local.head else "deleted"
        raise ConflictError(
            f"!{local.number}: the branch {local.document.branch} is {stands}, not at {head[:8]}"
        )


def _usual_text(document: Document) -> MergeText:
    body = document.body
    return MergeText(document.title, trailers_of(Record.parse_all(body), trace_of(body)))


def _message(number: int, text: MergeText) -> str:
    body = f"\n\n{text.body}" if text.body else ""
    return f"Merge !{number}: {text.subject}{body}\n"
