"""A body that anybody may have sent, read without trust. Pure.

What is wrong with it is told by the names of its fields alone, never by what stands in them.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from promoter.model.image import ImageName, ImageReference, is_tag
from promoter.service.webhooks.nudge import ImagePushed

MOST_EVENTS = 1000  # in one body
_MOST_CONTAINERS = 20_000  # a megabyte of `[],` would take thirty

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_.-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")


class MalformedError(ValueError):
    """A body that its source would not send; `str()` is one line that holds nothing of it."""


def load(body: bytes) -> object:
    """The JSON value; raises MalformedError."""
    if body.count(b"[") + body.count(b"{") > _MOST_CONTAINERS:
        raise MalformedError(f"it has more than {_MOST_CONTAINERS} lists and objects")
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
    except RecursionError:
        raise MalformedError("the JSON is nested too deeply") from None
    except ValueError:  # no UTF-8, no JSON, or a number of thousands of digits
        raise MalformedError("the body is not JSON in UTF-8") from None


def member(value: object, *keys: str) -> object:
    """What stands under the keys, one inside the other; None where nothing does."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text(value: object, *keys: str) -> str:
    """The text under the keys, "" where there is none; raises MalformedError for another type."""
    found = member(value, *keys)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise MalformedError(f"{_name(keys)} is not a text")
    return found


def needed(value: object, *keys: str) -> str:
    """The text under the keys; raises MalformedError where there is none."""
    found = text(value, *keys)
    if not found:
        raise MalformedError(f"{_name(keys)} is missing")
    return found


def items(value: object, *keys: str) -> list[object]:
    """The list under the keys; raises MalformedError where there is none, or too much in it."""
    found = member(value, *keys)
    if not isinstance(found, list):
        raise MalformedError(f"{_name(keys)} is not a list")
    if len(found) > MOST_EVENTS:
        raise MalformedError(f"{_name(keys)} has more than {MOST_EVENTS} entries")
    return found


def pushed(path: str, host: str | None, tag: str | None) -> ImagePushed:
    """The nudge, with every part looked at; raises MalformedError. Some products tell a path as
    their pages show it, in upper case, too."""
    try:
        name = ImageName.parse(f"registry.invalid/{path.lower()}")
    except ValueError:
        raise MalformedError("the repository is not a name that a registry can have") from None
    if tag is not None and not is_tag(tag):
        raise MalformedError("the tag is not one")
    return ImagePushed(name.path, host, tag)


def pushed_reference(reference: str) -> ImagePushed:
    """The nudge for `host/path[:tag][@digest]`, also with a scheme; raises MalformedError."""
    bare = _SCHEME.sub("", reference, count=1)
    # The digest decides nothing, and need not be of a kind that we know.
    bare = bare.partition("@")[0]
    try:
        read = ImageReference.parse(bare)
    except ValueError:
        raise MalformedError("the image is not a reference") from None
    return ImagePushed(read.name.path, read.name.registry, read.tag)


def host_in(url: str) -> str | None:
    """`host` or `host:port` of a URL, or of what begins with one; None where there is none."""
    host = re.split(r"[/?#]", _SCHEME.sub("", url, count=1), maxsplit=1)[0].lower()
    return host if _HOST.fullmatch(host) else None


def _name(keys: tuple[str, ...]) -> str:
    return ".".join(keys) or "the body"


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")
