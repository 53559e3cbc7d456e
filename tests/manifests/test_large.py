"""Large and hostile files: time and memory grow with the size, and never faster."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from promoter.manifests import Setting, find_sites, set_images, set_values
from promoter.model.image import ImageName, ImageReference
from tests.manifests.reading import NEW, WEB

POD = """\
- kind: Pod
  metadata: {{name: web-{0}, labels: {{app: web}}}}
  spec:
    containers:
    - name: web # the app
      image: {1}:v{0}
"""


def pods(count: int) -> bytes:
    text = "".join(POD.format(number, WEB) for number in range(count))
    return f"apiVersion: v1\nkind: List\nitems:\n{text}".encode()


def seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def test_many_edits_of_one_file_take_time_in_proportion() -> None:
    image = ImageReference.parse(f"{WEB}:v2@{NEW}")
    few, many = pods(150), pods(1500)
    assert len(set_images("a.yaml", many, image).changed) == 1500
    first = min(seconds(lambda: set_images("a.yaml", few, image)) for _ in range(3))
    # Ten times the sites; a quadratic step would show as a hundred.
    assert seconds(lambda: set_images("a.yaml", many, image)) < 30 * first


def test_as_many_refusals_take_time_in_proportion() -> None:
    few, many = (pods(count).replace(b"image: g", b"image: &i g") for count in (100, 1000))
    alias = b"- *i\n"
    image = ImageReference.parse(f"{WEB}:v2")

    def refuse(content: bytes) -> None:
        assert set_images("a.yaml", content + alias, image).problems

    first = min(seconds(lambda: refuse(few)) for _ in range(3))
    assert seconds(lambda: refuse(many)) < 30 * max(first, 0.01)


def test_a_long_line_and_a_long_value_are_edited_like_any_other() -> None:
    long = "x" * 3_000_000
    content = f"a: {long} # {long}\nb: {{c: '{long}', d: v1}} # {long}\n"
    after = set_values("a.yaml", content.encode(), [Setting("/b/d", "v2"), Setting("/a", "y2")])
    assert after.decode() == content.replace(f"a: {long}", "a: y2").replace("v1", "v2")


def test_an_alias_bomb_is_neither_expanded_nor_edited_by_accident() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    content = "\n".join([*lines, f"image: {WEB}:v1", ""]).encode()
    sites, problems = find_sites("a.yaml", content, [ImageName.parse(WEB)])
    assert (len(sites), problems) == (1, ())
    done = set_images("a.yaml", content, ImageReference.parse(f"{WEB}:v2"))
    assert done.content == content.replace(b"web:v1", b"web:v2")


MEASURE = """\
import resource, sys, time
from promoter.manifests import Setting, set_values
content = sys.stdin.buffer.read()
start = time.process_time()
after = set_values("a.yaml", content, [Setting("/items/200000/spec/containers/0/image", "x")])
assert len(after) < len(content)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(time.process_time() - start, peak / 1024)
"""


@pytest.mark.soak
def test_fifty_megabytes_are_edited_within_two_minutes_and_three_gigabytes() -> None:
    content = pods(50 * 1024 * 1024 // len(POD.format(100_000, WEB)))
    assert len(content) > 49_000_000
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, input=content, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    spent, peak = map(float, done.stdout.split())
    assert spent < 120
    assert peak < 3_000
