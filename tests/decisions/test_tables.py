"""What a rule file may say is what the decisions can do."""

from __future__ import annotations

from promoter.decisions.gates import GATES
from promoter.decisions.policies import POLICIES
from promoter.rules import words


def test_every_policy_that_a_rule_file_knows_is_implemented_and_the_other_way_round() -> None:
    assert set(words.POLICIES) == set(POLICIES)


def test_every_gate_that_a_rule_file_knows_is_implemented_and_the_other_way_round() -> None:
    assert set(words.GATES) == set(GATES)
