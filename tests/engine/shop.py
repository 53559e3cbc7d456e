"""A real bare repository with Kustomize targets, and questions about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from promoter.access.mirror import Mirror
from promoter.model.facts import PeriodsOf, ReadingOf
from promoter.model.image import ImageName
from promoter.model.target import Target
from promoter.repositories.git import GitRepository
from tests.decisions.rules import MANIFESTS

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
NOW = START + timedelta(days=30)
WEB = ImageName.parse("ghcr.io/shop/web")
DEV = Target("web", "dev", "apps/web/dev")


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def kustomization(tag: str, comment: str = "") -> bytes:
    return (
        f"{comment}images:\n  - name: ghcr.io/shop/web\n    newTag: {tag!r}\n".replace("'", '"')
    ).encode()


def opened(remote: Path, cache: Path) -> GitRepository:
    mirror = Mirror(str(remote), cache)
    repository = GitRepository(mirror, name="Bot", email="bot@example.com", now=lambda: NOW)
    repository.refresh()
    return repository


def periods_of(commit: str, target: Target = DEV) -> PeriodsOf:
    return PeriodsOf(MANIFESTS, commit, target, (WEB,))


def reading_of(commit: str, target: Target = DEV) -> ReadingOf:
    return ReadingOf(MANIFESTS, commit, target, (WEB,))
