from __future__ import annotations

import gzip
import logging
import socket
import subprocess
import time
import traceback
from base64 import b64decode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from promoter.access.budget import Rate
from promoter.access.http import HttpClient
from promoter.access.origin import Origin, origin_of
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError
from tests.needs import need
from tests.services.misbehaving import Answer, serving

OK = Answer(200, {}, b"well")


def client(**settings: Any) -> tuple[HttpClient, list[float]]:
    """A client whose clock only goes on while it pauses, and does not wait for it."""
    pauses: list[float] = []
    given = {"proxies": {}, "pause": pauses.append, "clock": lambda: sum(pauses), **settings}
    return HttpClient(**given), pauses


@pytest.mark.parametrize("status", [200, 204, 304, 400, 401, 403, 404, 410])
def test_what_a_server_says_below_500_is_an_answer(status: int) -> None:
    http, pauses = client()
    body = b"" if status in (204, 304) else b"said"
    with serving({("GET", "/a"): Answer(status, {"X-Y": "z"}, body)}) as server:
        response = http.request("GET", f"http://{server.host}/a?b")
    assert (response.status, response.body, response.headers["x-y"]) == (status, body, "z")
    assert pauses == []


@pytest.mark.parametrize("trouble", [502, 503, 504, 429])
def test_trouble_that_passes_is_waited_out(trouble: int) -> None:
    http, pauses = client()
    asks = Answer(trouble, {"Retry-After": "2"})
    with serving({("GET", "/"): [Answer(trouble), asks, OK]}) as server:
        assert http.request("GET", f"http://{server.host}/").body == b"well"
    # who asks for fewer requests without saying when gets a second
    assert pauses == [1.0 if trouble == 429 else 0.25, 2.0]


def test_trouble_that_stays_is_reported_after_three_tries() -> None:
    http, pauses = client()
    with serving({("GET", "/"): Answer(503)}) as server:
        with pytest.raises(TransientError, match=r"127\.0\.0\.1:\d+ is in trouble \(503\)$"):
            http.request("GET", f"http://{server.host}/")
        assert len(server.requests) == 3
    assert len(pauses) == 2


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "86400"}, 900),  # one answer is not believed for a day
        (
            {
                "Retry-After": "Tue, 03 Nov 2026 09:01:00 GMT",
                "Date": "Tue, 03 Nov 2026 09:00:00 GMT",
            },
            60,
        ),
    ],
)
def test_a_long_wait_is_left_to_the_caller(headers: dict[str, str], wait: int) -> None:
    http, pauses = client()
    answer = Answer(429, headers)
    with serving({("GET", "/"): answer}) as server:
        with pytest.raises(TransientError, match="asks for fewer requests") as caught:
            http.request("GET", f"http://{server.host}/")
        assert len(server.requests) == 1
    assert caught.value.retry_after == timedelta(seconds=wait)
    assert pauses == []


@pytest.mark.parametrize("text", ["soon", "-1", "²", "9" * 5000, "Tue, 03 Nov 2026 09:01:00 GMT"])
def test_a_wait_that_says_nothing_is_no_wait(text: str) -> None:
    http, _ = client(tries=1)
    answer = Answer(503, {"Retry-After": text, "Date": "who knows"})
    with serving({("GET", "/"): answer}) as server, pytest.raises(TransientError) as caught:
        http.request("GET", f"http://{server.host}/")
    assert caught.value.retry_after is None


def test_only_what_may_be_repeated_is_repeated() -> None:
    http, _ = client()
    with serving({("POST", "/"): Answer(503), ("GET", "/"): Answer(500)}) as server:
        for method in ("POST", "GET"):
            with pytest.raises(TransientError):
                http.request(method, f"http://{server.host}/", body=b"once")
        assert [request.method for request in server.requests] == ["POST", "GET"]
        assert server.requests[0].body == b"once"


def test_a_silent_server_is_left_in_time() -> None:
    http, _ = client(read_timeout=0.1, tries=2)
    with serving({("GET", "/"): Answer(silent=True)}) as server:
        with pytest.raises(TransientError, match=r"did not answer in time"):
            http.request("GET", f"http://{server.host}/")
        assert len(server.requests) == 2


def test_a_dripping_server_is_left_in_time() -> None:
    http, _ = client(longest_request=0.3, clock=time.monotonic)
    with (
        serving({("GET", "/"): Answer(dripping=True)}) as server,
        pytest.raises(TransientError, match="in time"),
    ):
        http.request("GET", f"http://{server.host}/")


