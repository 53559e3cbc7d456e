"""How fast 1,000 images are looked up: a HEAD each, against a bare keep-alive loop and `wrk`.

The registry is a real one (docker-registry); then a server that answers 40 ms late, as one far
away does. Each client is a process of its own, so that its CPU time and memory are its own; they
take turns, and the medians are shown. The ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import http.client
import json
import math
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from statistics import median
from threading import Thread

from benchmarks.timing import CommandError
from promoter.access.http import HttpClient
from promoter.registries.distribution import DistributionRegistry
from promoter.registries.images import build_image
from promoter.registries.media_types import ACCEPTED_MANIFESTS
from promoter.version import VERSION
from tests.services.registry import RunningRegistry, running_registry

_IMAGES = 1000
_TAG = "1.0.0"
_ROUNDS = 5
_RATIO_AIM = 0.9
_DISTANT_AIM = 1400
_WRK_SECONDS = 2
LookUp = Callable[[str], str | None]
_REPOSITORIES = [f"shop/service-{number:04d}" for number in range(_IMAGES)]


@dataclass(frozen=True)
class Figures:
    """`cpu` is in seconds for 1,000 images, `memory` the peak in MB."""

    rate: float
    cpu: float
    memory: float


def main() -> int:
    if len(sys.argv) > 1:
        client, host, threads = sys.argv[1:]
        print(json.dumps(_measure(client, host, int(threads))))
        return 0
    if shutil.which("docker-registry") is None:
        print("registry: docker-registry is absent, nothing measured", file=sys.stderr)
        return 0  # `make bench` goes on with what it can measure
    try:
        with tempfile.TemporaryDirectory() as folder:
            _near(Path(folder))
            print()
            _distant(Path(folder))
    except CommandError as error:
        print(f"registry: nothing measured: {error}", file=sys.stderr)
        return 1
    return 0


def _near(folder: Path) -> None:
    with running_registry(folder) as registry:
        _fill(registry)
        print(_head("a real registry"))
        for threads in (64, 16):
            _compare(registry.host, threads, folder)
        before = len(registry.requests())
        _run("promoter", registry.host, 64)
        asked = len(registry.requests()) - before
        # The warm-up asks for each image, too.
        print(f"requests per image, by the registry's access log: {asked / (2 * _IMAGES):.2f}")


def _distant(folder: Path) -> None:
    with _distant_server() as host:
        print(_head("a registry 40 ms away"))
        rate = _compare(host, 64, folder)
        verdict = "met" if rate > _DISTANT_AIM else "MISSED"
        print(f"requests/s with 64 connections: {rate:,.0f}  > {_DISTANT_AIM:,} {verdict}")


def _head(title: str) -> str:
    return f"{title:<34} {'images/s':>8} {'of raw':>7} {'CPU s/1k':>9} {'MB':>6}"


def _compare(host: str, threads: int, folder: Path) -> float:
    """Prints a row for each client; the requests a second of ours."""
    rounds = [
        {name: _run(name, host, threads) for name in _CLIENTS} | _wrk(host, threads, folder)
        for _ in range(_ROUNDS)
    ]
    for name in rounds[0]:
        each = [a_round[name] for a_round in rounds]
        ratio = median(a_round[name].rate / a_round["raw"].rate for a_round in rounds)
        verdict = ""
        if name == "promoter":
            verdict = f"  > {_RATIO_AIM:g} {'met' if ratio > _RATIO_AIM else 'MISSED'}"
        print(
            f"{name + f', {threads} connections':<34} {median(f.rate for f in each):>8,.0f}"
            f" {ratio:>7.2f} {median(f.cpu for f in each):>9.2f}"
            f" {median(f.memory for f in each):>6.0f}{verdict}"
        )
    return median(a_round["promoter"].rate for a_round in rounds)


def _run(client: str, host: str, threads: int) -> Figures:
    command = [sys.executable, "-m", "benchmarks.registry", client, host, str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:]
        raise CommandError(f"{client}: {last[0] if last else done.returncode}")
    return Figures(**json.loads(done.stdout))


def _wrk(host: str, threads: int, folder: Path) -> dict[str, Figures]:
    if shutil.which("wrk") is None:
        return {}
    # It would wait for the body of an answer to HEAD, so it asks by GET: a few bytes more.
    script = folder / "paths.lua"
    script.write_text(
        f'wrk.headers["Accept"] = "{ACCEPTED_MANIFESTS}"\n'
        "local number = 0\n"
        "request = function()\n"
        f"  number = (number + 1) % {_IMAGES}\n"
        f'  local path = string.format("/v2/shop/service-%04d/manifests/{_TAG}", number)\n'
        "  return wrk.format(nil, path)\n"
        "end\n"
        "done = function(summary, latency, requests)\n"
        '  io.write(string.format("\\nanswered %d %d %d\\n", summary.requests,'
        " summary.duration, summary.errors.status))\n"
        "end\n"
    )
    command = ["wrk", "-t2", f"-c{threads}", f"-d{_WRK_SECONDS}s", f"-s{script}", f"http://{host}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = [line.split() for line in done.stdout.splitlines() if line.startswith("answered ")]
    if done.returncode != 0 or not told:
        raise CommandError(f"wrk: {done.stderr.strip() or done.stdout.strip()}")
    answered, microseconds, refused = map(int, told[0][1:])
    if refused or not answered:
        raise CommandError(f"wrk: {refused} of {answered} answers were errors")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rate = answered / microseconds * 1e6
    return {"wrk": Figures(rate, cpu / answered * 1000, math.nan)}


def _measure(client: str, host: str, threads: int) -> dict[str, float]:
    """Twice over all images: once to open the connections, once for the figures.

    Every client gets its work the same way, so that only what it does with it is compared.
    """
    look_ups = _CLIENTS[client](host, threads)
    _work_through(look_ups)
    cpu, start = time.process_time(), time.perf_counter()
    _work_through(look_ups)
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    memory = int(peak[1]) / 1024 if peak else math.nan
    return {"rate": _IMAGES / took, "cpu": cpu * 1000 / _IMAGES, "memory": memory}


def _work_through(look_ups: Sequence[LookUp]) -> None:
    waiting: SimpleQueue[str] = SimpleQueue()
    for each in _REPOSITORIES:
        waiting.put(each)
    found: list[str] = []

    def work(look_up: LookUp) -> None:
        with suppress(Empty):
            while True:
                found.append(look_up(waiting.get_nowait()) or "")

    running = [Thread(target=work, args=(each,)) for each in look_ups]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if len(found) != _IMAGES or not all(found):
        raise CommandError("an image was not found")


def _promoter(host: str, threads: int) -> Sequence[LookUp]:
    registry = DistributionRegistry(host, HttpClient(), plain_http=True)
    return [lambda repository: registry.digest(repository, _TAG)] * threads


def _raw(host: str, threads: int) -> Sequence[LookUp]:
    """What Python's own client needs: one connection a thread, no pool, no checks."""
    headers = {"User-Agent": f"promoter/{VERSION}", "Accept": ACCEPTED_MANIFESTS}

    def connect() -> LookUp:
        connection = http.client.HTTPConnection(host)

        def look_up(repository: str) -> str | None:
            connection.request("HEAD", f"/v2/{repository}/manifests/{_TAG}", headers=headers)
            answer = connection.getresponse()
            answer.read()
            return answer.headers["Docker-Content-Digest"]

        return look_up

    return [connect() for _ in range(threads)]


_CLIENTS: dict[str, Callable[[str, int], Sequence[LookUp]]] = {
    "raw": _raw,
    "promoter": _promoter,
}


def _fill(registry: RunningRegistry) -> None:
    image = build_image(datetime(2026, 11, 3, tzinfo=UTC), {})
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: registry.push(each, _TAG, image), _REPOSITORIES))


@contextmanager
def _distant_server() -> Iterator[str]:
    code = "from benchmarks.distant_server import main; main()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


if __name__ == "__main__":
    sys.exit(main())
