"""Tag lists as registries write them: pages with and without links, sizes they do not take."""

from __future__ import annotations

from itertools import count
from urllib.parse import parse_qs, urlsplit

import pytest

from promoter.access.http import HttpClient
from promoter.errors import InputError, PromoterError, TransientError
from promoter.registries.conversation import Conversation
from promoter.registries.distribution import DistributionRegistry
from promoter.registries.place import Place
from promoter.registries.tag_list import list_tags
from tests.registries.proofs import Source
from tests.services.misbehaving import Answer, Server, json_answer, registry_error, serving

TAGS = "/v2/shop/web/tags/list"
FIRST = f"{TAGS}?n=1000"


def page(tags: list[str] | None, link: str | None = None, etag: str | None = None) -> Answer:
    headers = {} if link is None else {"Link": f'<{link}>; rel="next"'}
    return json_answer({"tags": tags}, 200, {**headers, **({"ETag": etag} if etag else {})})


def names(first: int, last: int) -> list[str]:
    return [f"1.{n:05}" for n in range(first, last)]


def tags_of(server: Server, http: HttpClient) -> tuple[str, ...]:
    return DistributionRegistry(server.host, http, plain_http=True).tags("shop/web")


@pytest.mark.parametrize(
    ("link", "second"),
    [
        ("{path}?n=1000&last=b", "{path}?n=1000&last=b"),
        ("list?last=b", "{path}?last=b"),
        ("?last=b", "{path}?last=b"),
        ("http://{host}{path}?n=2&last=b", "{path}?n=2&last=b"),
        # Quay, and ECR with a token that is no tag
        ("{path}?next_page=gAAA%3D%3D&n=50", "{path}?next_page=gAAA%3D%3D&n=50"),
        ("{path}?last=MTYw%2F%2B%3D&n=1000", "{path}?last=MTYw%2F%2B%3D&n=1000"),
        # Artifactory leaves its repository out, Nexus puts one in
        ("/v2/web/tags/list?last=b&n=1000", "{path}?last=b&n=1000"),
        ("/repository/hub/v2/shop/web/tags/list?n=1000&last=b", "{path}?n=1000&last=b"),
        ("/v2/_pages/7", "/v2/_pages/7"),
    ],
)
def test_the_next_page_is_found_wherever_the_link_says_it_is(
    http: HttpClient, link: str, second: str
) -> None:
    with serving({}) as server:
        where = {"host": server.host, "path": TAGS}
        server.answers["GET", FIRST] = page(["a", "b"], link.format(**where))
        server.answers["GET", second.format(**where)] = page(["c"])
        assert tags_of(server, http) == ("a", "b", "c")


@pytest.mark.parametrize("link", ["http://registry.invalid/v2/x/tags/list?last=b", "//other/x"])
def test_no_page_is_read_at_another_host(http: HttpClient, link: str) -> None:
    with (
        serving({("GET", FIRST): page(["a"], link)}) as server,
        pytest.raises(InputError, match="the tag list of 'shop/web' goes on at another address"),
    ):
        tags_of(server, http)


def test_10_000_tags_in_any_order_each_once(http: HttpClient) -> None:
    """GCR's extra keys and a list that knows no pages; then the same in pages."""
    tags = names(0, 10_000)[::-1]
    whole = json_answer({"child": [], "manifest": {}, "name": "web", "tags": [*tags, *tags[:9]]})
    with serving({("GET", FIRST): whole}) as server:
        assert tags_of(server, http) == tuple(tags)
        assert len(server.requests) == 1

    def answer(n: int) -> Answer:
        link = f"{TAGS}?n=1000&last={n + 1}" if n < 9 else None
        return page(tags[n * 1000 : (n + 1) * 1000], link)

    pages = {("GET", f"{TAGS}?n=1000&last={n}"): answer(n) for n in range(1, 9)}
    with serving({("GET", FIRST): answer(0), **pages}) as server:
        server.answers["GET", f"{TAGS}?n=1000&last=9"] = page(tags[9000:9999])
        assert tags_of(server, http) == tuple(tags[:9999])


