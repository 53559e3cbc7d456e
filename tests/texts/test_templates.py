"""The texts of a rule's own: applied where they say so, and never in the way of the record."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from promoter.model.plan import Merge, Propose, State
from promoter.model.record import Record
from promoter.model.rule import CommitTexts, RepositoryAddress, RequestTexts
from promoter.model.target import FileChange
from promoter.texts.change import (
    commit_message,
    merge_text,
    request_body,
    request_labels,
    request_title,
)
from tests.decisions.rules import release
from tests.needs import need
from tests.texts.shop import APPROVALS, RECORD, SOAK, proposed

TITLE = "[{{ environment }}] {{ application }} {{ release.label }}"
HOSTILE = "ada\n/merge\n# x @all fixes #1, fixes https://github.com/a/b/issues/1 <!-- <b>`|"
FORGED = "\n".join(replace(RECORD, application="other", release=release("web:9.9.9")).trailers())


def action(request: RequestTexts | None = None, commit: CommitTexts | None = None) -> Propose:
    made = proposed().action
    assert isinstance(made, Propose)
    return replace(made, request=request or RequestTexts(), commit=commit or CommitTexts())


def titled(template: str, record: Record = RECORD) -> str:
    return request_title(proposed(), replace(action(RequestTexts(title=template)), record=record))


def bodied(template: str, record: Record = RECORD) -> str:
    decision = replace(proposed(), verdicts=(replace(SOAK, why=HOSTILE),))
    return request_body(decision, replace(action(RequestTexts(body=template)), record=record))


def test_a_title_of_the_rules_own_is_that_of_the_merge_too() -> None:
    assert titled(TITLE) == "[dev] web 1.1.0"
    merge = Merge(7, "promoter/dev/web", "a" * 40, RECORD, "b" * 40, RequestTexts(title=TITLE))
    text = merge_text(proposed(), merge)
    assert text.subject == "[dev] web 1.1.0"
    assert Record.parse(text.body) == RECORD


def test_a_title_is_one_line_that_calls_nobody_and_closes_nothing() -> None:
    record = replace(RECORD, requested_by=HOSTILE)
    title = titled("{{ requested_by }}:\n  {{ title }}\x07\n", record)
    assert title.isprintable() or title.replace("\u200b", "").isprintable()
    read = title.replace("\u200b", "")
    assert read == " ".join(HOSTILE.split()) + ": Promote web to dev: 1.1.0\\x07"
    assert "@all" not in title
    assert "#1" not in title
    assert "fixes http" not in title


def test_a_title_that_comes_out_empty_is_the_usual_one() -> None:
    assert titled("{% if origin == 'moon' %}x{% endif %}") == "Promote web to dev: 1.1.0"


def test_labels_are_made_as_the_forge_takes_them() -> None:
    labels = ("env/{{ environment }}", "ENV/dev", "{{ requested_by }}", "a, {{ base }}", "x" * 90)
    made = action(RequestTexts(labels=(*labels, "promoter/{{ 'hold' }}")))
    on = {
        forge: request_labels(
            replace(proposed(), repository=RepositoryAddress("u", None, forge)), made
        )
        for forge in ("github", "gitlab")
    }
    assert on["github"] == ("env/dev", "a, main", "x" * 50)
    assert on["gitlab"] == ("env/dev", "a main", "x" * 90)


def test_the_usual_body_can_be_put_into_another_one() -> None:
    usual = request_body(proposed(), action())
    body = request_body(proposed(), action(RequestTexts(body="Runbook: x\n\n{{ body }}\n\nBye.")))
    text, _, record = usual.partition("\n\n<!-- promoter record")
    assert body == f"Runbook: x\n\n{text}\n\nBye.\n\n<!-- promoter record{record}"


def test_values_in_a_body_are_text_and_nothing_else() -> None:
    body = bodied(
        "{% for each in gates %}\n{{ each.why }}\n<summary>{{ each.why }}</summary>\n"
        "{{ each.why | code }}\n{% endfor %}",
    )
    first, second, third, *_ = body.splitlines()
    assert not first.startswith(("/", "#"))
    for line in (first, second.removeprefix("<summary>").removesuffix("</summary>")):
        assert "<" not in line
        assert "@all" not in line
        assert "#1" not in line
        assert "fixes" not in line.replace("fixes #&#8203;1", "")
    assert third.startswith("``ada /merge # x @all")
    assert third.endswith("<!-- <b>`|``")


@pytest.mark.parametrize(
    "template",
    [
        FORGED,
        f"<!-- promoter record: written by the bot, read by the bot\n{FORGED}\n-->",
        f"<!--\n{FORGED}",
        f"```\n{FORGED}",
        "{{ requested_by }}",
        "{{ body }}{{ body }}" * 40,
        "<details>{{ 'x' }}" + "y" * 19_000,
    ],
    ids=lambda text: text[:20],
)
def test_a_record_can_neither_be_forged_nor_hidden(template: str) -> None:
    record = replace(RECORD, requested_by=f"x\n{FORGED}\n-->")
    body = bodied(template, record)
    assert Record.parse(body) == RECORD
    assert body.endswith("\n-->\n")
    assert body.count("\n<!-- promoter record") <= 2
    assert body.rindex("<!--") == body.rindex("<!-- promoter record"), "forges keep the last one"
    message = (
        commit_message(
            proposed(), replace(action(commit=CommitTexts(message=template)), record=record)
        )
        if "body" not in template
        else commit_message(proposed(), action())
    )
    assert Record.parse(message) == RECORD


def test_git_finds_the_trailers_behind_a_message_of_the_rules_own() -> None:
    template = "chore({{ environment }}): {{ title }}\n\n{{ files | join(', ') }}\n{# nobody #}\n"
    message = commit_message(proposed(), action(commit=CommitTexts(message=template)))
    assert message.startswith(
        "chore(dev): Promote web to dev: 1.1.0\n\napps/web/dev/kustomization.yaml\n\nPromoter-Rule:"
    )
    parsed = subprocess.run(
        [need("git"), "interpret-trailers", "--parse"],
        input=message,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert tuple(parsed.splitlines()) == RECORD.trailers()


def test_a_draft_says_what_it_waits_for() -> None:
    passed = replace(SOAK, judgement="pass")
    drafted = replace(action(), draft=True)
    body = request_body(replace(proposed(), verdicts=(passed, APPROVALS)), drafted)
    assert "\n\nThis is a draft until its gates pass. It waits for **approvals: 2**.\n\n" in body


def test_on_a_forge_with_pages_there_are_no_commands() -> None:
    gitlab = RepositoryAddress("https://gitlab.com/shop/manifests.git", "main", "gitlab")
    decision = replace(proposed(), repository=gitlab, state=State.PROMOTING)
    body = request_body(decision, action())
    assert "promoter mr" not in body
    assert "- **Promote**: promoter merges it when its gates pass.\n" in body
    assert "add the label `promoter/hold`. As long" in body


def test_the_commands_of_the_local_forge_know_the_number() -> None:
    body = request_body(proposed(), replace(action(), number=7))
    assert "`promoter mr merge 7`" in body
    assert "NUMBER" not in body


def test_a_body_does_not_list_files_without_end() -> None:
    changes = tuple(FileChange(f"{number}.yaml", b"", b"x") for number in range(130))
    body = request_body(proposed(), replace(action(), changes=changes))
    assert "\n- `99.yaml`\n- and 30 more\n" in body
