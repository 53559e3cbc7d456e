"""Whatever happens to the merge request of a group, in whatever order."""

from __future__ import annotations

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from promoter.decisions.person import HOLD
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from tests.decisions.rules import approvals
from tests.decisions.test_groups import BRANCH, ENV, grouped, runs, shop
from tests.decisions.world import NOW, World

NAMES = ("api", "web", "worker")
EVENTS = (
    *("publish", "publish", "publish", "approve", "approve", "close", "merge", "revert"),
    *("hold", "free", "ban", "by hand", "base", "edit", "label", "unlabel", "push", "delete"),
)
stories = st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from(NAMES)), max_size=10)


def opened(world: World) -> MergeRequest | None:
    found = [each for each in world.requests if each.state == "open"]
    assert len(found) <= 1, "one merge request"
    return found[0] if found else None


def happen(world: World, event: str, name: str) -> None:
    request = opened(world)
    latest = max(world.tags[name], key=lambda tag: int(tag.split(".")[1]))
    release = world.history[name, ENV][-1].release
    assert release is not None
    match event:
        case "publish":
            minor = int(latest.split(".")[1]) + 1
            world.registry(name, *world.tags[name], f"1.{minor}.0")
        case "revert" if len(world.history[name, ENV]) > 1:
            before = world.history[name, ENV][-2].release
            assert before is not None
            world.lands_release(name, ENV, before, at=NOW)
        case "by hand":
            world.lands(name, ENV, latest, at=NOW)
        case "hold":
            world.hold_files[f"{ENV}/{name}.yaml"] = "by: ann\nreason: no\n"
        case "ban":
            text = f"release: {latest}\nby: ann\nreason: no\n"
            world.hold_files[f"{ENV}/{name}.yaml"] = text
        case "free":
            world.hold_files.pop(f"{ENV}/{name}.yaml", None)
        case "base":
            world.moves_base()
    if request is None:
        return
    match event:
        case "approve":
            world.approvers[request.head] = ("ann", "ben")
        case "close":
            world.close(request, by="ann")
        case "merge" if request.body != "mine":
            world.merge(request)
        case "edit":
            world.change_request(request, body="mine")
        case "label":
            world.change_request(request, labels=(HOLD,))
        case "unlabel":
            world.change_request(request, labels=())
        case "push" if BRANCH in world.branches:
            world.push(BRANCH)
        case "delete":
            world.branches.pop(BRANCH, None)


@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(stories, st.booleans())
def test_it_always_comes_to_rest_with_one_request_that_says_what_it_brings(
    story: list[tuple[str, str]], automatic: bool
) -> None:
    world = shop(*NAMES[:2], of=grouped(approvals(2), automatic=automatic))
    runs(world, NAMES[2])
    rejected: set[tuple[str, str]] = set()
    for event, name in story:
        request = opened(world)
        if event == "close" and request is not None:
            listed = Record.parse_all(request.body)
            rejected |= {(each.application, each.release.id) for each in listed}
        happen(world, event, name)
        before, before_approved = opened(world), dict(world.approvers)
        world.reconcile()
        request = opened(world)
        if request is None:
            continue
        branch = world.branches.get(BRANCH)
        is_a_persons = (branch is not None and not branch.own) or HOLD in request.labels
        if is_a_persons or any(each.startswith(ENV) for each in world.hold_files):
            continue
        assert branch is not None
        records = Record.parse_all(request.body)
        assert Record.parse_all(branch.message) == records
        assert len({each.application for each in records}) == len(records)
        if before is not None and before.number == request.number:
            gone = {each.application for each in Record.parse_all(before.body)}
            gone -= {each.application for each in records}
            if before.head in before_approved and before.head != request.head:
                assert gone or event in ("revert", "by hand", "free", "delete", "base", "edit")
        for record in records:
            assert (record.application, record.release.id) not in rejected
            running = world.history[record.application, ENV][-1].release
            assert running is not None
            assert _version(record.release.label) > _version(running.label), "never backwards"


def _version(label: str) -> int:
    return int(label.split(".")[1])
