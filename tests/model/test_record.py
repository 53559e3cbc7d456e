"""The record that commits and merge requests carry, written and found again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.model.record import Record, trace_of, trailers_of
from promoter.model.trace_context import TraceContext
from tests.decisions.rules import release

RECORD = Record("shop", "web", "staging", release("web:1.1.0", "worker:main@x"), "dev, qa")


def test_the_trailers_are_the_same_forever() -> None:
    web, worker = RECORD.release.artifacts
    assert RECORD.trailers() == (
        "Promoter-Rule: shop",
        "Promoter-Application: web",
        "Promoter-Environment: staging",
        f"Promoter-Release: {RECORD.release.id}",
        f"Promoter-Artifact: ghcr.io/shop/web:1.1.0@{web.digest}",
        f"Promoter-Artifact: ghcr.io/shop/worker:main@{worker.digest}",
        "Promoter-From: dev, qa",
    )


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("around", ["{}", "Promote web\n\n{}\n", "text\n\n<!-- record\n{}\n-->\n"])
def test_it_is_found_wherever_it_stands(around: str, line_end: str) -> None:
    """Forges give bodies back with their own line ends."""
    text = around.format("\n".join(RECORD.trailers())).replace("\n", line_end)
    assert Record.parse(text) == RECORD


def test_of_several_the_last_one_counts_whole() -> None:
    other = Record("x", "api", "dev", release("api:3.0.0", "api-job:1"), "registry", "eve")
    text = "\n".join([*other.trailers(), "", *RECORD.trailers(), "Signed-off-by: x"])
    found = Record.parse(text)
    assert found == RECORD
    assert found.requested_by == ""
    damaged = "\n".join([*RECORD.trailers(), "Promoter-Rule: shop"])
    assert Record.parse(damaged) is None


def test_the_records_of_a_group_are_read_in_their_order() -> None:
    other = Record("shop", "api", "staging", release("api:3.0.0", "api-job:1"), "dev", "eve")
    lines = [*other.trailers(), *RECORD.trailers()]
    text = "\n".join(["Promote 2 applications", "", *lines, "Signed-off-by: x"])
    assert Record.parse_all(text) == (other, RECORD)
    assert Record.parse_all(text)[0].requested_by == "eve"
    assert Record.parse_all("\n".join(RECORD.trailers())) == (RECORD,)


def test_what_others_wrote_before_them_is_no_record_of_the_group() -> None:
    other = Record("x", "api", "dev", release("api:3.0.0"), "registry")
    text = "\n".join([*other.trailers(), "", *RECORD.trailers()])
    assert Record.parse_all(text) == (RECORD,)


def test_a_damaged_record_of_a_group_is_left_out() -> None:
    text = "\n".join(["Promoter-Rule: shop", *RECORD.trailers(), "Promoter-Rule: shop"])
    assert Record.parse_all(text) == (RECORD,)


@pytest.mark.parametrize("left_out", ["Rule", "Application", "Environment", "Artifact", "From"])
def test_a_record_with_a_part_missing_is_none(left_out: str) -> None:
    kept = [line for line in RECORD.trailers() if not line.startswith(f"Promoter-{left_out}:")]
    assert Record.parse("\n".join(kept)) is None


@pytest.mark.parametrize(
    "text",
    ["", "Merge branch 'x'", "Promoter-Rule: shop", "Promoter-Artifact: UPPER/Case:1:2@sha256:x"],
)
def test_no_record_or_a_damaged_one_is_none(text: str) -> None:
    assert Record.parse(text) is None


def test_an_artifact_that_is_no_image_damages_it() -> None:
    text = "\n".join(RECORD.trailers()).replace("shop/web:1.1.0", "shop/web:1.1.0:9")
    assert Record.parse(text) is None


words = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}", fullmatch=True)


@given(words, words, words, words)
def test_what_is_written_is_read(
    rule: str, application: str, environment: str, origin: str
) -> None:
    record = Record(rule, application, environment, release("web:1.0.0"), origin)
    assert Record.parse("\n".join(record.trailers())) == record
    both = Record.parse_all("\n".join([*record.trailers(), *RECORD.trailers()]))
    assert both == (record, RECORD)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    assert Record.parse_all(text) == ()
    assert Record.parse(text) is None


@pytest.mark.parametrize(
    "asks",
    [
        "Closes #7",
        "@everyone",
        "closes acme/x#8 and !3",
        "Fixes https://git.example.com/acme/x/issues/7",
        "resolves SHOP-12",
    ],
)
def test_a_requester_calls_nobody_and_closes_nothing_and_reads_the_same_again(asks: str) -> None:
    record = replace(RECORD, requested_by=asks)
    line = record.trailers()[-1]
    assert asks not in line
    parsed = Record.parse("\n".join(record.trailers()))
    assert parsed is not None
    assert parsed.requested_by == asks


def test_an_address_of_a_requester_stays_as_it_is() -> None:
    record = replace(RECORD, requested_by="ann.lee@example.com")
    assert record.trailers()[-1] == "Promoter-Requested-By: ann.lee@example.com"


class TestTrace:
    HERE = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")

    def test_a_promotion_is_the_same_in_whichever_trace(self) -> None:
        other = Record("shop", "api", "staging", release("api:3.0.0", "api-job:1"), "dev")
        text = trailers_of((other, RECORD), self.HERE)
        assert text.splitlines()[-1] == f"Promoter-Trace: {self.HERE}"
        assert text.count("Promoter-Trace") == 1
        assert Record.parse_all(text) == (other, RECORD)
        assert Record.parse(text) == RECORD
        assert trailers_of((other, RECORD)) == text.rpartition("\n")[0]

    @pytest.mark.parametrize("line_end", ["\n", "\r\n"])
    def test_it_is_found_wherever_it_stands(self, line_end: str) -> None:
        text = f"text\n\n<!-- record\n{trailers_of((RECORD,), self.HERE)}\n-->\n"
        assert trace_of(text.replace("\n", line_end)) == self.HERE
        elsewhere = f"Promoter-Trace: {str(self.HERE)[:-2]}00"
        assert trace_of(f"{elsewhere}\n{text}") == self.HERE, "the last one is the bot's"

    @pytest.mark.parametrize("value", ["", "00-1-2-01", f"{HERE} and more", str(HERE).upper()])
    def test_what_is_none_is_as_if_it_was_not_there(self, value: str) -> None:
        assert trace_of(f"{trailers_of((RECORD,))}\nPromoter-Trace: {value}") is None
        assert trace_of(f"{trailers_of((RECORD,))}") is None