@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked", "Content-Length": "0"}])
def test_half_an_answer_is_none(headers: dict[str, str]) -> None:
    http, _ = client(tries=1)
    body = b"8\r\nabcdefgh\r\n0\r\n\r\n" if headers else b"abcdefgh"
    with (
        serving({("GET", "/"): Answer(200, headers, body, truncated=True)}) as server,
        pytest.raises(TransientError, match="broke off the connection"),
    ):
        http.request("GET", f"http://{server.host}/")


def test_nobody_listens_and_nobody_has_that_name() -> None:
    http, pauses = client()
    with serving({}) as gone:
        pass
    with pytest.raises(TransientError, match=rf"{gone.host} can't be reached \(Connection refused"):
        http.request("GET", f"http://{gone.host}/")
    assert len(pauses) == 2


def test_no_more_is_read_than_allowed_even_when_compressed() -> None:
    http, _ = client()
    bomb = gzip.compress(bytes(1 << 20))
    answers = {
        ("GET", "/large"): Answer(200, {}, bytes(1001)),
        ("GET", "/fits"): Answer(200, {}, bytes(1000)),
        ("GET", "/bomb"): Answer(200, {"Content-Encoding": "gzip"}, bomb),
        ("GET", "/error"): Answer(503, {}, bytes(1001)),
    }
    with serving(answers) as server:
        base = f"http://{server.host}"
        assert len(http.request("GET", f"{base}/fits", limit=1000).body) == 1000
        assert len(http.request("GET", f"{base}/bomb", limit=1 << 20).body) == 1 << 20
        for path in ("large", "bomb"):
            with pytest.raises(InputError, match="larger than 1,000 bytes; not read"):
                http.request("GET", f"{base}/{path}", limit=1000)
        with pytest.raises(TransientError):
            http.request("GET", f"{base}/error", limit=1000)


def test_a_redirect_within_the_host_keeps_the_credential_and_to_another_drops_it() -> None:
    http, _ = client()
    sent = {"Authorization": "Basic canary", "Cookie": "canary", "Accept": "x"}
    with serving({("GET", "/c"): OK}) as other:
        answers = {
            ("GET", "/a"): Answer(302, {"Location": "b?d=e"}),
            ("GET", "/b"): Answer(308, {"Location": f"http://{other.host}/c"}),
        }
        with serving(answers) as server:
            response = http.request("GET", f"http://{server.host}/a", headers=sent)
            assert response.url == f"http://{other.host}/c"
            assert response.body == b"well"
            here = server.requests[1]
            assert (here.path, here.header("Authorization")) == ("/b?d=e", "Basic canary")
        (there,) = other.requests
    assert there.header("Authorization") is there.header("Cookie") is None
    assert there.header("Accept") == "x"


def test_a_credential_does_not_come_back_with_a_second_redirect() -> None:
    http, _ = client()
    with serving({}) as other, serving({("GET", "/end"): OK}) as server:
        server.answers["GET", "/a"] = Answer(302, {"Location": f"http://{other.host}/b"})
        other.answers["GET", "/b"] = Answer(302, {"Location": f"http://{server.host}/end"})
        http.request("GET", f"http://{server.host}/a", headers={"authorization": "canary"})
        assert [r.header("Authorization") for r in server.requests] == ["canary", None]


def test_only_what_anybody_may_see_goes_to_another_origin() -> None:
    http, _ = client()
    sent = {
        "X-aws-ec2-metadata-token": "canary",
        "X-IDENTITY-HEADER": "canary",
        "Metadata": "true",
        "accept": "x",
        "If-None-Match": '"etag"',
    }
    with serving({("GET", "/b"): OK}) as other:
        answers = {("GET", "/a"): Answer(307, {"Location": f"http://{other.host}/b"})}
        with serving(answers) as server:
            http.request("GET", f"http://{server.host}/a", headers=sent)
        (there,) = other.requests
    asked = {name.lower() for name in there.headers}
    assert asked == {"host", "accept-encoding", "accept", "if-none-match", "user-agent"}


def test_a_redirect_is_an_answer_where_none_is_followed() -> None:
    http, _ = client(redirects=False)
    with serving({("GET", "/a"): Answer(302, {"Location": "/b"}), ("GET", "/b"): OK}) as server:
        assert http.request("GET", f"http://{server.host}/a").status == 302
        assert len(server.requests) == 1


