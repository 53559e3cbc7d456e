"""Names, digests and one-file edits for the stories of this folder."""

from __future__ import annotations

from promoter.manifests import edit_target, find_sites
from promoter.model.image import ImageName, ImageReference
from promoter.model.release import Release
from promoter.model.rule import Pin
from promoter.model.target import Edit, Site

WEB = "ghcr.io/shop/web"
OLD = "sha256:" + "0" * 64
NEW = "sha256:" + "1" * 64


def names(*texts: str) -> tuple[ImageName, ...]:
    return tuple(ImageName.parse(text) for text in texts or (WEB,))


def sites_in(path: str, content: bytes, *texts: str) -> tuple[Site, ...]:
    """The sites of a file that has no problems."""
    sites, problems = find_sites(path, content, names(*texts))
    assert problems == ()
    return sites


def edit(path: str, content: bytes, *references: str, pin: Pin | None = None) -> Edit:
    """One file edited to a release of these references."""
    release = Release.of(ImageReference.parse(each) for each in references)
    sites, _ = find_sites(path, content, release.names)
    pins: dict[ImageName, Pin] = dict.fromkeys(release.names, pin) if pin else {}
    return edit_target({path: content}, sites, release, pins)


def edited(path: str, content: bytes, *references: str, pin: Pin | None = None) -> bytes:
    """The bytes after an edit that is not refused."""
    result = edit(path, content, *references, pin=pin)
    assert result.refused == ()
    return result.changes[0].after if result.changes else content


def refusal(path: str, content: bytes, *references: str, pin: Pin | None = None) -> str:
    """The one reason why an edit is refused; nothing is changed then."""
    result = edit(path, content, *references, pin=pin)
    assert result.changes == ()
    assert len(result.refused) == 1
    return str(result.refused[0])
