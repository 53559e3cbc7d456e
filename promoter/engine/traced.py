"""A promotion's trace: it begins where its commit is made, and whoever merges it goes on with it.

What a commit and a request say of their trace is nothing that is decided by.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from promoter import telemetry
from promoter.model.plan import Decision, Propose
from promoter.model.ports import Repository
from promoter.model.record import Record, trace_of
from promoter.telemetry import TraceContext


def trace_for(decision: Decision, action: Propose, repository: Repository) -> TraceContext | None:
    """What commit and request are to name: what the one that stands already does as long as it
    brings the same, whoever goes on with it; else where we are. Raises what the repository does."""
    request = decision.merge_request
    if request and action.number and Record.parse_all(request.body) == action.records:
        return trace_of(request.body) or telemetry.current()
    if action.head is not None:  # whoever made the branch died before it opened the request
        branch = repository.branch(action.branch, action.base_commit)
        return (trace_of(branch.message) if branch else None) or telemetry.current()
    return telemetry.current()


@contextmanager
def step_of(doing: str, decision: Decision | None, trace: TraceContext | None) -> Iterator[None]:
    """A span in the promotion's own trace, which may be days old, with a link to this look."""
    here = telemetry.current()
    elsewhere = trace if trace and (here is None or here.trace_id != trace.trace_id) else None
    links = (here,) if here and elsewhere else ()
    fields = _fields(decision) if decision else {}
    with telemetry.bound(**fields), telemetry.span(doing, parent=elsewhere, links=links) as span:
        release = decision.offered.label if decision and decision.offered else ""
        span.set(release=release, **fields)
        yield


def _fields(decision: Decision) -> dict[str, str]:
    target = decision.target
    return {
        "repository": decision.repository.url,
        "rule": decision.rule,
        "application": target.application,
        "environment": target.environment,
    }
