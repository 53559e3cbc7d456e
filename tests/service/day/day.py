"""A day of two replicas of the bot, simulated: time jumps from one event to the next, and what
happens is chosen by the seed.

Whatever runs in threads elsewhere runs here step by step. At each effect of one replica the other
may go on, people may do something, or the process is killed.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from promoter.errors import PromoterError
from promoter.service.webhooks.nudge import Nudge
from tests.service.day.behind import Behind, End
from tests.service.day.fate import Fate
from tests.service.day.machine import Machine
from tests.service.day.people import People, Version
from tests.service.day.shelf import Shelf
from tests.service.day.sky import Sky
from tests.service.day.troubles import TROUBLES
from tests.stories.effects import Step
from tests.stories.forges import Clock, World

_MASKED = re.compile(r"127\.0\.0\.1:\d+|\b[0-9a-f]{7,64}\b|/\S*/(?=rules/)|for \d+ s|wait \d+ s")
_MOST_AT_ONCE = 1000


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Day:
    world: World
    seed: int
    shelf: Shelf
    sky: Sky
    behind: Behind
    fate: Fate
    random: Random
    registry: str
    log: list[str] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    people: People = field(init=False)
    openings: list[tuple[str, Version, int]] = field(default_factory=list)
    """Each request once, as it was opened: branch, version, number."""
    blind: set[int] = field(default_factory=set)
    """Requests that were opened though somebody had just closed one: the lists lagged, or it was
    decided before, by a replica that took its time until it opened it."""
    looks: int = 0
    chaos: bool = True
    _began: list[datetime] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)
    _noted: int = 0
    _queue: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _ends: dict[str, End] = field(default_factory=dict)
    _numbers: int = 0
    _depth: int = 0
    running: list[str] = field(default_factory=list)
    """Which replicas look now, the one that does so in the middle of another's look last."""

    def __post_init__(self) -> None:
        self.people = People(self.world, self.shelf, self.random, self.say, self.tell)

    # -- time ------------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        return self.world.clock

    def wait(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def at(self, at: datetime, happens: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (at, self.next_number(), happens))

    def soon(self, seconds: float, happens: Callable[[], None]) -> None:
        self.at(self.clock.at + timedelta(seconds=seconds), happens)

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def run(self, **time: float) -> None:
        """Let so much time pass."""
        until, idle = self.clock.at + timedelta(**time), 0
        while True:
            self.look()
            wakes = [each.wakes_at for each in self.machines]
            times = [each for each in wakes if each] + [each[0] for each in self._queue[:1]]
            at = min((*times, until))
            idle = 0 if at > self.clock.at else idle + 1
            assert idle < _MOST_AT_ONCE, "time stands still"
            self.clock.at = max(at, self.clock.at)
            if self.clock.at >= until:
                return
            self._happen()
            for machine in self.machines:
                wakes_at = machine.wakes_at
                if wakes_at and wakes_at <= self.clock.at:
                    machine.beat()

    def _happen(self) -> None:
        """What is due beside the bot."""
        while self._queue and self._queue[0][0] <= self.clock.at:
            heapq.heappop(self._queue)[2]()

    # -- the bot ---------------------------------------------------------------------------

    def look(self) -> None:
        """Take what is due, in any order."""
        while busy := [each for each in self.machines if each.pool.waiting]:
            self._step(self.random.choice(busy))

    def _step(self, machine: Machine) -> None:
        self.fate.look += 1
        self.looks += 1
        self.running.append(machine.name)
        self._began.append(self.clock.at)
        try:
            machine.pool.step()
        except Killed:
            self._go(machine)
        finally:
            self.running.pop()
            self._began.pop()
        if machine.is_stopping:
            self._go(machine)
        self.take_notice()

    def _go(self, machine: Machine) -> None:
        """The process is gone; another one begins, there or on an empty machine."""
        machine.end()
        if self.random.random() < 0.5:
            machine.forget()
        self.soon(self.random.choice((2, 40, 400)), lambda: self.start(machine))

    def start(self, machine: Machine) -> None:
        if machine.service is None:
            self.say(machine.name, "starts")
            try:
                machine.start()
            except PromoterError as error:
                self.say(machine.name, f"does not start: {error}")
                self.soon(300, lambda: self.start(machine))

    def watch(self, machine: Machine, step: Step) -> None:
        """An effect of a machine: meanwhile all sorts of things happen."""
        if step.name == "open" and step.moment == "after":
            self.take_notice()
        if not self.chaos:
            return
        if not self._depth:
            self._happen()
        chance = self.random.random()
        if chance < 0.02:
            self.say(machine.name, f"is killed {step.moment} {step.name}")
            raise Killed
        if chance < 0.03 and machine.service:
            self.say(machine.name, f"is stopped {step.moment} {step.name}")
            machine.service.stop(0)
        elif chance < 0.12 and not self._depth:
            self._depth += 1
            try:
                for other in self.machines:
                    if other is not machine and other.service:
                        self.say(other.name, f"goes on {step.moment} {step.name}")
                        other.beat()
                        while other.pool.waiting:
                            self._step(other)
            finally:
                self._depth -= 1
        elif chance < 0.16:
            self.people.act()

    def take_notice(self) -> None:
        """Of requests that are new."""
        if len(self.behind.journal) == self._noted:
            return
        self._noted = len(self.behind.journal)
        requests = self.world.requests()
        for each in requests:
            if each.number not in self._seen:
                self._seen.add(each.number)
                version = self.people.version_at(each)
                self.openings.append((each.branch, version, each.number))
                closed_at = self.people.closed_at.get(each.branch)
                is_late = closed_at is not None and any(at <= closed_at for at in self._began)
                if "lists" in self._ends or is_late:
                    self.blind.add(each.number)
                self.say("forge", f"has a new request {each.branch} {version}")
        opened = [each.branch for each in requests if each.state == "open"]
        assert len(opened) == len(set(opened)), f"two requests are open from one branch: {opened}"

    # -- events ----------------------------------------------------------------------------

    def say(self, who: str, what: str) -> None:
        self.log.append(f"{self.clock.at:%d %H:%M:%S} {who:8} {_MASKED.sub('...', what)}")

    def tell(self, nudge: Nudge) -> None:
        """A webhook, to each replica by itself: it comes late, twice, or never."""
        if not self.chaos:
            return
        for machine in self.machines:
            for _ in range(self.random.choice((0, 1, 1, 1, 2))):
                delay = self.random.choice((1, 1, 1, 30, 900))
                self.soon(delay, lambda machine=machine: machine.hear(nudge))  # type: ignore[misc]

    def schedule(self, hours: float, *, pace: float = 1.0) -> None:
        """What is to happen from now on; `pace` times as much as on a usual day."""
        begin = self.clock.at

        def often(an_hour: float, happens: Callable[[], None]) -> None:
            for _ in range(round(an_hour * hours * pace)):
                self.at(begin + timedelta(hours=self.random.uniform(0, hours)), happens)

        often(2, self.people.build)
        often(5, self.people.act)
        often(1.5, self.trouble)
        often(0.3, self.roll_out)

    def trouble(self) -> None:
        name = self.random.choice(
            (*TROUBLES, "registry", "forge", "forge")
        )  # these are of many kinds
        if name in self._ends:
            return
        told, end = TROUBLES[name](self)
        self.say("trouble", told)
        self._ends[name] = end
        longest = 60 if name == "lists" else 2400
        self.soon(min(self.random.choice((20, 120, 600, 2400)), longest), lambda: self.end(name))

    def end(self, name: str) -> None:
        if name in self._ends:
            self._ends.pop(name)()
            self.say("trouble", f"no more: {name}")

    def end_all(self) -> None:
        for name in list(self._ends):
            self.end(name)

    def roll_out(self) -> None:
        """A new process, stopped as Kubernetes does."""
        machine = self.random.choice(self.machines)
        if machine.service and machine.name not in self.running:
            self.say(machine.name, "is stopped")
            machine.service.stop(0)
            self._go(machine)

    def calm(self) -> None:
        """From now on nothing goes wrong, and nobody does anything by themselves."""
        self.chaos = False
        self.end_all()
        self._queue.clear()
        for machine in self.machines:
            self.start(machine)
            machine.beat()
        self.say("trouble", "all is calm")
