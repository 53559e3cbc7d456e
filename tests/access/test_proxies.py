"""What `no_proxy` means."""

from __future__ import annotations

import pytest

from promoter.access.proxies import NoProxy


@pytest.mark.parametrize(
    ("entries", "host", "port", "direct"),
    [
        ("", "r.example", 443, False),
        ("*", "r.example", 443, True),
        ("*", "10.0.0.1", 443, True),
        ("r.example", "r.example", 443, True),
        ("r.example", "eu.r.example", 443, True),
        ("r.example", "other.example", 443, False),
        ("r.example", "bar.example", 443, False),
        ("ample", "r.example", 443, False),
        (".example", "r.example", 443, True),
        ("*.example", "a.r.example", 443, True),
        ("R.Example.", "r.example", 443, True),
        ("r.example", "R.EXAMPLE.", 443, True),
        ("r.example:5000", "r.example", 5000, True),
        ("r.example:5000", "r.example", 443, False),
        ("a.example, b.example r.example", "r.example", 443, True),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:5000", "10.1.2.3", 443, False),
        ("10.1.2.3:5000", "10.1.2.3", 5000, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.1.2.3/8", "10.200.0.1", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "10.example", 443, False),
        ("10.0.0.0/33", "10.1.2.3", 443, False),
        ("fd00::/8", "[fd12::1]", 443, True),
        ("fd00::/8", "[fe80::1]", 443, False),
        ("fd12::1", "[fd12:0::1]", 443, True),
        ("[fd12::1]", "[fd12::1]", 443, True),
        ("[fd12::1]:5000", "[fd12::1]", 443, False),
        ("[fd12::1]:5000", "[fd12::1]", 5000, True),
        ("10.0.0.0/8", "[::ffff:10.1.2.3]", 443, True),
        ("10.0.0.0/8", "[fd12::1]", 443, False),
        # this machine
        ("", "localhost", 5000, True),
        ("", "registry.localhost", 5000, True),
        ("", "127.1.2.3", 5000, True),
        ("", "[::1]", 5000, True),
        ("", "localhost.example", 5000, False),
        # what is nothing matches nothing
        (".", "r.example", 443, False),
        (":5000", "r.example", 5000, False),
        ("http://r.example", "r.example", 443, False),
    ],
)
def test_who_is_reached_without_the_proxy(entries: str, host: str, port: int, direct: bool) -> None:
    assert NoProxy.parse(entries).covers(host, port) is direct
