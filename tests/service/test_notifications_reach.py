"""From a push to a real docker-registry to a nudge, through its own notifications."""

from __future__ import annotations

from pathlib import Path

from promoter.service.webhooks.nudge import ImagePushed
from tests.service.running import running_web
from tests.service.webhooks.examples import SECRET
from tests.services.notifications import Receiver
from tests.services.registry import running_registry


def test_a_push_by_tag_is_one_look(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    with running_web(secrets) as web:
        ours = Receiver(f"http://127.0.0.1:{web.port}/webhooks/distribution", f"Bearer {SECRET}")
        with running_registry(tmp_path / "registry", notify=ours) as registry:
            registry.push_image("apps/web", "1.2.0", platforms=("linux/amd64", "linux/arm64"))
            registry.push_image("apps/api", "2.0.0")
            registry.retag("apps/web", "1.2.0", "stable")
            web.wait_until(lambda: len(web.nudges) >= 3)
            host = registry.host
    # Told of every layer and of every platform, it looks where there is something to see. They
    # come in no certain order.
    assert sorted(web.nudges, key=str) == [
        ImagePushed("apps/api", host, "2.0.0"),
        ImagePushed("apps/web", host, "1.2.0"),
        ImagePushed("apps/web", host, "stable"),
    ]
    assert web.counted.count(("distribution", "looked")) == 3
    assert {result for _, result in web.counted} == {"looked", "nothing"}


def test_a_registry_with_the_wrong_secret_is_not_heard(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    with running_web(secrets) as web:
        theirs = Receiver(f"http://127.0.0.1:{web.port}/webhooks/distribution", "Bearer wrong")
        with running_registry(tmp_path / "registry", notify=theirs) as registry:
            registry.push_image("apps/web", "1.2.0")
            while ("distribution", "unauthenticated") not in web.counted:
                registry.requests()
    assert web.nudges == []
