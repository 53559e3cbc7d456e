"""What a forge said holds for a while, whatever happens to the clock."""

from __future__ import annotations

from promoter.forges.memory import Memory


def test_an_answer_holds_for_its_time_and_not_for_that_of_a_clock_that_is_set_back() -> None:
    now = 10_000.0
    memory: Memory[str, float] = Memory(lambda: now, 300)
    assert memory.get("main", lambda: now) == 10_000
    now += 299
    assert memory.get("main", lambda: now) == memory.recall("main") == 10_000
    now += 1
    assert memory.recall("main") is None
    assert memory.get("main", lambda: now) == 10_300
    now -= 3600
    assert memory.recall("main") is None
    assert memory.get("main", lambda: now) == 6_700
