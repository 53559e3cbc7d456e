"""Tales: worlds that came about. Rules of every shape, histories that somebody made, and then
things happen: versions are pushed and moved, people merge, close, push, approve, hold and wish, and
the bot looks in between.

What a tale draws are small numbers; what they mean depends on what is there to happen to (the third
open request, the second application), so that hypothesis can shrink them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from promoter.decisions.person import HOLD
from promoter.model.facts import Facts
from promoter.model.hold import FOLDER, Holds
from promoter.model.image import ImageReference
from promoter.model.ledger import Wish
from promoter.model.plan import Plan
from promoter.model.ports import Check, Footing, MergeRequest, Protection, Readiness, Rights
from promoter.model.release import Release
from promoter.model.rule import (
    ArtifactRule,
    EnvironmentRule,
    GateRule,
    Limits,
    RepositoryAddress,
    Rule,
    Upstream,
)
from promoter.model.window import Entry, Window
from promoter.rules.holds import read_holds
from tests.decisions.rules import approvals, artifact, digest, environment, renames, rule, soak
from tests.decisions.world import NOW, World, ago

OTHER = RepositoryAddress("https://git.example.com/production.git", "main", "local")
HARBOR = "harbor.example.com/apps/"
APPLICATIONS = ("web", "api", "cart")
VERSIONS = 8
AT_THE_BEGINNING = 4

SHUT = GateRule("window", (("window", Window((), (Entry("2026-03-02", None, "UTC"),))),))
"""On the day of NOW; a tale goes on for days."""
UPSTREAM_TEST = GateRule("checks", (("name", "test"), ("of", "upstream")))
AT_FIRST = (
    *(approvals(1), GateRule("checks", (("name", "test"),)), SHUT),
    GateRule("registries", (("registry", "ghcr.io/shop"), ("registry", "harbor.example.com"))),
    GateRule("registries", (("registry", "quay.io"),)),
    GateRule("minimum-age", (("duration", timedelta(days=2)),)),
)
DOWNSTREAM = (soak(hours=6), soak(days=2), UPSTREAM_TEST, UPSTREAM_TEST, *AT_FIRST)


@dataclass
class Tale:
    """A world at a moment. `look` is what the bot does at each look, `checked` what is told of
    every plan that it carries out."""

    world: World
    now: datetime = NOW
    checked: Callable[[Tale, Plan, Facts], None] = lambda *_: None

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.world.rules

    def look(self) -> Plan:
        del self.world.asked[:]
        plan, facts = self.world.plan_and_facts(self.now)
        self.checked(self, plan, facts)
        self.world.carry_out(plan, self.now)
        return plan

    @property
    def holds(self) -> Holds:
        files = self.world.hold_files.items()
        return Holds.together(read_holds(f"{FOLDER}/{path}", text.encode()) for path, text in files)

    def rule_of(self, environment_name: str) -> Rule:
        return next(
            each
            for each in self.rules
            if any(e.name == environment_name for e in each.environments)
        )

    def open_request(self, number: int) -> MergeRequest | None:
        opened = [each for each in self.world.requests if each.state == "open"]
        return opened[number % len(opened)] if opened else None

    def key(self, number: int) -> tuple[str, str]:
        keys = sorted(self.world.history)
        return keys[number % len(keys)]


# -- rules ----------------------------------------------------------------------------------------


def stages(shape: int) -> dict[str, Upstream]:
    """The graph: each environment with what stands before it, upstream first."""
    return (
        {"dev": Upstream()},
        {"dev": Upstream(), "prod": Upstream(("dev",))},
        {"dev": Upstream(), "staging": Upstream(("dev",)), "prod": Upstream(("staging",))},
        {
            "dev": Upstream(),
            "qa": Upstream(("dev",)),
            "perf": Upstream(("dev",)),
            "prod": Upstream(("qa", "perf")),
        },
        {
            "dev": Upstream(),
            "edge": Upstream(),
            "prod": Upstream(("dev", "edge"), "any"),
        },
        {
            "dev": Upstream(),
            "prod-eu": Upstream(("dev",)),
            "prod-us": Upstream(("prod-eu",)),
        },
    )[shape]


SHAPES = 6


@st.composite
def environments(draw: st.DrawFn, shape: int) -> tuple[EnvironmentRule, ...]:
    made: list[EnvironmentRule] = []
    for name, after in stages(shape).items():
        pool = DOWNSTREAM if after.environments else AT_FIRST
        gates = draw(st.lists(st.sampled_from(pool), max_size=2, unique_by=lambda g: g.text))
        if name == "prod-us":  # a later wave: what the stage requires looks before the stage
            gates = [replace(g, of=Upstream(("dev",))) for g in gates] + [soak(hours=1)]
        whole = environment(name, *gates, automatic=draw(st.booleans()))
        made.append(
            replace(
                whole,
                after=after,
                stage="prod" if name.startswith("prod-") else "",
                open="early" if draw(st.integers(0, 4)) == 4 else "ready",
                replace="always" if draw(st.booleans()) else "unless-approved",
            )
        )
    last = made[-1]
    if len(made) > 1:
        elsewhere, renamed = draw(st.integers(0, 3)) == 3, draw(st.integers(0, 3)) == 3
        names = (renames("ghcr.io/shop/", HARBOR),) if renamed else ()
        made[-1] = replace(last, repository=OTHER if elsewhere else None, images=names)
    return tuple(made)


@st.composite
def shop_rules(draw: st.DrawFn) -> tuple[Rule, ...]:
    first = rule(
        *draw(environments(draw(st.integers(0, SHAPES - 1)))),
        artifacts=draw(st.sampled_from(ARTIFACTS)),
        lockstep=draw(st.integers(0, 3)) == 3,
        limits=Limits(draw(st.sampled_from((10, 10, 1, 2)))),
    )
    if draw(st.integers(0, 2)) < 2:
        return (first,)
    field_rule = environment("field", automatic=draw(st.booleans()), after=("lab",))
    second = rule(environment("lab"), field_rule, source="rules/lab.yaml", limits=Limits(1))
    return (first, second)


ARTIFACTS: tuple[tuple[ArtifactRule, ...], ...] = (
    (artifact(),),
    (artifact(),),
    (artifact(), artifact(short="proxy")),
    (artifact("tag", "latest"),),
)


# -- releases -------------------------------------------------------------------------------------


def version(followed: ArtifactRule, name: str, number: int, moved: bool = False) -> tuple[str, str]:
    """The tag and the digest of a version by its number: 1.2.0, or another build of `latest`."""
    if followed.select.policy == "tag":
        return "latest", digest(f"{name}:{number}")
    tag = f"1.{number % VERSIONS}.0"
    return tag, digest(f"{name}:{tag}{' again' if moved else ''}")


def release_of(
    of: Rule, application: str, stage: str, numbers: Sequence[int], moved: bool = False
) -> Release:
    """One number an artifact, repeated where there are fewer; a negative one: without digest."""
    here = of.environment(stage)
    images: list[ImageReference] = []
    for index, each in enumerate(of.artifacts):
        name, number = each.name_for(application), numbers[index % len(numbers)]
        tag, content = version(each, name.short, abs(number), moved)
        bare = number < 0 and each.select.policy != "tag"
        images.append(ImageReference(here.name_here(name), tag, None if bare else content))
    return Release.of(images)


# -- what happens ---------------------------------------------------------------------------------

Happening = Callable[[Tale, int, int], None]


def _publish(tale: Tale, which: int, number: int) -> None:
    """The next version; with an odd number just built."""
    followed, short = _image(tale, which)
    tags = tale.world.tags.setdefault(short, {})
    tag, content = version(followed, short, number if "latest" in tags else len(tags))
    tags[tag] = content
    if number % 2:
        tale.world.created[content] = tale.now


def _move(tale: Tale, which: int, number: int) -> None:
    """One of the newest tags names another image now."""
    _, short = _image(tale, which)
    for tag in sorted(tale.world.tags.get(short, {}))[-1 - number % 3 :][:1]:
        tale.world.tags[short][tag] = digest(f"{short}:{tag} again")


def _shrink(tale: Tale, which: int, number: int) -> None:
    """A tag is not listed any more; with an odd number it is really gone."""
    _, short = _image(tale, which)
    tags = tale.world.tags.get(short, {})
    for tag in sorted(tags)[-1:]:
        if number % 2:
            del tags[tag]
        else:
            tale.world.hidden.setdefault(short, set()).add(tag)


def _look(tale: Tale, which: int, number: int) -> None:
    for _ in range(1 + number % 3):
        tale.look()


def _land(tale: Tale, which: int, number: int) -> None:
    application, stage = _near_a_request(tale, which, number)
    of = tale.rule_of(stage)
    running = tale.world.history[application, stage][-1].release
    newer = number
    if running and of.artifacts[0].select.policy != "tag":
        newer = 1 + max(int(each.tag[2:-2]) for each in running.artifacts if each.tag)
    pairs = ((number, number // 2), (newer, newer), (newer - 1, newer), (newer, max(newer - 3, 0)))
    what = release_of(of, application, stage, pairs[which % 4], moved=number > 8)
    _lands(tale, (application, stage), what)


def _revert(tale: Tale, which: int, number: int) -> None:
    key = _near_a_request(tale, which, number)
    periods = tale.world.history[key]
    if len(periods) > 1 and (before := periods[-2].release):
        _lands(tale, key, before)


def _near_a_request(tale: Tale, which: int, number: int) -> tuple[str, str]:
    """Any target; with an odd number the one of an open request, or one that stands before it."""
    request = tale.open_request(which) if number % 2 else None
    if request is None:
        return tale.key(which)
    _, stage, application = request.branch.split("/")
    line = (stage, *tale.rule_of(stage).line(stage))
    key = application, line[number // 2 % len(line)]
    return key if key in tale.world.history else tale.key(which)


def _lands(tale: Tale, key: tuple[str, str], what: Release) -> None:
    if tale.world.history[key][-1].release != what:
        tale.world.lands_release(*key, what, tale.now)


def _close(tale: Tale, which: int, number: int) -> None:
    if request := tale.open_request(which):
        tale.world.close(request, "ann")


def _merge(tale: Tale, which: int, number: int) -> None:
    """A person does, whatever the gates say; with an odd number as a fast-forward."""
    if request := tale.open_request(which):
        head = tale.world.branches[request.branch].head
        tale.world.merge(request, tale.now)
        if number % 2:
            _, stage, application = request.branch.split("/")
            periods = tale.world.history[application, stage]
            periods[-1] = replace(periods[-1], commit=head, since=periods[-1].since - HOUR * 3)
        tale.world.change_request(request, ended_at=tale.now, head=head)


def _push(tale: Tale, which: int, number: int) -> None:
    if request := tale.open_request(which):
        tale.world.push(request.branch)


def _label(tale: Tale, which: int, number: int) -> None:
    if request := tale.open_request(which):
        labels = () if HOLD in request.labels else (HOLD,)
        tale.world.change_request(request, labels=labels)


def _approve(tale: Tale, which: int, number: int) -> None:
    if request := tale.open_request(which):
        tale.world.approvers[request.head] = ("ben",)


def _check(tale: Tale, which: int, number: int) -> None:
    """On the head of a request and on the commit that runs somewhere."""
    state = ("success", "success", "failure", "pending")[number % 4]
    said = (Check("test", state),)  # type: ignore[arg-type]  # one of its words
    if request := tale.open_request(which):
        tale.world.checks[request.head] = said
    tale.world.checks[tale.world.history[tale.key(which)][-1].commit] = said


def _test_what_landed(tale: Tale) -> None:
    """Most commits are tested at once, and well."""
    for periods in tale.world.history.values():
        for each in periods:
            if int(each.commit, 16) % 5:
                tale.world.checks.setdefault(each.commit, (Check("test", "success"),))


def _hold(tale: Tale, which: int, number: int) -> None:
    """A target is held, or a release kept out, or everything is frozen; or a hold is lifted."""
    application, stage = tale.key(which)
    text = "by: ann\nreason: the sale\n"
    path = (f"{stage}/{application}.yaml", f"{stage}/_all.yaml", "_all.yaml")[number % 3]
    if tale.world.hold_files.pop(path, None) is None:
        newest = (sorted(tale.world.tags.get(application, {})) or ["1.1.0"])[-1 - number % 2 :][0]
        banned = f'release: "{newest}"\n' if which % 2 else ""
        until = 'until: "2026-03-03T12:00:00Z"\n' if number > 5 else ""
        tale.world.hold_files[path] = text + banned + until
    tale.world.moves_base()


def _wish(tale: Tale, which: int, number: int) -> None:
    application, stage = tale.key(which)
    of = tale.rule_of(stage)
    what = release_of(of, application, stage, (number % VERSIONS,))
    skips = of.line(stage)[: number % 3] if number > 4 else ()
    if number > 8:
        skips = (*skips, "soak")
    one = Wish(application, stage, what, tale.now, "ann", skips, "it burns" if skips else "")
    tale.world.asked_for = (one,)


def _wish_no_more(tale: Tale, which: int, number: int) -> None:
    tale.world.asked_for = ()


def _pass_time(tale: Tale, which: int, number: int) -> None:
    tale.now += HOUR * (1 + number * number)


def _move_base(tale: Tale, which: int, number: int) -> None:
    tale.world.moves_base()


def _forge_refuses(tale: Tale, which: int, number: int) -> None:
    if request := tale.open_request(which):
        state = ("wait", "refused", "conflict", "behind")[number % 4]
        tale.world.readiness[request.number] = Readiness(state, "so it says")  # type: ignore[arg-type]  # one of its words


def _vanish(tale: Tale, which: int, number: int) -> None:
    """A target is gone from the tree; never the last one."""
    if len(tale.world.history) > 1:
        del tale.world.history[_near_a_request(tale, which, number)]


def _arm(tale: Tale, which: int, number: int) -> None:
    """It is put into the forge's queue, or taken out."""
    if request := tale.open_request(which):
        tale.world.change_request(request, armed=not request.armed)


