"""A shop with one application, and what a build there hands on to the job that promotes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.ci import clear_ci
from tests.stories.shop import HOST, WEB, Shop, open_shop

IMAGE = f"{HOST}/shop/web"
# The policy follows a line that gets no new version here: what comes was asked for.
RULE = """\
version: 1
repository: {{url: {url}, branch: main, forge: local}}
artifacts:
  - image: {host}/shop/{{application}}
    select: {{semver: "1.0.x"}}
applications:
{applications}
environments:
  dev: {{}}
  staging: {{after: dev, require: [soak: 1h]}}
"""


@contextlib.contextmanager
def open_kiosk(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, over_http: bool = True
) -> Iterator[Shop]:
    """`web` runs 1.0.0; 1.1.0 and 1.2.0 were just built. No CI system is around the test."""
    clear_ci(monkeypatch)
    with open_shop(folder, monkeypatch, (WEB,), RULE, over_http=over_http) as opened:
        for version in ("1.1.0", "1.2.0"):
            opened.publish(version)
        yield opened


def built(shop: Shop, version: str) -> str:
    """As a build hands it on."""
    return f"{IMAGE}:{version}@{shop.digests['web', version]}"
