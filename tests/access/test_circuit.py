"""A dead server is left alone, and found again when it is back; a slow question is not a server."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from promoter.access.circuit import Circuit
from promoter.errors import TransientError

WHY = "r.example can't be reached (Connection refused)"


def look(
    circuit: Circuit, now: float, questions: Iterable[int], silent: Iterable[int]
) -> list[int]:
    """Ask all of them at once, with a repetition of what is silent; those that were answered."""
    begun: dict[int, int] = {}
    for question in questions:
        try:
            begun[question] = circuit.check(question, now)
        except TransientError:
            continue
    answered = [question for question in begun if question not in silent]
    for question in answered:
        circuit.answered(question)
    for question in begun.keys() & set(silent):
        circuit.failed(question, begun[question], WHY, now + 20)
        try:
            again = circuit.check(question, now + 20)
        except TransientError:
            continue
        circuit.failed(question, again, WHY, now + 40)
    return answered


def test_after_five_silences_in_a_row_it_fails_at_once_with_the_reason() -> None:
    circuit = Circuit()
    for second in range(5):
        circuit.failed(second, circuit.check(second, second), WHY, second)
    with pytest.raises(TransientError) as caught:
        circuit.check(10, 10.0)
    assert str(caught.value) == (
        f"{WHY}; so it was 5 times in a row, and it is not asked again for 24 s"
    )
    assert caught.value.retry_after == timedelta(seconds=24)


def test_one_answer_between_them_is_enough() -> None:
    circuit = Circuit(most=2)
    for now in range(10):
        circuit.failed(now, circuit.check(now, now), WHY, now)
        circuit.answered(100)
    circuit.check(10, 10.0)


def test_what_was_asked_before_the_last_answer_does_not_count() -> None:
    circuit = Circuit(most=2)
    begun = [circuit.check(question, 0.0) for question in range(9)]
    circuit.answered(100)
    for question, answers in enumerate(begun):
        circuit.failed(question, answers, WHY, 20.0)
    circuit.check(100, 20.0)


def test_a_question_that_stays_silent_counts_once() -> None:
    circuit = Circuit(most=2)
    for now in range(9):
        circuit.failed(1, circuit.check(1, now), WHY, now)
    circuit.check(2, 9.0)
    circuit.answered(1)
    for question in (1, 2):
        circuit.failed(question, circuit.check(question, 9.0), WHY, 9.0)
    with pytest.raises(TransientError):
        circuit.check(3, 9.0)


@pytest.mark.parametrize("slow", [1, 2, 5, 20, 64])
def test_slow_repositories_never_silence_those_beside_them(slow: int) -> None:
    circuit = Circuit()
    everybody = range(slow + 20)
    for minute in range(9):
        answered = look(circuit, 60.0 * minute, everybody, range(slow))
        assert answered == list(range(slow, slow + 20))
        # the next questions of the same look, while the slow ones are still asked
        assert look(circuit, 60.0 * minute + 41, range(slow, slow + 20), []) == answered


def test_slow_repositories_that_are_asked_alone_close_the_door_only_once() -> None:
    circuit = Circuit()
    slow, well = range(6), range(6, 26)
    answered = []
    for minute in range(9):
        look(circuit, 60.0 * minute, slow, slow)
        answered.append(len(look(circuit, 60.0 * minute + 41, well, [])))
    assert answered == [0, 5, *[20] * 7]


@pytest.mark.parametrize("slow", [0, 2, 6, 64])
@pytest.mark.parametrize("others", [3, 20, 100])
def test_whoever_is_well_is_asked_again_soon_after_all_were_silent(slow: int, others: int) -> None:
    circuit = Circuit()
    everybody = range(slow + others)
    for minute in range(30):
        look(circuit, 60.0 * minute, everybody, everybody)
    looks = 1
    now = 1800.0
    while look(circuit, now, everybody, range(slow)) != list(range(slow, slow + others)):
        looks += 1
        now += 60.0
    assert looks <= 3 + slow // 5


def test_a_few_requests_find_out_whether_it_is_back() -> None:
    circuit = Circuit(most=2)
    for question in (1, 2):
        circuit.failed(question, circuit.check(question, 0.0), WHY, 0.0)
    with pytest.raises(TransientError):
        circuit.check(3, 29.0)
    for known in (1, 2):  # while others wait, who met silence is no probe
        with pytest.raises(TransientError):
            circuit.check(known, 30.0)
    probes = [circuit.check(question, 30.0) for question in (3, 4)]
    with pytest.raises(TransientError, match="not asked again for 30 s"):
        circuit.check(5, 30.0)
    circuit.failed(3, probes[0], WHY, 35.0)
    with pytest.raises(TransientError):
        circuit.check(5, 59.0)
    circuit.check(5, 60.0)
    circuit.answered(5)
    for question in (1, 2, 5, 6):
        circuit.check(question, 60.1)


def test_a_probe_that_never_came_back_does_not_keep_the_door_shut() -> None:
    circuit = Circuit(most=1)
    circuit.failed(1, circuit.check(1, 0.0), WHY, 0.0)
    circuit.check(1, 30.0)
    with pytest.raises(TransientError):
        circuit.check(2, 30.1)
    circuit.check(2, 60.0)