def _absent(tale: Tale, which: int, number: int) -> None:
    """An image is not copied yet where it has another name; or it is by now."""
    _, short = _image(tale, which)
    tale.world.absent ^= {f"{HARBOR}{short}"}


HAPPENINGS: Mapping[str, Happening] = {
    "publish": _publish,
    "look": _look,
    "land": _land,
    "time": _pass_time,
    "revert": _revert,
    "close": _close,
    "merge": _merge,
    "push": _push,
    "label": _label,
    "approve": _approve,
    "check": _check,
    "hold": _hold,
    "wish": _wish,
    "wish no more": _wish_no_more,
    "move": _move,
    "shrink": _shrink,
    "move base": _move_base,
    "forge refuses": _forge_refuses,
    "vanish": _vanish,
    "arm": _arm,
    "absent": _absent,
}
HOUR = timedelta(hours=1)
_OFTEN = ("look", "look", "look", "publish", "publish", "approve", "time", "land", "wish", "close")
EVENT = st.tuples(st.sampled_from((*_OFTEN, *HAPPENINGS)), st.integers(0, 11), st.integers(0, 11))


def _image(tale: Tale, which: int) -> tuple[ArtifactRule, str]:
    """What is followed, and the image's short name."""
    application = APPLICATIONS[which % len(APPLICATIONS)]
    followed = tale.rules[0].artifacts
    each = followed[which // len(APPLICATIONS) % len(followed)]
    return each, each.name_for(application).short


# -- the beginning --------------------------------------------------------------------------------

FOOTINGS = (
    Footing(Rights("bot"), Protection(False, 0, ()), statuses=False),
    Footing(Rights("bot"), Protection(False, 0, ()), statuses=False),
    Footing(Rights("bot"), Protection(True, 1, ("test",)), statuses=True),
    Footing(Rights("bot"), Protection(True, 0, (), up_to_date=True), statuses=True),
)


@st.composite
def beginnings(draw: st.DrawFn, applications: int) -> World:
    """What ran, and what registries list, before anything happens."""
    world = World(draw(shop_rules()))
    world.footing = draw(st.sampled_from(FOOTINGS))
    names = APPLICATIONS[: draw(st.integers(1, applications))]
    followed_alike = draw(st.booleans())
    for of in world.rules:
        for name in names:
            for depth, each in enumerate(of.environments):
                newest = max(AT_THE_BEGINNING - 1 - depth, 1)
                ran = draw(st.lists(st.integers(-1, newest), min_size=1, max_size=3, unique=True))
                if draw(st.integers(0, 3)):
                    ran.sort()
                for at, number in enumerate(ran):
                    numbers = number, (number if followed_alike else (number + depth) % 3)
                    what = release_of(of, name, each.name, numbers)
                    world.lands_release(name, each.name, what, ago(days=8 - 2 * at, hours=depth))
    for of in world.rules:
        for followed in of.artifacts:
            for name in names:
                short = followed.name_for(name).short
                for number in range(AT_THE_BEGINNING):
                    tag, content = version(followed, short, number)
                    world.tags.setdefault(short, {})[tag] = content
                    world.created[content] = ago(days=AT_THE_BEGINNING - number)
    return world


@st.composite
def tales(draw: st.DrawFn, applications: int = 3, events: int = 14) -> tuple[Tale, list[Event]]:
    """A beginning, and what is to happen."""
    return Tale(draw(beginnings(applications))), draw(
        st.lists(EVENT, min_size=events // 3, max_size=events)
    )


Event = tuple[str, int, int]


def tell(tale: Tale, events: Sequence[Event]) -> Tale:
    """Let it all happen, an hour apart."""
    for what, which, number in events:
        tale.now += HOUR
        HAPPENINGS[what](tale, which, number)
        _test_what_landed(tale)
    return tale
