"""What the editor does with real repositories, as the table in README.

Every image of every file of ../shared/corpus is set to another tag and digest, as `promoter edit
--image` does on one file, and every measured case of edit_cases.jsonl is set by its pointer.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

from promoter.errors import InputError
from promoter.manifests import Setting, find_sites, is_manifest, set_images, set_values
from promoter.manifests.nodes import pointer
from promoter.model.image import ImageName, ImageReference

_CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
_NAME = re.compile(
    rb"(?:image|repository|name|newName|[-=])[\"']?:?[ \t]+[\"']?([a-z0-9][A-Za-z0-9./_:-]*)"
)
_NEW = ("v9.9.9", "sha256:" + "1" * 64)

# The reasons of refusals, by what their messages hold; the first that fits counts.
_REASONS = {
    "would drop the digest": "would drop a digest",
    "template expression": "a template expression",
    "alias": "shared by an alias",
    "several lines": "spans several lines",
    "is not YAML": "the file is not YAML",
    "stands beside": "a tag stands beside the digest",
    "no tag key": "no key for a tag",
    "both claim": "two images claim one place",
    "stands": "a key stands twice",
    "digest of": "a version that can't be read",
    "tag of": "a version that can't be read",
}


def main() -> int:
    if not _CORPUS.exists():
        print("corpus_edits: ../shared/corpus is absent, nothing measured", file=sys.stderr)
        return 0  # `make bench` goes on with what it can measure
    files = {
        str(file.relative_to(_CORPUS)): file.read_bytes()
        for file in sorted(_CORPUS.rglob("*"))
        if file.is_file() and is_manifest(file.name)
    }
    rows = [*_edit_images(files, _NEW), *_edit_images(files, (_NEW[0], None)), *_edit_cases(files)]
    print("| what | count |\n|---|---:|")
    print("\n".join(f"| {what} | {count} |" for what, count in rows))
    return 0


def _edit_images(files: dict[str, bytes], version: tuple[str, str | None]) -> list[tuple[str, str]]:
    """Each image of each file by itself: edited in as many lines as it has sites, or refused."""
    seen: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    seconds = 0.0
    for path, content in files.items():
        for name in _images(path, content):
            seen["images"] += 1
            start = time.perf_counter()
            after, changed, problems = set_images(
                path, content, ImageReference(name, version[0], version[1])
            )
            seconds += time.perf_counter() - start
            if problems:
                seen["refused"] += 1
                reasons[_reason(str(problems[0]))] += 1
            elif changed:
                removed, added = _differing_lines(content, after)
                seen["edited"] += 1
                seen["one line"] += (removed, added) == (1, 1)
                seen["as intended"] += removed <= added <= 2 * len(changed)
    form = "NAME:TAG@DIGEST" if version[1] else "NAME:TAG"
    return [
        (f"`--image {form}`: images, counted by file", f"{seen['images']:,}"),
        ("edited", f"{seen['edited']:,}"),
        ("of these, a diff of one line", f"{seen['one line']:,}"),
        ("of these, only lines of the image's sites differ", f"{seen['as intended']:,}"),
        ("refused, file unchanged", f"{seen['refused']:,}"),
        *((f"refused: {why}", f"{count:,}") for why, count in reasons.most_common()),
        ("images a second", f"{seen['images'] / seconds:,.0f}"),
    ]


def _images(path: str, content: bytes) -> list[ImageName]:
    """Every image that has a site or a problem in the file."""
    names: dict[ImageName, None] = {}
    for text in _NAME.findall(content):
        try:
            names[ImageReference.parse(text.decode()).name] = None
        except ValueError:
            continue
    sites, problems = find_sites(path, content, list(names))
    told = " ".join(each.message for each in problems)
    at_sites = {site.image.name for site in sites}
    return [name for name in names if name in at_sites or str(name) in told or name.written in told]


def _differing_lines(before: bytes, after: bytes) -> tuple[int, int]:
    old, new = Counter(before.split(b"\n")), Counter(after.split(b"\n"))
    return (old - new).total(), (new - old).total()


def _reason(message: str) -> str:
    return next((why for part, why in _REASONS.items() if part in message), message)


def _edit_cases(files: dict[str, bytes]) -> list[tuple[str, str]]:
    """The measured cases by pointer, and those that name a whole image by `--image`."""
    seen: Counter[str] = Counter()
    lines = (_CORPUS / "edit_cases.jsonl").read_text("utf-8").splitlines()
    for case in map(json.loads, lines):
        path = f"{case['repo']}/{case['file']}"
        content = files.get(path) or (_CORPUS / path).read_bytes()
        setting = Setting(pointer(tuple(map(str, case["path"]))), case["new"], case["doc"])
        try:
            after = set_values(path, content, [setting], shared=True)
        except InputError:
            seen["refused"] += 1
            continue
        if _sha256(after) == case["expect_sha256"]:
            seen["same bytes"] += 1
        elif case["expect_sha256"] in {_sha256(each) for each in _other_quotes(after, case["new"])}:
            seen["other quotes"] += 1
        else:
            seen["different"] += 1
        if "@" in case["old"] and "@" not in case["new"]:
            seen["drops a digest"] += 1
    return [
        ("`--set`: measured cases", f"{len(lines):,}"),
        ("the expected bytes", f"{seen['same bytes']:,}"),
        ("the expected bytes but for the kind of new quotes", f"{seen['other quotes']:,}"),
        ("other bytes", f"{seen['different']:,}"),
        ("refused", f"{seen['refused']:,}"),
        ("of the cases, would drop a digest (`--image` refuses them)", f"{seen['drops a digest']}"),
    ]


def _other_quotes(content: bytes, value: str) -> list[bytes]:
    raw = value.encode()
    return [
        content.replace(one + raw + one, other + raw + other, 1)
        for one, other in ((b'"', b"'"), (b"'", b'"'))
    ]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
