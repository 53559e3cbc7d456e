"""Log lines, for machines and for people."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from promoter import telemetry
from promoter.access import redaction
from promoter.telemetry import TraceContext
from promoter.telemetry.logs import Form, start_logs
from promoter.texts.paint import Paint

CAME = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
PLAIN = Paint()
log = logging.getLogger("promoter.engine.reconcile")


@contextmanager
def logs(form: Form, level: int = logging.INFO, paint: Paint = PLAIN) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    stop = start_logs(form, redaction.redact_log, stream, level, paint)
    try:
        yield stream
    finally:
        stop()


def fail(why: str, said: str) -> None:
    """Log an exception."""
    error = ValueError(why)
    try:
        raise error
    except ValueError:
        log.exception("%s", said)


def objects(stream: io.StringIO) -> list[Any]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_one_object_a_line_with_all_that_is_known() -> None:
    with logs("json") as stream:
        with (
            telemetry.bound(repository="shop", look="7"),
            telemetry.continued(CAME),
        ):
            log.info("promoted %s\nto %s", "web", "dev")
        log.debug("not of this level")
        log.warning("alone")
    first, second = objects(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {
        "level": "info",
        "logger": "promoter.engine.reconcile",
        "message": "promoted web\nto dev",
        "repository": "shop",
        "look": "7",
        "trace_id": CAME.trace_id,
        "span_id": CAME.span_id,
    }
    assert (second["level"], second["message"]) == ("warning", "alone")
    assert not {"trace_id", "repository"} & second.keys()


def test_an_exception_is_a_field() -> None:
    with logs("json") as stream:
        fail("wrong", "it failed")
    (failed,) = objects(stream)
    assert failed["message"] == "it failed"
    assert failed["exception"].startswith("Traceback")
    assert failed["exception"].endswith("ValueError: wrong")


def test_a_mistake_where_something_is_logged_loses_nothing() -> None:
    """Python's own answer is to print it, with the arguments, secrets and all."""
    wrong = logging.LogRecord("a", logging.INFO, __file__, 1, "%d tags", ("many",), None)
    with logs("json") as stream:
        logging.getLogger().handlers[-1].handle(wrong)
    assert objects(stream)[0]["message"] == "%d tags ('many',)"


def test_a_field_takes_the_place_of_nothing() -> None:
    with logs("json") as stream, telemetry.bound(message="mine", level="mine"):
        log.info("said")
    assert objects(stream)[0]["message"] == "said"


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_gets_in(form: Form) -> None:
    """One with what JSON spells otherwise as well."""
    secret = 'canary-"of\\logs-ü'
    redaction.register(secret)
    with logs(form) as stream, telemetry.bound(rule=secret):
        fail(secret, f"{secret} at https://bot:pw@git.example/shop?token=abc")
    said = stream.getvalue()
    assert "canary" not in said
    assert "of\\\\logs" not in said
    assert "bot:pw" not in said
    assert "token=abc" not in said
    assert "https://***@git.example/shop?***" in said


def test_people_read_one_line() -> None:
    with logs("console", logging.DEBUG) as stream:
        with telemetry.bound(application="web"), telemetry.continued(CAME):
            log.warning("odd\x1b[31m\nline")
        log.debug("plain")
    first, second = stream.getvalue().splitlines()
    assert first.endswith(
        " WARNING promoter.engine.reconcile: odd\\x1b[31m\\x0aline"
        f" [application=web trace_id={CAME.trace_id} span_id={CAME.span_id}]"
    )
    assert second.endswith(" DEBUG promoter.engine.reconcile: plain")


def test_colour_is_for_who_wants_it() -> None:
    with logs("console", paint=Paint(True)) as coloured:
        log.error("it failed")
    with logs("console") as plain:
        log.error("it failed")
    assert "\x1b[31mERROR\x1b[0m" in coloured.getvalue()
    assert "\x1b" not in plain.getvalue()


def test_who_starts_last_has_them_all() -> None:
    with logs("console") as first, logs("json") as second:
        log.info("once")
    assert (first.getvalue(), len(objects(second))) == ("", 1)


def test_it_ends_as_it_began() -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    with logs("json", logging.DEBUG) as stream:
        pass
    assert (list(root.handlers), root.level) == before
    log.error("afterwards")
    assert stream.getvalue() == ""
