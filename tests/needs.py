"""What a test needs from outside: real services and the shared data.

`need("docker-registry")` skips the test where the thing is absent, or fails it where
PROMOTER_TEST_REQUIRE names it (comma-separated) or says `all`, as .ci/run does.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def need(name: str) -> Path:
    """The path of a program on PATH, or of a folder `shared/...`; skips or fails without it."""
    if name.startswith("shared/"):
        folder = SHARED / name.removeprefix("shared/")
        found = folder if folder.exists() else None
    else:
        program = shutil.which(name)
        found = Path(program) if program else None
    if found is not None:
        return found
    required = os.environ.get("PROMOTER_TEST_REQUIRE", "").replace(" ", "").split(",")
    if "all" in required or name in required:
        pytest.fail(f"{name} is absent, and PROMOTER_TEST_REQUIRE asks for it", pytrace=False)
    pytest.skip(f"{name} is absent")
