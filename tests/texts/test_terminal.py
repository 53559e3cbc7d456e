"""What a person reads in a terminal, and that nobody else drives it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.errors import Where
from promoter.model.outcome import Effect, Outcome
from promoter.model.plan import Close, Merge, Orphan, PassedOver, Plan, State, Trouble
from promoter.model.target import FileChange
from promoter.texts.as_json import dump, plan_json
from promoter.texts.columns import align
from promoter.texts.diff import diff_lines
from promoter.texts.paint import Paint, printable
from promoter.texts.plan_text import outcome_text, plan_text, untold_warnings
from promoter.texts.request_text import request_text, requests_text
from promoter.texts.status_text import status_text
from promoter.texts.why_text import why_text
from tests.decisions.rules import MANIFESTS, image
from tests.texts.shop import APPROVALS, CHANGE, NEW, NOW, RECORD, REQUEST, plan, proposed, waiting

PLAIN = Paint()

PLAN = """\
web  rules/shop.yaml
  dev         proposed  1.0.0 -> 1.1.0  open a merge request for 1.1.0 from registry
  production  waiting   1.0.0 -> 1.1.0  staging has run 1.1.0 for 1h of 1d (soak: 24h)

web in dev: open a merge request for 1.1.0 from registry
--- a/apps/web/dev/kustomization.yaml
+++ b/apps/web/dev/kustomization.yaml
@@ -1,3 +1,3 @@
 images:
   - name: web
-    newTag: 1.0.0 # keep
+    newTag: 1.1.0 # keep
error: rules/shop.yaml:3: qa has no target

merge requests: 1 to open; 1 waiting
"""

WHY = """\
web in production: waiting
  staging has run 1.1.0 for 1h of 1d (soak: 24h)

  running    1.0.0 (release 9f37cff8, since 2026-02-28T12:00:00Z (2d))
  offered    1.1.0 (release c852e1fa) from staging
  next       opens by itself 2026-03-03T11:00:00Z, in 23h
  manifests  apps/web/production
  rule       rules/shop.yaml

  gates
  ~ soak: 24h (wait, guards opening): staging has run 1.1.0 for 1h of 1d
      opens 2026-03-03T11:00:00Z, in 23h
      skip it: promoter promote web --to production --image IMAGE --skip soak --reason TEXT
      saw upstream staging, ran 1h
"""

STATUS = """\
APPLICATION   DEV                   PRODUCTION
web           1.0.0 (2d) -> 1.1.0   1.0.0 (2d) -> 1.1.0

