"""Markdown for job summaries and merge requests, whatever the outside text holds."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest

from promoter.model.plan import Close, Orphan, Plan, Propose, SourceChange, Stay, Trouble
from promoter.model.record import Record
from promoter.model.target import FileChange
from promoter.texts.change import commit_message, request_body, request_title
from promoter.texts.inline import code, escaped, escaped_line, unmarked
from promoter.texts.markdown import plan_markdown
from tests.decisions.rules import MANIFESTS, name, release
from tests.needs import need
from tests.texts.shop import APPROVALS, NOW, OLD, RECORD, SOAK, plan, proposed, waiting

PLAN = """\
| application | environment | state | running | offered | why |
|---|---|---|---|---|---|
| web | dev | proposed | 1.0.0 | 1.1.0 | open a merge request for 1.1.0 from registry |
| web | production | waiting | 1.0.0 | 1.1.0 | staging has run 1.1.0 for 1h of 1d (soak: 24h) |

<details><summary>web in dev: open a merge request for 1.1.0 from registry</summary>

```diff
--- a/apps/web/dev/kustomization.yaml
+++ b/apps/web/dev/kustomization.yaml
@@ -1,3 +1,3 @@
 images:
   - name: web
-    newTag: 1.0.0 # keep
+    newTag: 1.1.0 # keep
```

</details>

**web in production**

- soak: 24h: **wait**, staging has run 1.1.0 for 1h of 1d, opens 2026-03-03T11:00:00Z

> error: rules/shop.yaml:3: qa has no target
"""

BODY = """\
**web** in **dev** moves to release `c852e1fa`, new in the registry.

| image | from | to | digest |
|---|---|---|---|
| `ghcr.io/shop/web` | `1.0.0` | `1.1.0` | `sha256:ddc62caa99c5` |

Files:

- `apps/web/dev/kustomization.yaml`

Gates when this was written:

- soak: 24h: **wait**, staging has run 1.1.0 for 1h of 1d, opens 2026-03-03T11:00:00Z
  - saw upstream staging, ran 1h
- approvals: 2: **wait**, 0 of 2, needs 2 more people
  - saw head abc

What you can do:

- **Promote**: merge it (`promoter mr approve NUMBER`, `promoter mr merge NUMBER`).
- **Reject**: close it (`promoter mr close NUMBER`). This release is not proposed here again before\
 a newer one appears; an older one that is later than what runs may be proposed instead.
- **Hold**: add the label `promoter/hold` (`promoter mr label NUMBER promoter/hold`). As long as it\
 is there, nothing is updated, closed or merged.
- **Roll back** after the merge: revert it in Git. `1.0.0` runs again, and this release is not\
 proposed here again before a newer one appears.

`promoter mr list` tells the NUMBER.

