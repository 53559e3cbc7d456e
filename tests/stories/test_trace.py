"""A promotion's trace: from the push that a webhook tells of to the merge, days later, by another
process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promoter.access.redaction import redact_log
from promoter.app import build
from promoter.engine.reconcile import Scope, reconcile
from promoter.errors import TransientError
from promoter.model.ports import Forge, MergeRequest, MergeRequestDraft
from promoter.model.record import trace_of
from promoter.service.agenda import Due, Trigger
from promoter.service.looks import Looks
from promoter.service.shards import divide
from promoter.settings import load_settings
from promoter.telemetry import TraceContext, continued
from promoter.telemetry.otlp import start_tracing
from tests.services.collector import Collector, collecting
from tests.services.git_server import git
from tests.stories.shop import (
    ALICE,
    GIT_PASSWORD,
    HOST,
    MAIN,
    REGISTRY_PASSWORD,
    RULE_HEAD,
    WEB,
    Shop,
    open_shop,
)
from tests.telemetry.recorder import measuring

PUSH = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
JOB = TraceContext("5b8aa5a2d2c872e8321cf37308d69df2", "051581bf3cb55c13")
BRANCH = "refs/heads/promoter/dev/web"
RULE = (
    RULE_HEAD
    + """\
  dev: {{merge: automatic, require: [approvals: 1]}}
"""
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Version 1.1.0 was just pushed; each promotion waits for one approval."""
    with open_shop(tmp_path, monkeypatch, (WEB,), RULE, over_http=False) as found:
        found.publish("1.1.0")
        yield found


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def look(traceparent: str = "") -> None:
    """What the service does for a webhook that came with a `traceparent`."""
    app = build(load_settings({}))
    looks = Looks(app.adapters, app.clock, lambda: False)
    (shard,) = divide(app.rules()[0])
    looks.keep([shard])
    push = Trigger("a push of shop/web", frozenset({"web"}), traceparent)
    looks(Due(shard.name, (push,), app.clock()))


def commit_of(shop: Shop) -> str:
    return git(shop.repository, "log", "-1", "--format=%B", BRANCH)


def body_of(shop: Shop) -> str:
    shown = shop.promoter("mr", "show", shop.number("dev/web"), "--output", "json")
    return str(shown.json["body"])


def approve(shop: Shop) -> None:
    shop.promoter("mr", "approve", shop.number("dev/web"), "--as", ALICE)


