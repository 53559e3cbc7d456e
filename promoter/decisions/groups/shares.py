"""What the merge request of a group is to each of its targets: the same request, with the one
record that is about the target. So whoever asks what became of a release need not know of groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from promoter.decisions.branches import branch_name, branch_of, group_branch, is_group_branch
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.rule import Rule
from promoter.model.target import Target


def shares(request: MergeRequest) -> Iterator[tuple[str, MergeRequest]]:
    """By the branch that each target would have for itself; none of a request for one target."""
    if is_group_branch(request.branch):
        for branch, body in _bodies(request.body):
            yield branch, replace(request, body=body)


@lru_cache(maxsize=1024)
def _bodies(body: str) -> tuple[tuple[str, str], ...]:
    """Of a body with hundreds of records, which each look would read again."""
    return tuple(
        (branch_of(each.environment, each.application), "\n".join(each.trailers()))
        for each in Record.parse_all(body)
    )


def find_request(
    rule: Rule, target: Target, requests: Iterable[MergeRequest]
) -> tuple[str, MergeRequest | None]:
    """The branch of the group that a target travels with (empty: it goes alone), and its open
    request. What is on its way alone stays so until that is merged or closed."""
    opened = {each.branch: each for each in requests if each.state == "open"}
    own = opened.get(branch_name(target))
    if own is not None or rule.environment(target.environment).group == "application":
        return "", own
    group = group_branch(rule.name, target.environment)
    return group, opened.get(group)


def requests_of(target: Target, requests: Iterable[MergeRequest]) -> tuple[MergeRequest, ...]:
    """Those that bring or brought something to a target, of all of a repository."""
    mine = branch_name(target)
    found: list[MergeRequest] = []
    for each in requests:
        if each.branch == mine:
            found.append(each)
        found += (share for branch, share in shares(each) if branch == mine)
    return tuple(found)
