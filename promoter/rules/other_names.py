"""`images`: no two artifacts may have one name in an environment, or one of them would be lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from promoter.model.image import ImageName
from promoter.model.image_prefix import ImagePrefix
from promoter.model.rule import EnvironmentRule, Upstream
from promoter.rules.images import check_prefix, sample_name, spelled
from promoter.rules.wording import quote

Artifact = tuple[int, ImageName]
"""An artifact by its place in the file, with a name to compare."""


def find_clashes(images: Mapping[str, str], artifacts: Sequence[str | None]) -> Iterator[str]:
    """What is wrong with an environment's `images`, as sentences; `artifacts` are the names of the
    rule's, None for one that has none. Prefixes and names that are wrong themselves are passed
    over."""
    try:
        pairs = [
            (ImagePrefix.parse(check_prefix(there)), ImagePrefix.parse(check_prefix(here)))
            for there, here in images.items()
        ]
    except ValueError:
        return
    environment = EnvironmentRule("", Upstream(), images=tuple(pairs))
    taken: dict[ImageName, Artifact] = {}
    for index, image in enumerate(artifacts):
        name = sample_name(image) if image is not None else None
        if name is None:
            continue
        try:
            here = environment.name_here(name)
        except ValueError:
            continue
        first, called = taken.setdefault(here, (index, name))
        if called != name:
            yield (
                f"artifacts[{first}] and artifacts[{index}] are both {quote(spelled(here))} here:"
                " give each a name of its own"
            )
