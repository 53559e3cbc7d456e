"""How the bot stands in a repository: what keeps it from working, and whether the forge backs what
the rules want of each environment. The table is in docs/doctor.md.

What is not known never reads as fine: it is told, with what would show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from promoter.decisions.forge_words import words_of
from promoter.decisions.gates.checks import looks_upstream
from promoter.decisions.ground import Ground, join
from promoter.decisions.status import NAME as STATUS
from promoter.decisions.status import is_required
from promoter.model.plan import Advice, Stance
from promoter.model.ports import Footing
from promoter.model.rule import EnvironmentRule, GateRule, RepositoryAddress, Rule


def advise(
    rules: Sequence[Rule], repository: RepositoryAddress, base: str, footing: Footing
) -> Advice:
    """The advice for one repository; `rules` are all that have an environment there."""
    ground = Ground(base, footing, words_of(repository.forge))
    here = [
        (rule, each)
        for rule in rules
        for each in rule.environments
        if rule.repository_of(each.name) == repository
    ]
    environments = [each for _, each in here]
    return Advice(
        repository,
        base,
        footing,
        tuple(_stance(rule, each, ground) for rule, each in here),
        tuple(_problems(environments, ground)),
        tuple(_warnings(environments, ground)),
    )


def _problems(environments: Sequence[EnvironmentRule], ground: Ground) -> Iterator[str]:
    rights, words = ground.footing.rights, ground.words
    bot = rights.bot
    if rights.push is False:
        yield ground.advice(f"{bot} may not push branches", words.push)
    if rights.open is False:
        yield ground.advice(f"{bot} may not open merge requests", words.open)
    automatic = _names(each for each in environments if each.merge == "automatic")
    if rights.merge is False and automatic:
        what = f"{bot} may not merge into {ground.base}, and {_merge_themselves(automatic)}"
        yield ground.advice(what, words.merge)
    counting = _names(each for each in environments if _approvals_of(each))
    if rights.see_approvals is False and counting:
        what = f"{bot} can't see approvals, which {_wait(counting)} for"
        yield ground.advice(what, words.see_approvals)


def _warnings(environments: Sequence[EnvironmentRule], ground: Ground) -> Iterator[str]:
    footing, words = ground.footing, ground.words
    rights = footing.rights
    if rights.bypass:
        what = f"{rights.bot} may bypass the protection of {ground.base}, and a bot should not"
        yield ground.advice(what, words.no_bypass)
    if rights.starts_pipelines is False:
        yield _warn_of_pipelines(environments, ground)
    if rights.publish is False and footing.statuses:
        what = f"{rights.bot} can't publish its status `{STATUS}` on merge requests"
        yield ground.advice(what, words.publish)
    yield from footing.problems
    unseen = _unseen_rights(environments, ground)
    # The adapter says better why; a right that nobody explains is told all the same.
    if unseen and not footing.problems:
        what = f"can't tell whether {rights.bot} may {join(unseen, 'or')}"
        yield ground.advice(what, words.see_rights)


def _warn_of_pipelines(environments: Sequence[EnvironmentRule], ground: Ground) -> str:
    words = ground.words
    what = f"merge requests opened with this token start no {words.pipelines}"
    waiting = _names(each for each in environments if _awaited(each, ground))
    if waiting:
        return ground.advice(f"{what}, so that {_wait(waiting)} for ever", words.token)
    if ground.checks is None:
        what = f"{what}, and can't see whether {ground.base} requires checks that would come of one"
        return ground.advice(what, words.token, words.see_protection)
    return f"{what}; no required check and no gate waits for one"


def _unseen_rights(environments: Sequence[EnvironmentRule], ground: Ground) -> list[str]:
    """What matters for these environments and can't be told; what a stance tells is left out."""
    rights = ground.footing.rights
    automatic = any(each.merge == "automatic" for each in environments)
    counting = any(_approvals_of(each) for each in environments)
    unseen = [
        ("push branches", rights.push is None),
        ("open merge requests", rights.open is None),
        (f"merge into {ground.base}", rights.merge is None and automatic),
        ("see approvals", rights.see_approvals is None and counting),
        (f"publish the status `{STATUS}`", rights.publish is None and ground.footing.statuses),
    ]
    return [what for what, matters in unseen if matters]


