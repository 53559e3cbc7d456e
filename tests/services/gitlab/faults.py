"""What goes wrong on the fake GitLab, when a test wants it to."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Fault:
    """What goes wrong with requests whose method and path match, `times` times after `skip`.

    `drop`: the work is done and the reply never sent. `status`: that is the answer instead (with
    `headers` and `body`), and nothing is done. `gate`: the work is done, and the reply waits until
    the test sets it.

    Pushes are struck by those that name the method `PUSH`.
    """

    method: str
    path: str
    skip: int = 0
    times: int = 1
    drop: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"Retry later\n"
    gate: threading.Event | None = None

    def strikes(self, method: str, path: str) -> bool:
        if not (re.fullmatch(self.method, method) and re.search(self.path, path)) or not self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True

    def strikes_push(self, path: str) -> bool:
        return "PUSH" in self.method and self.strikes("PUSH", path)
