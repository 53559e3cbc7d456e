"""The editor over damaged files: a short look in every run, ten minutes in `make soak`."""

from __future__ import annotations

import pytest

from tests.fuzz.editor import fuzz
from tests.needs import need


def test_damaged_files_are_edited_rightly_or_refused() -> None:
    seen = fuzz(need("shared/corpus"), seconds=4, seed=1)
    assert seen["values set"] > seen["values refused"]
    assert seen["refused without a place"] == 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, 3])
def test_ten_minutes_of_damaged_files(seed: int) -> None:
    seen = fuzz(need("shared/corpus"), seconds=300, seed=seed)
    assert seen["values set"] > 1000
    assert seen["images edited"] > 100
    assert seen["entries inserted"] > 1000
    assert seen["refused without a place"] == 0
