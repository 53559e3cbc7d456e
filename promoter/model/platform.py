"""Platforms of images, `os/architecture[/variant]`, in one spelling each."""

from __future__ import annotations

from collections.abc import Iterable

# The variants that say nothing beyond the architecture, as containerd normalizes them.
_IMPLIED = {("amd64", "v1"): "", ("arm64", "v8"): "", ("arm", ""): "v7"}


def normal_platform(text: str) -> str:
    """`linux/arm64` of `linux/arm64/v8`: equal for platforms that run the same images."""
    system, _, rest = text.lower().partition("/")
    architecture, _, variant = rest.partition("/")
    if variant.isdigit():
        variant = f"v{variant}"
    variant = _IMPLIED.get((architecture, variant), variant)
    return "/".join(part for part in (system, architecture, variant) if part)


def missing_platforms(wanted: Iterable[str], present: Iterable[str]) -> tuple[str, ...]:
    """Those of `wanted` that are not among `present`, in their order."""
    held = {normal_platform(each) for each in present}
    return tuple(each for each in wanted if normal_platform(each) not in held)
