"""What comes of a request: nudges, a refusal, a line in the log, and never more."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.service.webhooks.bucket import Bucket, Pace
from promoter.service.webhooks.few_lines import FewLines, FewLinesFilter
from promoter.service.webhooks.nudge import ImagePushed, Nudge, RepositoryChanged
from promoter.service.webhooks.receiver import Answer, Webhooks
from promoter.service.webhooks.request import Headers
from promoter.service.webhooks.sources import SOURCES
from tests.service.webhooks.examples import EXAMPLES, SECRET, prove, write_secrets

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Desk:
    """Webhooks with a clock that stands, and all that they made."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.now = 1000.0
        self.nudges: list[Nudge] = []
        self.traces: list[str | None] = []
        self.is_followed = True
        self.counted: list[tuple[str, str]] = []
        self.webhooks = Webhooks(
            folder,
            self._notify,
            lambda source, result: self.counted.append((source, result)),
            clock=lambda: self.now,
            **more,
        )

    def _notify(self, nudges: Sequence[Nudge], trace: str | None) -> int:
        self.nudges += nudges
        self.traces.append(trace)
        return len(nudges) if self.is_followed else 0

    def send(
        self, source: str, body: bytes, headers: Headers | None = None, in_url: str | None = None
    ) -> Answer:
        admission = self.webhooks.admit(source, headers or {}, in_url)
        if isinstance(admission, Answer):
            return admission
        return self.webhooks.take(admission, body)

    def send_proved(self, source: str, body: bytes, headers: Headers | None = None) -> Answer:
        proof = prove(source, body)
        return self.send(source, body, {**(headers or {}), **proof.headers}, proof.in_url)

    def send_example(self, source: str, headers: Headers | None = None) -> Answer:
        example = EXAMPLES[source]
        body = json.dumps(example.body).encode()
        return self.send_proved(source, body, {**example.headers, **(headers or {})})


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    write_secrets(tmp_path)
    return Desk(tmp_path)


@pytest.mark.parametrize("source", SOURCES)
def test_an_event_of_each_source_is_looked_at(desk: Desk, source: str) -> None:
    assert desk.send_example(source).status == 202
    assert desk.nudges == list(EXAMPLES[source].nudges)
    assert desk.counted == [(source, "looked")]


def test_an_event_of_no_interest_is_accepted(desk: Desk) -> None:
    assert desk.send_proved("github", b"{}", {"x-github-event": "ping"}).status == 200
    assert (desk.nudges, desk.counted) == ([], [("github", "nothing")])


def test_an_event_that_no_rule_has_to_do_with_is_told_apart(desk: Desk) -> None:
    desk.is_followed = False
    answer = desk.send_example("harbor")
    assert (answer.status, answer.text) == (200, "no rule has to do with it")
    assert desk.counted == [("harbor", "unfollowed")]


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (TRACE, TRACE),
        (f"cc{TRACE[2:]}", f"cc{TRACE[2:]}"),
        (None, None),
        (f"ff{TRACE[2:]}", None),
        (TRACE.upper(), None),
        (f"{TRACE}-more", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01", None),
        ("'; drop table traces", None),
    ],
)
def test_a_trace_goes_on_where_it_has_the_right_shape(
    desk: Desk, header: str | None, trace: str | None
) -> None:
    desk.send_example("harbor", {"traceparent": header} if header else {})
    assert desk.traces == [trace]


def test_a_source_that_is_off_is_answered_as_one_that_there_is_not(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "harbor").unlink()
    off = desk.send_example("harbor")
    unknown = desk.send("../harbor", b"{}", {}, SECRET)
    assert off == unknown
    assert off.status == 404
    assert desk.counted == [("unknown", "unknown")] * 2, "no label that a stranger chooses"


def test_without_a_directory_every_source_is_off() -> None:
    desk = Desk(None)  # type: ignore[arg-type]  # as the settings have it where none is named
    assert {desk.send_example(source).status for source in SOURCES} == {404}


def test_a_secret_that_cant_be_used_stops_its_source_alone(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "harbor").write_text("short")
    assert [desk.send_example("harbor").status for _ in range(20)] == [503] * 20
    assert desk.send_example("acr").status == 202
    lines = [each.getMessage() for each in caplog.records]
    assert len(lines) == 3
    assert "harbor has a secret of less than 8 characters in line 1" in lines[0]
    (tmp_path / "harbor").write_text(SECRET)
    assert desk.send_example("harbor").status == 202


