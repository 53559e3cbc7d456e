"""Log lines: one JSON object each for machines, or short ones for people, with the fields and the
trace that they belong to, and without secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal, TextIO

from promoter import telemetry
from promoter.texts.paint import Paint, printable

Form = Literal["json", "console"]
Redact = Callable[[str], str]
_STYLES = {"WARNING": ("yellow",), "ERROR": ("red",), "CRITICAL": ("red", "bold")}
_PLAIN = Paint()


def start_logs(
    form: Form,
    redact: Redact,
    stream: TextIO,
    level: int | str = logging.INFO,
    paint: Paint = _PLAIN,
) -> Callable[[], None]:
    """All that is logged from now on goes to `stream`, and no longer where an earlier call had it
    go; gives what undoes it. `redact` masks secrets, in each text by itself; `paint` is for the
    console."""
    handler = _Handler(stream)
    handler.setFormatter(_Json(redact) if form == "json" else _Console(redact, paint))
    root = logging.getLogger()
    was = root.level
    for earlier in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level)
    telemetry.use_fields(True)

    def stop() -> None:
        root.removeHandler(handler)
        root.setLevel(was)
        telemetry.use_fields(False)

    return stop


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, among those that tests and libraries may have added."""


class _Json(logging.Formatter):
    def __init__(self, redact: Redact) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        value: dict[str, str] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        for name, text in _fields().items():
            value.setdefault(name, text)
        if trouble := _exception(self, record):
            value["exception"] = trouble
        # Each by itself: in JSON's spelling a secret with a quotation mark would not be known.
        masked = {name: self._redact(text) for name, text in value.items()}
        return json.dumps(masked, ensure_ascii=False).encode("utf-8", "replace").decode()


class _Console(logging.Formatter):
    def __init__(self, redact: Redact, paint: Paint) -> None:
        super().__init__()
        self._redact = redact
        self._paint = paint

    def format(self, record: logging.LogRecord) -> str:
        level = self._paint(record.levelname, *_STYLES.get(record.levelname, ()))
        fields = " ".join(f"{name}={text}" for name, text in _fields().items())
        message = printable(self._redact(_message(record)))
        line = f"{_time(record)} {level} {record.name}: {message}"
        if fields:
            line += self._paint(f" [{printable(self._redact(fields))}]", "dim")
        trouble = _exception(self, record)
        return f"{line}\n{self._redact(trouble)}" if trouble else line


def _fields() -> Mapping[str, str]:
    """Of where we are: what was bound, and the trace."""
    here = telemetry.current()
    ids = {"trace_id": here.trace_id, "span_id": here.span_id} if here else {}
    return {**telemetry.bound_fields(), **ids}


def _time(record: logging.LogRecord) -> str:
    """RFC 3339, UTC, to the millisecond."""
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a mistake where it was logged; the line is still of use
        return f"{record.msg} {record.args}"


def _exception(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""
