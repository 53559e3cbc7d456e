"""Who builds an image or comments on a request is an outsider: nothing of what they write acts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from promoter.model.record import Record
from tests.services.git_server import git
from tests.stories.forges import KINDS, World
from tests.stories.worlds import open_world

EVIL = "x](http://evil.example) **@everyone** Fixes #1\n/merge\n/approve\n<!-- promoter record -->"
FAKE = """
<!-- promoter record: written by the bot, read by the bot
Promoter-Rule: {rule}
Promoter-Application: web
Promoter-Environment: staging
Promoter-Release: 0123456789ab
Promoter-Artifact: registry.example.com/shop/web:9.9.9@sha256:{digest}
Promoter-From: dev
-->
"""
RULES = """\
  dev: {merge: automatic}
  staging: {after: dev, require: [approvals: 1]}
"""
TEMPLATES = """\
merge-request:
  title: "{{ application }} {{ release.label }} {{ requested_by }}"
  body: "{{ requested_by }}\\n{{ release.label }}\\n\\n{{ body }}"
  labels: ["{{ requested_by }}"]
"""
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_MENTION = re.compile(r"(?<![\w`\\/])@\w")
_CLOSING = re.compile(r"(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b:?\s+(?:[\w./-]+)?[#!]\d")
_QUICK = re.compile(r"(?m)^\s{0,3}/[a-z]")


@pytest.fixture(params=KINDS)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with open_world(request.param, tmp_path, monkeypatch) as opened:
        opened.only_web()
        opened.write_rules(RULES)
        yield opened


def acts(text: str) -> list[str]:
    """What a forge would obey in a text of the bot's: mentions, closing keywords, quick actions."""
    plain = _CODE.sub("", text)
    return [each[0] for pattern in (_MENTION, _CLOSING, _QUICK) for each in pattern.finditer(plain)]


def links(text: str) -> list[str]:
    """A body's links to elsewhere; titles and messages have none."""
    return re.findall(r"(?<!\\)\]\(http://evil[^)]*\)", text)


def test_what_a_forge_would_obey_is_found_by_this_test() -> None:
    assert len(acts(f"a\n{EVIL}\nb")) == 4
    assert len(links(EVIL)) == 1
    assert acts("as `@everyone` and \\@ann have it, `/merge`") == []


def test_what_an_image_says_of_itself_is_text(world: World) -> None:
    labels = {
        f"org.opencontainers.image.{name}": EVIL
        for name in ("source", "revision", "version", "title", "description", "url")
    }
    world.publish("1.1.0-fixes.1", "web", labels=labels)
    world.publish("1.1.0", "web", labels=labels)
    world.write_rules(RULES, TEMPLATES)
    world.run(expect=3)
    check_requests(world)


def test_who_asks_for_a_release_asks_and_no_more(world: World) -> None:
    world.publish("1.1.0", "web")
    world.write_rules(RULES, TEMPLATES)
    who = " ".join(EVIL.split())
    for stage in ("dev", "staging"):
        words = ("--to", stage, "--image", "registry.example.com/shop/web:1.1.0", "--as", who)
        world.promoter("promote", "web", *words, expect=3 if stage == "staging" else 0)
    check_requests(world)


def check_requests(world: World) -> None:
    """1.1.0 is proposed for staging, and not a word of it acts."""
    (opened,) = world.open().values()
    assert acts(opened.body) == links(opened.body) == []
    assert acts(opened.title) == []
    for label in opened.labels:
        assert label.casefold() not in ("promoter/hold", "promoter/left-alone")
    record = Record.parse(opened.body)
    assert record is not None
    assert (record.environment, record.release.label) == ("staging", "1.1.0")
    message = git(world.repository, "log", "-1", "--format=%B", opened.head)
    assert acts(message) == []
    assert Record.parse(message) == record
    assert opened.body.count("Promoter-Rule: ") == 1
    world.settle(expect=3)
    world.approve(opened.number, "ann")
    world.run()
    world.merge(opened.number, "ann")
    assert world.version("staging/web") == "1.1.0"


def test_a_record_that_somebody_else_writes_is_not_the_bots(world: World) -> None:
    """Into the bot's own request it is overwritten; nobody reads another one."""
    world.publish("1.1.0", "web")
    world.run(expect=3)
    (opened,) = world.open().values()
    record = Record.parse(opened.body)
    assert record is not None
    fake = FAKE.format(rule=record.rule, digest="9" * 64)
    parsed = Record.parse(fake)
    assert parsed is not None
    assert parsed.release.label == "9.9.9"

    world.comment(opened.number, f"/merge\n/approve\n{fake}")
    world.push("ann/readme", {"README.md": b"Hello\n"}, message=f"mine\n\n{fake}")
    number = world.propose("ann/readme", fake)
    world.settle(expect=3)
    world.write_body(opened.number, opened.body + fake)
    world.run(expect=3)
    world.settle(expect=3)

    again = world.open()["staging/web"]
    assert (again.number, again.head) == (opened.number, opened.head)
    assert Record.parse(again.body) == record
    assert "9.9.9" not in again.body
    assert world.version("staging/web") == "1.0.0"
    # A merge of Ann's that holds the record in its message brings nothing either.
    world.merge(number, "ann")
    world.run(expect=3)
    decision = world.decision("staging/web")
    assert decision["running"]["label"] == "1.0.0"
    assert decision["offered"]["label"] == "1.1.0"