class TestRefused:
    @pytest.mark.parametrize("source", SOURCES)
    def test_without_the_right_proof(self, desk: Desk, source: str) -> None:
        body = json.dumps(EXAMPLES[source].body).encode()
        wrong = prove(source, body, "not the secret")
        assert desk.send(source, body, wrong.headers, wrong.in_url).status == 401
        assert desk.send(source, body).status == 401
        assert (desk.nudges, desk.counted) == ([], [(source, "unauthenticated")] * 2)

    def test_leaves_a_line_in_the_log_that_tells_no_secret(
        self, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        desk.send("quay", b"the body", {}, "a wrong secret")
        desk.send_proved("harbor", b'{"type": "the body"')
        assert [each.getMessage() for each in caplog.records] == [
            "webhook refused: source quay, status 401: the secret or signature is missing or wrong",
            "webhook refused: source harbor, status 400: the body is not JSON in UTF-8",
        ]
        record = caplog.records[0]
        assert (record.source, record.status) == ("quay", 401)  # type: ignore[attr-defined]  # for JSON logs
        assert record.levelno == logging.WARNING

    def test_a_thousand_times_leaves_a_few_lines(
        self, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(1000):
            desk.send("quay", b"", {}, "wrong")
            desk.send("no-such-source", b"")
        assert len(caplog.records) == 9, "three each: 401, then 429, and 404"
        desk.now += 3600
        caplog.clear()
        desk.send("quay", b"", {}, "wrong")
        assert "(47 more like it since the last line)" in caplog.records[0].getMessage()


class TestRates:
    def test_beyond_its_rate_a_source_is_told_when_to_come_again(self, tmp_path: Path) -> None:
        write_secrets(tmp_path)
        desk = Desk(tmp_path, known=Pace(per_second=0.5, burst=2))
        answers = [desk.send_example("harbor") for _ in range(3)]
        assert [each.status for each in answers] == [202, 202, 429]
        assert answers[-1].retry_after == 2
        assert desk.send_example("acr").status == 202, "each has its own"
        desk.now += 2
        assert desk.send_example("harbor").status == 202
        assert desk.counted.count(("harbor", "too-many")) == 1

    @pytest.mark.parametrize("source", ["harbor", "github", "quay"])
    def test_strangers_cant_silence_a_source(self, desk: Desk, source: str) -> None:
        for _ in range(200):
            proof = prove(source, b"{}", "not the secret")
            last = desk.send(source, b"{}", proof.headers, proof.in_url)
        assert (last.status, last.retry_after) == (429, 1)
        assert desk.send_example(source).status == 202

    def test_a_bucket_fills_again_up_to_its_rim(self) -> None:
        bucket = Bucket(Pace(per_second=2, burst=3))
        assert [bucket.take(100) for _ in range(4)] == [0, 0, 0, 0.5]
        assert bucket.take(100.25) == pytest.approx(0.25)
        assert bucket.take(100.5) == 0
        assert [bucket.take(10_000) for _ in range(4)] == [0, 0, 0, 0.5]
        assert bucket.take(9_000) == pytest.approx(0.5), "a clock that went back gives nothing"


def test_kinds_of_lines_that_strangers_make_up_are_not_kept() -> None:
    few = FewLines(lambda: 0.0)
    for kind in range(5000):
        few.more(kind)
    assert len(few._kinds) <= 1000


def test_a_servers_warnings_are_few_as_well() -> None:
    filter_ = FewLinesFilter()
    record = logging.LogRecord("x", logging.WARNING, "", 0, "Invalid HTTP request", (), None)
    assert [filter_.filter(record) for _ in range(5)] == [True, True, True, False, False]


# A body that may be anything: bytes, JSON, and what nearly is one of the examples.
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [path, *(each for key, child in inner for each in _paths(child, (*path, key)))]


@st.composite
def _nearly(draw: st.DrawFn, source: str) -> bytes:
    body = json.loads(json.dumps(EXAMPLES[source].body))
    path = draw(st.sampled_from(_paths(body)))
    other = draw(_VALUES)
    if not path:
        return json.dumps(other).encode()
    place = body
    for key in path[:-1]:
        place = place[key]
    if draw(st.booleans()):
        place[path[-1]] = other
    else:
        del place[path[-1]]
    return json.dumps(body).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    write_secrets(folder)
    return folder


@given(data=st.data(), source=st.sampled_from(sorted(SOURCES)))
def test_no_body_whatever_makes_more_than_a_look(
    folder: Path, data: st.DataObject, source: str
) -> None:
    desk = Desk(folder)
    body = data.draw(
        st.binary() | _VALUES.map(lambda each: json.dumps(each).encode()) | _nearly(source)
    )
    answer = desk.send_proved(source, body, EXAMPLES[source].headers)
    assert answer.status in (200, 202, 400)
    assert (answer.status == 202) == bool(desk.nudges)
    for nudge in desk.nudges:
        assert isinstance(nudge, ImagePushed | RepositoryChanged)
        assert "\n" not in str(nudge)
    assert "\n" not in answer.text
    assert len(answer.text) < 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 20_000,
        b'{"a":' * 20_000,
        b"[" * 10_000 + b"]" * 10_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"type": ' + b"9" * 100_000 + b"}",
        b'{"type": 1e999999}',
        b'{"type": NaN}',
        b'{"type": -Infinity}',
        b'{"type": "\xff"}',
        b'{"type": "\\ud800"}',
        b'"\x00"',
        b"",
        b"\xef\xbb\xbf",
        b'{"type": "PUSH_ARTIFACT", "type": {}}',
    ],
)
def test_bodies_that_break_parsers_are_malformed(desk: Desk, body: bytes) -> None:
    answer = desk.send_proved("harbor", body)
    assert answer.status == (200 if b"ud800" in body else 400), "an unknown type is not ours"
    assert desk.nudges == []