<!-- promoter record: written by the bot, read by the bot
"""


def action() -> Propose:
    made = proposed().action
    assert isinstance(made, Propose)
    return made


def test_the_plan() -> None:
    assert plan_markdown(plan()) == PLAN


def test_what_is_closed_is_told_too() -> None:
    orphan = Orphan(MANIFESTS, "rules/shop.yaml", Close(9, "promoter/dev/x", "x has no target"))
    assert "\nClose merge request 9: x has no target\n" in plan_markdown(Plan((), (orphan,)))


def test_the_body_of_a_merge_request_ends_with_the_record() -> None:
    body = request_body(replace(proposed(), verdicts=(SOAK, APPROVALS)), action())
    assert body.startswith(BODY)
    assert body.endswith("\nPromoter-From: registry\n-->\n")
    assert Record.parse(body) == RECORD


HOSTILE = "a|b `c` \\| <!-- <img src=x> *d* [e](http://x) _f_ snake_case\n\n# heading\n| g |"


def test_a_table_keeps_its_columns_whatever_stands_in_a_cell() -> None:
    text = plan_markdown(Plan((replace(waiting(), why=HOSTILE),)))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 3
    # cmark-gfm: a backslash escapes itself first, so count pairs away before the pipes.
    cells = rows[2].replace("\\\\", "").replace("\\|", "")
    assert cells.count("|") == 7
    assert "snake_case" in rows[2]
    assert not re.search(r"(?<!\\)[`*<\[]", rows[2])


def test_hostile_text_opens_no_tag_comment_or_span() -> None:
    hostile = replace(
        proposed(),
        why="</summary><script>",
        verdicts=(replace(SOAK, why=HOSTILE, gate="soak: `1h`"),),
    )
    trouble = Trouble("rules/shop.yaml", HOSTILE, "transient")
    for text in (plan_markdown(Plan((hostile,), (), (trouble,))), request_body(hostile, action())):
        assert not re.search(r"(?<!\\)<script", text)
        assert not re.search(r"(?<!\\)<!--(?! promoter record)", text)
        assert not re.search(r"(?<!\\)<img", text)
        assert "\n# heading" not in text
    assert "&lt;/summary&gt;&lt;script&gt;</summary>" in plan_markdown(Plan((hostile,)))


def test_the_fence_is_longer_than_any_run_of_backticks_in_the_diff() -> None:
    change = FileChange("a.yaml", b"x: 1\n", b"````\nx: `````2\n")
    text = plan_markdown(Plan((replace(proposed(), action=replace(action(), changes=(change,))),)))
    assert "\n``````diff\n" in text
    assert "\n``````\n\n</details>" in text


@pytest.mark.parametrize(
    ("text", "span"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a\n`` b", "```a `` b```")],
)
def test_a_code_span_ends_where_it_should(text: str, span: str) -> None:
    assert code(text) == span


def test_ordinary_text_stays_as_it_is() -> None:
    plain = "ghcr.io/shop/my_app offers 1.1.0, later than >=1.0 (soak: 24h); see https://x/y_z#7"
    assert escaped(plain) == plain


def test_the_title_names_every_artifact_where_they_differ() -> None:
    assert request_title(proposed(), action()) == "Promote web to dev: 1.1.0"
    both = replace(RECORD, release=release("web:1.1.0", "worker:1.2.0"))
    titled = request_title(proposed(), replace(action(), record=both))
    assert titled == "Promote web to dev: web 1.1.0, worker 1.2.0"


def test_git_itself_finds_the_trailers_of_the_commit_message() -> None:
    two = release("web:1.1.0", "worker:main@x")
    record = replace(RECORD, release=two)
    message = commit_message(proposed(), replace(action(), record=record))
    parsed = subprocess.run(
        [need("git"), "interpret-trailers", "--parse"],
        input=message,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert tuple(parsed.splitlines()) == record.trailers()
    assert Record.parse(parsed) == record


def test_the_commit_message_says_what_moves() -> None:
    new = action().record.release.artifacts[0]
    lines = commit_message(proposed(), action()).splitlines()
    assert lines[0] == "Promote web to dev: 1.1.0"
    assert lines[1] == ""
    assert lines[2] == (f"ghcr.io/shop/web: 1.0.0@{OLD.artifacts[0].digest} -> 1.1.0@{new.digest}")
    fresh = commit_message(replace(proposed(), running=None), action())
    assert f"\n\nghcr.io/shop/web: 1.1.0@{new.digest}\n\n" in fresh


def test_nobody_is_called_and_nothing_closed_by_text_from_outside() -> None:
    why = "closes #12, fixes shop/web#3, cc @ada and !7 at https://git.example.com/x/pull/1#a"
    body = request_body(replace(proposed(), verdicts=(replace(SOAK, why=why),)), action())
    line = next(each for each in body.splitlines() if "cc" in each)
    address = "https://git.example.com/x/pull/1#a"
    assert not re.search(r"(?<!&)[@#!](?=\w)", line.replace(address, ""))
    assert address in line
    assert line.replace("&#8203;", "").count("#12") == 1, "it reads the same"


@pytest.mark.parametrize(
    "text",
    [
        "fixes https://github.com/shop/web/issues/1",
        "Closed: SHOP-12",
        "resolving issues (https://gitlab.com/a/b/-/issues/3)",
        "implements web-7",
    ],
)
def test_no_issue_is_closed_by_its_address_or_by_its_name_elsewhere(text: str) -> None:
    first = text.split(" ", maxsplit=1)[0]
    for quiet in (escaped(text), unmarked(text)):
        assert first not in quiet
        assert quiet.replace("\u200b", "") == text


@pytest.mark.parametrize("word", ["x://@ada", "https://@ada", "file:///@ada", "(@ada)", "//@ada"])
def test_half_an_address_calls_nobody(word: str) -> None:
    assert "@ada" not in escaped(word)
    assert "@ada" not in unmarked(word)


@pytest.mark.parametrize("text", ["/merge", "# x", "- x", "1. x", "1) x", "> x", "---", "===", "+"])
def test_nothing_begins_at_the_beginning_of_a_line(text: str) -> None:
    assert escaped_line(text) == f"&#8203;{text}"


def test_text_stays_text_between_tags_and_in_an_attribute() -> None:
    assert escaped_line("<b a='1' c=\"2\">") == "&lt;b a=&#39;1&#39; c=&quot;2&quot;>"
    assert escaped("&lt; &#60;") == "&&#8203;lt; &#&#8203;60;"


def test_the_body_tells_where_it_ran_and_the_commits_between() -> None:
    stays = (
        Stay("dev", NOW - timedelta(days=2, hours=3), None, NOW),
        Stay("qa", NOW - timedelta(days=3), NOW - timedelta(days=1), NOW),
    )
    sources = (
        SourceChange(name("web"), "https://github.com/shop/web", "a" * 40, "b" * 40),
        SourceChange(name("api"), "https://gitlab.example.com/shop/api", "c" * 40, "d" * 40),
        SourceChange(name("job"), "https://gitlab.example.com/shop/job", None, "e" * 40),
    )
    body = request_body(replace(proposed(), stays=stays, sources=sources), action())
    assert "\ndev has run it for 2d 3h, since 2026-02-28T09:00:00Z.\n" in body
    assert "\nqa ran it for 2d, from 2026-02-27T12:00:00Z to 2026-03-01T12:00:00Z.\n" in body
    shown = f"[{'a' * 12}...{'b' * 12}]"
    assert f"{shown}(https://github.com/shop/web/compare/{'a' * 40}...{'b' * 40})" in body
    assert f"(https://gitlab.example.com/shop/api/-/compare/{'c' * 40}...{'d' * 40})" in body
    assert f"[{'e' * 12}](https://gitlab.example.com/shop/job/-/commit/{'e' * 40})" in body
