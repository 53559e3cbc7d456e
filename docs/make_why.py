"""Writes docs/why.md: what `promoter why` says in a dozen situations. `python -m docs.make_why`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from promoter.model.facts import TagsOf
from promoter.model.ports import Check
from promoter.model.rollback import Rollback
from promoter.model.rule import EnvironmentRule, Rule
from promoter.texts.paint import Paint
from promoter.texts.why_text import why_text
from tests.decisions.test_wishes import asks
from tests.decisions.world import NOW, World, ago
from tests.rules.files import load

PAGE = Path(__file__).parent / "why.md"
_BEGIN, _END = "<!-- situations -->\n", "<!-- end -->\n"
_RULE = """\
version: 1
repository: {url: https://git.example.com/manifests.git, branch: main, forge: gitlab}
artifacts:
  - image: ghcr.io/shop/{application}
    select: {semver: ">=1.0"}
applications: apps/{application}/{environment}
environments:
  staging: {}
  production: {after: staging, merge: automatic, require: [REQUIRE]}
LIMITS
"""


@dataclass(frozen=True)
class Situation:
    """`means` says what to make of it, in a sentence or two."""

    title: str
    command: str
    screen: str
    means: str


def _shop(*require: str, soaked: timedelta = timedelta(days=2), limits: str = "") -> World:
    """1.1.0 has run in staging for so long; production runs 1.0.0."""
    gates = ", ".join(f"{{{each}}}" for each in require)
    world = World((load(_RULE.replace("REQUIRE", gates).replace("LIMITS", limits)),))
    world.registry("web", "1.0.0", "1.1.0")
    for each in ("staging", "production"):
        world.lands("web", each, "1.0.0", at=ago(days=30))
    world.lands("web", "staging", "1.1.0", at=NOW - soaked)
    return world


def _opened(*require: str) -> World:
    """The same with the merge request open."""
    world = _shop(*require)
    world.carry_out(world.plan())
    return world


def _situation(
    title: str, world: World, means: str, where: str = "production", at: timedelta | None = None
) -> Situation:
    """`at`: asked with `--at`, so long from now."""
    when = NOW + at if at else None
    decision = world.decision("web", where, when or NOW)
    screen = why_text(decision, NOW, Paint(False), when)
    flag = f" --at {when:%Y-%m-%dT%H:%M:%SZ}" if when else ""
    return Situation(title, f"promoter why web {where}{flag}", screen, means)


def situations() -> Iterator[Situation]:
    """Told on a Monday at noon, UTC."""
    yield _situation(
        "It has to soak",
        _shop("soak: 24h", "approvals: 1", soaked=timedelta(hours=3)),
        "Nobody has to do anything. Where there is no time, a person may skip what only wants time,"
        " with a reason that stands in the merge request.",
    )
    window = 'window: {allow: "0 9 * * mon-thu", for: 2h, timezone: Europe/Berlin}'
    yield _situation(
        "The window is closed",
        _opened(window),
        "The merge request is open and may be approved; the bot merges it when the window opens.",
    )
    yield _situation(
        "How will it stand tomorrow?",
        _opened(window),
        "`--at` judges by what is known now, for another time.",
        at=timedelta(hours=22),
    )
    people = _opened("soak: 24h", "approvals: 2")
    people.approvers[people.request("web", "production").head] = ("ann",)
    yield _situation(
        "People have to approve it",
        people,
        "Who approved a former head of the branch, and whoever may not write, does not count.",
    )
    checked = _opened("checks: [integration]")
    head = checked.request("web", "production").head
    failed = Check("integration", "failure", "3 of 40 failed", "https://ci.example.com/7")
    checked.checks[head] = (failed,)
    yield _situation(
        "A check failed",
        checked,
        "A new run of the check opens it; nothing waits for a failed one by itself.",
    )
    yield _situation(
        "An image is from elsewhere",
        _shop("registries: [harbor.example.com]"),
        "Only a change of the rule file opens it: registries are never skipped.",
    )
    held = _shop("soak: 24h")
    held.hold_files["production/_all.yaml"] = (
        'by: ann\nreason: the sale\nuntil: "2026-03-04T08:00:00Z"\n'
    )
    yield _situation(
        "Somebody holds it",
        held,
        "A hold is a file in the manifest repository. The gates go on to be judged, so that you see"
        " what comes after it.",
    )
    back = _shop("soak: 24h")
    back.lands("web", "production", "1.1.0", at=ago(days=1))
    back.rollbacks = (Rollback("web", "production", "ann", "carts are lost, see INC-7"),)
    back.carry_out(back.plan())
    back.rollbacks = ()
    back.merge(back.request("web", "production"), ago(hours=2))
    yield _situation(
        "It was rolled back",
        back,
        "`promoter rollback` keeps the bad release out until a newer one comes, or somebody lets"
        " it in again.",
    )
    closed = _opened("approvals: 1")
    closed.close(closed.request("web", "production"), by="ben")
    yield _situation(
        "A person said no",
        closed,
        "Closing a merge request, reverting it, or pushing to its branch is a person's word: the"
        " bot does not fight it.",
    )
    moved = _shop()
    moved.lands("web", "production", "1.1.0@before", at=ago(days=1))
    yield _situation(
        "A tag moved",
        moved,
        "The same version is another image now, and nobody knows which of the two was tested.",
    )
    silent = _shop()
    silent.fails(TagsOf, "ghcr.io answers 503 Service Unavailable")
    yield _situation(
        "A registry does not answer",
        silent,
        "Unknown means wait: nothing is taken for gone, and nothing is taken back.",
        where="staging",
    )
    full = _shop(limits="limits: {open: 1}")
    for name, days in (("api", 90), ("mail", 80)):
        full.registry(name, "1.0.0", "1.1.0")
        full.lands(name, "staging", "1.1.0", at=ago(days=3))
        full.lands(name, "production", "1.0.0", at=ago(days=days))
    full.rules = (replace(full.rules[0], environments=_by_people(full.rules[0])),)
    yield _situation(
        "There is no room",
        full,
        "Who has waited longest goes first; each merge, or close, makes room for the next.",
    )
    fix = replace(asks("1.1.1", where="production", by="ann"), skips=("staging",))
    urgent = _shop("soak: 24h", "approvals: 1")
    urgent.registry("web", "1.0.0", "1.1.0", "1.1.1")
    urgent.asked_for = (replace(fix, reason="checkout is down"),)
    yield _situation(
        "A hotfix is on its way",
        urgent,
        "What it skips, by whose word and why stands here, in the merge request, and in Git."
        " Staging is filled up once it is merged.",
    )


def _by_people(rule: Rule) -> tuple[EnvironmentRule, ...]:
    """Nothing is merged at once, so that requests stay open."""
    return tuple(replace(each, merge="manual") for each in rule.environments)


def page_of(told: Iterable[Situation], page: str) -> str:
    """The page with these situations; what stands around them stays."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{''.join(map(_section, told))}\n{_END}{after}"


def _section(each: Situation) -> str:
    return f"\n## {each.title}\n\n```console\n$ {each.command}\n{each.screen}```\n\n{each.means}\n"


if __name__ == "__main__":
    PAGE.write_text(page_of(situations(), PAGE.read_text("utf-8")), "utf-8")
