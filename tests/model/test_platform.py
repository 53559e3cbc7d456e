"""Platforms in one spelling each."""

from __future__ import annotations

import pytest

from promoter.model.platform import missing_platforms, normal_platform


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/7", "linux/arm/v7"),
        ("Linux/ARM/v6", "linux/arm/v6"),
    ],
)
def test_what_runs_the_same_images_is_spelled_the_same(text: str, normal: str) -> None:
    assert normal_platform(text) == normal
    assert normal_platform(normal) == normal


def test_what_is_missing_is_told_as_it_was_asked_for() -> None:
    present = ("linux/amd64", "linux/arm64/v8", "linux/arm/v6")
    assert missing_platforms(("linux/arm64", "linux/amd64"), present) == ()
    assert missing_platforms(("linux/arm", "windows/amd64"), present) == (
        "linux/arm",
        "windows/amd64",
    )
