"""One grammar for addresses: what rules accept is what git is given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.model.address import GitAddress


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "https://Git.Example.com:8443/team/shop.git",
            GitAddress("https", "team/shop.git", "git.example.com", 8443),
        ),
        ("http://u%40x@localhost/x", GitAddress("http", "x", "localhost", None, "u%40x")),
        ("ssh://git@[::1]:22/x", GitAddress("ssh", "x", "[::1]", 22, "git")),
        ("SSH://git_server/a@b", GitAddress("ssh", "a@b", "git_server")),
        ("git@host:/srv/x", GitAddress("ssh", "/srv/x", "host", None, "git", scp=True)),
        ("h:x", GitAddress("ssh", "x", "h", scp=True)),
        ("git://host/x", GitAddress("git", "x", "host")),
        ("file:///srv/a b", GitAddress("file", "/srv/a b")),
        ("./a:b@c", GitAddress("file", "./a:b@c")),
        ("shop.git", GitAddress("file", "shop.git")),
    ],
)
def test_an_address_has_its_parts(text: str, address: GitAddress) -> None:
    assert GitAddress.parse(text) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "-x", "-oProxyCommand=touch:x", "a\nb", "a\x7f", "ext::sh -c x", "fd::17", ":x"),
        *("ssh://-oProxyCommand=x/y", "ssh://-o@host/x", "-o@host:x", "ssh://%2Do@host/x"),
        *("https:///x", "https://host", "https://host/", "https://host:99999/x", "https://[x/y"),
        *(
            "https:/host/x",
            "http:host",
            "git@host:a@b",
            "https://host/x?a=b",
            "ssh://host/x#y",
            "ftp://host/x",
            "file://host/x",
            "user@host/x",
        ),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|remove"):
        GitAddress.parse(text)


PASSWORDS = [
    "https://bob:hunter2@host/x",
    "https://bob:@hunter2/x",
    "https:/bob:hunter2@host/x",
    "http:bob:hunter2@host/x",
    "HTTPS:bob:hunter2@host/x",
    "ssh:bob:hunter2@host/x",
    "file:bob:hunter2@host/x",
    "git:hunter2@host:x",
    "bob:hunter2@host:x",
    "bob:hun/ter2@host:x",
    "host:bob:hunter2@x",
    "//bob:hunter2@host/x",
    ":hunter2@host/x",
    "file://bob:hunter2@host/x",
    "ssh://git:hunter2@host/x",
    "ssh://git%3Ahunter2@host/x",
    "https://bob:hunter2/x@host/y",
]


@pytest.mark.parametrize("text", PASSWORDS)
def test_a_password_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|remove") as caught:
        GitAddress.parse(text)
    assert "hunter2" not in str(caught.value)
    assert "ter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "texts"),
    [
        (
            "https://git.example.com/team/shop",
            [
                "https://git.example.com/team/shop",
                "https://Git.Example.com:443/team/shop.git/",
                "HTTPS://bot@git.example.com//team/./shop.git",
            ],
        ),
        ("https://git.example.com:8443/shop", ["https://git.example.com:8443/shop.git"]),
        (
            "ssh://git.example.com/team/shop",
            [
                "git@git.example.com:team/shop.git",
                "git.example.com:/team/shop/",
                "ssh://other@git.example.com:22/team/shop",
            ],
        ),
        (
            "file:///srv/shop",
            [
                *("/srv/shop", "/srv/shop.git", "/srv/x/../shop/", "/srv/shop/.git"),
                *("file:///srv/shop.git", "file:////srv//shop"),
            ],
        ),
        ("file:shop", ["shop", "./shop.git", "x/../shop/"]),
        ("file:../shop", ["../shop.git"]),
    ],
)
def test_every_spelling_of_one_repository_has_one_key(key: str, texts: list[str]) -> None:
    assert {GitAddress.parse(text).key for text in texts} == {key}


@given(st.text(st.sampled_from("ab.:/@%-[]?#~ ") | st.characters(), max_size=20))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        address = GitAddress.parse(text)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both ways are right here
    else:
        assert address.host != ""
        assert "@" not in (address.host or "")
        assert GitAddress.parse(text).key == address.key
