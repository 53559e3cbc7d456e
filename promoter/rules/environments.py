"""The environments of a checked rule file, each on its own: stages written out by `each` and
`waves`, names of stages by those of their environments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from promoter.model.image_prefix import ImagePrefix
from promoter.model.rule import EnvironmentRule, GateRule, RepositoryAddress, Upstream
from promoter.rules.address import forge_of
from promoter.rules.stages import Member, members

if TYPE_CHECKING:
    from promoter.rules.shape import EnvironmentShape, GateShape, OwnRepositoryShape, RuleShape


def build_environments(
    shape: RuleShape, address: RepositoryAddress
) -> Mapping[str, EnvironmentRule]:
    """By name, in the order of the file; `address` is the rule's own repository."""
    stages = {name: _members(name, each) for name, each in shape.environments.items()}
    built = (
        _environment(name, each, member, stages, address)
        for name, each in shape.environments.items()
        for member in stages[name]
    )
    return {each.name: each for each in built}


def _members(name: str, shape: EnvironmentShape) -> tuple[Member, ...]:
    waves = [wave.model_extra or {} for wave in shape.waves] if shape.waves else None
    return members(name, shape.each, waves)


def _environment(
    stage: str,
    shape: EnvironmentShape,
    member: Member,
    stages: Mapping[str, Sequence[Member]],
    address: RepositoryAddress,
) -> EnvironmentRule:
    after = _upstream(shape, stages)
    require = _gates(shape.require)
    if shape.waves:
        require = (*require, *_gates(shape.waves[member.wave].require))
    if member.wave:
        # What the whole stage requires of its upstream goes on to be asked of that.
        whole = len(shape.require)
        looking_back = (replace(each, of=after) for each in require[:whole])
        require = (*looking_back, *require[whole:])
        before = (each.name for each in stages[stage] if each.wave == member.wave - 1)
        after = Upstream(tuple(before))
    return EnvironmentRule(
        name=member.name,
        after=after,
        require=require,
        merge=shape.merge,
        open=shape.open,
        paths=tuple(member.fill(each, stage) for each in shape.path) if shape.path else None,
        repository=_repository(shape.repository, address) if shape.repository else None,
        images=tuple(
            (ImagePrefix.parse(there), ImagePrefix.parse(here))
            for there, here in (shape.images or {}).items()
        ),
        stage=stage if shape.each else "",
        group=shape.group,
        replace=shape.replace,
    )


def _gates(shapes: Iterable[GateShape]) -> tuple[GateRule, ...]:
    return tuple(GateRule(*gate.word) for gate in shapes)


def _repository(shape: OwnRepositoryShape, address: RepositoryAddress) -> RepositoryAddress:
    if shape.url is None:
        return RepositoryAddress(address.url, shape.branch, shape.forge or address.forge)
    return RepositoryAddress(shape.url, shape.branch, shape.forge or forge_of(shape.url) or "")


def _upstream(shape: EnvironmentShape, stages: Mapping[str, Sequence[Member]]) -> Upstream:
    if shape.after is None:
        return Upstream()
    if shape.after.any is not None:
        return Upstream(tuple(_written_out(shape.after.any, stages)), "any")
    return Upstream(tuple(_written_out(shape.after.all or (), stages)), "all")


def _written_out(names: Iterable[str], stages: Mapping[str, Sequence[Member]]) -> Iterator[str]:
    """A stage is all of its environments; one of these may be named as well."""
    for name in names:
        yield from (each.name for each in stages[name]) if name in stages else (name,)
