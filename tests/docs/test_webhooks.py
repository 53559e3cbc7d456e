"""docs/webhooks.md: what it lets an operator type does what it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from promoter.service.webhooks.sources import SOURCES
from tests.needs import need
from tests.service.running import running_web

_TEXT = (Path(__file__).resolve().parents[2] / "docs/webhooks.md").read_text("utf-8")
_TRIES = re.findall(r"```sh\n(.*?)```", _TEXT.partition("## Try it")[2].partition("\n## ")[0], re.S)


@pytest.mark.parametrize("script", _TRIES)
def test_a_source_can_be_tried_with_curl(tmp_path: Path, script: str) -> None:
    need("curl"), need("openssl")
    with running_web(tmp_path) as web:
        settings = f'URL=http://127.0.0.1:{web.port} SECRETS="{tmp_path}"\n'
        done = subprocess.run(
            ["sh", "-euc", settings + script], capture_output=True, text=True, check=False
        )
    assert (done.stdout, done.stderr) == ("nothing to look at\n", "")


def test_three_ways_are_tried() -> None:
    assert len(_TRIES) == 3


def test_it_links_every_source_to_its_section() -> None:
    links = re.findall(r"\| \[`([a-z-]+)`\]\(#([a-z-]+)\)", _TEXT)
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"(?m)^#+ (.*)$", _TEXT)
    }
    assert [source for source, _ in links] == list(SOURCES)
    assert {anchor for _, anchor in links} <= headings


def test_it_names_every_result_that_is_counted() -> None:
    code = "\n".join(
        (Path(__file__).resolve().parents[2] / "promoter/service" / file).read_text("utf-8")
        for file in ("web.py", "webhooks/receiver.py")
    )
    results = set(re.findall(r'Answer\(\s*\d{3}, "([a-z-]+)"', code)) - {"ending"}
    told = _TEXT.partition("The results are ")[2].partition(".")[0]
    assert set(re.findall(r"`([a-z-]+)`", told)) == results
