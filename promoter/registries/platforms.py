"""Platforms in one spelling: `os/architecture[/variant]`.

Built from what indexes and configs say (image-spec, "Image Index"), with the spellings that mean
the same made one: `linux/arm64` is `linux/arm64/v8`, `linux/arm` is `linux/arm/v7`, `x86_64` is
`amd64` and `aarch64` is `arm64`. The default variant of a 64-bit architecture is left out, that of
arm is written: `linux/arm64`, `linux/amd64`, `linux/arm/v7`, `linux/arm/v6`.
"""

from __future__ import annotations

_SAME = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "i386": ("386", ""),
}
_IMPLIED = {("amd64", "v1"), ("arm64", "v8"), ("arm64", "8")}


def platform(os: str, architecture: str, variant: str = "") -> str:
    """In lower case; empty where the system or the architecture is."""
    os, architecture, variant = os.lower(), architecture.lower(), variant.lower()
    if not os or not architecture:
        return ""
    if architecture in _SAME:
        architecture, implied = _SAME[architecture]
        variant = variant or implied
    if architecture == "arm":
        variant = f"v{variant.removeprefix('v') or '7'}"
    if (architecture, variant) in _IMPLIED:
        variant = ""
    return "/".join(part for part in (os, architecture, variant) if part)
