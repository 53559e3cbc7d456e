"""What a forge publishes of its API, to hold requests and answers against.

`../shared/contracts/check.py` matches a request to an operation and checks it with JSON Schema;
where it is absent, a test that needs it skips and says so.
"""

from __future__ import annotations

import importlib.util
import json
import re
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.needs import need

_FEW = 3
"""How many elements of a long list are checked: the first ones and the last; the rest look the
same, and a schema takes milliseconds for each."""

# `nullable` beside `oneOf`, or with an `enum` that leaves null out, is meant to let null pass, as
# GitHub does; JSON Schema does not see it.
_NULL_IS_MEANT = re.compile(
    r"(?:^|/)(?:(?:author|committer): None is not valid under any"
    r"|(?:conclusion|state_reason): None is not one of)"
)


@cache
def _checks(folder: Path, name: str, base: str) -> Any:
    spec = importlib.util.spec_from_file_location("contracts_check", folder / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Contract(folder / name, base)


class Contract:
    """The checks of one published API; thread-safe. What breaks it is kept in `violations`."""

    def __init__(self, name: str, base: str) -> None:
        self._checks: Any = _checks(need("shared/contracts"), name, base)
        self._lock = threading.Lock()
        self._checked: dict[tuple[str, str, int, str], list[str]] = {}
        self.violations: list[str] = []

    def check_request(
        self, method: str, path: str, query: Sequence[tuple[str, str]], body: object
    ) -> None:
        """Note what the API does not take: an unknown field, a wrong type, no such operation."""
        if path.endswith("/labels") and isinstance(body, list):
            body = {"labels": body}  # taken bare as well, as GitHub's schema says in words only
        with self._lock:
            try:
                _, errors = self._checks.request(method, path, query, body)
            except KeyError as error:
                errors = [str(error.args[0])]
            self.violations += [f"request {method} {path}: {each}" for each in errors]

    def check_response(self, method: str, path: str, status: int, body: object) -> None:
        """Note where an answer is not what the API promises. A refusal may have a status that the
        description leaves out: it names few of them."""
        if isinstance(body, list) and len(body) > _FEW:
            body = [*body[: _FEW - 1], body[-1]]
        with self._lock:
            try:
                errors = self._response_errors(method, path, status, body)
            except KeyError:
                return  # the request was told of already
            if status >= 400:
                errors = [each for each in errors if "not documented" not in each]
            errors = [each for each in errors if not _NULL_IS_MEANT.search(each)]
            self.violations += [f"response {method} {path} {status}: {each}" for each in errors]

    def _response_errors(self, method: str, path: str, status: int, body: object) -> list[str]:
        """Whoever polls is told the same again and again: that is checked once."""
        key = method, path, status, json.dumps(body)
        if key not in self._checked:
            _, self._checked[key] = self._checks.response(method, path, status, body)
        return self._checked[key]

    def verify(self) -> None:
        """Fail the test with everything that broke the contract."""
        if self.violations:
            raise AssertionError("against the published API:\n" + "\n".join(self.violations))
