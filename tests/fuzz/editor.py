"""Damages real manifests at random and edits what comes out.

Whatever a file holds, the editor answers with an edit that other readers confirm, or with one
clear InputError; never with another exception, and never by touching anything else. Run by
hand: `python -m tests.fuzz.editor SECONDS [SEED]`.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from promoter.errors import InputError
from promoter.manifests import Setting, find_sites, near_misses, set_images, set_values
from promoter.manifests.changes import InsertImage
from promoter.manifests.events import parse
from promoter.manifests.nodes import pointer
from promoter.manifests.splice import splice
from promoter.model.image import ImageReference
from tests.manifests.oracle import (
    Spot,
    leaves,
    lies_below,
    load,
    manifests_in,
    names_in,
    scalars_in,
)
from tests.needs import SHARED

TOKENS = [
    *("\n", "\r\n", "\r", " ", "  ", "\t", "- ", ": ", ":", "#", " # c", "[", "]", "{", "}", ","),
    *("&a ", "*a", "<<: *a", "|\n", ">-\n", "|+\n", "'", '"', "\\", "---\n", "...\n", "--- ", "? "),
    *("!!str ", "!x ", "~", "null", "${T}", "{{ .x }}", "\x00", "\x85", "\u2028", "\ufeff", "😀"),
    *("images:\n", "images: []\n", "tag:", "digest:", "image: ", "%YAML 1.1\n", "@", "=", "`"),
]
VALUES = [
    *("v9.9.9", "1.10", "yes", "~", "0x1F", "12_3", "1:30", "a b", "a: b", "#", "é", "", "'", '"'),
    *("sha256:" + "1" * 64, "ghcr.io/a/b:v1@sha256:" + "2" * 64, "[x]", "*a", "\\", "2024-01-02"),
]
DIGEST = "sha256:" + "3" * 64


def damage(random_: random.Random, text: str) -> str:
    """The text after a few small accidents."""
    for _ in range(random_.randint(0, 6)):
        at = random_.randrange(len(text) + 1)
        kind = random_.randrange(6)
        if kind <= 1:
            text = text[:at] + random_.choice(TOKENS) + text[at:]
        elif kind == 2:
            text = text[:at] + text[at + random_.randint(1, 8) :]
        elif kind == 3:  # a line twice, or moved
            lines = text.split("\n")
            line = lines[random_.randrange(len(lines))]
            lines.insert(random_.randrange(len(lines) + 1), line)
            text = "\n".join(lines)
        elif kind == 4:
            lines = text.split("\n")
            number = random_.randrange(len(lines))
            lines[number] = " " * random_.randint(0, 4) + lines[number].lstrip()
            text = "\n".join(lines)
        else:
            text = random_.choice(
                [text.replace("\n", "\r\n"), text.rstrip("\n"), "\ufeff" + text, text[:at]]
            )
    return text


def exercise(random_: random.Random, path: str, content: bytes) -> Counter[str]:
    """A few edits of one file, each judged; AssertionError or a crash is a finding."""
    seen: Counter[str] = Counter()
    names = names_in(content)[:20]
    sites, problems = find_sites(path, content, names)
    near_misses(path, content, names)
    seen.update(sites=len(sites), problems=len(problems))
    for name in random_.sample(names, min(2, len(names))):
        reference = ImageReference.parse(f"{name}:v9.9.9@{DIGEST}")
        done = set_images(path, content, reference)
        assert bool(done.changed) == (done.content != content)
        assert not (done.changed and done.problems)
        if done.changed:
            prefixes = [(site.document, _path(site.pointer)) for site in done.changed]
            judge(content, done.content, prefixes, None)
        seen["images edited" if done.changed else "images left"] += 1
    scalars = list(scalars_in(content))
    for spot in random_.sample(scalars, min(3, len(scalars))):
        value = random_.choice(VALUES)
        setting = Setting(pointer(spot[1]), value, spot[0])
        try:
            after = set_values(path, content, [setting])
        except InputError as error:
            seen["values refused" if error.where else "refused without a place"] += 1
            continue
        judge(content, after, [spot], value)
        seen["values set"] += 1
    seen.update(insert(path, content))
    return seen


def insert(path: str, content: bytes) -> Counter[str]:
    try:
        stream = parse(path, content)
        after = splice(stream, [InsertImage(0, "promoter.example/new", "1.10", DIGEST)]).content
    except InputError:
        return Counter({"entries refused": 1})
    judge(content, after, [(0, ("images",))], None)
    return Counter({"entries inserted": 1})


def judge(before: bytes, after: bytes, spots: Sequence[Spot], value: str | None) -> None:
    """Another reader finds what differs, and only that; a value reads as the text that it is."""
    for pure in (False, True):
        old, new = load(before, pure=pure), load(after, pure=pure)
        if old is None:
            continue
        assert new is not None, "readable before, not after"
        was, now = leaves(old), leaves(new)
        if was is None or now is None:
            continue
        for spot in was.keys() | now.keys():
            if was.get(spot) != now.get(spot):
                assert any(lies_below(spot, each) for each in spots), f"{spot} changed too"
        if value is not None and spots[0] in now:
            assert now[spots[0]] == ("str", value), f"{now[spots[0]]} is not {value!r}"


def _path(text: str) -> tuple[str, ...]:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def fuzz(folder: Path, seconds: float, seed: int) -> Counter[str]:
    """Runs for so long; AssertionError with file, seed and round where something is wrong."""
    random_ = random.Random(seed)
    files = [file for file in manifests_in(folder) if file.stat().st_size < 8_000]
    seen: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        file, state = random_.choice(files), random_.getrandbits(64)
        own = random.Random(state)
        content = damage(own, file.read_bytes().decode(errors="replace")).encode()
        try:
            seen.update(exercise(own, str(file.relative_to(folder)), content))
        except Exception as error:
            finding = f"{file.relative_to(folder)}, state {state}: {type(error).__name__}: {error}"
            raise AssertionError(f"{finding}\n{content!r}") from error
        seen["files"] += 1
    return seen


if __name__ == "__main__":
    corpus = SHARED / "corpus"
    if not corpus.exists():
        sys.exit("shared/corpus is absent, there is nothing to damage")
    counts = fuzz(corpus, float(sys.argv[1]), int((sys.argv[2:] or ["1"])[0]))
    sys.stdout.write(
        ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items())) + "\n"
    )
