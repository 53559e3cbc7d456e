"""What is a traceparent and what is none: W3C Trace Context, sections 3.2 and 4.3."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promoter.telemetry import TraceContext

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
USUAL = f"00-{TRACE}-{SPAN}-01"


def test_the_usual_one() -> None:
    context = TraceContext.parse(USUAL)
    assert context == TraceContext(TRACE, SPAN)
    assert str(context) == USUAL
    assert context.sampled


@pytest.mark.parametrize(
    ("text", "handed_on"),
    [
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f"00-{TRACE}-{SPAN}-03", f"00-{TRACE}-{SPAN}-03"),
        # Flags that this version does not know are handed on as zero.
        (f"00-{TRACE}-{SPAN}-ff", f"00-{TRACE}-{SPAN}-03"),
        (f"00-{TRACE}-{SPAN}-fc", f"00-{TRACE}-{SPAN}-00"),
        # A later version is read as far as this one goes, and handed on as this one.
        (f"01-{TRACE}-{SPAN}-01", USUAL),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", USUAL),
        (f"fe-{TRACE}-{SPAN}-01-", USUAL),
    ],
)
def test_what_is_one(text: str, handed_on: str) -> None:
    assert str(TraceContext.parse(text)) == handed_on


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"0A-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0A",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"01-{TRACE}-{SPAN}-01more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN[1:]}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"000-{TRACE}-{SPAN}-01",
        f" {USUAL}",
        f"{USUAL}\n",
        USUAL.replace("-", "_"),
        f"00-{'g' * 32}-{SPAN}-01",
        # Digits of other alphabets are none here.
        f"00-{'٣' * 32}-{SPAN}-01",
        f"{USUAL},{USUAL}",
        "a trace",
    ],
)
def test_what_is_none(text: str) -> None:
    assert TraceContext.parse(text) is None


@settings(max_examples=50)
@given(st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.*"))
def test_whatever_is_read_is_written_so_that_it_can_be_read(text: str) -> None:
    context = TraceContext.parse(text)
    assert context is None or TraceContext.parse(str(context)) == context
