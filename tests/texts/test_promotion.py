"""What a promotion is said to have become, by the decision and the merge requests there are."""

from __future__ import annotations

import json
from dataclasses import replace

from promoter.model.plan import Decision, Requested, State
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.texts.as_json import decision_json, dump
from promoter.texts.change import request_body
from promoter.texts.paint import Paint
from promoter.texts.promotion import (
    Promotion,
    conclude,
    promotion_json,
    promotion_markdown,
    promotion_text,
)
from promoter.texts.why_text import why_text
from tests.decisions.rules import release
from tests.texts.shop import NEW, NOW, OLD, REQUEST, proposed
from tests.texts.test_markdown import action

PLAIN = Paint()
JOB = "ada (https://ci.example.com/job/7)"


def request(number: int, of: Release, state: str = "open", branch: str = "dev/web") -> MergeRequest:
    record = Record("shop", "web", "dev", of, "registry")
    return replace(
        REQUEST,
        number=number,
        state="open" if state == "open" else "merged",
        branch=f"promoter/{branch}",
        body="\n".join(record.trailers()),
        url=f"file:///r#{number}",
    )


def asked(
    of: Release = NEW, state: State = State.PROPOSED, why: str = "", later: Release | None = None
) -> Decision:
    decision = proposed()
    return replace(decision, requested=(Requested(of, JOB, state, why or decision.why, later),))


def test_what_was_asked_for_is_answered_with_its_merge_request() -> None:
    promotion = conclude(asked(), NEW, (request(3, OLD, "merged"), request(7, NEW)))
    assert (promotion.state, promotion.release) == (State.PROPOSED, NEW)
    assert promotion.merge_request == request(7, NEW)
    assert promotion.requested_by == (JOB,)
    assert promotion_text(promotion, PLAIN) == (
        "web in dev: proposed 1.1.0 (release c852e1fa)\n"
        "  open a merge request for 1.1.0 from registry\n"
        "  file:///r#7\n"
    )


def test_after_the_merge_the_same_request_is_named() -> None:
    runs = replace(asked(state=State.CURRENT, why="runs 1.1.0"), state=State.CURRENT, running=NEW)
    promotion = conclude(runs, NEW, (request(7, NEW, "merged"), request(5, NEW, "merged")))
    assert promotion.merge_request == request(7, NEW, "merged")
    assert (promotion.release, promotion.superseded_by) == (NEW, None)


def test_a_request_of_another_target_is_not_its_own() -> None:
    promotion = conclude(asked(), NEW, (request(9, NEW, branch="staging/web"),))
    assert promotion.merge_request is None


def test_a_tag_alone_is_answered_with_the_whole_release_that_it_became() -> None:
    tag_only = Release.of(each.at(each.tag, None) for each in NEW.artifacts)
    assert tag_only.id != NEW.id
    assert conclude(asked(tag_only), tag_only, (request(7, NEW),)).release == NEW
    assert conclude(asked(tag_only), tag_only, ()).release == NEW


def test_without_a_wish_it_is_what_the_rule_offers_else_what_runs() -> None:
    assert conclude(proposed(), None, ()).release == NEW
    current = replace(proposed(), state=State.CURRENT, why="runs 1.0.0", offered=None)
    assert conclude(current, None, ()).release == OLD
    lower = replace(proposed(), state=State.HELD_BACK, why="not later", running=NEW, offered=OLD)
    promotion = conclude(lower, None, ())
    assert (promotion.release, promotion.superseded_by) == (OLD, NEW)


def test_an_older_build_is_told_on_one_line_with_what_supersedes_it() -> None:
    older = release("web:1.0.5")
    decision = asked(older, State.HELD_BACK, "1.1.0 is later, and is proposed", NEW)
    promotion = conclude(decision, older, (request(7, NEW),))
    assert promotion.superseded_by == NEW
    assert promotion_text(promotion, PLAIN) == (
        f"web in dev: held-back, nothing to do for 1.0.5 (release {older.id}):"
        " 1.1.0 is later, and is proposed\n"
    )


def test_trouble_of_the_target_is_not_that_of_an_answer_of_its_own() -> None:
    stuck = replace(asked(), state=State.BLOCKED, why="a tag moved", trouble="input")
    same = replace(stuck, requested=(Requested(NEW, JOB, State.BLOCKED, "a tag moved"),))
    assert conclude(same, NEW, ()).trouble == "input"
    other = replace(stuck, requested=(Requested(NEW, JOB, State.HELD_BACK, "is not later"),))
    assert conclude(other, NEW, ()).trouble is None


HOSTILE = Promotion(
    proposed().target,
    "rules/shop.yaml",
    State.REJECTED,
    "| <img src=x>\x1b[31m [here](https://evil.example)\n# closed",
    NEW,
    merge_request=request(7, NEW),
    requested_by=("*ada*\n-->",),
)


def test_a_summary_is_a_section_that_outside_text_can_not_leave() -> None:
    told = promotion_markdown(HOSTILE)
    assert told.splitlines() == [
        "### web in dev: 1.1.0",
        "",
        "**rejected**: \\| &lt;img src=x>\\\\x1b\\[31m \\[here\\](https://evil.example) # closed",
        "",
        f"- release `{NEW.id}`: `{NEW.artifacts[0].normal}`",
        "- merge request 7: file:///r#7",
        "- requested by \\*ada\\* -->",
    ]


def test_nothing_drives_a_terminal() -> None:
    assert "\x1b" not in promotion_text(HOSTILE, PLAIN)
    assert len(promotion_text(HOSTILE, PLAIN).splitlines()) == 3


def test_as_json() -> None:
    told = json.loads(dump({"promotion": promotion_json(HOSTILE)}))["promotion"]
    assert set(told) == {
        "application",
        "environment",
        "rule",
        "state",
        "why",
        "release",
        "superseded_by",
        "merge_request",
        "requested_by",
        "skips",
        "reason",
    }
    assert told["release"]["label"] == "1.1.0"
    assert told["merge_request"]["url"] == "file:///r#7"


class TestWhoAsked:
    def test_is_in_the_merge_request_where_it_brings_what_was_asked_for(self) -> None:
        assert "\nRequested by ada (https://ci.example.com/job/7).\n" in request_body(
            asked(), action()
        )
        assert "Requested" not in request_body(asked(release("web:1.0.5")), action())
        assert "Requested" not in request_body(proposed(), action())

    def test_can_not_write_a_record_or_a_mention_into_it(self) -> None:
        wish = Requested(NEW, "x\nPromoter-Rule: mine\n<!-- *ada*", State.PROPOSED, "")
        body = request_body(replace(proposed(), requested=(wish,)), action())
        assert Record.parse(body) == action().record
        assert "Requested by x Promoter-Rule: mine &lt;!-- \\*ada\\*." in body

    def test_is_in_why_and_in_json(self) -> None:
        older = release("web:1.0.5")
        decision = asked(older, State.HELD_BACK, "1.1.0 is later")
        assert f"  requested  1.0.5 by {JOB}: held-back, 1.1.0 is later\n" in why_text(
            decision, NOW, PLAIN
        )
        assert f"  requested  1.1.0 by {JOB}: proposed\n" in why_text(asked(), NOW, PLAIN)
        (told,) = decision_json(decision)["requested"]
        assert (told["release"]["label"], told["by"]) == ("1.0.5", JOB)
        assert (told["state"], told["why"]) == ("held-back", "1.1.0 is later")
