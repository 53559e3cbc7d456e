"""Names of images in rules, which may hold `{application}`."""

from __future__ import annotations

from promoter.model.image import ImageName, ImageReference
from promoter.rules.wording import printable, quote

# Stands in for an application's name; spelled so that no real name is mistaken for it.
_SAMPLE = "a0sample0a"


def check_image(image: str) -> str:
    """`image` as it is; ValueError where it is no image's name, or says a tag or a digest."""
    if "://" in image:
        raise ValueError(f"{quote(image)}: write it without {image.partition('://')[0]}://")
    filled = _fill(image)
    if "{" in filled or "}" in filled:
        raise ValueError(f"{quote(image)}: only {{application}} is filled in here")
    name_only = f"{quote(image)}: write the name only; `select` decides the tag"
    try:
        reference = ImageReference.parse(filled)
    except ValueError as error:
        reason = printable(str(error).replace(_SAMPLE, "{application}"))
        raise ValueError(name_only if "@" in image else reason) from None
    if reference.tag is not None or reference.digest is not None:
        raise ValueError(name_only)
    return image


def sample_name(image: str) -> ImageName | None:
    """A name to compare: equal for two spellings of one image; None where it is no name."""
    try:
        return ImageName.parse(_fill(image))
    except ValueError:
        return None


def _fill(image: str) -> str:
    return image.replace("{application}", _SAMPLE)
