"""Platforms in rules: `linux/amd64`, `linux/arm/v7`."""

from __future__ import annotations

import re

from promoter.model.platform import normal_platform
from promoter.rules.wording import find_nearest, guess, quote

_SYSTEMS = ("linux", "windows", "darwin", "freebsd", "wasi", "wasip1")
_ARCHITECTURES = (
    *("amd64", "arm64", "arm", "386", "ppc64le", "ppc64", "s390x", "riscv64", "loong64"),
    *("mips64le", "mips64", "mipsle", "mips", "wasm"),
)
# As the kernel, Debian and compilers call what Go, and so every registry, calls otherwise.
_ALSO_CALLED = {
    "x86_64": "amd64",
    "x64": "amd64",
    "aarch64": "arm64",
    "armv8": "arm64",
    "armv7": "arm/v7",
    "armhf": "arm/v7",
    "armv6": "arm/v6",
    "i386": "386",
    "x86": "386",
}
_VARIANT = re.compile(r"v?[0-9]+(?:\.[0-9]+)?")


def check_platform(text: str) -> str:
    """The platform in its normal spelling; ValueError with a suggestion where it is none."""
    system, slash, rest = text.partition("/")
    if not slash:
        bare = _ALSO_CALLED.get(text, text)
        hint = f"; did you mean 'linux/{bare}'?" if bare.split("/")[0] in _ARCHITECTURES else ""
        raise ValueError(f"{quote(text)} is not a platform: write os/architecture{hint}")
    architecture, slash, variant = rest.partition("/")
    if system not in _SYSTEMS:
        raise ValueError(
            f"{quote(text)}: the os {quote(system)} is not known{guess(system, _SYSTEMS)}"
        )
    if architecture not in _ARCHITECTURES:
        other = _ALSO_CALLED.get(architecture) or find_nearest(architecture, _ARCHITECTURES)
        hint = (
            f"; did you mean {quote(f'{system}/{other}')}?"
            if other
            else f"; known: {', '.join(_ARCHITECTURES)}"
        )
        raise ValueError(
            f"{quote(text)}: the architecture {quote(architecture)} is not known{hint}"
        )
    if slash and not _VARIANT.fullmatch(variant):
        raise ValueError(f"{quote(text)}: the variant {quote(variant)} is not one such as v7 or v8")
    return normal_platform(text)
