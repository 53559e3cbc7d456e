"""Metrics, spans and the fields of logs, by name. Without an exporter each call is a look at one
variable; nothing heavy is imported here.

What is measured is written in `promoter.telemetry.metrics`. Where it goes: `prometheus`, `otlp` and
`logs`, started by whoever runs the process. Nothing here raises for what an exporter does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token, copy_context
from functools import partial
from types import TracebackType
from typing import Protocol, TypeVar

from promoter.errors import PromoterError
from promoter.model.trace_context import TraceContext

__all__ = [
    "Meter",
    "RunningSpan",
    "Span",
    "TraceContext",
    "Tracer",
    "bound",
    "bound_fields",
    "carried",
    "continued",
    "count",
    "current",
    "gauge",
    "gauges",
    "metered",
    "observe",
    "span",
    "use_fields",
    "use_meter",
    "use_tracer",
]

T = TypeVar("T")
Value = str | int | float | bool
Fields = Mapping[str, str]


class Meter(Protocol):
    """Where metrics go; thread-safe, and never raises."""

    def count(self, name: str, amount: float, labels: Fields) -> None: ...

    def observe(self, name: str, value: float, labels: Fields) -> None: ...

    def gauge(self, name: str, value: float, labels: Fields) -> None: ...

    def gauges(self, name: str, rows: Mapping[tuple[str, ...], float], within: Fields) -> None: ...


class Span(Protocol):
    """A piece of work, while it goes on."""

    @property
    def recording(self) -> bool:
        """Whether anybody will see it: attributes that cost something may be left out else."""

    def set(self, **attributes: Value) -> None: ...

    def fail(self, text: str) -> None:
        """It did not work; one line."""


class RunningSpan(Span, Protocol):
    """A span as an exporter has it."""

    @property
    def context(self) -> TraceContext: ...

    def end(self) -> None: ...


class Tracer(Protocol):
    """Where spans go; thread-safe, and never raises."""

    def start(
        self,
        name: str,
        parent: TraceContext | None,
        links: Sequence[TraceContext],
        attributes: Mapping[str, Value],
    ) -> RunningSpan: ...


_meter: Meter | None = None
_tracer: Tracer | None = None
_has_fields = False
_here: ContextVar[TraceContext | None] = ContextVar("promoter_trace", default=None)
_NO_FIELDS: Fields = {}
_fields: ContextVar[Fields] = ContextVar("promoter_fields", default=_NO_FIELDS)


def count(name: str, amount: float = 1.0, /, **labels: str) -> None:
    """Add to a counter."""
    if _meter is not None:
        _meter.count(name, amount, labels)


def observe(name: str, value: float, /, **labels: str) -> None:
    """Add a time in seconds to a histogram."""
    if _meter is not None:
        _meter.observe(name, value, labels)


def gauge(name: str, value: float, /, **labels: str) -> None:
    """Set one gauge."""
    if _meter is not None:
        _meter.gauge(name, value, labels)


def gauges(name: str, rows: Mapping[tuple[str, ...], float], /, **within: str) -> None:
    """Set a gauge for all its labels at once: what is in no row is gone. With `within` only for
    those that have these labels. A row's key holds the values of the other labels, in the order of
    `promoter.telemetry.metrics`."""
    if _meter is not None:
        _meter.gauges(name, rows, within)


def metered() -> bool:
    """Whether anybody counts: what costs something to find out may be left out else."""
    return _meter is not None


def span(
    name: str,
    /,
    *,
    parent: TraceContext | None = None,
    links: Sequence[TraceContext] = (),
    **attributes: Value,
) -> AbstractContextManager[Span]:
    """A piece of work below the current one, or below `parent`. What leaves the block by an
    exception has failed. Without an exporter `parent` is still the current context in the block.
    """
    if _tracer is None:
        return _NOTHING if parent is None else _Continued(parent)
    above = parent or _here.get()
    return _Recorded(partial(_tracer.start, name, above, links, attributes))


def current() -> TraceContext | None:
    """The span that goes on here, or what `continued` brought; None: no trace."""
    return _here.get()


def continued(context: TraceContext | None) -> AbstractContextManager[Span]:
    """What is done in the block belongs to a trace that began elsewhere, exported or not."""
    return _NOTHING if context is None else _Continued(context)


def bound(**fields: str) -> AbstractContextManager[object]:
    """Every log line that is written in the block has these fields."""
    return _Bound(fields) if _has_fields else _NOTHING


def bound_fields() -> Fields:
    """The fields of log lines that are written here."""
    return _fields.get()


def carried(work: Callable[[], T]) -> Callable[[], T]:
    """`work` for another thread: there the same trace and fields are current as here and now."""
    if _here.get() is None and not _fields.get():
        return work
    context = copy_context()
    return lambda: context.run(work)


def use_meter(meter: Meter | None) -> None:
    """Where metrics go from now on; None: nowhere."""
    global _meter  # noqa: PLW0603 - one for the process, as its logs are
    _meter = meter


def use_tracer(tracer: Tracer | None) -> None:
    """Where spans go from now on; None: nowhere."""
    global _tracer  # noqa: PLW0603 - one for the process, as its logs are
    _tracer = tracer


def use_fields(wanted: bool) -> None:
    """Whether somebody reads the fields of log lines."""
    global _has_fields  # noqa: PLW0603 - one for the process, as its logs are
    _has_fields = wanted


class _Nothing:
    """A span that nobody sees; one object for all of them."""

    recording = False

    def set(self, **attributes: Value) -> None:
        pass

    def fail(self, text: str) -> None:
        pass

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        pass


_NOTHING = _Nothing()


class _Continued(_Nothing):
    def __init__(self, context: TraceContext) -> None:
        self._context = context

    def __enter__(self) -> Span:
        self._token = _here.set(self._context)
        return self

    def __exit__(self, *_: object) -> None:
        _here.reset(self._token)


class _Bound:
    def __init__(self, fields: Fields) -> None:
        self._added = fields

    def __enter__(self) -> object:
        self._token: Token[Fields] = _fields.set({**_fields.get(), **self._added})
        return self

    def __exit__(self, *_: object) -> None:
        _fields.reset(self._token)


class _Recorded:
    """Begins with the block and ends with it."""

    def __init__(self, start: Callable[[], RunningSpan]) -> None:
        self._start = start

    def __enter__(self) -> Span:
        self._span = self._start()
        self._token = _here.set(self._span.context)
        return self._span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _here.reset(self._token)
        if isinstance(error, PromoterError):
            self._span.fail(error.message)
        elif isinstance(error, Exception):
            # Its text is nobody's promise: it may quote what was read.
            self._span.fail(type(error).__name__)
        self._span.end()
