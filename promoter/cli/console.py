"""The terminal: colour, progress, messages on the error stream."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TextIO

from promoter.access.redaction import redact, redact_log
from promoter.model.plan import Plan
from promoter.texts.paint import Paint


def paint_for(stream: TextIO | None) -> Paint:
    """Colour on a terminal unless NO_COLOR is set (no-color.org) or TERM is dumb."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Paint(_is_terminal(stream) and not plain)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()  # None: started with the stream closed


def complain(message: str) -> None:
    """One line on the error stream, without secrets."""
    paint = paint_for(sys.stderr)
    print(f"{paint('error:', 'red', 'bold')} {redact(message)}", file=sys.stderr)


def warn(message: str) -> None:
    """What went wrong without stopping anything: one line on the error stream, without secrets."""
    paint = paint_for(sys.stderr)
    print(f"{paint('warning:', 'yellow', 'bold')} {redact(message)}", file=sys.stderr)


def advise(plan: Plan, environment: str | None = None) -> None:
    """How the bot stands in each repository, where something is wrong with it, as `doctor` says
    it; of one environment's contradictions alone."""
    from promoter.texts.doctor_text import advice_lines

    for line in (line for each in plan.advice for line in advice_lines(each, environment)):
        print(redact(line), file=sys.stderr)


class Progress:
    """A line on the error stream that is overwritten; nothing in a pipe or in CI."""

    def __init__(self) -> None:
        self._shows = _is_terminal(sys.stderr) and not os.environ.get("CI")

    def __call__(self, message: str) -> None:
        if self._shows:
            print(f"\r\x1b[K{message} ...", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        if self._shows:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def log_everything() -> Callable[[], None]:
    """What --debug does: all logs on the error stream, without secrets; gives what ends it."""
    import logging

    from promoter.telemetry.logs import start_logs

    logging.getLogger("nodesemver").setLevel(logging.WARNING)  # it tells of every character
    return start_logs("console", redact_log, sys.stderr, logging.DEBUG, paint_for(sys.stderr))
