"""Who was sent away comes first the next time."""

from __future__ import annotations

from promoter.access.turns import Turns


def test_the_longest_sent_away_is_the_first() -> None:
    turns = Turns()
    for question in (7, 3, 5, 7):
        turns.send_away(question, 0.0)
    assert [turns.before(question, 1.0) for question in (7, 3, 5, 9)] == [0, 1, 2, 3]
    turns.serve(7)
    turns.serve(9)
    assert [turns.before(question, 1.0) for question in (7, 3, 5, 9)] == [2, 0, 1, 2]


def test_who_does_not_ask_any_more_loses_the_turn_and_who_asks_keeps_it() -> None:
    turns = Turns(patience=60.0)
    turns.send_away(1, 0.0)
    turns.send_away(2, 0.0)
    turns.send_away(2, 50.0)
    assert turns.before(2, 60.0) == 1
    assert turns.before(2, 61.0) == 0
    assert turns.before(1, 61.0) == 1


def test_there_is_an_end_to_those_who_are_remembered() -> None:
    turns = Turns(most=2)
    for question in range(9):
        turns.send_away(question, 0.0)
    assert turns.before(100, 0.0) == 2