def test_what_is_shown_of_an_answer_opens_nothing() -> None:
    http, _ = client()
    answer = Answer(200, {"Set-Cookie": "canary"}, b"canary")
    with serving({("GET", "/"): answer}) as server:
        response = http.request("GET", f"http://{server.host}/?sig=canary")
    assert repr(response) == "Response(status=200)"


def test_redirects_end() -> None:
    http, _ = client()
    with serving({("GET", "/a"): Answer(302, {"Location": "/a"})}) as server:
        with pytest.raises(InputError, match="redirects more than 5 times"):
            http.request("GET", f"http://{server.host}/a")
        assert len(server.requests) == 6
        server.answers["GET", "/a"] = Answer(302)
        with pytest.raises(TransientError, match="without saying where to"):
            http.request("GET", f"http://{server.host}/a")
        for wrong in ("file:///etc/passwd", "http://[::1", "//[", "http://r.invalid:x/"):
            server.answers["GET", "/a"] = Answer(302, {"Location": wrong})
            with pytest.raises(InputError, match="is not an http or https address"):
                http.request("GET", f"http://{server.host}/a")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = (folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        [
            *(need("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=test"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-out", made[0], "-keyout", made[1]),
        ],
        check=True,
        capture_output=True,
    )
    return made


def test_a_certificate_must_be_trusted(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    http, pauses = client()
    with serving({("GET", "/"): OK}, tls=certificate) as server:
        with pytest.raises(InputError, match=r"TLS certificate is not trusted .*SSL_CERT_FILE"):
            http.request("GET", f"https://{server.host}/")
        assert pauses == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        trusting, _ = client()
        assert trusting.request("GET", f"https://{server.host}/").body == b"well"
        with serving({}) as plain:
            server.answers["GET", "/"] = Answer(302, {"Location": f"http://{plain.host}/"})
            with pytest.raises(InputError, match=r"from https to plain http at .*; not followed"):
                trusting.request("GET", f"https://{server.host}/")
            assert plain.requests == []


def test_a_proxy_is_used_except_where_it_is_not_wanted() -> None:
    with (
        serving({("GET", "http://registry.invalid/v2/"): OK}) as proxy,
        serving({("GET", "/v2/"): OK}) as direct,
    ):
        proxies = {"http": f"http://bot:canary-proxy@{proxy.host}", "no": "127.0.0.1,.example.com"}
        http = HttpClient(proxies=proxies)
        assert http.request("GET", "http://registry.invalid/v2/").body == b"well"
        assert http.request("GET", f"http://{direct.host}/v2/").body == b"well"
        (request,) = proxy.requests
        assert request.header("Proxy-Authorization") == "Basic Ym90OmNhbmFyeS1wcm94eQ=="
        assert direct.requests[0].header("Proxy-Authorization") is None
        http = HttpClient(proxies={"all": proxy.host})
        assert http.request("GET", "http://registry.invalid/v2/").body == b"well"
    gone = HttpClient(proxies={"https": proxies["http"]}, tries=1)
    with pytest.raises(TransientError, match=r"the proxy for registry\.invalid failed") as caught:
        gone.request("GET", "https://registry.invalid/")
    assert "canary" not in "".join(traceback.format_exception(caught.value))


@contextmanager
def answering(data: bytes) -> Iterator[str]:
    """A server (its `host:port`) that says this to whoever says something, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(data)

        thread = Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_says_so(scheme: str) -> None:
    said = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with answering(said) as proxy:
        http = HttpClient(proxies={"all": proxy}, tries=1)
        message = r"^the proxy for registry\.invalid wants a user and a password \(407\): write"
        with pytest.raises(InputError, match=message):
            http.request("GET", f"{scheme}://registry.invalid/v2/")


def test_plain_http_to_a_server_that_sends_a_tls_alert() -> None:
    """What OpenSSL, Java and Rust say to it; Go and nginx answer with a page (see registries)."""
    http = HttpClient(proxies={}, tries=1)
    alert = b"\x15\x03\x01\x00\x02\x02\x16"
    with answering(alert) as host, pytest.raises(InputError) as caught:
        http.request("GET", f"http://{host}/v2/")
    assert str(caught.value) == (
        f"{host} speaks TLS, and was asked over plain HTTP; write https://{host} where --registry"
        " or PROMOTER_REGISTRIES has http://"
    )


def test_the_proxy_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({("GET", "http://registry.invalid/"): OK}) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert HttpClient().request("GET", "http://registry.invalid/").body == b"well"


def test_many_threads_share_the_pool() -> None:
    http, _ = client()
    with serving(
        {("GET", f"/{n}"): Answer(200, {}, str(n).encode()) for n in range(200)}
    ) as server:
        with ThreadPoolExecutor(16) as threads:
            bodies = threads.map(
                lambda n: http.request("GET", f"http://{server.host}/{n}").body, range(200)
            )
        assert [int(body) for body in bodies] == list(range(200))


def test_a_connection_is_used_again() -> None:
    http, _ = client()
    with serving({("HEAD", "/"): OK}) as server:
        server.answers["GET", "/"] = [OK, Answer(404, {}, b"no"), OK]
        for method in ("HEAD", "GET", "GET", "HEAD", "GET"):
            http.request(method, f"http://{server.host}/")
        assert len({request.peer for request in server.requests}) == 1


@pytest.mark.parametrize(
    "address",
    [
        "socks5://ci:canary@proxy.invalid:1",
        "http://ci:can/ary@proxy.invalid:3128",
        "http://ci:can#ary@proxy.invalid:3128",
        "http://ci:can?ary@proxy.invalid:3128",
        "http://ci:3128/canary@proxy.invalid:3128",
        "ci:can/ary@proxy.invalid",
        "http://ci:canary@:3128",
        "http://",
    ],
)
def test_a_proxy_that_is_none_is_named_and_never_shown(address: str) -> None:
    http, _ = client(proxies={"https": address, "no": "direct.invalid"})
    with serving({("GET", "/"): OK}) as server:  # this machine is never asked through a proxy
        assert http.request("GET", f"http://{server.host}/").body == b"well"
    with pytest.raises(InputError) as caught:
        http.request("GET", "https://registry.invalid/")
    assert str(caught.value) == (
        "the proxy in HTTPS_PROXY of the environment is no http or https address; write"
        " http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with / ? # @ of the password as"
        " %2F %3F %23 %40"
    )
    told = "".join(traceback.format_exception(caught.value))
    assert not any(part in told for part in ("canary", "ary@", "can/", "ci:"))


def test_a_bad_proxy_of_one_scheme_is_nothing_to_the_other() -> None:
    with serving({("GET", "http://registry.invalid/"): OK}) as proxy:
        http, _ = client(proxies={"all": "socks5://x:1", "http": f"http://{proxy.host}"})
        assert http.request("GET", "http://registry.invalid/").body == b"well"
        with pytest.raises(InputError, match="the proxy in ALL_PROXY of the environment is no"):
            http.request("GET", "https://registry.invalid/")


def test_a_proxy_password_may_hold_whatever_is_percent_encoded() -> None:
    with serving({("GET", "http://registry.invalid/"): OK}) as proxy:
        http, _ = client(proxies={"http": f"http://c%3Ai:p%2F%40%E2%82%ACword@{proxy.host}"})
        assert http.request("GET", "http://registry.invalid/").body == b"well"
        sent = proxy.requests[0].header("Proxy-Authorization") or ""
    assert b64decode(sent.removeprefix("Basic ")).decode() == "c:i:p/@€word"
    assert redact(f"{sent} p/@€word p%2F%40%E2%82%ACword") == "Basic *** *** ***"


def test_no_secret_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    http, _ = client(tries=1)
    with serving({("GET", "/"): Answer(200, {}, b"ab", truncated=True)}) as server:
        bad = [
            ("http://bot:canary@registry.invalid:x/a?canary", {}),
            (f"http://{server.host}/", {"Authorization": "Basic canary"}),
            (f"http://{server.host}/", {"Authorization": "Basic canary\r\nX: y"}),
            (f"http://{server.host}/", {"Authorization": "Basic canary\N{SNOWMAN}"}),
        ]
        for url, headers in bad:
            with pytest.raises((InputError, TransientError)) as caught:
                http.request("GET", url, headers=headers)
            assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert caplog.records
    assert "canary" not in caplog.text


def test_origins() -> None:
    assert origin_of("HTTPS://Example.com/x") == Origin("https", "example.com", 443)
    assert str(origin_of("http://[::1]:5000")) == "[::1]:5000"
    assert origin_of("https://a@b/").host == "b"
    for wrong in ("ftp://x/", "/x", "", "https://", "http://x:99999/", "registry:5000"):
        with pytest.raises(InputError, match="is not an http or https address"):
            origin_of(wrong)


def ask_all(http: HttpClient, urls: Sequence[str]) -> list[str]:
    """What became of each, all asked by 16 threads."""

    def ask(url: str) -> str:
        try:
            return f"{http.request('GET', url).status}"
        except TransientError as error:
            return str(error)

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(ask, urls))


def test_a_thousand_questions_to_a_dead_server_cost_a_few_attempts() -> None:
    http, pauses = client()
    with serving({}) as gone:
        pass
    answers = ask_all(http, [f"http://{gone.host}/{n}" for n in range(1000)])
    assert all(answer.startswith(f"{gone.host} can't be reached (Conn") for answer in answers)
    assert sum("it is not asked again for" in answer for answer in answers) > 950
    assert len(pauses) <= 2 * 16


def test_a_silent_server_is_asked_again_later() -> None:
    now = [0.0]
    http, _ = client(read_timeout=0.05, tries=1, clock=lambda: now[0])
    with serving({("GET", f"/{n}"): Answer(silent=True) for n in range(20)}) as server:
        urls = [f"http://{server.host}/{n}" for n in range(20)]
        for asked, url in enumerate(urls[:7]):
            with pytest.raises(TransientError, match="did not answer in time"):
                http.request("GET", url)
            assert len(server.requests) == min(asked + 1, 5)
        now[0] = 31.0
        answers = ask_all(http, urls)
        assert all("did not answer in time" in answer for answer in answers)
        assert len(server.requests) == 10  # a few probes, and they are silent, too
        server.answers = dict.fromkeys(server.answers, OK)
        now[0] = 62.0
        assert "200" in ask_all(http, urls)
        assert ask_all(http, urls) == ["200"] * 20


def test_slow_repositories_do_not_stop_those_beside_them() -> None:
    http, pauses = client(read_timeout=0.2)
    slow, well = [f"/slow/{n}" for n in range(7)], [f"/well/{n}" for n in range(20)]
    answers = {("GET", path): Answer(silent=True) for path in slow}
    answers |= {("GET", path): OK for path in well}
    with serving(answers) as server:
        for _ in range(2):
            found = ask_all(http, [f"http://{server.host}{path}" for path in slow + well])
            assert found[7:] == ["200"] * 20
            pauses.append(60.0)
            assert ask_all(http, [f"http://{server.host}{path}" for path in well]) == ["200"] * 20


def test_who_breaks_off_is_there_again() -> None:
    now = [0.0]
    http, _ = client(tries=1, clock=lambda: now[0])
    with serving({}) as gone:
        pass
    urls = [f"http://{gone.host}/{n}" for n in range(50)]
    assert any("not asked again" in answer for answer in ask_all(http, urls))
    now[0] = 31.0
    address = ("127.0.0.1", int(gone.host.rpartition(":")[2]))
    with socket.create_server(address) as listener:

        def break_off() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)

        thread = Thread(target=break_off, daemon=True)
        thread.start()
        for url in (f"{urls[0]}new", urls[0]):
            with pytest.raises(TransientError, match="broke off the connection"):
                http.request("GET", url)
        thread.join()


def test_another_server_is_not_judged_by_a_dead_one() -> None:
    http, _ = client()
    with serving({}) as gone, serving({("GET", "/"): OK}) as server:
        pass_by = f"http://{server.host}/"
        ask_all(http, [f"http://{gone.host.replace('127.0.0.1', '127.0.0.2')}/"] * 9)
        assert http.request("GET", pass_by).body == b"well"


def test_a_server_that_asks_to_wait_is_not_stormed() -> None:
    http, pauses = client()
    with serving({("GET", "/"): Answer(429, {"Retry-After": "600"})}) as server:
        answers = ask_all(http, [f"http://{server.host}/"] * 200)
        # those that were under way already, and nobody after them
        assert len(server.requests) <= 16
    assert pauses == []
    assert sum("is not asked now: it asked to wait (another 600 s)" in a for a in answers) >= 184


def test_a_repository_in_trouble_is_nothing_to_the_others() -> None:
    http, pauses = client()
    answers = {("GET", "/bad"): Answer(503, {"Retry-After": "86400"}), ("GET", "/good"): OK}
    with serving(answers) as server:
        with pytest.raises(TransientError, match="it asks to wait 86400 s") as caught:
            http.request("GET", f"http://{server.host}/bad")
        assert caught.value.retry_after == timedelta(minutes=15)
        assert http.request("GET", f"http://{server.host}/good").body == b"well"
        assert len(server.requests) == 2
    assert pauses == []


def test_a_short_wait_is_waited_by_all_and_then_they_go_on() -> None:
    http, pauses = client()
    asks = Answer(429, {"Retry-After": "2"})
    with serving({("GET", "/"): [asks, OK]}) as server:
        url = f"http://{server.host}/"
        assert [http.request("GET", url).status for _ in range(3)] == [200] * 3
        assert len(server.requests) == 4
    assert pauses == [2.0]


def test_docker_hub_is_asked_for_manifests_only_while_pulls_are_left() -> None:
    """Its HEADs count as nothing, and tell when there are pulls again."""
    http, _ = client()
    spent = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600"}
    some = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "1;w=21600"}
    path = "/v2/library/nginx/manifests/1.27"
    answers: dict[tuple[str, str], Answer | Sequence[Answer]] = {
        ("GET", path): [Answer(429, spent), OK],
        ("HEAD", path): [Answer(200, spent), Answer(200, some)],
        ("GET", "/v2/library/nginx/tags/list"): OK,
    }
    with serving(answers) as server:
        url = f"http://{server.host}{path}"
        for message in (r"\(429\); it asks to wait 21600 s", "its pull limit is used up"):
            with pytest.raises(TransientError, match=message) as caught:
                http.request("GET", url)
            assert caught.value.retry_after == timedelta(hours=6)
        assert http.request("HEAD", url).status == 200
        assert http.request("GET", f"http://{server.host}/v2/library/nginx/tags/list").body
        with pytest.raises(TransientError, match="pull limit"):
            http.request("GET", url)
        assert http.request("HEAD", url).status == 200
        assert http.request("GET", url).body == b"well"
        assert len(server.asked("GET", path)) == 2


def test_a_rate_is_kept_and_what_it_does_not_allow_fails_at_once() -> None:
    with serving({("GET", "/"): OK}) as server:
        http, pauses = client(rates={server.host: Rate(2, 1)})
        url = f"http://{server.host}/"
        for _ in range(6):
            http.request("GET", url)
        assert pauses == pytest.approx([0.5] * 4)
        http, pauses = client(rates={server.host: Rate(2, 3600)})
        http.request("GET", url)
        http.request("GET", url)
        with pytest.raises(TransientError, match="rate limit is used up") as caught:
            http.request("GET", url)
        assert caught.value.retry_after == timedelta(seconds=1800)
        assert pauses == []


def test_a_server_that_drips_its_headers_is_left_in_time() -> None:
    http, _ = client(longest_request=0.3, tries=1)
    with (
        serving({("GET", "/"): Answer(dripping_head=True)}) as server,
        pytest.raises(TransientError, match="did not answer in time"),
    ):
        http.request("GET", f"http://{server.host}/")


@pytest.mark.parametrize(
    ("head", "headers", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\n", {"a": "b"}, b"ok"),
        (b"HTTP/1.1 200\nA:b\nContent-Length:2\n\n", {"a": "b"}, b"ok"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\nA: c\r\nContent-Length: 2\r\n\r\n", {"a": "b, c"}, b"ok"),
        (b"HTTP/1.1 200 OK\r\nWarning: no field\r\njunk\r\n\r\n", {}, b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\n", {}, b"ok"),
        (b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nA: \xe4\r\n\r\n", {}, b""),
        (b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", {"x": None}, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n", {}, b"ok"),
    ],
)
def test_heads_as_servers_write_them(
    head: bytes, headers: dict[str, str | None], body: bytes
) -> None:
    http, _ = client(tries=1)
    with saying(head + b"ok") as host:
        response = http.request("GET", f"http://{host}/")
    assert (response.body, response.status) == (body, 103 if b"103" in head else 200)
    assert {name: response.headers.get(name) for name in headers} == headers


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_head_is_no_answer(head: bytes) -> None:
    http, _ = client(tries=1)
    with saying(head) as host, pytest.raises(TransientError, match="broke off the connection"):
        http.request("GET", f"http://{host}/")


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """A server that says just that, once, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def say() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = Thread(target=say)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()