web in dev         proposed  open a merge request for 1.1.0 from registry
web in production  waiting   staging has run 1.1.0 for 1h of 1d (soak: 24h)
error: rules/shop.yaml:3: qa has no target
"""


def test_the_plan() -> None:
    assert plan_text(plan(), PLAIN) == PLAN


def test_why() -> None:
    offered = image("web:1.1.0").normal
    assert why_text(waiting(), NOW, PLAIN) == WHY.replace("IMAGE", offered)


def test_status() -> None:
    assert status_text(plan(), NOW, PLAIN) == STATUS


def test_why_tells_who_opens_a_gate_and_which_tags_were_passed_over() -> None:
    told = why_text(replace(proposed(), verdicts=(APPROVALS,)), NOW, PLAIN)
    assert (
        "  ~ approvals: 2 (wait, guards merging): 0 of 2\n      opened by 2 more people\n" in told
    )
    assert (
        "  tags of ghcr.io/shop/web passed over by semver: >=1.0\n    1.0.0  is lower than 1.1.0\n"
        in told
    )


def test_why_names_the_place_and_counts_what_it_leaves_out() -> None:
    many = tuple(PassedOver(f"1.0.{number}", "is lower") for number in range(14))
    selection = replace(proposed().selections[0], passed_over=many)
    told = why_text(
        replace(proposed(), where=Where("a.yaml", 3, 4), selections=(selection,)), NOW, PLAIN
    )
    assert "  a.yaml:3:4: open a merge request" in told
    assert told.endswith("    1.0.9  is lower\n    and 4 more\n")


def test_a_target_that_can_not_be_read_says_so() -> None:
    lost = replace(proposed(), state=State.BLOCKED, running=None, since=None, offered=None)
    assert "  running    nothing that can be told\n" in why_text(lost, NOW, PLAIN)
    assert "dev  blocked  ?  open a merge" in plan_text(Plan((lost,)), PLAIN)


def test_a_warning_is_not_told_where_its_reason_stopped_an_effect() -> None:
    late = Trouble("rules/shop.yaml: web in dev", "git.example.com refuses: 403", "input")
    said = "the ledger could not be written: git.example.com refuses: 403"
    other = "the ledger could not be written: not here"
    assert untold_warnings(Outcome(plan(), (), (late,), (said, other))) == [other]
    assert untold_warnings(Outcome(plan(), (), (), (said, other))) == [said, other]


def test_a_warning_of_every_attempt_is_told_once() -> None:
    warnings = tuple(f"refused: ! {digit * 40}:refs/promoter/ledger" for digit in "ab")
    assert len(untold_warnings(Outcome(plan(), warnings=warnings))) == 1


def test_the_summary_counts_every_kind_of_action() -> None:
    propose = proposed().action
    update = replace(proposed(), action=replace(propose, number=7))  # type: ignore[type-var]
    merge = replace(proposed(), action=Merge(8, "promoter/dev/api", "c" * 40, RECORD, "b" * 40))
    orphan = Orphan(MANIFESTS, "rules/shop.yaml", Close(9, "promoter/dev/x", "x has no target"))
    told = plan_text(Plan((proposed(), update, merge), (orphan,)), PLAIN)
    assert "\nclose merge request #9: x has no target\n" in told
    assert told.endswith("merge requests: 1 to open, 1 to update, 1 to merge, 1 to close\n")
    assert plan_text(Plan(()), PLAIN) == "merge requests: nothing to do\n"


def test_the_outcome_tells_what_was_done_and_where_everything_stands() -> None:
    effect = Effect("closed", "web", "dev", "1.1.0", "file:///r#7", "a person went ahead")
    trouble = Trouble("rules/shop.yaml: web in dev", "403", "input")
    told = outcome_text(Outcome(Plan((waiting(),)), (effect,), (trouble,)), PLAIN)
    assert told == (
        "closed    web in dev  1.1.0  file:///r#7: a person went ahead\n\n"
        "web  rules/shop.yaml\n"
        "  production  waiting  1.0.0 -> 1.1.0  staging has run 1.1.0 for 1h of 1d (soak: 24h)\n"
        "error: rules/shop.yaml: web in dev: 403\n"
    )
    assert outcome_text(Outcome(Plan(())), PLAIN) == "nothing to do\n"
    refused = outcome_text(Outcome(Plan((waiting(),)), (), (trouble,)), PLAIN)
    assert refused.splitlines()[0] == "nothing was done"


def test_merge_requests_of_the_local_forge() -> None:
    assert requests_text((), PLAIN) == "no open merge requests"
    assert requests_text((REQUEST,), PLAIN) == (
        "    STATE  TITLE                      BRANCH\n"
        "!7  open   Promote web to dev: 1.1.0  promoter/dev/web"
    )
    shown = replace(REQUEST, body="It moves.\n\n<!-- the record\n-->\n")
    told = request_text(shown, ("alice",), 2, ("opened by bot",), (), PLAIN)
    assert told == (
        "!7 Promote web to dev: 1.1.0\nopen, promoter/dev/web at aaaaaaaaaaaa into main\n"
        "approvals: 1 of 2 (alice)\n\nIt moves.\n\nopened by bot"
    )


def test_colour_is_only_where_it_is_wanted() -> None:
    assert "\x1b[" not in plan_text(plan(), PLAIN)
    told = plan_text(plan(), Paint(enabled=True))
    assert "\x1b[31m-    newTag: 1.0.0 # keep\x1b[0m" in told
    assert "\x1b[33mwaiting\x1b[0m" in told


EVIL = "a\x1b[2J\x9b31m\rb\nc\x07\u202ed"


@pytest.mark.parametrize("paint", [PLAIN, Paint(enabled=True)])
def test_control_characters_never_reach_the_terminal(paint: Paint) -> None:
    """Reasons, labels, links and files come from registries, forges and repositories."""
    change = FileChange(f"apps/{EVIL}.yaml", b"a\n", f"{EVIL}\n".encode())
    request = replace(REQUEST, url=EVIL, title=EVIL, branch=EVIL)
    action = replace(proposed().action, changes=(change,))  # type: ignore[type-var]
    verdict = replace(APPROVALS, why=EVIL, evidence=(("approved by", EVIL),), opened_by=EVIL)
    bad = replace(
        proposed(),
        why=EVIL,
        merge_request=request,
        verdicts=(verdict,),
        passed_over=(PassedOver(EVIL, EVIL),),
        action=action,
    )
    orphan = Orphan(MANIFESTS, "rules/shop.yaml", Close(9, EVIL, EVIL))
    trouble = Trouble("rules/shop.yaml", EVIL, "transient")
    whole = Plan((bad,), (orphan,), (trouble,))
    effect = Effect("opened", "web", "dev", EVIL, EVIL, EVIL)
    texts = [
        plan_text(whole, paint),
        outcome_text(Outcome(whole, (effect,), (trouble,)), paint),
        why_text(bad, NOW, paint),
        status_text(whole, NOW, paint),
        requests_text((request,), paint),
        request_text(request, (EVIL,), 1, (EVIL,), (change,), paint),
        dump(plan_json(whole)),
    ]
    for text in texts:
        left = re.sub(r"\x1b\[[0-9;]+m(.*?)\x1b\[0m", r"\1", text) if paint.enabled else text
        assert [each for each in left if not each.isprintable() and each not in "\n\t"] == [], text
        assert "b\nc" not in left, "nobody else makes lines"


@given(st.text())
def test_printable_text_is_one_line_and_keeps_the_rest(text: str) -> None:
    assert len(printable(text).splitlines()) <= 1
    plain = "".join(each for each in text if each.isascii() and each.isprintable())
    assert printable(plain) == plain


def test_a_diff_is_of_bytes_as_git_shows_it() -> None:
    crlf = FileChange("a.yaml", b"\xef\xbb\xbfx: 1\r\ny: \xff", b"\xef\xbb\xbfx: 2\r\ny: \xff")
    assert list(diff_lines((crlf,))) == [
        "--- a/a.yaml",
        "+++ b/a.yaml",
        "@@ -1,2 +1,2 @@",
        "-\ufeffx: 1",
        "+\ufeffx: 2",
        " y: \\xff",
        "\\ No newline at end of file",
    ]
    assert list(diff_lines((replace(CHANGE, after=CHANGE.before),))) == []


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert align([("a", "bb", "c"), ("aaa", "b", "")], indent=1) == [" a    bb  c", " aaa  b"]
    assert align([]) == []


def test_a_time_that_has_passed_is_not_negative() -> None:
    late = why_text(waiting(), NOW + timedelta(days=2), PLAIN)
    assert "opens 2026-03-03T11:00:00Z, in 0s" in late
    assert NEW.label in late
