"""What telemetry costs: a call of the facade, and a quiet look with and without exporters.

The look is `make_plan` over the shop of the stories (6 applications by 3 environments, a real
repository and a real registry), warm, with nothing to do. Without an exporter its share is
reckoned: how many calls it makes, times what one costs, is far too little to be measured beside
the look itself. The collector takes all spans and keeps none.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median

import pytest

from promoter import telemetry
from promoter.app import App, build
from promoter.engine.observe import Observer
from promoter.engine.reconcile import Scope, make_plan
from promoter.model.facts import Facts
from promoter.settings import load_settings
from promoter.telemetry.otlp import start_tracing
from promoter.telemetry.prometheus import start_metrics
from tests.services.collector import PATH
from tests.services.misbehaving import Answer, serving
from tests.stories.shop import open_shop
from tests.telemetry.recorder import measuring, tracing

_CALLS = 20_000
_ROUNDS = 15
_AIM = 0.01
"""Of a look: what telemetry may take where nobody asked for it."""


def main() -> int:
    with serving({("POST", PATH): Answer()}) as server:
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://{server.host}"
        none = _show_calls()
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOME", folder)
            with open_shop(Path(folder), patch, over_http=False):
                _show_looks(build(load_settings({})), none)
    return 0


def _count() -> None:
    telemetry.count("promoter_http_requests_total", host="a", kind="registry", code="2xx")


def _observe() -> None:
    telemetry.observe("promoter_http_seconds", 0.01, host="a", kind="registry")


def _span() -> None:
    with telemetry.span("GET", host="a", method="GET", kind="registry") as span:
        span.set(status=200)


def _bound() -> None:
    with telemetry.bound(repository="a"):
        pass


def _show_calls() -> dict[str, float]:
    """Nanoseconds for each kind of call without an exporter."""
    calls = {"count": _count, "observe": _observe, "span": _span, "bound": _bound}
    none = {name: _nanoseconds(call) for name, call in calls.items()}
    with _exporting():
        telemetry.use_fields(True)
        some = {name: _nanoseconds(call) for name, call in calls.items()}
        telemetry.use_fields(False)
    print(f"{'a call, in ns':<34}{'no exporter':>12}{'exporting':>11}")
    for name in calls:
        print(f"{name:<34}{none[name]:>12,.0f}{some[name]:>11,.0f}")
    return none


def _show_looks(app: App, none: dict[str, float]) -> None:
    scope, observer = Scope(app.rules()[0]), Observer(app.adapters)

    def look() -> None:
        now: datetime = app.clock()
        plan, _ = make_plan(scope, observer, Facts.none(), now)
        assert not plan.actions

    look()
    with measuring() as measured, tracing() as spans:
        look()
    counts = sum(measured.counts.values()) + len(measured.values)
    times = sum(map(len, measured.times.values()))
    share = counts * none["count"] + times * none["observe"] + len(spans.all) * none["span"]
    pairs = []
    for _ in range(_ROUNDS):
        without = _milliseconds(look)
        with _exporting():
            pairs.append((without, _milliseconds(look)))
    took = median(before for before, _ in pairs)
    ratio = median(after / before for before, after in pairs)
    part = share / 1e6 / took
    print(f"{'a quiet look, in ms of processor':<34}{took:>12.1f}{took * ratio:>11.1f}")
    print(
        f"{counts + times:.0f} figures and {len(spans.all)} spans a look: without an exporter"
        f" {share / 1e3:.0f} us, {part:.3%} of it (aim < {_AIM:.0%}"
        f" {'met' if part < _AIM else 'MISSED'}); exporting {ratio:.2f} times"
    )


@contextmanager
def _exporting() -> Iterator[None]:
    start_metrics()
    stop = start_tracing(os.environ, str)
    try:
        yield
    finally:
        stop()
        telemetry.use_meter(None)


def _nanoseconds(call: Callable[[], None]) -> float:
    gc.collect()
    start = time.process_time_ns()
    for _ in range(_CALLS):
        call()
    return (time.process_time_ns() - start) / _CALLS


def _milliseconds(look: Callable[[], None]) -> float:
    """Of this process and the git commands that it waited for."""
    before = _processor()
    look()
    return (_processor() - before) * 1e3


def _processor() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


if __name__ == "__main__":
    sys.exit(main())
