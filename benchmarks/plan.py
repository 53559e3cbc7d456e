"""`decide` alone, over 1,000 applications by 3 environments, all facts given: time a target.

Staging has the gates `soak` and `checks` of upstream, production `soak`, `window`, `approvals`,
`checks` and `registries`; half of the applications have a merge request open in production, some
targets are held. The baseline is what any plan has to do with its facts: build the questions anew,
and look each one up. `in rounds` is `make_plan` from nothing: the same plan, found by asking; what
that costs more is that `decide` runs once a round. Memory is the peak of the process, the facts
included.
"""

from __future__ import annotations

import cProfile
import gc
import pstats
import resource
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import timedelta
from statistics import median
from typing import Any, cast

from promoter.decisions.plan import decide
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, make_plan
from promoter.model.facts import Facts, Known, Question, Unknown
from promoter.model.plan import Merge, Plan, Propose
from promoter.model.ports import Check
from promoter.model.rule import GateRule, Limits
from promoter.model.window import Entry, Window
from tests.decisions.rules import approvals, environment, rule, soak
from tests.decisions.world import NOW, World, ago

_APPLICATIONS = 1000
_ENVIRONMENTS = ("dev", "staging", "production")
_TARGETS = _APPLICATIONS * len(_ENVIRONMENTS)
_AIM = 1.0
_ROUNDS = 3
_EACH_HELD = 50  # one application of so many
_OFFICE = Window((Entry("0 9 * * mon-fri", timedelta(hours=8), "Europe/Berlin"),))
_GATES: tuple[GateRule, ...] = (
    soak(hours=24),
    GateRule("window", (("window", _OFFICE),)),
    approvals(1),
    GateRule("checks", (("name", "test"),)),
    GateRule("registries", (("registry", "ghcr.io/shop"),)),
)


def shop() -> World:
    """1.2.0 came to dev an hour ago and waits there; 1.1.0 soaked in staging and goes on to
    production, where 1.0.0 runs."""
    tested = GateRule("checks", (("name", "test"), ("of", "upstream")))
    stages = (
        environment("dev", automatic=True),
        environment("staging", soak(hours=2), tested, after=("dev",), automatic=True),
        environment("production", *_GATES, after=("staging",), automatic=True),
    )
    world = World((rule(*stages, limits=Limits(open=10 * _APPLICATIONS)),))
    for index in range(_APPLICATIONS):
        name = f"app-{index:04}"
        world.registry(name, *(f"1.{minor}.0" for minor in range(20, -1, -1)))
        for environment_name, newest in zip(_ENVIRONMENTS, (20, 1, 0), strict=True):
            for minor in range(newest + 1) if newest < 20 else (0, 1, 20):
                at = ago(hours=1) if minor == 20 else ago(days=9 - 3 * minor)
                commit = world.lands(name, environment_name, f"1.{minor}.0", at=at)
                world.checks[commit] = (Check("test", "success"),)
    world.carry_out(world.plan())
    kept = []
    for index, request in enumerate(world.requests):
        if index % 2:
            del world.branches[request.branch]
            continue
        kept.append(request)
        world.checks[request.head] = (Check("test", "success"),)
        if index % 4:
            world.approvers[request.head] = ("ann",)
    world.requests = kept
    for index in range(0, _APPLICATIONS, _EACH_HELD):
        world.hold_files[f"production/app-{index:04}.yaml"] = "by: ann\nreason: the sale\n"
    return world


class Answers:
    """An observer that has every answer already, and counts how often it is asked."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.rounds = 0

    def answer(
        self,
        questions: Iterable[Question[Any]],
        now: object,  # noqa: ARG002 - seen before
    ) -> dict[Question[Any], Known[Any] | Unknown]:
        self.rounds += 1
        return {each: self.facts.answers[each] for each in questions}


def look_up_all(facts: Facts) -> None:
    """Every question made anew, and its answer looked up."""
    for question, answer in facts.answers.items():
        values = (getattr(question, each.name) for each in fields(question))
        assert facts.get(type(question)(*values)) is answer


def main() -> int:
    world = shop()
    plan, facts = world.plan_and_facts()
    rules = world.rules
    if sys.argv[1:] == ["profile"]:
        _profile(lambda: decide(rules, (), facts, NOW))
        return 0
    del world
    gc.collect()
    told = f"{_APPLICATIONS:,} applications by {len(_ENVIRONMENTS)} environments"
    print(f"{told:<42}{'ms a target':>12}{'looked up':>11}{'ratio':>7}  aim")
    answers = Answers(facts)
    pairs = [
        (
            _time(lambda: look_up_all(facts)),
            _time(lambda: decide(rules, (), facts, NOW)),
            _time(lambda: make_plan(Scope(rules), cast("Observer", answers), Facts.none(), NOW)),
        )
        for _ in range(_ROUNDS)
    ]
    rounds = answers.rounds // _ROUNDS
    once = median(each for _, each, _ in pairs)
    _show(
        "decide, all facts given",
        pairs[:],
        1,
        f"< {_AIM:g} ms {'met' if once < _AIM else 'MISSED'}",
    )
    _show(f"make_plan, in {rounds} rounds of questions", pairs, 2, "")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(facts.answers):,} facts, {_count(plan)}; {memory:.0f} MB at the peak")
    return 0


def _count(plan: Plan) -> str:
    actions = [each.action for each in plan.decisions]
    proposed, merged = (sum(isinstance(a, kind) for a in actions) for kind in (Propose, Merge))
    return f"{len(plan.decisions):,} decisions: {proposed} proposed, {merged} merged"


def _show(what: str, rows: list[tuple[float, float, float]], which: int, aim: str) -> None:
    took, floor = median(each[which] for each in rows), median(each[0] for each in rows)
    ratio = median(each[which] / each[0] for each in rows)
    print(f"{what:<42}{took:>12.3f}{floor:>11.3f}{ratio:>7.1f}  {aim}".rstrip())


def _time(work: Callable[[], object]) -> float:
    """Milliseconds of processor time a target: others share the machine."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000 / _TARGETS


def _profile(work: Callable[[], object]) -> None:
    profiler = cProfile.Profile()
    profiler.runcall(work)
    stats = pstats.Stats(profiler).sort_stats("tottime").print_stats(45)
    stats.print_callers("replace")
    stats.print_callers("parse")
    stats.print_callers("_component")
    stats.sort_stats("cumtime").print_stats(60)


if __name__ == "__main__":
    sys.exit(main())
