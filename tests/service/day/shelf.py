"""A registry that answers whatever the day has in store."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from promoter.registries.images import build_image
from promoter.registries.media_types import OCI_MANIFEST
from tests.service.day.fate import Fate
from tests.services.misbehaving import Answer, Request, json_answer, registry_error

Mood = Literal["well", "down", "broken", "limited", "slow", "cut", "empty", "shrunken", "gone"]
MOODS: tuple[Mood, ...] = ("down", "broken", "limited", "slow", "cut", "empty", "shrunken", "gone")


@dataclass
class Shelf:
    """`answer` is what a server of `tests.services.misbehaving` is asked to give."""

    fate: Fate
    password: str
    mood: Mood = "well"
    wait: int = 60
    """Seconds that a limit asks for."""
    tags: dict[str, list[str]] = field(default_factory=dict)
    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    _answers: dict[str, Answer] = field(default_factory=dict)

    def put(self, repository: str, tag: str, created: datetime) -> str:
        """A build pushes an image; its digest."""
        built = build_image(created, {"of": f"{repository} {tag}"})
        top = built.top
        headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": top.digest}
        for reference in (tag, top.digest):
            path = f"/v2/{repository}/manifests/{reference}"
            self._answers[path] = Answer(200, headers, top.data)
        for digest, data in built.blobs.items():
            self._answers[f"/v2/{repository}/blobs/{digest}"] = Answer(200, {}, data)
        self.digests[repository, tag] = built.digest
        there = self.tags.setdefault(repository, [])
        if tag not in there:
            there.append(tag)
        return built.digest

    def answer(self, request: Request) -> Answer:
        token = base64.b64encode(f"robot:{self.password}".encode()).decode()
        if self.mood == "down":
            return Answer(503)
        if self.mood == "limited":
            return Answer(429, {"Retry-After": str(self.wait)})
        if request.header("Authorization") != f"Basic {token}":
            return registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="shop"'})
        chance = self.fate.of(f"{request.method} {request.path}")
        if self.mood == "broken" and chance < 0.5:
            return Answer(500 if chance < 0.25 else 502)
        if self.mood == "slow":
            self.fate.slow(chance * 15)
        path = request.path.partition("?")[0]
        found = self._list(path) or self._answers.get(path)
        if found is None or self.mood == "gone":
            return registry_error(404, "NAME_UNKNOWN")
        if self.mood == "cut" and chance < 0.5:
            return Answer(found.status, found.headers, found.body, truncated=True)
        return found

    def _list(self, path: str) -> Answer | None:
        name = path.removeprefix("/v2/").removesuffix("/tags/list")
        if not path.endswith("/tags/list") or name not in self.tags:
            return None
        tags = sorted(self.tags[name])
        if self.mood == "empty":
            tags = []
        elif self.mood == "shrunken":
            tags = tags[: len(tags) // 2]
        return json_answer({"name": name, "tags": tags})
