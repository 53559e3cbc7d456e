"""The metrics that there are: what is written here is measured, and nothing else.

Names follow prometheus.io/docs/practices/naming. Labels are bounded: environments, gates and
repositories of the rules, hosts that the rules or settings name, and words of the code; never a
tag, a digest, a user or a path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LOOK_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


@dataclass(frozen=True)
class Metric:
    """`kind` as Prometheus has it; `buckets` in seconds, of histograms only."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_ALL = (
    # Looks.
    Metric(
        "promoter_looks_total",
        "counter",
        "Looks at one repository: a reconcile, from the first question to the last write.",
        ("repository", "result"),
    ),
    Metric(
        "promoter_look_seconds",
        "histogram",
        "How long a look at one repository took.",
        ("repository",),
        _LOOK_SECONDS,
    ),
    Metric("promoter_looks_running", "gauge", "Looks that go on now."),
    Metric(
        "promoter_last_good_look_timestamp_seconds",
        "gauge",
        "When the last look at a repository ended without trouble; 0 before the first.",
        ("repository",),
    ),
    Metric("promoter_events_pending", "gauge", "Repositories that wait for their look."),
    # What a look found and did.
    Metric(
        "promoter_targets",
        "gauge",
        "Targets (one application in one environment) by where they stand.",
        ("repository", "environment", "state"),
    ),
    Metric(
        "promoter_waiting_targets",
        "gauge",
        "Targets that a gate keeps, now, by the first gate that does.",
        ("repository", "environment", "gate"),
    ),
    Metric(
        "promoter_waiting_oldest_seconds",
        "gauge",
        "For how long the longest of them has been kept from this release.",
        ("repository", "environment", "gate"),
    ),
    Metric(
        "promoter_promotions_total",
        "counter",
        "What was done to merge requests.",
        ("repository", "environment", "deed"),
    ),
    # Rules.
    Metric("promoter_rules_broken", "gauge", "Rule files that can't be used."),
    Metric(
        "promoter_rules_loaded_timestamp_seconds",
        "gauge",
        "When rules were loaded for the last time.",
    ),
    # Calls.
    Metric(
        "promoter_http_requests_total",
        "counter",
        "Requests to registries and forges, by the class of the status; `error`: no answer.",
        ("host", "kind", "code"),
    ),
    Metric(
        "promoter_http_seconds",
        "histogram",
        "How long a request took, to the end of its answer.",
        ("host", "kind"),
        _SECONDS,
    ),
    Metric(
        "promoter_http_refusals_total",
        "counter",
        "Requests that were not sent: a budget is used up, or the server did not answer others.",
        ("host", "kind", "reason"),
    ),
    Metric(
        "promoter_rate_remaining_requests",
        "gauge",
        "Requests that a server still allows, as its last answer said, where it tells.",
        ("host", "kind", "resource"),
    ),
    Metric(
        "promoter_rate_budget_requests",
        "gauge",
        "Requests that PROMOTER_RATES allowed at once after the last one, where it names the host.",
        ("host", "kind"),
    ),
    Metric(
        "promoter_git_seconds",
        "histogram",
        "How long a git command took.",
        ("command",),
        _SECONDS,
    ),
    # The process.
    Metric(
        "promoter_webhooks_total",
        "counter",
        "Webhooks that came, and what became of them.",
        ("source", "result"),
    ),
    Metric("promoter_build_info", "gauge", "Always 1.", ("version",)),
)
METRICS: Mapping[str, Metric] = {each.name: each for each in _ALL}
