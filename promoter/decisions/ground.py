"""The ground that advice stands on: what the forge insists on, as far as it can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promoter.decisions.forge_words import ForgeWords
from promoter.decisions.status import NAME as STATUS
from promoter.decisions.status import is_required
from promoter.model.ports import Footing


@dataclass(frozen=True)
class Ground:
    """How the bot stands on the branch `base`, with the words of its forge."""

    base: str
    footing: Footing
    words: ForgeWords

    @property
    def approvals(self) -> int | None:
        """How many the forge asks for; None: not to be seen."""
        protection = self.footing.protection
        return 0 if protection.approvals is None and self.is_open else protection.approvals

    @property
    def checks(self) -> tuple[str, ...] | None:
        protection = self.footing.protection
        return () if protection.checks is None and self.is_open else protection.checks

    @property
    def is_open(self) -> bool:
        return self.footing.protection.is_on is False

    @property
    def insists_on_status(self) -> bool:
        """Whether nothing is merged while the bot's status is no success."""
        if is_required(self.footing):
            return True
        return self.contains_status and self.footing.rights.publish is not False

    @property
    def foreign_checks(self) -> tuple[str, ...]:
        """What is required and not set by the bot's own status."""
        own = {STATUS}
        if self.contains_status and self.footing.rights.publish is not False:
            own.add(self.words.check_of_all or "")
        return tuple(each for each in self.checks or () if each not in own)

    @property
    def contains_status(self) -> bool:
        """Whether some required check is made of every status, the bot's own too."""
        return self.words.check_of_all in (self.checks or ())

    def advice(self, what: str, *remedies: str, count: int = 0) -> str:
        """`what`, and what to do, where there is something to do."""
        told = [self.words.fill(each, self.base, count) for each in remedies if each]
        return f"{what}: {join(told)}" if told else what


def join(words: Sequence[str], joint: str = "and") -> str:
    *head, last = words
    return f"{', '.join(head)} {joint} {last}" if head else last
