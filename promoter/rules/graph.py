"""The promotion graph: who comes after whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Upstreams = Mapping[str, Sequence[str]]
"""Environment -> the environments that it comes after, in the file's order."""


def sort_upstream_first(upstreams: Upstreams) -> tuple[str, ...]:
    """Every environment after all that it comes after, else as they stand in the file.

    The graph must be complete and without cycles.
    """
    left = dict(upstreams)
    done: dict[str, None] = {}
    while left:
        name = next(name for name, before in left.items() if all(each in done for each in before))
        done[name] = None
        del left[name]
    return tuple(done)


def find_cycles(upstreams: Upstreams) -> tuple[tuple[str, ...], ...]:
    """Environments that wait for each other, once each: `(a, b)` where b comes after a and a
    after b. A cycle begins with its first environment of the file; names that are not
    environments, and environments after themselves, are not looked at.
    """
    order = {name: index for index, name in enumerate(upstreams)}
    known = {
        name: [each for each in before if each in order and each != name]
        for name, before in upstreams.items()
    }
    state: dict[str, str] = {}
    cycles: list[tuple[str, ...]] = []
    for root, before in known.items():
        if root in state:
            continue
        state[root] = "open"
        way = [root]
        steps = [iter(before)]
        while way:
            step = next(steps[-1], None)
            if step is None:
                state[way.pop()] = "done"
                steps.pop()
            elif step not in state:
                state[step] = "open"
                way.append(step)
                steps.append(iter(known[step]))
            elif state[step] == "open":
                # The way goes upstream; people read the way that a release goes.
                cycles.append(_turn(way[way.index(step) :][::-1], order))
    return tuple(cycles)


def _turn(cycle: Sequence[str], order: Mapping[str, int]) -> tuple[str, ...]:
    first = cycle.index(min(cycle, key=order.__getitem__))
    return (*cycle[first:], *cycle[:first])
