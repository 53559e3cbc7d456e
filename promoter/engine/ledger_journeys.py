"""What the ledger holds of releases on their way to a target: a JSON list a target, the oldest
first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from promoter.decisions.branches import target_path
from promoter.engine.ledger_requests import parse_time
from promoter.model.image import ImageReference
from promoter.model.ledger import Journey
from promoter.model.release import Release
from promoter.model.spell import spell_time

JOURNEYS = "journeys/"
_MOST_JOURNEYS = 30
"""Of one target; how older ones came is told without their gates."""
_MOST_GATES = 50


def journeys_file(application: str, environment: str) -> str:
    return f"{JOURNEYS}{target_path(environment, application)}"


def add_journeys(data: bytes, notes: Sequence[Journey]) -> bytes:
    """The file with the notes: of each release one entry, and the first time of each step."""
    before = parse_journeys(data)
    known = {each.release: each for each in before}
    for note in notes:
        here = known.get(note.release)
        known[note.release] = here.plus(note) if here else note
    after = list(known.values())[-_MOST_JOURNEYS:]
    return data if after == before else _spell(after)


def parse_journeys(data: bytes) -> list[Journey]:
    """What can be read, one a release; the rest is as if it were not there."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return []
    found = (_parse(each) for each in content) if isinstance(content, list) else ()
    known: dict[Release, Journey] = {}
    for each in found:
        if each is not None:
            known.setdefault(each.release, each)
    return list(known.values())


def _parse(content: Any) -> Journey | None:
    try:
        offered_at = parse_time(content["offered"])
        artifacts = [ImageReference.parse(each) for each in content["artifacts"]]
        names = [str(content[key]) for key in ("application", "environment")]
        gates = {str(gate): parse_time(text) for gate, text in content["passed"][:_MOST_GATES]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if offered_at is None or not artifacts:
        return None
    passed = tuple((gate, at) for gate, at in gates.items() if at is not None)
    return Journey(names[0], names[1], Release.of(artifacts), offered_at, passed)


def _spell(journeys: Sequence[Journey]) -> bytes:
    content = [
        {
            "application": each.application,
            "environment": each.environment,
            "artifacts": [artifact.normal for artifact in each.release.artifacts],
            "offered": spell_time(each.offered_at),
            "passed": [[gate, spell_time(at)] for gate, at in each.passed[:_MOST_GATES]],
        }
        for each in journeys
    ]
    return f"{json.dumps(content, indent=2)}\n".encode()