def test_a_full_page_without_a_link_is_asked_to_go_on(http: HttpClient) -> None:
    """The specification leaves the link to the registry; Nexus sends none for its groups."""
    pages = {
        ("GET", FIRST): page(names(0, 1000)),
        ("GET", f"{FIRST}&last=1.00999"): page(names(1000, 2000)),
        ("GET", f"{FIRST}&last=1.01999"): page(names(2000, 2001)),
    }
    with serving(pages) as server:
        assert tags_of(server, http) == tuple(names(0, 2001))
    with serving({("GET", TAGS): page(names(0, 1000))}) as server:  # takes no notice of `last`
        assert tags_of(server, http) == tuple(names(0, 1000))
        assert len(server.requests) == 2
    with serving({("GET", TAGS): page(names(0, 1700))}) as server:  # nor of `n`: it is whole
        assert len(tags_of(server, http)) == 1700
        assert len(server.requests) == 1


def test_a_size_that_is_refused_is_left_out(http: HttpClient) -> None:
    refusal = registry_error(400, "PAGINATION_NUMBER_INVALID")
    pages = {
        ("GET", FIRST): refusal,
        ("GET", TAGS): page(names(0, 1000), f"{TAGS}?last=x"),
        ("GET", f"{TAGS}?last=x"): page(names(1000, 2000)),
    }
    with serving(pages) as server:
        assert tags_of(server, http) == tuple(names(0, 2000))
        assert len(server.requests) == 3
    with (
        serving({("GET", TAGS): refusal}) as server,
        pytest.raises(InputError, match=r"status 400 \(PAGINATION_NUMBER_INVALID\)"),
    ):
        tags_of(server, http)


def test_empty_pages_are_followed_but_not_for_ever(http: HttpClient) -> None:
    pages = {
        ("GET", FIRST): page(["a"], f"{TAGS}?last=a"),
        ("GET", f"{TAGS}?last=a"): page([], f"{TAGS}?last=b"),
        ("GET", f"{TAGS}?last=b"): page(None, f"{TAGS}?last=c"),
        ("GET", f"{TAGS}?last=c"): page(["d"]),
    }
    with serving(pages) as server:
        assert tags_of(server, http) == ("a", "d")

    loop = {("GET", FIRST): page(["a"], f"{TAGS}?p=0")}
    loop |= {("GET", f"{TAGS}?p={n}"): page(["a"], f"{TAGS}?p={n + 1}") for n in range(50)}
    with serving(loop) as server, pytest.raises(TransientError, match="of 'shop/web' never ends"):
        tags_of(server, http)
    assert len(server.requests) < 30


@pytest.mark.parametrize(
    ("second", "error"),
    [
        (Answer(500), TransientError),
        (registry_error(404, "NAME_UNKNOWN"), InputError),
        (registry_error(400, "UNSUPPORTED"), InputError),
        (registry_error(403, "DENIED"), InputError),
        (json_answer({"tags": [1]}), TransientError),
        (Answer(200, {"Content-Type": "application/json"}, b'{"tags":["b"', truncated=True), None),
    ],
)
def test_a_list_that_ends_in_failure_is_no_list(
    http: HttpClient, second: Answer, error: type[PromoterError] | None
) -> None:
    pages = {("GET", FIRST): page(["a"], f"{TAGS}?last=a"), ("GET", f"{TAGS}?last=a"): second}
    with serving(pages) as server, pytest.raises(error or TransientError):
        tags_of(server, http)


def test_a_full_page_that_does_not_go_on_is_no_list(http: HttpClient) -> None:
    pages = {
        ("GET", FIRST): page(names(0, 1000)),
        ("GET", f"{FIRST}&last=1.00999"): registry_error(403, "DENIED"),
    }
    with serving(pages) as server, pytest.raises(InputError, match="403"):
        tags_of(server, http)


