"""How one target offers its release to its group (`group: environment`), or goes alone instead."""

from __future__ import annotations

from dataclasses import replace

from promoter.decisions.branches import branch_name
from promoter.decisions.situation import Situation
from promoter.model.facts import BranchOf, Facts
from promoter.model.plan import Decision, Propose, State
from promoter.model.record import Record
from promoter.model.target import Edit


def may_share(record: Record) -> bool:
    """The way back, and what is in a hurry, wait for nobody else's gates."""
    return not record.skips and not record.rolls_back


def leave_group(this: Situation, decided: Decision, facts: Facts) -> tuple[Situation, Decision]:
    """The same, of a target that goes alone from now on. Raises NotAsked, NotKnown."""
    own = facts.need(BranchOf(this.repository, branch_name(this.target), this.base.tip.commit))
    this = replace(this, group="", opened=None, branch=own)
    return this, replace(decided, merge_request=None, head=None)


def offer_to_group(this: Situation, record: Record, edit: Edit, decided: Decision) -> Decision:
    """What the target would have its group bring. Nothing is done by it: what becomes of it, and of
    the state, `decisions.groups` tells once all of the group are known."""
    base = this.base.tip
    action = Propose(record, this.group, base.branch, base.commit, edit.changes, 0)
    label = record.release.label
    return replace(
        decided,
        state=State.PROPOSED,
        why=f"{label} from {record.origin} goes with the others of {this.target.environment}",
        action=action,
    )
