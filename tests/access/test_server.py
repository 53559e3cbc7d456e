"""What is known of each server, for as long as it matters."""

from __future__ import annotations

import pytest

from promoter.access.budget import Rate, Told
from promoter.access.pools import Pools
from promoter.access.server import Servers
from promoter.access.tls import Contexts, trust_system
from promoter.errors import TransientError


def servers(now: list[float]) -> Servers:
    rates = {"rated.invalid": Rate(1, 60)}
    return Servers(Pools({}, trust_system, Contexts()), rates, lambda: now[0])


def redirect_to_hundreds(known: Servers, now: list[float]) -> None:
    for number in range(600):
        now[0] += 1.0
        known.find(f"http://elsewhere-{number}.invalid/blob")


def test_redirects_to_hundreds_of_hosts_do_not_end_a_rest_a_rate_or_a_circuit() -> None:
    now = [0.0]
    known = servers(now)
    resting, _ = known.find("http://resting.invalid/v2/a")
    resting.budget.learn(resting.budget.reserve(0.0, 5.0), Told(rest=800.0), 0.0)
    spent, _ = known.find("http://spent.invalid/v2/a")
    spent.budget.learn(spent.budget.reserve(0.0, 5.0), Told(pulls_left=0, window=800.0), 0.0)
    dead, _ = known.find("http://dead.invalid/v2/a")
    for question in range(5):
        dead.circuit.failed(question, dead.circuit.check(question, 0.0), "dead", 0.0)
    rated, _ = known.find("http://rated.invalid/v2/a")
    rated.budget.reserve(0.0, 5.0)
    redirect_to_hundreds(known, now)
    for server in (resting, spent, dead, rated):
        assert known.find(f"http://{server.origin}/v2/b")[0] is server
    with pytest.raises(TransientError, match="it asked to wait"):
        resting.budget.reserve(now[0], 5.0)


def test_who_was_not_asked_for_longest_is_forgotten_first() -> None:
    now = [0.0]
    known = servers(now)
    busy, _ = known.find("http://busy.invalid/v2/a")
    idle, _ = known.find("http://idle.invalid/v2/a")
    for number in range(600):
        now[0] += 1.0
        known.find(f"http://elsewhere-{number}.invalid/blob")
        known.find(f"http://busy.invalid/v2/{number}")
    assert known.find("http://busy.invalid/v2/a")[0] is busy
    assert known.find("http://idle.invalid/v2/a")[0] is not idle


def test_there_is_an_end_to_those_who_are_kept() -> None:
    now = [0.0]
    known = servers(now)
    for number in range(600):
        server, _ = known.find(f"http://hostile-{number}.invalid/")
        server.budget.learn(server.budget.reserve(0.0, 5.0), Told(rest=800.0), 0.0)
    assert len(known) == 512
