"""Where local merge requests are kept: the refs `refs/promoter/merge-requests/N`.

Each is a chain of commits, one an event, whose tree holds `merge-request.json`. Every change is a
leased push, so any number of bots and people may act at once, over any transport that git has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promoter.access.mirror import Mirror
from promoter.access.objects import NewCommit, Person
from promoter.errors import ConflictError, InputError, TransientError
from promoter.forges.local_document import FILE, Document, Event, moment
from promoter.model.ports import RefMove

PREFIX = "refs/promoter/merge-requests/"
ATTEMPTS = 20
_REF = re.compile(rf"{PREFIX}([1-9][0-9]*)")
_HEADS = "refs/heads/"
_MANY = 10_000  # versions kept in memory; they are small


@dataclass(frozen=True)
class Local:
    """A merge request with its history. `head` is where its branch stands now (None: gone),
    `tip` the ref's own commit."""

    number: int
    document: Document
    tip: str
    head: str | None


@dataclass(frozen=True)
class Deed:
    """Who does what, and when (UTC); `detail` is what the history tells of it."""

    what: str
    who: Person
    at: datetime
    detail: str = ""

    @property
    def event(self) -> Event:
        return Event(self.what, self.who.email, moment(self.at), self.detail)

    def message(self, number: int) -> str:
        because = f" because {self.detail}" if self.what == "closed" else ""
        return f"!{number} {self.what} by {self.who}{because}\n"


Change = Callable[[Local], tuple[Document, Sequence[RefMove]] | None]
"""What a deed makes of a merge request, and the refs that move with it; None: nothing is to be
done."""


class LocalRequests:
    """The merge requests of one repository; thread-safe.

    InputError names a ref that is damaged: what it was about can't be told, so nothing can be
    opened safely.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._parsed: dict[str, Document] = {}

    def list(self, refs: Mapping[str, str]) -> Sequence[Local]:
        """All that `refs` hold, the newest first."""
        numbers = {int(m[1]): at for ref, at in refs.items() if (m := _REF.fullmatch(ref))}
        return [each for _, each in sorted(self._read(refs, numbers).items(), key=lambda e: -e[0])]

    def show(self, number: int) -> Local:
        """One as it is now; InputError where there is none."""
        refs = self._mirror.refresh()
        tip = refs.get(f"{PREFIX}{number}")
        if tip is None:
            raise InputError(f"{self._mirror.url} has no merge request !{number}")
        return self._read(refs, {number: tip})[number]

    def create(self, number: int, document: Document, deed: Deed, head: str) -> Local:
        """Make the first version; ConflictError where the number is taken."""
        made, tip = self.write(number, document, (), deed)
        self._mirror.push([RefMove(f"{PREFIX}{number}", None, tip)])
        return Local(number, made, tip, head)

    def record(self, number: int, deed: Deed, change: Change) -> Local:
        """Append to what is there; where somebody else's came first, to that."""
        for _ in range(ATTEMPTS):
            local = self.show(number)
            changed = change(local)
            if changed is None:
                return local
            document, moves = changed
            made, tip = self.write(number, document, (local.tip,), deed)
            try:
                self._mirror.push([*moves, RefMove(f"{PREFIX}{number}", local.tip, tip)])
            except ConflictError:
                continue
            return replace(local, document=made, tip=tip)
        raise TransientError(f"{self._mirror.url}: !{number} changes too fast; try again")

    def write(
        self, number: int, document: Document, parents: tuple[str, ...], deed: Deed
    ) -> tuple[Document, str]:
        """The document with the deed in its history, and the commit that holds it."""
        made = replace(document, events=(*document.events, deed.event))
        files = {FILE: ("100644", made.dump())}
        new = NewCommit(parents, deed.message(number), files)
        (tip,) = self._mirror.write([new], deed.who, deed.at)
        return made, tip

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
