"""From the push of an image to its merge request: 200 pushes, one after the other.

The registry (Debian's docker-registry) tells `promoter serve` of each push by its notification; the
forge is a fake GitLab in this process, which serves the repository's git as well. The time runs
from the last request of the push, by which the tag gets its image, to the moment at which the forge
has the merge request. Calls are the time that the product spent in git commands and in requests to
the forge meanwhile, by its own metrics.

The service is left to become quiet before each push, as it is between two builds. GitHub asks for a
second between two writes, so there (`python -m benchmarks.push_latency github`, a quarter of an
hour) each push waits for that second as well.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.forge_shop import HOST, Served, Shop, names, open_shop
from benchmarks.timing import CommandError
from promoter.forges.github.talk import WRITE_PAUSE
from promoter.registries.images import build_image
from tests.service.process import Serving, free_port, serving
from tests.services.notifications import Receiver
from tests.services.registry import SOME_DAY, RunningRegistry, running_registry

_PUSHES = 200
_AIM_P99 = 2.0
_AIM_RATIO = 1.3
_SECRET = "Bearer of-the-registry-0123456789"
_WITHIN = 60.0


def main() -> int:
    forge = sys.argv[1] if len(sys.argv) > 1 else "gitlab"
    with tempfile.TemporaryDirectory() as name:
        figures = _measure(Path(name), forge)
    seconds = sorted(each.seconds for each in figures)
    p50, p99 = (seconds[int(len(seconds) * share)] for share in (0.50, 0.99))
    ratios = [each.seconds / each.calls for each in figures]
    ratio = statistics.median(ratios)
    print(f"{len(figures)} pushes to merge requests, one after the other, on a fake {forge}")
    print(f"p50 {p50:.2f} s, p99 {p99:.2f} s, longest {seconds[-1]:.2f} s")
    print(f"p99 < {_AIM_P99:g} s {'met' if p99 < _AIM_P99 else 'MISSED'}")
    for what in ("git", "forge", "registry"):
        told = statistics.median(getattr(each, what) for each in figures)
        print(f"{what + ' calls':<16} {told:.2f} s")
    print(
        f"time / git and forge calls: median {ratio:.2f}"
        f" < {_AIM_RATIO:g} {'met' if ratio < _AIM_RATIO else 'MISSED'}"
    )
    return 0


@dataclass(frozen=True)
class Push:
    """Seconds: from the push to the request, and what calls took of it."""

    seconds: float
    git: float
    forge: float
    registry: float

    @property
    def calls(self) -> float:
        return self.git + self.forge


def _measure(folder: Path, forge: str) -> list[Push]:
    port = free_port()
    receiver = Receiver(f"http://127.0.0.1:{port}/webhooks/distribution", _SECRET)
    applications = names(_PUSHES)
    targets = [(each, "dev") for each in applications]
    with running_registry(folder / "registry", notify=receiver) as registry:

        def publish(_folder: Path, name: str, version: str) -> str:
            return registry.push_image(f"shop/{name}", version, labels={"of": name, "at": version})

        with (
            open_shop(folder / "shop", forge, targets, publish) as (shop, served),
            serving(_environment(folder, shop, registry), "--poll", "1h", port=port) as bot,
        ):
            _wait(lambda: bot.metric("promoter_looks_total") >= 1 and _is_quiet(bot))
            return [_push(bot, served, registry, each) for each in applications]


def _environment(folder: Path, shop: Shop, registry: RunningRegistry) -> dict[str, str]:
    shop.app("unused")  # writes the rule and the credentials
    secrets = folder / "webhooks"
    secrets.mkdir()
    (secrets / "distribution").write_text(_SECRET.removeprefix("Bearer "), "utf-8")
    return {
        "PROMOTER_RULES": str(shop.folder / "shop.yaml"),
        "PROMOTER_CREDENTIALS": str(shop.folder / "credentials.yaml"),
        "PROMOTER_CACHE": str(folder / "cache"),
        "PROMOTER_REGISTRIES": f"{HOST}=http://{registry.host}",
        "PROMOTER_WEBHOOK_SECRETS": str(secrets),
    }


def _push(bot: Serving, served: Served, registry: RunningRegistry, name: str) -> Push:
    image = build_image(SOME_DAY, {"of": name, "at": "1.1.0"}, ("linux/amd64",))
    for digest, data in image.blobs.items():
        registry.push_blob(f"shop/{name}", digest, data)
    if served.forge == "github":
        time.sleep(WRITE_PAUSE)
    before, opened = _calls(bot), served.opened()
    start = time.perf_counter()
    registry.push_manifest(f"shop/{name}", "1.1.0", image.top.media_type, image.top.data)
    _wait(lambda: served.opened() > opened)
    seconds = time.perf_counter() - start
    now = _calls(bot)
    _wait(lambda: _is_quiet(bot))
    return Push(seconds, *(after - at for at, after in zip(before, now, strict=True)))


def _calls(bot: Serving) -> tuple[float, float, float]:
    return (
        bot.metric("promoter_git_seconds_sum"),
        bot.metric("promoter_http_seconds_sum", 'kind="forge"'),
        bot.metric("promoter_http_seconds_sum", 'kind="registry"'),
    )


def _is_quiet(bot: Serving) -> bool:
    return not bot.metric("promoter_looks_running") and not bot.metric("promoter_events_pending")


def _wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WITHIN
    while not done():
        if time.monotonic() > deadline:
            raise CommandError(f"nothing happened within {_WITHIN:g} s")
        time.sleep(0.002)


if __name__ == "__main__":
    sys.exit(main())
