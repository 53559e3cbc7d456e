"""A promotion's trace: from the push that a webhook tells of to the merge, days later, by another
process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from promoter.access.redaction import redact_log
from promoter.app import build
from promoter.model.record import trace_of
from promoter.service.agenda import Due, Trigger
from promoter.service.looks import Looks
from promoter.service.shards import divide
from promoter.settings import load_settings
from promoter.telemetry import TraceContext
from promoter.telemetry.otlp import start_tracing
from tests.services.collector import Collector, collecting
from tests.services.git_server import git
from tests.stories.shop import ALICE, GIT_PASSWORD, MAIN, REGISTRY_PASSWORD, WEB, Shop, open_shop

PUSH = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
JOB = TraceContext("5b8aa5a2d2c872e8321cf37308d69df2", "051581bf3cb55c13")
BRANCH = "refs/heads/promoter/dev/web"
RULE = """\
version: 1
repository: {{url: {url}, branch: main, forge: local}}
artifacts:
  - image: {host}/shop/{{application}}
    select: {{semver: ">=1.0"}}
applications:
{applications}
environments:
  dev: {{merge: automatic, require: [approvals: 1]}}
"""


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


def look(traceparent: str, collector: Collector) -> None:
    """What the service does for a webhook that came with a `traceparent`."""
    app = build(load_settings({}))
    looks = Looks(app.adapters, app.clock, lambda: False)
    (shard,) = divide(app.rules()[0])
    looks.keep([shard])
    stop = start_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}, redact_log)
    try:
        push = Trigger("a push of shop/web", frozenset({"web"}), traceparent)
        looks(Due(shard.name, (push,), app.clock()))
    finally:
        stop()


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
    look(str(PUSH), collector)

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
    shop.check_fresh_equals_warm()
    for traceparent in (str(PUSH), "", "00-nonsense"):
        monkeypatch.setenv("TRACEPARENT", traceparent)
        shop.promoter("run", expect=3)
        assert (shop.refs()[BRANCH], body_of(shop)) == before
    shop.check_fresh_equals_warm()

    # A newer release is a promotion of its own.
    shop.publish("1.2.0")
    monkeypatch.setenv("TRACEPARENT", str(PUSH))
    shop.promoter("run", expect=3)
    assert trace_of(commit_of(shop)) == trace_of(body_of(shop)) == PUSH


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
