"""Many jobs write one ledger: who loses that race writes again, and decides nothing anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest

from promoter.engine.adapters import Adapters
from promoter.engine.applied import Applied
from promoter.engine.apply import apply
from promoter.engine.ledger import REF, draft_notes, read_sightings
from promoter.model.ledger import Sighting
from promoter.model.plan import Decision, Plan, Propose, State
from promoter.model.ports import Forge, MergeRequest, MergeRequestDraft, RefMove
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.target import FileChange
from promoter.repositories.git import GitRepository
from tests.decisions.rules import MANIFESTS, digest, image
from tests.engine.shop import DEV, NOW, WEB, kustomization, opened
from tests.services.git_server import commit, create_repository, refs

FILE = "apps/web/dev/kustomization.yaml"
MINE = Sighting(WEB, "1.1.0", digest("1.1.0"), NOW)
THEIRS = Sighting(WEB, "1.0.0", digest("1.0.0"), NOW)
RELEASE = Release.of([image("web:1.1.0")])


class Interrupted(GitRepository):
    """A repository where something happens right before each push."""

    before_push: Callable[[], None]

    def push(self, moves: Sequence[RefMove]) -> None:
        self.before_push()
        super().push(moves)


class Desk:
    """A forge that opens what it is asked to."""

    def __init__(self) -> None:
        self.opened: list[MergeRequestDraft] = []

    def open(self, draft: MergeRequestDraft) -> MergeRequest:
        self.opened.append(draft)
        return MergeRequest(
            1, "open", draft.branch, draft.base, draft.head, draft.title, draft.body, "file:///r#1"
        )


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = create_repository(tmp_path / "shop.git")
    commit(folder, {FILE: kustomization("1.0.0")})
    return folder


def carry_out(remote: Path, cache: Path, before_push: Callable[[], None], desk: Desk) -> Applied:
    repository = opened(remote, cache)
    repository.__class__ = Interrupted
    cast("Interrupted", repository).before_push = before_push
    base = refs(remote)["refs/heads/main"]
    change = FileChange(FILE, kustomization("1.0.0"), kustomization("1.1.0"))
    record = Record("shop", "web", "dev", RELEASE, "registry")
    action = Propose(record, "promoter/dev/web", "main", base, (change,), 0)
    decision = Decision(
        "rules/shop.yaml",
        MANIFESTS,
        DEV,
        State.PROPOSED,
        "",
        offered=RELEASE,
        action=action,
        notes=(MINE,),
    )
    adapters = Adapters(
        lambda _: repository, lambda _: cast("Forge", desk), lambda _: pytest.fail("no registry")
    )
    return apply(Plan((decision,)), adapters)


def test_what_another_job_notes_meanwhile_stands_beside_it(remote: Path, tmp_path: Path) -> None:
    other, times = opened(remote, tmp_path / "theirs"), iter([True, True])

    def another_job_writes() -> None:
        if next(times, False):
            other.refresh()
            note = Sighting(WEB, f"0.{len(refs(remote))}.0", digest("x"), NOW)
            draft = draft_notes(other, [THEIRS, note])
            if draft is not None:
                other.push([draft.move(*other.commit([draft.commit]))])

    desk = Desk()
    applied = carry_out(remote, tmp_path / "mine", another_job_writes, desk)
    assert (applied.raced, applied.warnings, len(applied.effects)) == (False, [], 1)
    assert len(desk.opened) == 1
    fresh = opened(remote, tmp_path / "fresh")
    kept = read_sightings(fresh, [WEB])[WEB]
    assert {THEIRS, MINE} <= set(kept)


def test_where_the_base_moved_too_it_is_decided_again(remote: Path, tmp_path: Path) -> None:
    def somebody_pushes() -> None:
        commit(remote, {"README.md": b"new\n"}, message="other")

    desk = Desk()
    applied = carry_out(remote, tmp_path / "mine", somebody_pushes, desk)
    assert (applied.raced, applied.effects, desk.opened) == (True, [], [])
    assert REF not in refs(remote)


def test_a_ledger_that_may_not_be_written_is_a_warning(remote: Path, tmp_path: Path) -> None:
    hook = remote / "hooks/update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ncase $1 in refs/promoter/*) echo "not here" >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    desk = Desk()
    applied = carry_out(remote, tmp_path / "mine", lambda: None, desk)
    assert (len(desk.opened), applied.troubles) == (1, [])
    (warning,) = applied.warnings
    assert REF in warning
    assert "not here" in warning
