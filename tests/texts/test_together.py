"""What the merge request of a group says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from promoter.model.plan import Decision, Merge, Plan, Propose, State
from promoter.model.record import Record
from promoter.model.rule import CommitTexts, RequestTexts
from promoter.model.target import FileChange, Target
from promoter.texts.as_json import plan_json
from promoter.texts.change import commit_message, merge_text, request_body, request_title
from promoter.texts.comments import news_comment
from promoter.texts.markdown import plan_markdown
from promoter.texts.paint import Paint
from promoter.texts.plan_text import plan_text
from tests.decisions.rules import MANIFESTS, release
from tests.texts.shop import APPROVALS, NOW, REQUEST, SOAK

PASSED = replace(SOAK, judgement="pass", why="staging has run 1.1.0 for 2d", opens_at=None)
NAMES = ("api", "web")


def record(name: str, version: str = "1.1.0") -> Record:
    return Record("shop", name, "production", release(f"{name}:{version}"), "staging")


RECORDS = (replace(record("api"), requested_by="ann"), record("web", "2.0.0"))
CHANGES = tuple(FileChange(f"apps/{n}/production.yaml", b"a\n", b"b\n") for n in NAMES)
ACTION = Propose(
    RECORDS[0],
    "promoter/production/all=shop",
    "main",
    "b" * 40,
    CHANGES,
    2,
    others=RECORDS[1:],
)


def member(name: str) -> Decision:
    return Decision(
        "rules/shop.yaml",
        MANIFESTS,
        Target(name, "production", f"apps/{name}"),
        State.PROMOTING,
        "open a merge request for 2 applications: api, web",
        release(f"{name}:1.0.0"),
        NOW - timedelta(days=2),
        verdicts=(PASSED,),
    )


WHOLE = Decision(
    "rules/shop.yaml",
    MANIFESTS,
    Target("2 applications", "production", ""),
    State.PROMOTING,
    "open a merge request for 2 applications: api, web",
    verdicts=(APPROVALS,),
    members=tuple(map(member, NAMES)),
    action=ACTION,
)
GOLDEN = Path(__file__).parent / "golden" / "group-request.md"


def test_the_body_shows_all_in_one_table() -> None:
    assert request_body(WHOLE, ACTION) == GOLDEN.read_text("utf-8")


def test_the_commit_lists_what_moves_and_ends_with_all_records() -> None:
    message = commit_message(WHOLE, ACTION)
    subject, _, first, *_ = message.splitlines()
    assert subject == "Promote 2 applications to production"
    assert first.startswith("api: ghcr.io/shop/api: 1.0.0@sha256:")
    assert Record.parse_all(message) == RECORDS
    merge = Merge(7, ACTION.branch, "a" * 40, RECORDS[0], "b" * 40, others=RECORDS[1:])
    text = merge_text(WHOLE, merge)
    assert (text.subject, Record.parse_all(text.body)) == (subject, RECORDS)


def test_templates_get_what_they_are_together() -> None:
    texts = RequestTexts(
        title="{{ application }}: {{ release.label }}{{ release.id }}",
        body="{{ requested_by }} {% for each in release.artifacts %}{{ each.before }} {% endfor %}",
    )
    made = replace(ACTION, request=texts, commit=CommitTexts(message="from {{ origin }}"))
    assert request_title(WHOLE, made) == "2 applications: api 1.1.0, web 2.0.0"
    assert request_body(WHOLE, made).startswith("ann 1.0.0 1.0.0\n\n<!--")
    assert commit_message(WHOLE, made).startswith("from staging\n\nPromoter-Rule: shop\n")


def test_of_one_alone_it_reads_as_ever() -> None:
    alone = replace(ACTION, others=(), changes=CHANGES[:1])
    whole = replace(WHOLE, members=WHOLE.members[:1], target=Target("api", "production", ""))
    assert request_title(whole, alone) == "Promote api to production: 1.1.0"
    body = request_body(whole, alone)
    assert body.startswith("**api** in **production** moves to release")
    assert "- soak: 24h: **pass**" in body
    assert "- approvals: 2: **wait**" in body


def test_a_body_is_never_longer_than_a_forge_takes() -> None:
    names = [f"{'long' * 14}-{number:03}" for number in range(120)]
    records = [record(name) for name in names]
    others = tuple(records[1:])
    long = tuple(FileChange(f"{'folder/' * 30}{n}.yaml", b"a\n", b"b\n") for n in names)
    made = replace(ACTION, record=records[0], others=others, changes=long)
    whole = replace(WHOLE, members=tuple(map(member, names)))
    for each in (made, replace(made, request=RequestTexts(body="x" * 19_000 + "{{ body }}"))):
        body = request_body(whole, each)
        assert len(body) < 65_000
        assert Record.parse_all(body) == tuple(records)
    usual = request_body(whole, made)
    assert re.search(r"\n\| and \d+ more \| \| \| \| \|\n", usual)
    assert re.search(r"\n- and \d+ more\n", usual)
    assert "- **Roll back** after the merge" in usual, "how to answer is never cut off"


def test_what_is_new_is_said_bounded_and_calls_nobody() -> None:
    news = [f"app{number} joins with @all" for number in range(60)]
    comment = news_comment(news, "a" * 40)
    assert comment.text.count("\n- ") == 51
    assert "- and 10 more" in comment.text
    assert "@all" not in comment.text
    assert comment == news_comment(news, "a" * 40)
    assert comment.mark != news_comment(news, "b" * 40).mark


def test_a_plan_shows_the_diff_once_and_each_answer() -> None:
    plan = Plan(WHOLE.members, groups=(WHOLE,))
    text = plan_text(plan, Paint(False))
    assert text.count("2 applications in production: open a merge request") == 1
    assert text.count("+b") == 2
    assert "merge requests: 1 to open" in text
    shown = plan_markdown(plan)
    assert shown.count("<details>") == 1
    (group,) = plan_json(plan)["groups"]
    assert group["applications"] == ["api", "web"]
    assert group["action"]["files"] == ["apps/api/production.yaml", "apps/web/production.yaml"]
    assert "groups" not in plan_json(Plan(())), "where nothing is grouped all is as before"


def test_an_open_one_is_named_in_json() -> None:
    whole = replace(WHOLE, merge_request=REQUEST, action=None)
    (group,) = plan_json(Plan(whole.members, groups=(whole,)))["groups"]
    assert (group["merge_request"]["number"], group["action"]) == (REQUEST.number, None)
