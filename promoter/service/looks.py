"""Looks at shards: each look is a reconcile, and what is told of it."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from promoter import telemetry
from promoter.access.redaction import redact
from promoter.decisions.scene import Names, names_of
from promoter.engine.adapters import Adapters
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, reconcile
from promoter.model.address import GitAddress
from promoter.model.facts import TargetsOf, TipOf
from promoter.model.outcome import Outcome
from promoter.model.plan import Decision
from promoter.service.agenda import Applications, Due, Findings
from promoter.service.figures import (
    Waiting,
    begin_figures,
    end_figures,
    record_effects,
    record_good_look,
    record_standing,
)
from promoter.service.findings import Followers, find_followers, find_next
from promoter.service.scheduler import Stopped
from promoter.service.shards import Shard
from promoter.service.webhooks.nudge import ImagePushed, RepositoryChanged
from promoter.telemetry import TraceContext
from promoter.texts.doctor_text import advice_lines
from promoter.texts.plan_text import effects_text, reason, untold_warnings

_log = logging.getLogger(__name__)
_SECONDS = re.compile(r"\b\d+ s\b")


@dataclass
class _Memory:
    """What is known of a shard from its looks; only speed and the figures depend on it."""

    shard: Shard
    observer: Observer
    decisions: Mapping[Names, Decision] = field(default_factory=dict)
    followers: Followers = field(default_factory=dict)
    waiting: Waiting = field(default_factory=Waiting)
    told: frozenset[str] = frozenset()
    """The troubles that were told last, see `_lasting`: they are not told again at each look."""

    def narrow(self, applications: Applications | None) -> frozenset[Names] | None:
        """The targets of some applications; None: all that there are."""
        if applications is None or not self.decisions:
            return None
        return frozenset(each for each in self.decisions if each[0] in applications)

    def take(self, outcome: Outcome, *, whole: bool) -> None:
        """Where a repository did not say what is in it, what was there before counts on."""
        fresh = {names_of(each.target): each for each in outcome.plan.decisions}
        unsaid = any(isinstance(each, TipOf | TargetsOf) for each in outcome.unanswered)
        self.decisions = fresh if whole and not unsaid else {**self.decisions, **fresh}
        if whole:
            self.followers = find_followers(self.shard.rules, self.decisions.values())


class Looks:
    """Thread-safe, for one look at a shard at a time. `is_stopping`: whether looks are to end
    before their next step."""

    def __init__(
        self, adapters: Adapters, clock: Callable[[], datetime], is_stopping: Callable[[], bool]
    ) -> None:
        self._adapters = adapters
        self._clock = clock
        self._is_stopping = is_stopping
        self._lock = threading.Lock()
        self._memories: Mapping[str, _Memory] = {}

    def keep(self, shards: Iterable[Shard]) -> list[str]:
        """From now on these; the names of those that were there with other rules."""
        with self._lock:
            before = self._memories
            kept: dict[str, _Memory] = {}
            changed: list[str] = []
            for shard in shards:
                memory = before.get(shard.name)
                if memory is None:
                    memory = _Memory(shard, Observer(self._adapters))
                    begin_figures(shard.name)
                elif memory.shard != shard:
                    changed.append(shard.name)
                    memory = _Memory(shard, memory.observer)
                kept[shard.name] = memory
            self._memories = kept
            for gone in before.keys() - kept.keys():
                end_figures(gone)
        return changed

    def followers_of(self, pushed: ImagePushed) -> dict[str, Applications]:
        """The applications that follow an image that was pushed, by shard. What was known of its
        tags is not believed any more."""
        found: dict[str, Applications] = {}
        for name, memory in self._memories.items():
            for image, applications in memory.followers.items():
                if pushed.may_be(image):
                    memory.observer.doubt(image)
                    found[name] = found.get(name, frozenset()) | applications
        return found

    def living_in(self, changed: RepositoryChanged) -> list[str]:
        """The shards that have a repository in which something happened."""
        return [
            name
            for name, memory in self._memories.items()
            if any(is_meant(changed, each.url) for each in memory.shard.repositories)
        ]

    def __call__(self, due: Due) -> Findings:
        memory = self._memories.get(due.subject)
        if memory is None:  # its rules went away meanwhile
            return Findings()
        told = (TraceContext.parse(each.trace) for each in due.triggers if each.trace)
        traces = [each for each in told if each]
        # One look may serve many events: it goes on the trace of the first, and names the others.
        parent = traces[0] if traces else None
        about = {"repository": due.subject, "why": due.why}
        with (
            telemetry.bound(repository=due.subject),
            telemetry.span("look", parent=parent, links=traces[1:], **about),
        ):
            return self._look(memory, due)

    def _look(self, memory: _Memory, due: Due) -> Findings:
        shard = memory.shard
        only = memory.narrow(due.applications)
        began = time.monotonic()

        def report(step: str) -> None:
            if self._is_stopping():
                raise Stopped
            _log.debug("%s", step)

        result = "stopped"
        try:
            scope = Scope(shard.rules, only=only)
            outcome = reconcile(scope, self._adapters, self._clock, report, memory.observer)
            now = self._clock()
            memory.take(outcome, whole=only is None)
            findings = find_next(shard, outcome, memory.followers, now)
            result = _result(outcome, findings)
        except Stopped:
            raise
        except Exception:
            result = "bug"
            raise
        finally:
            telemetry.count("promoter_looks_total", repository=shard.name, result=result)
            telemetry.observe(
                "promoter_look_seconds", time.monotonic() - began, repository=shard.name
            )
        if result == "good" and only is None:
            record_good_look(shard.name, now)
        record_effects(shard.name, outcome.effects)
        record_standing(shard.name, memory.decisions.values(), memory.waiting, now)
        self._tell(memory, outcome, whole=only is None)
        count, seconds = len(outcome.plan.decisions), time.monotonic() - began
        _log.debug("looked at %d targets in %.2f s (%s)", count, seconds, due.why)
        return findings

    def _tell(self, memory: _Memory, outcome: Outcome, *, whole: bool) -> None:
        for effect, line in zip(outcome.effects, effects_text(outcome.effects), strict=True):
            with telemetry.bound(application=effect.application, environment=effect.environment):
                _log.info("%s", redact(line))
        troubles = {_lasting(each): each for each in _troubles(outcome)}
        for trouble, line in troubles.items():
            if trouble not in memory.told:
                _log.warning("%s", redact(line))
        if not whole:  # what it did not look at is as it was
            memory.told |= frozenset(troubles)
            return
        if memory.told and not troubles:
            _log.info("all is well again")
        memory.told = frozenset(troubles)


def _result(outcome: Outcome, findings: Findings) -> str:
    """`good`: everything could be looked at, and done. What a person must mend in one target (an
    image that does not exist) is told of the target, and is no trouble of the look's."""
    if findings.is_silent:
        return "silent"
    unanswered = any(each.kind != "input" for each in outcome.unanswered.values())
    return "troubled" if outcome.troubles or unanswered else "good"


def _lasting(trouble: str) -> str:
    """What stays the same of it while it lasts: how long a server is still to be left alone is
    another number at each look."""
    return _SECONDS.sub("", trouble)


def _troubles(outcome: Outcome) -> Sequence[str]:
    plan = outcome.plan
    targets = (f"{each.target}: {reason(each)}" for each in plan.decisions if each.trouble)
    advice = (line for each in plan.advice for line in advice_lines(each, None))
    said = (*(str(each) for each in (*plan.troubles, *outcome.troubles)), *targets, *advice)
    return list(dict.fromkeys((*said, *untold_warnings(outcome))))


def is_meant(changed: RepositoryChanged, url: str) -> bool:
    """Whether a webhook speaks of the repository at an address."""
    try:
        return changed.may_be(GitAddress.parse(url))
    except ValueError:  # the look says what is wrong with it
        return False
