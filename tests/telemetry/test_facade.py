"""What the rooms call: nothing without an exporter, and the right place with one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from promoter import telemetry
from promoter.errors import TransientError
from promoter.telemetry import TraceContext
from tests.telemetry.recorder import measuring, tracing

CAME = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


class TestWithoutAnExporter:
    def test_nothing_comes_of_a_call(self) -> None:
        telemetry.count("no such metric", 2, nor="label")
        telemetry.observe("no such metric", 1)
        telemetry.gauge("no such metric", 1)
        telemetry.gauges("no such metric", {("a",): 1})
        with telemetry.span("a", b="c") as one, telemetry.span("d") as other:
            one.set(e=1)
            one.fail("f")
            assert one is other, "a span without an exporter costs no object of its own"
            assert telemetry.current() is None
        assert not telemetry.metered()

    def test_nothing_is_carried_to_another_thread(self) -> None:
        def work() -> None:
            pass

        with telemetry.bound(repository="a"):
            assert telemetry.carried(work) is work
            assert telemetry.bound_fields() == {}

    def test_a_trace_that_came_is_current_all_the_same(self) -> None:
        with telemetry.continued(CAME):
            assert telemetry.current() == CAME
            with telemetry.span("inside"):
                assert telemetry.current() == CAME
        with telemetry.span("look", parent=CAME):
            assert telemetry.current() == CAME
        with telemetry.continued(None):
            assert telemetry.current() is None


class TestSpans:
    def test_they_lie_in_each_other(self) -> None:
        with tracing() as spans:
            with telemetry.continued(CAME), telemetry.span("look", links=[CAME]) as look:
                look.set(why="push")
                with telemetry.span("observe"):
                    pass
                assert telemetry.current() == spans.named("look")[0].context
            with telemetry.span("alone"):
                pass
        outer, inner, alone = spans.all
        assert (outer.parent, outer.links, outer.attributes) == (CAME, (CAME,), {"why": "push"})
        assert inner.parent == outer.context
        assert inner.context.trace_id == CAME.trace_id
        assert alone.parent is None
        assert all(each.ended for each in spans.all)
        assert telemetry.current() is None

    def test_what_ends_by_an_error_has_failed(self) -> None:
        """An error of ours says what may be said; another one may quote anything."""
        with tracing() as spans:
            with pytest.raises(TransientError), telemetry.span("ours"):
                raise TransientError("git.example.com did not answer")
            with pytest.raises(ValueError, match="secret"), telemetry.span("theirs"):
                raise ValueError("a secret")
            with pytest.raises(KeyboardInterrupt), telemetry.span("a person's"):
                raise KeyboardInterrupt
        told = [each.trouble for each in spans.all]
        assert told == ["git.example.com did not answer", "ValueError", ""]
        assert all(each.ended for each in spans.all)

    def test_they_go_along_to_other_threads_at_once(self) -> None:
        """Each job gets a context of its own: several may run at the same time."""
        telemetry.use_fields(True)
        try:
            with (
                tracing() as spans,
                telemetry.bound(repository="shop"),
                telemetry.span("observe") as _,
                ThreadPoolExecutor(4) as pool,
            ):

                def job() -> tuple[TraceContext | None, str | None]:
                    with telemetry.span("GET"):
                        fields = telemetry.bound_fields()
                        return spans.named("observe")[0].context, fields.get("repository")

                jobs = [pool.submit(telemetry.carried(job)) for _ in range(20)]
                assert {each.result()[1] for each in jobs} == {"shop"}
                untold = pool.submit(telemetry.current)
                assert untold.result() is None
        finally:
            telemetry.use_fields(False)
        (observe,) = spans.named("observe")
        assert {each.parent for each in spans.named("GET")} == {observe.context}


def test_fields_add_up_and_go_away() -> None:
    telemetry.use_fields(True)
    try:
        with telemetry.bound(repository="a", rule="r"), telemetry.bound(rule="s", look="1"):
            assert telemetry.bound_fields() == {"repository": "a", "rule": "s", "look": "1"}
        assert telemetry.bound_fields() == {}
    finally:
        telemetry.use_fields(False)


def test_a_meter_gets_what_is_counted() -> None:
    with measuring() as measured:
        telemetry.count("promoter_webhooks_total", source="github", result="accepted")
        telemetry.count("promoter_webhooks_total", 2, source="github", result="accepted")
        assert telemetry.metered()
    telemetry.count("promoter_webhooks_total", source="github", result="accepted")
    assert measured.counted("promoter_webhooks_total", source="github", result="accepted") == 3