def _stance(rule: Rule, environment: EnvironmentRule, ground: Ground) -> Stance:
    contradictions = tuple(_contradictions(environment, ground))
    if contradictions:
        return Stance(rule.source, environment.name, "contradictory", "; ".join(contradictions))
    holes = (*_holes(environment, ground), *_unseen(environment, ground))
    if holes:
        return Stance(rule.source, environment.name, "advisory", "; ".join(holes))
    return Stance(rule.source, environment.name, "enforced", _backed(environment, ground))


def _contradictions(environment: EnvironmentRule, ground: Ground) -> Iterator[str]:
    """Why nothing could ever be merged, or why nobody would know what it waits for."""
    base, rights, words = ground.base, ground.footing.rights, ground.words
    required = ground.approvals or 0
    if environment.merge == "automatic" and required and not _approvals_of(environment):
        yield (
            f"{base} requires {_count(required)}, which the rule does not say: the bot would wait"
            f" for people for ever; add `approvals: {required}` to `require`, write"
            " `merge: manual`, or give it a branch without required approvals"
        )
    awaited = _awaited(environment, ground)
    if awaited and rights.starts_pipelines is False:
        what = f"merge requests opened with this token start no {words.pipelines}"
        yield ground.advice(f"{what}, and {join(awaited)} would wait for one for ever", words.token)
    if is_required(ground.footing) and rights.publish is False:
        what = f"{base} requires the check `{STATUS}`, and the bot can't publish it"
        yield ground.advice(what, words.publish)


def _holes(environment: EnvironmentRule, ground: Ground) -> Iterator[str]:
    """How somebody gets past the gates of an environment, and what closes it."""
    base, words, rights = ground.base, ground.words, ground.footing.rights
    count, others = _approvals_of(environment), _other_gates(environment)
    if not environment.require and environment.merge == "automatic":
        return
    lacks_approvals = ground.approvals is not None and ground.approvals < count
    lacks_status = bool(others) and ground.checks is not None and not ground.insists_on_status
    approve = words.approvals if lacks_approvals else ""
    publish = words.publish if lacks_status and rights.publish is False else ""
    insist = words.status if lacks_status and not ground.contains_status else ""
    if ground.is_open:
        gates = join(_gates(environment)) if environment.require else "the merge requests"
        what = f"{base} takes pushes without a request, so that whoever may push gets past {gates}"
        yield ground.advice(what, words.protect, approve, publish, insist, count=count)
        return
    if rights.bypass:
        yield ground.advice(f"the bot may bypass the protection of {base}", words.no_bypass)
    if lacks_approvals:
        what = (
            f"{base} requires {_count(ground.approvals or 0)}, so that whoever may merge gets past"
            f" `approvals: {count}`"
        )
        yield ground.advice(what, approve, count=count)
    if count and ground.approvals:
        yield from _holes_in_approvals(count, ground)
    if lacks_status:
        what = (
            f"`{STATUS}` is no required check, so that whoever may merge gets past {join(others)}"
        )
        yield ground.advice(what, publish, insist)
    elif others and ground.contains_status:
        what = (
            f"a new pipeline lacks the status `{STATUS}` until the bot looks again, so that"
            f" whoever may start one and merge gets past {join(others)}"
        )
        yield ground.advice(what, words.few_merge)


def _holes_in_approvals(count: int, ground: Ground) -> Iterator[str]:
    base, words, protection = ground.base, ground.words, ground.footing.protection
    if protection.stale_approvals:
        what = (
            f"{base} goes on counting approvals after a push, so that whoever may push and merge"
            f" gets past `approvals: {count}`"
        )
        yield ground.advice(what, words.fresh_approvals)
    if protection.own_approvals:
        what = (
            f"{base} counts the approval of who opened a merge request, so that one who may merge"
            f" gets past `approvals: {count}` with one of their own"
        )
        yield ground.advice(what, words.others_approvals)


