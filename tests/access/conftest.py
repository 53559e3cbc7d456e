"""What every test of this floor starts from."""

from __future__ import annotations

from collections import OrderedDict

import pytest

from promoter.access import redaction


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redaction is the process's: a plain word that one test takes for a password would be masked
    in what the next one reads."""
    monkeypatch.setattr(redaction, "_lasting", type(redaction._lasting)())
    monkeypatch.setattr(redaction, "_passing", type(redaction._passing)())
    monkeypatch.setattr(redaction, "_recent", OrderedDict())
