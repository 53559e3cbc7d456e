"""Labels, reviewers and assignees that a merge request of GitLab is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promoter.access.redaction import redact
from promoter.forges.gitlab.people import Named, People
from promoter.forges.gitlab.values import Json, field
from promoter.model.ports import MergeRequestDraft


@dataclass(frozen=True)
class Wanted:
    """What a draft asks for, in GitLab's terms; `people` by the field that GitLab tells them in."""

    labels: tuple[str, ...]
    people: Mapping[str, Named]
    warnings: tuple[str, ...]

    def missing_in(self, data: Json) -> dict[str, Any]:
        """What is to be sent so that a request has it all; whoever is there stays, and first."""
        sent: dict[str, Any] = {}
        labels = [each for each in self.labels if each not in (data.get("labels") or ())]
        if labels:
            sent["add_labels"] = ",".join(labels)
        for role, named in self.people.items():
            there = _ids(data, role)
            more = [each for each in named.members if each not in there]
            if more:
                sent[f"{role.removesuffix('s')}_ids"] = [*there, *more]
        return sent

    def warnings_about(self, data: Json) -> tuple[str, ...]:
        """Who is none, and whom GitLab left out of the request that it answered with."""
        left_out = [
            redact(
                f"{role.removesuffix('s')} {name}: GitLab left out; its Free edition takes one only"
            )
            for role, named in self.people.items()
            for who, name in named.members.items()
            if who not in _ids(data, role)
        ]
        return (*self.warnings, *left_out)


class Extras:
    """Thread-safe."""

    def __init__(self, people: People) -> None:
        self._people = people

    def of(self, draft: MergeRequestDraft) -> Wanted:
        people = {
            "reviewers": self._people.find(draft.reviewers, "reviewer"),
            "assignees": self._people.find(draft.assignees, "assignee"),
        }
        # GitLab's labels have none: it would take it for two.
        odd = [each for each in draft.labels if "," in each]
        warnings = [
            redact(f"label {each!r}: GitLab has none with a comma, left out") for each in odd
        ]
        warnings += [each for named in people.values() for each in named.warnings]
        labels = tuple(each for each in draft.labels if each not in odd)
        return Wanted(labels, people, tuple(warnings))


def _ids(data: Json, role: str) -> list[int]:
    return [field(each, "id", int) for each in data.get(role) or ()]