def _unseen(environment: EnvironmentRule, ground: Ground) -> Iterator[str]:
    """What would have to be known before an environment is called enforced."""
    base, rights, words = ground.base, ground.footing.rights, ground.words
    automatic = environment.merge == "automatic"
    counted, others = _approvals_of(environment), _other_gates(environment)
    protection: list[str] = []
    if environment.require or not automatic:
        hidden = ground.footing.protection.is_on is None
        if hidden:
            protection.append(f"whether {base} is protected from pushes")
        if rights.bypass is None and not ground.is_open:
            what = "that" if hidden else f"the protection of {base}"
            protection.append(f"whether the bot may bypass {what}")
    if ground.approvals is None and (counted or automatic):
        protection.append(f"how many approvals {base} requires")
    stale = ground.footing.protection.stale_approvals
    if counted and ground.approvals != 0 and stale is None and not ground.is_open:
        protection.append("whether approvals of a former head still count")
    if ground.checks is None and (others or rights.starts_pipelines is not True):
        protection.append(f"which checks {base} requires")
    if protection:
        yield ground.advice(f"can't see {join(protection)}", words.see_protection)
    awaited = _awaited(environment, ground)
    if awaited and rights.starts_pipelines is None:
        what = (
            f"can't tell whether merge requests opened with this token start {words.pipelines},"
            f" which {join(awaited)} may wait for"
        )
        yield ground.advice(f"{what}; where they do not", words.token)
    matters = others or is_required(ground.footing)
    if matters and ground.insists_on_status and rights.publish is None:
        what = (
            f"{base} requires the status `{STATUS}`, and can't tell whether the bot may publish it"
        )
        yield ground.advice(f"{what}; where it may not", words.publish)


def _backed(environment: EnvironmentRule, ground: Ground) -> str:
    """What in the forge stands behind the gates."""
    base = ground.base
    counted, others = _approvals_of(environment), _other_gates(environment)
    if not environment.require:
        if environment.merge == "automatic":
            return "has no gate, so there is nothing to get past"
        return f"{base} is protected, and people decide what is merged"
    required = ground.approvals or 0
    backing: list[str] = []
    if counted:
        more = f" ({required - counted} more than the rule)" if required > counted else ""
        backing.append(f"{_count(required)}{more}")
    if others:
        backing.append(f"the status `{STATUS}` for {join(others)}")
    return f"{base} requires {join(backing)}"


def _awaited(environment: EnvironmentRule, ground: Ground) -> list[str]:
    """What waits for checks that are not the bot's own."""
    on_request = (e for e in environment.require if e.gate == "checks" and not looks_upstream(e))
    gates = [f"`{each.text}`" for each in on_request]
    required = [f"the required check `{each}`" for each in ground.foreign_checks]
    return [*gates, *required]


def _approvals_of(environment: EnvironmentRule) -> int:
    counts = [int(str(e.option("count"))) for e in environment.require if e.gate == "approvals"]
    return max(counts, default=0)


def _other_gates(environment: EnvironmentRule) -> list[str]:
    return [_quoted(each) for each in environment.require if each.gate != "approvals"]


def _gates(environment: EnvironmentRule) -> list[str]:
    return [_quoted(each) for each in environment.require]


def _quoted(gate: GateRule) -> str:
    return f"`{gate.text}`"


def _names(environments: Iterable[EnvironmentRule]) -> list[str]:
    """Each once: rules share the names of their environments."""
    return list(dict.fromkeys(each.name for each in environments))


def _merge_themselves(names: Sequence[str]) -> str:
    return f"{join(names)} {'has' if len(names) == 1 else 'have'} `merge: automatic`"


def _wait(names: Sequence[str]) -> str:
    return f"{join(names)} {'waits' if len(names) == 1 else 'wait'}"


def _count(approvals: int) -> str:
    return {0: "no approval", 1: "1 approval"}.get(approvals, f"{approvals} approvals")
