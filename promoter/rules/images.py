"""Names of images in rules, which may hold `{application}`."""

from __future__ import annotations

import re

from promoter.model.image import ImageName, ImageReference
from promoter.model.image_prefix import ImagePrefix
from promoter.rules.wording import printable, quote

# Stands in for an application's name; spelled so that no real name is mistaken for it.
_SAMPLE = "a0sample0a"
_NAME_ONLY = "write the name only; `select` decides the tag"


def check_image(image: str) -> str:
    """`image` as it is; ValueError where it is no image's name, or says a tag or a digest."""
    if "://" in image:
        raise ValueError("write the name without '://' and what stands before it")
    if "@" in image:  # not quoted: before an '@' people write passwords, too
        raise ValueError(_NAME_ONLY)
    filled = _fill(image)
    if "{" in filled or "}" in filled:
        raise ValueError(f"{quote(image)}: only {{application}} is filled in here")
    try:
        reference = ImageReference.parse(filled)
    except ValueError as error:
        raise ValueError(printable(str(error).replace(_SAMPLE, "{application}"))) from None
    if reference.tag is not None:
        raise ValueError(f"{quote(image)}: {_NAME_ONLY}")
    return image


def check_prefix(text: str) -> str:
    """What names of images begin with, as it is; ValueError where no name begins so."""
    if "@" in text or "://" in text or "{" in text:
        raise ValueError("write a host, or a host and folders, such as harbor.example.com/apps/")
    try:
        ImagePrefix.parse(text)
    except ValueError as error:
        raise ValueError(printable(str(error))) from None
    return text


def sample_name(image: str) -> ImageName | None:
    """A name to compare: equal for two spellings of one image; None where it is no name."""
    try:
        return ImageName.parse(_fill(image))
    except ValueError:
        return None


def spelled(sample: ImageName) -> str:
    """A `sample_name` as a rule writes it."""
    return str(sample).replace(_SAMPLE, "{application}")


def application_of(image: str, name: ImageName) -> str | None:
    """What `{application}` of a rule's image stands for in `name`; empty where the rule's image
    is `name` without it, None where the rule does not follow `name`."""
    sample = sample_name(image)
    if sample is None:
        return None
    first, *more = str(sample).split(_SAMPLE)
    pattern = re.escape(first)
    for index, literal in enumerate(more):
        pattern += "(?P=application)" if index else "(?P<application>[^/]+)"
        pattern += re.escape(literal)
    match = re.fullmatch(pattern, str(name))
    return match.groupdict().get("application", "") if match else None


def _fill(image: str) -> str:
    return image.replace("{application}", _SAMPLE)
