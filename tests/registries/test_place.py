from __future__ import annotations

import pytest

from promoter.errors import InputError
from promoter.registries.place import Place


@pytest.mark.parametrize(
    ("base", "url"),
    [
        (None, "https://registry-1.docker.io/v2/library/nginx/tags/list"),
        ("https://mirror.example.com", "https://mirror.example.com/v2/library/nginx/tags/list"),
        ("https://m.example.com/hub/", "https://m.example.com/hub/v2/library/nginx/tags/list"),
        ("https://m.example.com/v2/", "https://m.example.com/v2/library/nginx/tags/list"),
        (
            "https://harbor.example.com/v2/dockerhub",
            "https://harbor.example.com/v2/dockerhub/library/nginx/tags/list",
        ),
        (
            "https://harbor.example.com:8443/in/v2/hub/cache/",
            "https://harbor.example.com:8443/in/v2/hub/cache/library/nginx/tags/list",
        ),
        (
            "https://a.example.com/v2-api/hub",
            "https://a.example.com/v2-api/hub/v2/library/nginx/tags/list",
        ),
    ],
)
def test_a_base_is_a_host_a_path_or_a_proxy_cache_below_a_name(base: str | None, url: str) -> None:
    place = Place.of("docker.io", base, plain_http=False)
    assert place.url("library/nginx", "tags", "list") == url


def test_what_is_no_place_is_refused() -> None:
    with pytest.raises(InputError, match=r"docker\.io is served, behind /v2/ at h: 'Hub' is not"):
        Place.of("docker.io", "https://h/v2/Hub", plain_http=False)
    with pytest.raises(InputError, match=r"'\.\.' is not a repository name"):
        Place.of("docker.io", "https://h/v2/..", plain_http=False)
    with pytest.raises(InputError, match="over plain HTTP at h; allow it by name"):
        Place.of("docker.io", "http://h", plain_http=False)
    with pytest.raises(InputError, match="is not a repository name"):
        Place.of("docker.io", "https://h/v2/hub", plain_http=False).url("../x", "tags", "list")
