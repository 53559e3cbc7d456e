"""Every gate as a table: in this situation, that verdict.

Below the tables: what is not known waits, at every question of every gate; a bug waits; and no gate
stops another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from promoter.decisions.gates import GATES, judge_all
from promoter.decisions.gates.gate import Case
from promoter.model.facts import (
    ApprovalsOf,
    ChecksOf,
    CommitChecksOf,
    DetailsOf,
    DigestOf,
    Facts,
    Known,
    NotAsked,
    Period,
    Question,
    SightingsOf,
    Unknown,
)
from promoter.model.image import ImageReference
from promoter.model.ledger import Sighting
from promoter.model.ports import Check, ImageDetails, MergeRequest
from promoter.model.release import Release
from promoter.model.rule import GateRule
from promoter.model.spell import spell_time
from promoter.model.target import Target
from promoter.model.verdict import Verdict
from promoter.model.window import Entry, Window
from tests.decisions.rules import MANIFESTS, approvals, digest, image, name, release, soak

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
RELEASE = release("web:1.1.0")
OLD, NEW = release("web:1.0.0"), release("web:1.2.0")
HEAD, LANDED, LANDED_US = "a" * 40, "b" * 40, "c" * 40
URL = "https://git.example.com/manifests/7"
REQUEST = MergeRequest(7, "open", "promoter/production/web", "main", HEAD, "", "", URL)
Answers = Mapping[Any, Any]
"""By question."""


def ago(**duration: float) -> datetime:
    return NOW - timedelta(**duration)


def case(**changes: Any) -> Case:
    target = Target("web", "production", "apps/web/production")
    return replace(Case(MANIFESTS, target, RELEASE, {}, any_upstream=False), **changes)


def judge(rule: GateRule, of: Case, answers: Answers, now: datetime = NOW) -> Verdict:
    """What the gate says at its own door; a bare answer was looked up now."""
    known = {
        question: answer if isinstance(answer, Known | Unknown) else Known(answer, now, "test")
        for question, answer in answers.items()
    }
    door = GATES[rule.gate].door(rule)
    (verdict,) = judge_all([rule], door, of, Facts(known), now)
    assert (verdict.gate, verdict.guards) == (rule.text, door)
    return verdict


def told(verdict: Verdict) -> tuple[str, str, str]:
    """Judgement, reason, and who or what opens it (and when)."""
    at = f"at {spell_time(verdict.opens_at)} " if verdict.opens_at else ""
    by = f"by {verdict.opened_by}" if verdict.opened_by else ""
    return verdict.judgement, verdict.why, (at + by).strip()


# -- soak: upstream has run exactly this release so long, without a break -------------------------


def ran(*runs: tuple[Release | None, datetime], commit: str = LANDED) -> tuple[Period, ...]:
    """Newest first."""
    return tuple(Period(each, since, commit) for each, since in runs)


SOAK = {
    "it has run long enough": (
        {"staging": ran((RELEASE, ago(hours=24)))},
        ("pass", "staging ran 1.1.0 for 1d", ""),
    ),
    "a second is missing": (
        {"staging": ran((RELEASE, ago(hours=24, seconds=-1)))},
        ("wait", "staging has run 1.1.0 for 23h 59m of 1d", "at 2026-03-02T12:00:01Z by time"),
    ),
    "it never ran there": (
        {"staging": ran((OLD, ago(hours=90)))},
        ("wait", "staging has not run 1.1.0", "by staging"),
    ),
    "nothing that can be told ran there": (
        {"staging": ran((None, ago(hours=90)))},
        ("wait", "staging has not run 1.1.0", "by staging"),
    ),
    "it was replaced too early": (
        {"staging": ran((NEW, ago(hours=1)), (RELEASE, ago(hours=4)))},
        (
            "block",
            "staging ran 1.1.0 for only 3h before it was replaced; a newer release has to soak",
            "by a newer release",
        ),
    ),
    "it was replaced, late enough": (
        {"staging": ran((NEW, ago(hours=1)), (RELEASE, ago(hours=30)))},
        ("pass", "staging ran 1.1.0 for 1d 5h", ""),
    ),
    "it was there before, and is there again": (
        {"staging": ran((RELEASE, ago(hours=1)), (OLD, ago(hours=2)), (RELEASE, ago(hours=90)))},
        ("wait", "staging has run 1.1.0 for 1h of 1d", "at 2026-03-03T11:00:00Z by time"),
    ),
    "of all, the one that is worst": (
        {"eu": ran((RELEASE, ago(hours=30))), "us": ran((RELEASE, ago(hours=2)))},
        ("wait", "us has run 1.1.0 for 2h of 1d", "at 2026-03-03T10:00:00Z by time"),
    ),
    "there is no upstream": (
        {},
        (
            "block",
            "there is no upstream environment to soak in; remove it",
            "by a change of the rule file",
        ),
    ),
}


@pytest.mark.parametrize("situation", SOAK)
def test_soak(situation: str) -> None:
    upstreams, expected = SOAK[situation]
    assert told(judge(soak(hours=24), case(upstreams=upstreams), {})) == expected


@pytest.mark.parametrize(
    ("hours", "judgement"), [((30, 2), "pass"), ((2, 30), "pass"), ((2, 3), "wait")]
)
def test_soak_in_any(hours: tuple[int, int], judgement: str) -> None:
    upstreams = {
        "eu": ran((RELEASE, ago(hours=hours[0]))),
        "us": ran((RELEASE, ago(hours=hours[1]))),
    }
    of = case(upstreams=upstreams, any_upstream=True)
    assert judge(soak(hours=24), of, {}).judgement == judgement


# -- approvals: so many people said yes to the present head ---------------------------------------

APPROVALS = {
    "there is no request": (
        case(),
        (),
        ("wait", "0 of 2: nobody could approve this head yet", "by 2 more people"),
    ),
    "the branch is gone": (
        case(merge_request=REQUEST),
        (),
        ("wait", "0 of 2: nobody could approve this head yet", "by 2 more people"),
    ),
    "nobody did": (
        case(merge_request=REQUEST, head=HEAD),
        (),
        ("wait", f"0 of 2 on merge request {URL}", "by 2 more people"),
    ),
    "one did": (
        case(merge_request=REQUEST, head=HEAD),
        ("ada",),
        ("wait", f"1 of 2: ada on merge request {URL}", "by 1 more person"),
    ),
    "two did": (
        case(merge_request=REQUEST, head=HEAD),
        ("ada", "bo"),
        ("pass", "2 of 2: ada, bo", ""),
    ),
    "three did": (
        case(merge_request=REQUEST, head=HEAD),
        ("ada", "bo", "cy"),
        ("pass", "3 of 2: ada, bo, cy", ""),
    ),
}


@pytest.mark.parametrize("situation", APPROVALS)
def test_approvals(situation: str) -> None:
    of, people, expected = APPROVALS[situation]
    verdict = judge(approvals(2), of, {ApprovalsOf(MANIFESTS, 7, HEAD): people})
    assert told(verdict) == expected
    waits_on_it = of.head is not None and verdict.judgement == "wait"
    assert verdict.remedy == (URL if waits_on_it else "")


# -- checks: each is a success on the head, or on the commit that brought the release upstream ----

CI = "https://ci.example.com/9"
CHECKS = {
    "all are": (
        (Check("build", "success"), Check("scan", "success"), Check("more", "failure")),
        ("pass", "build and scan are successes", "", ""),
    ),
    "one has not ended": (
        (Check("build", "success"), Check("scan", "pending", url=CI)),
        ("wait", "scan not finished", "by scan", CI),
    ),
    "one has not begun": (
        (Check("build", "success"), Check("Scan", "success")),
        ("wait", "scan not reported yet", "by scan", ""),
    ),
    "nobody said anything": (
        (),
        ("wait", "build and scan not reported yet", "by build and scan", ""),
    ),
    "one failed": (
        (Check("build", "success"), Check("scan", "failure", "2 found", CI)),
        ("block", f"scan failed: 2 found ({CI})", "by a new run of scan", CI),
    ),
    "one failed, and says not where": (
        (Check("build", "pending"), Check("scan", "failure")),
        ("block", "scan failed", "by a new run of scan", ""),
    ),
}


def checks(*names: str, of: str = "") -> GateRule:
    more = (("of", of),) if of else ()
    return GateRule("checks", (*(("name", each) for each in names), *more))


@pytest.mark.parametrize("situation", CHECKS)
def test_checks_of_the_head(situation: str) -> None:
    said, (*expected, remedy) = CHECKS[situation]
    of = case(merge_request=REQUEST, head=HEAD)
    verdict = judge(checks("build", "scan"), of, {ChecksOf(MANIFESTS, 7, HEAD): said})
    assert (*told(verdict), verdict.remedy) == (*expected, remedy)
    assert verdict.guards == "merge"


def test_checks_of_the_head_before_there_is_one() -> None:
    for of in (case(), case(merge_request=REQUEST)):
        assert told(judge(checks("build"), of, {})) == (
            "wait",
            "build can't have run before there is a merge request",
            "by build",
        )


@pytest.mark.parametrize("situation", CHECKS)
def test_checks_of_upstream(situation: str) -> None:
    said, (judgement, why, opens, remedy) = CHECKS[situation]
    of = case(upstreams={"staging": ran((NEW, ago(hours=1)), (RELEASE, ago(hours=2)))})
    answers = {CommitChecksOf(MANIFESTS, LANDED): said}
    verdict = judge(checks("build", "scan", of="upstream"), of, answers)
    assert told(verdict) == (judgement, f"{why} on bbbbbbbb of staging", opens)
    assert (verdict.guards, verdict.remedy) == ("open", remedy)
    assert dict(verdict.evidence)["commit"] == LANDED[:12]
    assert verdict.gate == "checks: build, scan of upstream"


GOOD, BAD = (Check("test", "success"),), (Check("test", "failure"),)
UPSTREAM: dict[str, tuple[Any, ...]] = {
    # what eu says, what us says, all of them, any of them
    "both": (GOOD, GOOD, "pass", "pass"),
    "one failed": (GOOD, BAD, "block", "pass"),
    "the other failed": (BAD, GOOD, "block", "pass"),
    "both failed": (BAD, BAD, "block", "block"),
    "one is open": (GOOD, (), "wait", "pass"),
    "one is open, one failed": ((), BAD, "block", "wait"),
    "one is not known": (GOOD, Unknown("503"), "wait", "pass"),
    "one is not known, one failed": (BAD, Unknown("503"), "block", "wait"),
    "none is known": (Unknown("503"), Unknown("503"), "wait", "wait"),
}


@pytest.mark.parametrize("situation", UPSTREAM)
def test_checks_of_several_upstreams(situation: str) -> None:
    eu, us, of_all, of_any = UPSTREAM[situation]
    upstreams = {
        "eu": ran((RELEASE, ago(hours=2))),
        "us": ran((RELEASE, ago(hours=2)), commit=LANDED_US),
    }
    answers = {CommitChecksOf(MANIFESTS, LANDED): eu, CommitChecksOf(MANIFESTS, LANDED_US): us}
    for any_upstream, expected in ((False, of_all), (True, of_any)):
        of = case(upstreams=upstreams, any_upstream=any_upstream)
        assert judge(checks("test", of="upstream"), of, answers).judgement == expected


def test_checks_of_an_upstream_that_does_not_run_it_or_is_not_there() -> None:
    rule = checks("test", of="upstream")
    of = case(upstreams={"staging": ran((OLD, ago(hours=2)))})
    assert told(judge(rule, of, {})) == ("wait", "staging has not run 1.1.0", "by staging")
    assert told(judge(rule, case(), {})) == (
        "block",
        "there is no upstream environment that they ran on; remove it",
        "by a change of the rule file",
    )


def test_the_newest_commit_that_brought_exactly_this_release_counts() -> None:
    """Another release came between, and this one again, by another commit."""
    periods = (
        Period(RELEASE, ago(hours=1), LANDED),
        Period(OLD, ago(hours=2), "d" * 40),
        Period(RELEASE, ago(hours=3), LANDED_US),
    )
    of = case(upstreams={"staging": periods})
    verdict = judge(checks("test", of="upstream"), of, {CommitChecksOf(MANIFESTS, LANDED): GOOD})
    assert verdict.passes


# -- window: the time is one at which it may happen -----------------------------------------------

SHANGHAI = "Asia/Shanghai"
OFFICE = Entry("0 9 * * mon-thu", timedelta(hours=8), "UTC")
FREEZE = Entry("2026-03-02/2026-03-03", None, "UTC")


def window(*allow: Entry, deny: tuple[Entry, ...] = ()) -> GateRule:
    return GateRule("window", (("window", Window(allow, deny)),))


WINDOW = {
    "inside": (
        window(OFFICE),
        "2026-03-02T12:00Z",
        ("pass", "open until 2026-03-02 17:00 (UTC)", ""),
    ),
    "outside": (
        window(OFFICE),
        "2026-03-02T17:00Z",
        ("wait", "closed until 2026-03-03 09:00 (UTC)", "at 2026-03-03T09:00:00Z by time"),
    ),
    "in another zone, told in its time": (
        window(replace(OFFICE, timezone=SHANGHAI)),
        "2026-03-02T12:00Z",
        (
            "wait",
            "closed until 2026-03-03 09:00 (Asia/Shanghai)",
            "at 2026-03-03T01:00:00Z by time",
        ),
    ),
    "denied": (
        window(OFFICE, deny=(FREEZE,)),
        "2026-03-02T12:00Z",
        (
            "wait",
            (
                "2026-03-02/2026-03-03 denies it until 2026-03-04 00:00;"
                " open from 2026-03-04 09:00 on (UTC)"
            ),
            "at 2026-03-04T09:00:00Z by time",
        ),
    ),
    "denied, and nothing else in the way": (
        window(deny=(FREEZE,)),
        "2026-03-02T12:00Z",
        (
            "wait",
            "2026-03-02/2026-03-03 denies it until 2026-03-04 00:00 (UTC)",
            "at 2026-03-04T00:00:00Z by time",
        ),
    ),
    "denied soon": (
        window(deny=(FREEZE,)),
        "2026-03-01T12:00Z",
        ("pass", "nothing denies it until 2026-03-02 00:00 (UTC)", ""),
    ),
    "denied no more": (
        window(deny=(FREEZE,)),
        "2026-03-05T12:00Z",
        ("pass", "nothing denies it", ""),
    ),
    "never again": (
        window(FREEZE),
        "2026-03-05T12:00Z",
        (
            "block",
            "closed, and no later opening is found (looked ahead until 2031)",
            "by a change of the rule file",
        ),
    ),
    "denied for ever": (
        window(OFFICE, deny=(Entry("* * * * *", timedelta(hours=1), "UTC"),)),
        "2026-03-02T12:00Z",
        (
            "block",
            ("* * * * * for 1h denies it, and no later opening is found (looked ahead until 2031)"),
            "by a change of the rule file",
        ),
    ),
}


@pytest.mark.parametrize("situation", WINDOW)
def test_window(situation: str) -> None:
    rule, at, expected = WINDOW[situation]
    now = datetime.fromisoformat(at)
    verdict = judge(rule, case(), {}, now)
    assert told(verdict) == expected
    if verdict.opens_at is not None:
        assert judge(rule, case(), {}, verdict.opens_at).passes, "exactly then"
        just_before = verdict.opens_at - timedelta(microseconds=1)
        assert not judge(rule, case(), {}, just_before).passes


def test_what_a_window_saw() -> None:
    verdict = judge(
        window(replace(OFFICE, timezone=SHANGHAI)), case(), {}, NOW - timedelta(hours=9)
    )
    assert dict(verdict.evidence) == {
        "entry": "0 9 * * mon-thu for 8h",
        "time zone": "Asia/Shanghai",
        "local time": "Mon 2026-03-02 11:00",
        "closes at": "2026-03-02T09:00:00Z",
    }


# -- registries: every image comes from one of these ----------------------------------------------


def of_images(*references: str) -> Case:
    return case(release=Release.of(image(each) for each in references))


def registries(*prefixes: str) -> GateRule:
    return GateRule("registries", tuple(("registry", each) for each in prefixes))


def hub(path: str) -> Case:
    return case(release=Release.of([ImageReference.parse(path)]))


REGISTRIES = {
    "the host": (("ghcr.io",), of_images("web:1"), "pass"),
    "a path on it": (("ghcr.io/shop",), of_images("web:1", "worker:1"), "pass"),
    "the image itself": (("ghcr.io/shop/web",), of_images("web:1"), "pass"),
    "one of several": (("quay.io", "ghcr.io/shop"), of_images("web:1"), "pass"),
    "the beginning of a name is no path": (("ghcr.io/sho",), of_images("web:1"), "block"),
    "nor is that of a host": (("ghcr.i",), of_images("web:1"), "block"),
    "another port is another host": (("ghcr.io:443",), of_images("web:1"), "block"),
    "hosts have no case": (("GHCR.io",), of_images("web:1"), "pass"),
    "a bare name is Docker Hub's": (("docker.io",), hub("nginx:1"), "pass"),
    "and stands in library": (("docker.io/library",), hub("nginx:1"), "pass"),
    "as it does under the other name": (("docker.io/library",), hub("index.docker.io/nginx:1"),
                                        "pass"),
    "which covers no other": (("docker.io/library",), hub("bitnami/nginx:1"), "block"),
}  # fmt: skip


@pytest.mark.parametrize("situation", REGISTRIES)
def test_registries(situation: str) -> None:
    prefixes, of, judgement = REGISTRIES[situation]
    assert judge(registries(*prefixes), of, {}).judgement == judgement


def test_registries_name_each_image_that_is_not_allowed() -> None:
    of = of_images("web:1", "worker:1", "ui:1")
    verdict = judge(registries("ghcr.io/shop/ui"), of, {})
    assert told(verdict) == (
        "block",
        "ghcr.io/shop/web, ghcr.io/shop/worker come from no allowed registry",
        "by a change of the rule file",
    )
    assert dict(verdict.evidence) == {
        "ghcr.io/shop/ui": "ghcr.io/shop/ui",
        "ghcr.io/shop/web": "not allowed",
        "ghcr.io/shop/worker": "not allowed",
    }


# -- minimum-age: every image has existed so long -------------------------------------------------

WEB, WORKER = image("web:1.1.0"), image("worker:1.1.0")
LEDGER = SightingsOf(MANIFESTS, name("web"))


def minimum_age(**duration: float) -> GateRule:
    return GateRule("minimum-age", (("duration", timedelta(**duration)),))


def details(created: datetime | None) -> ImageDetails:
    return ImageDetails(created)


def of_web(created: datetime | None, **sightings: datetime) -> dict[Question[Any], Any]:
    """Sightings by the text that the digest is of."""
    seen = tuple(
        Sighting(name("web"), "1.1.0", WEB.digest or "" if text == "it" else digest(text), at)
        for text, at in sightings.items()
    )
    return {DetailsOf(WEB.name, WEB.digest or ""): details(created), LEDGER: seen}


YOUNG = "web 1.1.0 is too young: {} 1d ago, 2d asked; may be taken from 2026-03-03T12:00:00Z on"
MINIMUM_AGE: dict[str, tuple[Answers, Any]] = {
    "old enough, to the second": (
        of_web(ago(days=2)),
        ("pass", "no image is younger than 2d", ""),
    ),
    "created too lately": (
        of_web(ago(days=1)),
        ("wait", YOUNG.format("created"), "at 2026-03-03T12:00:00Z by time"),
    ),
    "it does not say, and was seen long ago": (
        of_web(None, it=ago(days=3)),
        ("pass", "no image is younger than 3d", ""),
    ),
    "it does not say, and was seen lately": (
        of_web(None, it=ago(days=1)),
        ("wait", YOUNG.format("first seen"), "at 2026-03-03T12:00:00Z by time"),
    ),
    "it does not say, and is seen now": (
        of_web(None),
        (
            "wait",
            (
                "web 1.1.0 is too young: first seen 0s ago, 2d asked;"
                " may be taken from 2026-03-04T12:00:00Z on"
            ),
            "at 2026-03-04T12:00:00Z by time",
        ),
    ),
    "the sight of another image under the tag does not count": (
        of_web(None, other=ago(days=9)),
        (
            "wait",
            (
                "web 1.1.0 is too young: first seen 0s ago, 2d asked;"
                " may be taken from 2026-03-04T12:00:00Z on"
            ),
            "at 2026-03-04T12:00:00Z by time",
        ),
    ),
    "what it says counts, not when it was seen": (
        of_web(ago(days=9), it=ago(hours=1)),
        ("pass", "no image is younger than 9d", ""),
    ),
    "it is gone": (
        {DetailsOf(WEB.name, WEB.digest or ""): None},
        (
            "wait",
            (
                f"can't be evaluated: ghcr.io/shop/web@{(WEB.digest or '')[:19]} is gone from"
                " the registry"
            ),
            "",
        ),
    ),
}


@pytest.mark.parametrize("situation", MINIMUM_AGE)
def test_minimum_age(situation: str) -> None:
    answers, expected = MINIMUM_AGE[situation]
    verdict = judge(minimum_age(days=2), case(), answers)
    assert told(verdict) == expected
    if verdict.opens_at is not None and not verdict.notes:
        assert judge(minimum_age(days=2), case(), answers, verdict.opens_at).passes, "exactly then"


def test_the_first_sight_that_an_age_counts_from_is_kept() -> None:
    """Else it would be seen for the first time at each look."""
    verdict = judge(minimum_age(days=2), case(), of_web(None))
    assert verdict.notes == (Sighting(name("web"), "1.1.0", WEB.digest or "", NOW),)
    later = {**of_web(None), LEDGER: verdict.notes}
    assert judge(minimum_age(days=2), case(), later, NOW + timedelta(days=2)).passes


def test_the_youngest_of_several_images_decides() -> None:
    answers = {
        DetailsOf(WEB.name, WEB.digest or ""): details(ago(days=1)),
        DetailsOf(WORKER.name, WORKER.digest or ""): details(ago(hours=12)),
    }
    verdict = judge(minimum_age(days=2), of_images("web:1.1.0", "worker:1.1.0"), answers)
    assert (verdict.judgement, verdict.opens_at) == ("wait", ago(hours=12) + timedelta(days=2))
    assert "web 1.1.0 is too young" in verdict.why
    assert "worker 1.1.0 is too young" in verdict.why


def test_the_age_of_a_tag_is_that_of_the_image_that_it_names() -> None:
    answers = {DigestOf(WEB.name, "1.1.0"): WEB.digest, **of_web(ago(days=5))}
    assert judge(minimum_age(days=2), of_images("web:1.1.0@"), answers).passes
    gone = {DigestOf(WEB.name, "1.1.0"): None}
    verdict = judge(minimum_age(days=2), of_images("web:1.1.0@"), gone)
    assert verdict.why == "can't be evaluated: the registry has no ghcr.io/shop/web:1.1.0"


# -- what is not known waits ----------------------------------------------------------------------


@dataclass(frozen=True)
class Passing:
    """A situation in which a gate passes, with all that it asks."""

    rule: GateRule
    case: Case
    answers: Answers = field(default_factory=dict)


PASSING = {
    "soak": Passing(soak(hours=1), case(upstreams={"staging": ran((RELEASE, ago(hours=2)))})),
    "approvals": Passing(
        approvals(1),
        case(merge_request=REQUEST, head=HEAD),
        {ApprovalsOf(MANIFESTS, 7, HEAD): ("ada",)},
    ),
    "checks": Passing(
        checks("test"),
        case(merge_request=REQUEST, head=HEAD),
        {ChecksOf(MANIFESTS, 7, HEAD): GOOD},
    ),
    "checks of upstream": Passing(
        checks("test", of="upstream"),
        case(
            upstreams={
                "eu": ran((RELEASE, ago(hours=2))),
                "us": ran((RELEASE, ago(hours=2)), commit=LANDED_US),
            }
        ),
        {CommitChecksOf(MANIFESTS, LANDED): GOOD, CommitChecksOf(MANIFESTS, LANDED_US): GOOD},
    ),
    "window": Passing(window(OFFICE), case()),
    "registries": Passing(registries("ghcr.io"), case()),
    "minimum-age": Passing(
        minimum_age(days=2),
        of_images("web:1.1.0@", "worker:1.1.0"),
        {
            DigestOf(WEB.name, "1.1.0"): WEB.digest,
            DetailsOf(WEB.name, WEB.digest or ""): details(None),
            LEDGER: (Sighting(name("web"), "1.1.0", WEB.digest or "", ago(days=3)),),
            DetailsOf(WORKER.name, WORKER.digest or ""): details(ago(days=3)),
        },
    ),
}
QUESTIONS = [(situation, question) for situation, of in PASSING.items() for question in of.answers]
RETRY = NOW + timedelta(minutes=5)
UNKNOWNS = {
    "transient": Unknown("503 from the server"),
    "a person must mend it": Unknown("401: wrong token", "input"),
    "with a time": Unknown("429", retry_at=RETRY),
    "a bug": Unknown("a bug in promoter: KeyError", "bug"),
}


def test_every_gate_is_here() -> None:
    assert {each.rule.gate for each in PASSING.values()} == set(GATES)


@pytest.mark.parametrize("situation", PASSING)
def test_all_is_known_and_it_passes(situation: str) -> None:
    of = PASSING[situation]
    assert judge(of.rule, of.case, of.answers).passes


@pytest.mark.parametrize("unknown", UNKNOWNS)
@pytest.mark.parametrize(
    ("situation", "question"), QUESTIONS, ids=[f"{s}-{type(q).__name__}" for s, q in QUESTIONS]
)
def test_what_is_not_known_waits_with_the_reason(
    situation: str, question: Question[Any], unknown: str
) -> None:
    of, why = PASSING[situation], UNKNOWNS[unknown]
    verdict = judge(of.rule, of.case, {**of.answers, question: why})
    assert verdict.judgement == "wait"
    assert verdict.why == f"can't be evaluated: {why.why}"
    assert (verdict.trouble, verdict.opens_at) == (why.kind, why.retry_at)


@pytest.mark.parametrize(
    ("situation", "question"), QUESTIONS, ids=[f"{s}-{type(q).__name__}" for s, q in QUESTIONS]
)
def test_what_was_not_asked_yet_is_asked(situation: str, question: Question[Any]) -> None:
    of = PASSING[situation]
    left = {each: answer for each, answer in of.answers.items() if each != question}
    with pytest.raises(NotAsked) as caught:
        judge(of.rule, of.case, left)
    assert caught.value.questions == (question,)


def test_what_all_gates_miss_is_asked_in_one_round() -> None:
    rules = [PASSING[each].rule for each in ("checks of upstream", "minimum-age")]
    of = replace(PASSING["checks of upstream"].case, release=RELEASE)
    with pytest.raises(NotAsked) as caught:
        judge_all(rules, "open", of, Facts.none(), NOW)
    assert set(caught.value.questions) == {
        CommitChecksOf(MANIFESTS, LANDED),
        CommitChecksOf(MANIFESTS, LANDED_US),
        DetailsOf(WEB.name, WEB.digest or ""),
    }


@pytest.mark.parametrize("situation", PASSING)
def test_a_bug_in_a_gate_waits_and_stops_no_other(
    situation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = PASSING[situation]
    door = GATES[of.rule.gate].door(of.rule)

    def break_down(*_: object) -> Verdict:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(type(GATES[of.rule.gate]), "judge", break_down)
    beside = [each for each in PASSING.values() if each.rule.gate != of.rule.gate]
    same_door = [each for each in beside if GATES[each.rule.gate].door(each.rule) == door]
    for each in same_door:
        whole = replace(
            of.case,
            release=each.case.release,
            upstreams=each.case.upstreams,
            merge_request=each.case.merge_request,
            head=each.case.head,
        )
        facts = Facts({q: Known(a, NOW, "test") for q, a in each.answers.items()})
        broken, other = judge_all([of.rule, each.rule], door, whole, facts, NOW)
        assert (broken.judgement, broken.trouble) == ("wait", "bug")
        assert broken.why.startswith("can't be evaluated: a bug in promoter: ZeroDivisionError at")
        assert "secret" not in broken.why
        assert other.passes


# -- what it looked at, and how old that is -------------------------------------------------------


def test_a_verdict_is_as_old_as_the_oldest_answer_that_it_went_by() -> None:
    of = PASSING["minimum-age"]
    times = {question: ago(minutes=each) for each, question in enumerate(of.answers)}
    answers = {q: Known(a, times[q], "test") for q, a in of.answers.items()}
    unrelated: dict[Any, Any] = {DigestOf(name("ui"), "1"): Known("x", ago(days=1), "test")}
    assert judge(of.rule, of.case, {**answers, **unrelated}).seen_at == min(times.values())


SEEN: dict[str, datetime | None] = {
    "soak": ago(minutes=3),
    "checks of upstream": ago(minutes=3),
    "approvals": NOW,
    "checks": NOW,
    "minimum-age": NOW,
    "window": None,
    "registries": None,
}


@pytest.mark.parametrize("situation", PASSING)
def test_a_history_has_an_age_too(situation: str) -> None:
    of = PASSING[situation]
    verdict = judge(of.rule, replace(of.case, looked_at=ago(minutes=3)), of.answers)
    assert verdict.seen_at == SEEN[situation]
