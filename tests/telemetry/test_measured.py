"""What is counted of requests and commands: by whom they are for, whatever happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promoter.access.budget import Rate
from promoter.access.call import Peer
from promoter.access.credentials import Credential
from promoter.access.git import Git
from promoter.access.http import HttpClient
from promoter.errors import InputError, TransientError
from promoter.forges.github.login import TokenLogin
from promoter.forges.github.place import GitHubPlace
from promoter.forges.github.talk import Conversation
from tests.forges.small_github import small_github
from tests.services.misbehaving import Answer, serving
from tests.telemetry.recorder import Measured, measuring, tracing

HUB = Peer("registry", "hub.example")
NAMES = {"host": "hub.example", "kind": "registry"}


@pytest.fixture
def measured() -> Iterator[Measured]:
    with measuring() as found:
        yield found


def requests(measured: Measured, code: str) -> float:
    return measured.counted("promoter_http_requests_total", code=code, **NAMES)


class TestHttp:
    def test_each_try_counts(self, measured: Measured) -> None:
        http = HttpClient(proxies={}, pause=lambda _: None)
        answers = [Answer(503), Answer(200, {}, b"well")]
        with serving({("GET", "/a"): answers}) as server, tracing() as spans:
            http.request("GET", f"http://{server.host}/a?token=secret", peer=HUB)
        assert (requests(measured, "5xx"), requests(measured, "2xx")) == (1, 1)
        times = measured.times["promoter_http_seconds", frozenset(NAMES.items())]
        assert len(times) == 2
        first, second = spans.named("GET")
        assert (first.trouble, second.trouble) == ("503", "")
        assert second.attributes["host"] == "127.0.0.1"
        assert second.attributes["status"] == 200
        assert "secret" not in str(second)

    def test_where_a_redirect_leads_is_nobodys_label(self, measured: Measured) -> None:
        http = HttpClient(proxies={})
        with serving({("GET", "/blob"): Answer(200)}) as storage:
            away = Answer(307, {"Location": f"http://{storage.host}/blob"})
            with serving({("GET", "/a"): away}) as server:
                http.request("GET", f"http://{server.host}/a", peer=HUB)
        assert (requests(measured, "3xx"), requests(measured, "2xx")) == (1, 1)
        assert measured.labels() == {"hub.example", "registry", "2xx", "3xx"}

    def test_one_that_does_not_answer_and_is_then_left_alone(self, measured: Measured) -> None:
        http = HttpClient(proxies={}, tries=1)
        with serving({}) as server:
            gone = server.host
        for index in range(7):
            with pytest.raises(TransientError):
                http.request("GET", f"http://{gone}/{index}", peer=HUB)
        refused = measured.counted("promoter_http_refusals_total", reason="silence", **NAMES)
        assert (requests(measured, "error"), refused) == (5, 2)

    def test_a_rate_that_is_used_up(self, measured: Measured) -> None:
        with serving({("GET", "/"): Answer(200)}) as server:
            http = HttpClient(proxies={}, rates={server.host: Rate(2, 3600.0)})
            left = []
            for _ in range(2):
                http.request("GET", f"http://{server.host}/", peer=HUB)
                budget = ("promoter_rate_budget_requests", frozenset(NAMES.items()))
                left.append(measured.values[budget])
            assert left == [1, 0]
            with pytest.raises(TransientError):
                http.request("GET", f"http://{server.host}/", peer=HUB)
        assert measured.counted("promoter_http_refusals_total", reason="budget", **NAMES) == 1

    @pytest.mark.parametrize(
        ("headers", "left"),
        [
            ({"ratelimit-remaining": "76;w=21600"}, 76),
            ({"X-RateLimit-Remaining": "1999", "X-RateLimit-Resource": "a/b"}, 1999),
            ({"RateLimit-Remaining": "nonsense"}, None),
            ({}, None),
        ],
    )
    def test_what_a_server_says_is_left(
        self, headers: dict[str, str], left: int | None, measured: Measured
    ) -> None:
        http = HttpClient(proxies={})
        with serving({("GET", "/"): Answer(200, headers)}) as server:
            http.request("GET", f"http://{server.host}/", peer=HUB)
        labels = frozenset({**NAMES, "resource": ""}.items())
        assert measured.values.get(("promoter_rate_remaining_requests", labels)) == left


def test_github_is_counted_by_its_host(measured: Measured) -> None:
    with small_github() as hub:
        place = GitHubPlace.of(f"{hub.base}/shop/manifests.git")
        login = TokenLogin(lambda: Credential("git", "ghp_first", origin="a file"), place.host)
        talk = Conversation(place, login, lambda: datetime.now(UTC), write_pause=0)
        limits = {"X-RateLimit-Remaining": "4987", "X-RateLimit-Resource": "core"}
        hub.scripted += [
            (200, limits, {"id": 1}),
            (404, {}, {"message": "Not Found"}),
        ]
        with tracing() as spans:
            talk.get(place.path(), "look at the repository", "id")
            with pytest.raises(InputError, match="404"):
                talk.send("PUT", place.path("/pulls/1/merge"), "merge #1")
    names = {"host": place.host, "kind": "forge"}
    for code in ("2xx", "4xx"):
        assert measured.counted("promoter_http_requests_total", code=code, **names) == 1
    left = ("promoter_rate_remaining_requests", frozenset({**names, "resource": "core"}.items()))
    assert measured.values[left] == 4987
    put = spans.named("PUT")[0].attributes
    assert (put["doing"], put["status"], put["host"]) == ("merge #1", 404, "127.0.0.1")


def test_git_is_timed_by_its_command(measured: Measured, tmp_path: Path) -> None:
    git = Git(tmp_path / "a.git")
    with tracing() as spans:
        git.read("init", "--quiet", "--bare", "--template=")
        list(git.stream("count-objects"))
        git.run("rev-parse", "--verify", "refs/heads/canary")
    commands = {value for name, labels in measured.times for _, value in labels}
    assert commands == {"init", "count-objects", "rev-parse"}
    assert spans.named("git rev-parse")[0].attributes["exit"] == 128
    assert "canary" not in str(spans.all)
