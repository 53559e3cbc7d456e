from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.registries.platforms import platform


@pytest.mark.parametrize(
    ("parts", "spelled"),
    [
        (("linux", "amd64", ""), "linux/amd64"),
        (("linux", "amd64", "v1"), "linux/amd64"),
        (("linux", "amd64", "v3"), "linux/amd64/v3"),
        (("linux", "x86_64", ""), "linux/amd64"),
        (("linux", "arm64", "v8"), "linux/arm64"),
        (("Linux", "ARM64", "V8"), "linux/arm64"),
        (("linux", "aarch64", ""), "linux/arm64"),
        (("linux", "arm64", "v9"), "linux/arm64/v9"),
        (("linux", "arm", ""), "linux/arm/v7"),
        (("linux", "arm", "7"), "linux/arm/v7"),
        (("linux", "arm", "v6"), "linux/arm/v6"),
        (("linux", "armhf", ""), "linux/arm/v7"),
        (("linux", "armel", ""), "linux/arm/v6"),
        (("windows", "amd64", ""), "windows/amd64"),
        (("", "amd64", ""), ""),
        (("linux", "", "v8"), ""),
    ],
)
def test_one_platform_has_one_spelling(parts: tuple[str, str, str], spelled: str) -> None:
    assert platform(*parts) == spelled


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", max_size=6)


@given(
    names,
    st.one_of(st.sampled_from(["arm", "arm64", "amd64", "armhf"]), names),
    st.one_of(st.sampled_from(["v7", "v8", "8", "V8", "v1"]), names),
)
def test_a_spelling_stays_as_it_is(os: str, architecture: str, variant: str) -> None:
    once = platform(os, architecture, variant)
    assert not once or platform(*once.split("/")) == once
