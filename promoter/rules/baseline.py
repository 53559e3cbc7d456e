"""Baseline files: `.promoter/baseline/ENVIRONMENT.yaml`, a line an application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from promoter.errors import InputError, Where
from promoter.model.baseline import Baseline
from promoter.model.image import ImageReference
from promoter.model.release import Release
from promoter.rules.composition import Words
from promoter.rules.document import Document, describe, read_mapping
from promoter.rules.wording import printable, quote

_WORDS = Words(
    empty="holds no baseline: delete the file",
    second="only one document stands here: delete what comes after it",
    mapping="a baseline is a mapping of applications to images",
    what="baseline files",
)
_HEAD = """\
# What was offered here when promoter was adopted: none of it, nor anything older, is proposed by
# itself. Newer releases are. `promoter promote --image` brings one of these all the same; a line
# that is deleted is proposed at the next look.
"""
_LINE = re.compile(r"(?P<quote>[\"']?)(?P<name>[A-Za-z0-9._-]+)(?P=quote):(?=[ \t\r\n]|\Z)")
_PLAIN = re.compile(r"(?!(?:y|yes|n|no|on|off|true|false|null)\Z)[a-z][a-z0-9._-]*", re.IGNORECASE)
"""Other names YAML may take for something else: they stand in quotes."""


def read_baseline(path: str, content: bytes) -> Baseline:
    """Raises InputError with the first thing that is wrong."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        message = "is not UTF-8 text: save it as UTF-8, or delete it"
        raise InputError(message, where=Where(path)) from None
    document, errors = read_mapping(path, text, _WORDS)
    for error in errors:
        raise error
    if document is None:
        raise InputError(_WORDS.mapping, where=Where(path))
    return {
        application: Release.of(_images(document, application)) for application in document.data
    }


def _images(document: Document, application: str) -> Iterator[ImageReference]:
    value = document.data[application]
    where = document.find((application,))[1].at
    texts = value if isinstance(value, list) else [value]
    if not texts:
        raise InputError(f"{printable(application)}: name an image, or delete it", where=where)
    for each in texts:
        if not isinstance(each, str):
            message = f"{printable(application)}: expected an image, found {describe(each)}"
            raise InputError(message, where=where)
        try:
            image = ImageReference.parse(each)
        except ValueError as error:
            raise InputError(f"{printable(application)}: {error}", where=where) from None
        if image.tag is None and image.digest is None:
            message = f"{printable(application)}: {quote(each)} names no version"
            raise InputError(message, where=where)
        yield image


def write_baseline(content: bytes, releases: Mapping[str, Release]) -> bytes:
    """The file with these releases; lines of other applications, and comments, stay."""
    lines = content.decode("utf-8").splitlines(keepends=True) or _HEAD.splitlines(keepends=True)
    left = dict(releases)
    for index, line in enumerate(lines):
        match = _LINE.match(line)
        if match and match["name"] in left:
            lines[index] = _spell(match["name"], left.pop(match["name"]))
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    lines += [_spell(name, left[name]) for name in sorted(left)]
    return "".join(lines).encode()


def _spell(application: str, release: Release) -> str:
    texts = [f'"{each.normal}"' for each in release.artifacts]
    value = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    name = application if _PLAIN.fullmatch(application) else f'"{application}"'
    return f"{name}: {value}\n"
