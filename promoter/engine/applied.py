"""What became of a plan's actions, step by step."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from promoter.access.redaction import redact
from promoter.engine.ledger import REF
from promoter.errors import ConflictError, InputError, PromoterError
from promoter.model.outcome import Effect
from promoter.model.plan import Trouble
from promoter.model.trouble import TroubleKind

_log = logging.getLogger(__name__)


@dataclass
class Applied:
    """What was done; `raced` where a compare-and-swap was lost and the world must be read again."""

    effects: list[Effect] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    raced: bool = False
    published: int = 0
    """Statuses, which are no effects that a person wants to read of."""
    done: set[object] = field(default_factory=set)
    """What is not done again in one reconcile, however the world looks: `(repository, action)`."""

    def attempt(self, who: str, step: Callable[[], Effect], deed: object) -> None:
        """Run one step; what goes wrong with it is noted and stops only itself. `deed`: what it
        is known by once it is done."""
        try:
            self.effects.append(step())
            self.done.add(deed)
        except Exception as error:  # noqa: BLE001 - one bad step never stops the others
            self.note(who, error)

    def warn(self, error: Exception) -> None:
        """The ledger could not be written: that loses comfort and stops nothing."""
        if isinstance(error, ConflictError):
            self.raced = True
            return
        _log.debug("the ledger could not be written", exc_info=error)
        reason = redact(error.message) if isinstance(error, PromoterError) else repr(error)
        self.warnings.append(f"the ledger ({REF}) could not be written: {reason}")

    def note(self, who: str, error: Exception) -> None:
        if not isinstance(error, PromoterError):
            _log.debug("%s: a bug", who, exc_info=error)
            why = f"a bug in promoter: {type(error).__name__}; run with --debug"
            self.troubles.append(Trouble(who, why, "bug"))
            return
        if isinstance(error, ConflictError):
            _log.info("%s: lost a race, deciding again: %s", who, error)
            self.raced = True
            return
        kind: TroubleKind = "input" if isinstance(error, InputError) else "transient"
        self.troubles.append(Trouble(who, redact(error.message), kind, error.where))
