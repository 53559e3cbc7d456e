"""What a CI job hands on: read back as each system reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from promoter.model.plan import State
from promoter.texts.ci_outputs import dotenv, github_output, outputs, results
from promoter.texts.promotion import Promotion
from tests.texts.shop import NEW, REQUEST, proposed

PROMOTION = Promotion(
    proposed().target, "rules/shop.yaml", State.PROPOSED, "open it", NEW, None, REQUEST
)
NAMES = [
    "application",
    "environment",
    "state",
    "release",
    "release-id",
    "merge-request-url",
    "merge-request-number",
    "superseded-by",
    "why",
]
_TEXT = st.text(max_size=6000)


def promotions(why: str, url: str = "https://git.example.com/7") -> Promotion:
    return replace(PROMOTION, why=why, merge_request=replace(REQUEST, url=url))


def read_github(text: str) -> dict[str, str]:
    """As the runner reads the file: a line `NAME<<END`, and all lines up to one that is END."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n")[:-1])
    for line in lines:
        name, _, end = line.partition("<<")
        value: list[str] = []
        for each in lines:
            if each == end:
                break
            value.append(each)
        else:
            raise AssertionError(f"{name} does not end")
        found[name] = "\n".join(value)
    return found


def read_gitlab(text: str) -> dict[str, str]:
    """As GitLab reads it: a line that is no pair fails the job, blanks at the ends go away."""
    assert len(text.encode()) < 5 * 1024
    lines = text.splitlines()
    assert text == "".join(f"{line}\n" for line in lines), "lines end with a line feed alone"
    assert len(lines) <= 20
    pairs = [line.partition("=") for line in lines]
    assert all(re.fullmatch(r"[A-Z_]+", key) and equals for key, equals, _ in pairs)
    return {key: value.strip() for key, _, value in pairs}


def test_the_outputs() -> None:
    assert outputs(PROMOTION) == {
        "application": "web",
        "environment": "dev",
        "state": "proposed",
        "release": "1.1.0",
        "release-id": NEW.id,
        "merge-request-url": "file:///r#7",
        "merge-request-number": "7",
        "superseded-by": "",
        "why": "open it",
    }


def test_without_a_release_or_a_request_they_are_there_and_empty() -> None:
    told = outputs(replace(PROMOTION, release=None, merge_request=None))
    assert list(told) == NAMES
    assert told["release"] == told["release-id"] == told["merge-request-url"] == ""


@given(_TEXT, _TEXT)
def test_no_value_ends_early_or_becomes_another_output(why: str, url: str) -> None:
    told: Mapping[str, str] = {**outputs(promotions(why, url)), "more": "a\nb<<c\nd"}
    assert read_github(github_output(told)) == told


@given(_TEXT, _TEXT)
def test_gitlab_takes_the_file_whatever_is_in_it(why: str, url: str) -> None:
    told = read_gitlab(dotenv(outputs(promotions(why, url))))
    assert list(told) == [f"PROMOTION_{name.upper().replace('-', '_')}" for name in NAMES]
    assert told["PROMOTION_STATE"] == "proposed"


def test_gitlab_expands_nothing_in_it() -> None:
    told = dotenv(outputs(promotions("closed by $CI_JOB_TOKEN ${X}")))
    assert "PROMOTION_WHY=closed by $$CI_JOB_TOKEN $${X}\n" in told


@given(_TEXT, _TEXT)
@example('"' * 1000, "https://git.example.com/?" + "a&" * 1000)
def test_tekton_has_room_for_all_results(why: str, url: str) -> None:
    told = results(outputs(promotions(why, url)))
    assert list(told) == NAMES
    assert all("\n" not in value for value in told.values())
    # As its entrypoint writes them into the termination message, a JSON array of these.
    message = [{"key": key, "value": value, "type": 1} for key, value in told.items()]
    text = json.dumps(message, ensure_ascii=False)
    in_go = re.sub("[&<>]", lambda match: f"\\u{ord(match[0]):04x}", text)
    assert len(in_go.encode()) <= 4096


def test_what_is_for_people_gives_way_and_an_address_is_whole_or_absent() -> None:
    address = "https://git.example.com/" + "a" * 2700
    told = results(outputs(promotions("é" * 900, address)))
    assert told["merge-request-url"] == address
    assert told["why"].endswith("…")
    assert told["why"].rstrip("…") == "é" * len(told["why"].rstrip("…"))
    told = results(outputs(promotions("why", f"{address}{'a' * 2000}")))
    assert (told["merge-request-url"], told["why"], told["state"]) == ("", "", "proposed")
