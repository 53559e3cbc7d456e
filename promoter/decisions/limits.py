"""`limits`: how much a promotion may touch, and how many merge requests are open at once.

Who waits longest goes first: the target whose release runs longest, so that an application with
many releases does not keep the others out. What the bot merges in the same run is not held up, nor
is what somebody asked for by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache

from promoter.decisions.scene import Scene
from promoter.model.facts import Facts, FootingOf, Known
from promoter.model.plan import Decision, Propose, State
from promoter.model.record import Record
from promoter.model.rule import Limits
from promoter.model.target import FileChange

_PIECES = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_SPELLED = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def exceeded_by(limits: Limits, changes: Sequence[FileChange]) -> str:
    """Which limit the changes of one merge request break, as a sentence; empty where none."""
    for change in changes if limits.paths else ():
        if not any(_expression(glob).fullmatch(change.path) for glob in limits.paths):
            return f"{change.path} may not be edited: it is in none of `limits.paths`"
    if limits.files is not None and len(changes) > limits.files:
        return _tell("files", len(changes), limits.files)
    if limits.lines is not None:
        lines = sum(map(count_lines, changes))
        if lines > limits.lines:
            return _tell("lines", lines, limits.lines)
    return ""


def _tell(what: str, count: int, most: int) -> str:
    return f"it would change {count} {what}, more than the {most} that `limits.{what}` allows"


def count_lines(change: FileChange) -> int:
    """Lines that go and lines that come, as forges count a diff."""
    before, after = change.before.splitlines(), change.after.splitlines()
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return sum(
        (end - start) + (new_end - new_start)
        for kind, start, end, new_start, new_end in matcher.get_opcodes()
        if kind != "equal"
    )


@cache
def _expression(glob: str) -> re.Pattern[str]:
    """`*` is a part of a path component, `**` any number of them; a folder is all below it."""
    whole = f"{glob}**" if glob.endswith("/") else glob
    pieces = _PIECES.findall(whole)
    return re.compile("".join(_SPELLED.get(each) or re.escape(each) for each in pieces))


def keep_to_limits(
    decisions: Sequence[Decision], scenes: Iterable[Scene], facts: Facts
) -> list[Decision]:
    """The same decisions, of which those wait that would open more than their rule allows."""
    room = {each.rule.source: each.rule.limits.open - _count_open(each) for each in scenes}
    limits = {each.rule.source: each.rule.limits.open for each in scenes}
    line = [at for at, each in enumerate(decisions) if _counts(each, facts)]
    kept = list(decisions)
    ahead: dict[str, int] = {}
    for at in sorted(line, key=lambda at: longest_first(decisions[at])):
        decision = decisions[at]
        rule = decision.rule
        if room[rule] > 0:
            room[rule] -= 1
            continue
        place = ahead[rule] = ahead.get(rule, 0) + 1
        why = (
            f"waits for room: `limits.open` of {rule} is {limits[rule]}, and {place - 1} more"
            f" {'waits' if place == 2 else 'wait'} before it"
        )
        kept[at] = replace(decision, state=State.WAITING, why=why, action=None)
    return kept


def _count_open(scene: Scene) -> int:
    """The open requests that this rule made."""
    listed = (each for base in scene.bases.values() for each in base.requests.values())
    opened = (each for requests in listed for each in requests if each.state == "open")
    records = (Record.parse(each.body) for each in opened)
    return sum(1 for each in records if each and each.rule == scene.rule.name)


def _counts(decision: Decision, facts: Facts) -> bool:
    """Whether it would open a request that then waits for somebody."""
    action = decision.action
    if not isinstance(action, Propose) or action.number is not None:
        return False
    if any(each.rolls_back for each in action.records):
        return False
    releases = [each.release for each in action.records]
    asked_for = [each.release for each in decision.requested if each.state is decision.state]
    if any(release.holds(each) for release in releases for each in asked_for):
        return False
    return not _is_merged_at_once(decision, action, facts)


def _is_merged_at_once(decision: Decision, action: Propose, facts: Facts) -> bool:
    if decision.state is not State.PROMOTING or not all(e.passes for e in decision.verdicts):
        return False
    footing = facts.get(FootingOf(decision.repository, action.base))
    if not isinstance(footing, Known):
        return False
    protection = footing.value.protection
    asks = protection.queue or protection.approvals or protection.checks
    is_known = protection.is_on is False or None not in (protection.approvals, protection.checks)
    return is_known and not asks


def longest_first(decision: Decision) -> tuple[float, str, str]:
    """By what decisions wait in line: the longest first."""
    since = decision.since.timestamp() if decision.since else 0.0
    return since, decision.target.application, decision.target.environment