def test_a_list_whose_pages_drip_is_given_up_as_a_whole(http: HttpClient) -> None:
    """Each page comes in time, and all of them in hours."""
    pages = {("GET", FIRST): page(["a0"], f"{TAGS}?p=0")}
    pages |= {("GET", f"{TAGS}?p={n}"): page([f"b{n}"], f"{TAGS}?p={n + 1}") for n in range(50)}
    with serving(pages) as server:
        place = Place.of(server.host, None, plain_http=True)
        registry = Conversation(server.host, http, Source([]), place)
        with pytest.raises(TransientError, match="tag list of 'shop/web' did not come within 120"):
            list_tags(registry, "shop/web", clock=count(0, 50).__next__)
        assert len(server.requests) == 3


def test_what_is_no_tag_is_not_kept(http: HttpClient) -> None:
    """Not even until the list ends: pages of nothing else are idle ones."""
    junk = [f"no tag {n}" for n in range(999)]
    pages = {("GET", FIRST): page(["a"], f"{TAGS}?p=0")}
    pages |= {
        ("GET", f"{TAGS}?p={n}"): page([f"{n} {each}" for each in junk], f"{TAGS}?p={n + 1}")
        for n in range(50)
    }
    with serving(pages) as server, pytest.raises(TransientError, match="of 'shop/web' never ends"):
        tags_of(server, http)
    assert len(server.requests) == 21
    with (
        serving({("GET", FIRST): page(["a", "x" * 1025])}) as server,
        pytest.raises(TransientError, match="is damaged"),
    ):
        tags_of(server, http)


# Conditional requests


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"', "unquoted"])
def test_a_list_that_did_not_change_is_not_sent_again(http: HttpClient, etag: str) -> None:
    pages = {
        ("GET", FIRST): [page(["a"], f"{TAGS}?last=a", etag), Answer(304, {"ETag": etag})],
        ("GET", f"{TAGS}?last=a"): [page(["b"], None, '"2"'), Answer(304), page(["b", "c"])],
    }
    with serving(pages) as server:
        registry = DistributionRegistry(server.host, http, plain_http=True)
        assert registry.tags("shop/web") == registry.tags("shop/web") == ("a", "b")
        assert registry.tags("shop/web") == ("a", "b", "c")
        sent = [request.header("If-None-Match") for request in server.requests]
        assert sent == [None, None, etag, '"2"', etag, '"2"']


def test_a_304_that_speaks_of_something_else_is_not_believed(http: HttpClient) -> None:
    pages = [page(["a"], None, '"1"'), Answer(304, {"ETag": '"2"'}), page(["a", "b"])]
    with serving({("GET", FIRST): pages}) as server:
        registry = DistributionRegistry(server.host, http, plain_http=True)
        assert registry.tags("shop/web") == ("a",)
        assert registry.tags("shop/web") == ("a", "b")
        assert server.requests[-1].header("If-None-Match") is None


def test_a_304_that_nobody_asked_for_is_no_answer(http: HttpClient) -> None:
    with serving({("GET", FIRST): Answer(304)}) as server, pytest.raises(InputError, match="304"):
        tags_of(server, http)


def test_an_etag_that_fits_no_header_is_no_etag(http: HttpClient) -> None:
    with serving({("GET", FIRST): page(["a"], None, '"x' + "y" * 300 + '"')}) as server:
        registry = DistributionRegistry(server.host, http, plain_http=True)
        assert registry.tags("shop/web") == registry.tags("shop/web") == ("a",)
        assert server.requests[-1].header("If-None-Match") is None


def test_names_of_pages_are_encoded(http: HttpClient) -> None:
    odd = "what is no tag & more=1"
    with serving({("GET", FIRST): page([*names(0, 999), odd])}) as server:
        server.answers["GET", TAGS] = page(["z"])
        assert tags_of(server, http) == (*names(0, 999), "z")
        query = parse_qs(urlsplit(server.requests[-1].path).query)
        assert query == {"n": ["1000"], "last": [odd]}
