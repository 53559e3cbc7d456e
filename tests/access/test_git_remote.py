"""Addresses: what git may see, and what people see."""

from __future__ import annotations

import pytest

from promoter.access.git_remote import Remote, check_ref
from promoter.access.redaction import redact
from promoter.errors import InputError


@pytest.mark.parametrize(
    ("url", "address", "display", "host"),
    [
        (
            "https://Git.Example.com:8443/shop.git",
            "https://git.example.com:8443/shop.git",
            "https://git.example.com:8443/shop.git",
            "git.example.com:8443",
        ),
        (
            "https://oauth2@git.example.com/shop.git",
            "https://git.example.com/shop.git",
            "https://git.example.com/shop.git",
            "git.example.com",
        ),
        (
            "ssh://git@git.example.com:2222/shop.git",
            "ssh://git@git.example.com:2222/shop.git",
            "ssh://git.example.com:2222/shop.git",
            "git.example.com:2222",
        ),
        (
            "git@git.example.com:team/shop.git",
            "git@git.example.com:team/shop.git",
            "git.example.com:team/shop.git",
            "git.example.com",
        ),
        ("file:///srv/git/shop.git", "file:///srv/git/shop.git", "file:///srv/git/shop.git", None),
        ("/srv/git/a b.git", "/srv/git/a b.git", "/srv/git/a b.git", None),
    ],
)
def test_an_address_is_shown_without_user_info(
    url: str, address: str, display: str, host: str | None
) -> None:
    remote = Remote.parse(url)
    assert (remote.address, remote.display, remote.host) == (address, display, host)


def test_two_spellings_of_one_repository_share_one_mirror() -> None:
    assert (
        Remote.parse("https://a@git.example.com/x").key
        == Remote.parse("https://git.example.com/x").key
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-uupload-pack=touch",
        "--upload-pack=touch",
        "ext::sh -c touch% /tmp/owned",
        "fd::17",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-oProxyCommand=x@host/x",
        "-oProxyCommand=touch:x",
        "ftp://git.example.com/x",
        "https:///x",
        "https://git.example.com/x?private_token=abc",
        "https://git.example.com/x\nurl",
        "https://[bad/x",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError):
        Remote.parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://bot:canary-77aa@git.example.com/x.git",
        "https:/bot:canary-77aa@git.example.com/x.git",
        "http:bot:canary-77aa@git.example.com/x.git",
        "bot:canary-77aa@git.example.com:x.git",
        "git.example.com:bot:canary-77aa@x.git",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(
        InputError, match=r"^the address of a repository .*(write|remove)"
    ) as caught:
        Remote.parse(url)
    assert "canary" not in str(caught.value)
    assert "canary" not in redact(f"whatever else repeats {url}")


def test_ref_names_are_whole_and_plain() -> None:
    assert check_ref("refs/heads/promoter/web/dev") == "refs/heads/promoter/web/dev"
    for bad in ("main", "-f", "refs/x", "a..b", "x.lock", "a:b", "*", "", "/a", "a.", ".a", "a b"):
        with pytest.raises(InputError):
            check_ref(bad if bad in ("main", "-f", "refs/x") else f"refs/heads/{bad}")
