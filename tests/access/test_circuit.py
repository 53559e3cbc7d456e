"""A dead server is left alone, and found again when it is back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from promoter.access.circuit import Circuit
from promoter.errors import TransientError

WHY = "r.example can't be reached (Connection refused)"


def test_after_five_silences_in_a_row_it_fails_at_once_with_the_reason() -> None:
    circuit = Circuit()
    for second in range(5):
        circuit.check(second)
        circuit.failed(WHY, second)
    with pytest.raises(TransientError) as caught:
        circuit.check(10.0)
    assert str(caught.value) == (
        f"{WHY}; so it was 5 times in a row, and it is not asked again for 24 s"
    )
    assert caught.value.retry_after == timedelta(seconds=24)


def test_one_answer_between_them_is_enough() -> None:
    circuit = Circuit(most_failures=2)
    for now in range(10):
        circuit.check(now)
        circuit.failed(WHY, now)
        circuit.answered()
    circuit.check(10.0)


def test_one_request_finds_out_whether_it_is_back() -> None:
    circuit = Circuit(most_failures=1)
    circuit.failed(WHY, 0.0)
    circuit.check(30.0)  # the probe
    with pytest.raises(TransientError):
        circuit.check(30.1)
    circuit.failed(WHY, 35.0)
    with pytest.raises(TransientError, match="not asked again for 20 s"):
        circuit.check(45.0)
    circuit.check(65.0)  # the next probe
    circuit.answered()
    circuit.check(65.1)
    circuit.check(65.1)


def test_a_probe_that_never_came_back_does_not_keep_the_door_shut() -> None:
    circuit = Circuit(most_failures=1)
    circuit.failed(WHY, 0.0)
    circuit.check(30.0)
    circuit.check(60.0)
