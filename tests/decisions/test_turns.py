"""Many open requests that touch neighbouring lines of one file: one after another."""

from __future__ import annotations

from dataclasses import replace

from promoter.model.plan import Merge, Propose, State
from promoter.model.ports import Footing, Protection, Rights
from tests.decisions.rules import approvals, environment, rule
from tests.decisions.world import World


def shared(automatic: bool = True, gates: int = 0, folder: str = "apps") -> World:
    """Three applications with open requests, each on the tip of `main`; their lines stand in one
    file where `folder` names no application."""
    require = (approvals(gates),) if gates else ()
    world = World((rule(environment("dev", *require, automatic=automatic)),))
    for name in ("api", "cart", "web"):
        world.registry(name, "1.0.0", "1.1.0")
        world.ran(name, "dev", "1.0.0")
        world.paths[name, "dev"] = folder.format(name)
    world.carry_out(world.plan())
    for branch in list(world.branches.values()):
        world.branches[branch.name] = replace(branch, fork=world.tip)
    return world


def kinds(world: World) -> dict[str, str]:
    return {
        each.target.application: type(each.action).__name__ if each.action else each.state.value
        for each in world.plan().decisions
    }


def test_what_touches_one_file_is_merged_one_after_another() -> None:
    world = shared()
    assert kinds(world) == {"api": "Merge", "cart": "promoting", "web": "promoting"}
    decision = world.decision("cart", "dev")
    assert decision.why == (
        f"waits its turn: {world.request('api', 'dev').url} goes before it, and moves what it"
        " stands on"
    )


def test_only_the_next_one_is_built_again() -> None:
    world = shared()
    world.carry_out(world.plan())  # api lands; the others conflict with what is there now
    for branch in world.branches.values():
        stale = tuple((path, b"as it was\n") for path, _ in branch.files)
        world.branches[branch.name] = replace(branch, files=stale)
    assert kinds(world) == {"api": "current", "cart": "Propose", "web": "waiting"}
    action = world.decision("cart", "dev").action
    assert isinstance(action, Propose)
    assert action.rebuilds


def test_what_still_brings_the_same_on_the_new_base_keeps_its_commit() -> None:
    world = shared()
    world.carry_out(world.plan())
    branch = world.branches["promoter/dev/cart"]
    stale = tuple((path, b"as it was\n") for path, _ in branch.files)
    world.branches[branch.name] = replace(branch, files=stale)
    world.merges[branch.head] = branch.files
    assert isinstance(world.decision("cart", "dev").action, Merge)


def test_one_that_waits_for_people_keeps_nobody_waiting() -> None:
    world = shared(gates=1)
    heads = {each.branch: each.head for each in world.requests}
    world.approvers.update(dict.fromkeys(heads.values(), ("alice",)))
    world.carry_out(world.plan())  # api lands
    for branch in world.branches.values():
        stale = tuple((path, b"as it was\n") for path, _ in branch.files)
        world.branches[branch.name] = replace(branch, files=stale)
    assert kinds(world) == {"api": "current", "cart": "Propose", "web": "waiting"}
    world.carry_out(world.plan())  # cart is built again, and asks for its approval anew
    assert kinds(world) == {"api": "current", "cart": "waiting", "web": "Propose"}


def test_a_held_one_keeps_nobody_waiting() -> None:
    world = shared()
    world.change_request(world.request("api", "dev"), labels=("promoter/hold",))
    assert kinds(world) == {"api": "blocked", "cart": "Merge", "web": "promoting"}


def test_requests_that_people_merge_are_all_built_again() -> None:
    """Nobody knows which of them is merged next."""
    world = shared(automatic=False)
    world.merge(world.request("api", "dev"))
    for branch in world.branches.values():
        stale = tuple((path, b"as it was\n") for path, _ in branch.files)
        world.branches[branch.name] = replace(branch, files=stale)
    assert kinds(world) == {"api": "current", "cart": "Propose", "web": "Propose"}


def test_where_a_request_must_stand_on_the_tip_all_wait_for_one() -> None:
    world = shared(folder="apps/{}")
    assert sorted(kinds(world).values()) == ["Merge", "Merge", "Merge"]
    protection = Protection(True, 0, (), up_to_date=True)
    world.footing = Footing(Rights("bot"), protection, statuses=False)
    assert sorted(kinds(world).values()) == ["Merge", "promoting", "promoting"]
    assert world.decision("web", "dev").state is State.PROMOTING