def test_from_the_webhook_to_the_merge_it_is_one_trace(
    shop: Shop, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    stop = start_tracing(os.environ, redact_log)
    try:
        look(str(PUSH))
    finally:
        stop()

    begun = collector.span("look", why="a push of shop/web")
    assert (begun.trace_id, begun.parent) == (PUSH.trace_id, PUSH.span_id)
    ids = {each.span_id for each in collector.spans()}
    others = [each for each in collector.spans() if each is not begun and each != begun]
    assert {each.trace_id for each in others} == {PUSH.trace_id}
    assert {each.parent for each in others} <= ids
    about = {"application": "web", "environment": "dev", "release": "1.1.0"}
    collector.span("open merge request", **about)
    for name in ("reconcile", "observe", "push", "git fast-import", "git push", "HEAD"):
        assert collector.spans(name), name
    asked = collector.spans("observe")[0].attributes
    assert int(asked["promoter.questions"]) == sum(
        int(value) for key, value in asked.items() if key.endswith("Of")
    )

    committed, written = trace_of(commit_of(shop)), trace_of(body_of(shop))
    trailer = "--format=%(trailers:key=Promoter-Trace,valueonly)"
    assert git(shop.repository, "log", "-1", trailer, BRANCH).strip() == str(committed)
    assert committed == written
    assert committed is not None
    assert committed.trace_id == PUSH.trace_id
    assert committed.span_id in ids

    # Days later; a process that no webhook has told anything.
    approve(shop)
    shop.promoter.run_apart("run")
    merged = collector.span("merge", **about)
    assert merged.trace_id == PUSH.trace_id
    assert merged.parent == committed.span_id
    run = collector.span("promoter run")
    assert run.trace_id != PUSH.trace_id
    assert merged.links == (run.trace_id,)
    landed = git(shop.repository, "log", "-1", "--format=%B", MAIN)
    assert trace_of(landed) == committed
    assert b"canary" not in collector.bodies
    assert REGISTRY_PASSWORD.encode() not in collector.bodies
    assert GIT_PASSWORD.encode() not in collector.bodies


def test_a_pipelines_trace_is_named_where_nothing_is_exported(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever comes later leaves the request as it is."""
    monkeypatch.setenv("TRACEPARENT", str(JOB))
    shop.promoter("promote", "web", "--to", "dev", expect=3)
    assert trace_of(commit_of(shop)) == trace_of(body_of(shop)) == JOB
    before = (shop.refs()[BRANCH], body_of(shop))
    for traceparent in (str(PUSH), "00-nonsense"):
        monkeypatch.setenv("TRACEPARENT", traceparent)
        shop.promoter("run", expect=3)
        assert (shop.refs()[BRANCH], body_of(shop)) == before
    shop.check_fresh_equals_warm()

    # A newer release is a promotion of its own.
    shop.publish("1.2.0")
    monkeypatch.setenv("TRACEPARENT", str(PUSH))
    shop.promoter("run", expect=3)
    assert trace_of(commit_of(shop)) == trace_of(body_of(shop)) == PUSH


def test_a_request_names_the_trace_of_the_commit_that_it_was_to_be_opened_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made the branch died in between."""

    class Shut:
        """A forge that is down for whoever wants to open something."""

        def __init__(self, forge: Forge) -> None:
            self._forge = forge

        def __getattr__(self, name: str) -> Any:
            return getattr(self._forge, name)

        def open(self, draft: MergeRequestDraft) -> MergeRequest:
            raise TransientError(f"{draft.branch} can't be opened now")

    app = build(load_settings({}))
    forge: Any = lambda address: Shut(app.adapters.forge(address))  # noqa: E731
    with continued(JOB):
        reconcile(Scope(app.rules()[0]), replace(app.adapters, forge=forge), app.clock)
    assert not shop.requests()
    monkeypatch.setenv("TRACEPARENT", str(PUSH))
    shop.promoter("run", expect=3)
    assert trace_of(commit_of(shop)) == trace_of(body_of(shop)) == JOB


def test_the_same_release_on_another_base_goes_on_with_its_trace(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEPARENT", str(JOB))
    shop.promoter("run", expect=3)
    before = shop.refs()[BRANCH]
    was = shop.file(WEB, "dev")
    shop.commit({WEB.file("dev"): was.replace(b"# moved by the bot", b"# moved by promoter")})
    monkeypatch.setenv("TRACEPARENT", str(PUSH))
    shop.promoter("run", expect=3)
    assert shop.refs()[BRANCH] != before
    assert trace_of(commit_of(shop)) == trace_of(body_of(shop)) == JOB


def test_what_others_write_there_is_believed_to_be_a_trace_and_no_more(
    shop: Shop, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may write the body may name any trace; nonsense is as none."""
    shop.promoter("run", expect=3)
    assert "Promoter-Trace" not in commit_of(shop) + body_of(shop)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    assert trace_of("Promoter-Trace: 00-nonsense") is None
    assert trace_of(f"Promoter-Trace: {PUSH}\nPromoter-Trace: {'0' * 55}") is None
    approve(shop)
    shop.promoter("run")
    merged = collector.span("merge")
    assert merged.trace_id == collector.span("promoter run").trace_id
    assert merged.links == ()


def test_what_is_measured_of_it_names_no_image_and_no_person(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels are bounded by the rules, and hold no secret; what is recorded is as it is written
    down, or the meter of the tests raises."""
    with measuring() as measured:
        look()
        approve(shop)
        look()
    url = f"file://{shop.repository}"
    done = {"repository": url, "environment": "dev"}
    for deed in ("opened", "merged"):
        assert measured.counted("promoter_promotions_total", **done, deed=deed) == 1
    asked = {"host": HOST, "kind": "registry"}
    assert measured.counted("promoter_http_requests_total", **asked, code="2xx") > 1
    assert measured.counted("promoter_looks_total", repository=url, result="good") == 2
    words = {url, HOST, "dev", "registry", "opened", "merged", "current", "waiting", "approvals"}
    commands = {labels for name, labels in measured.times if name == "promoter_git_seconds"}
    words |= {value for labels in commands for _, value in labels}
    assert measured.labels() - words <= {"2xx", "4xx", "good", "promoting"}
