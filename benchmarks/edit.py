# ruff: noqa: PTH118, PTH123, PTH114 - the baseline reads in the plainest way
"""What `promoter edit` costs: a scan, verified edits, a whole process; on real manifests.

The corpus lies beside the checkout (`../shared/corpus`); without it only the last figure is
taken.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.timing import CommandError, pair, table
from promoter.access.files import read_file
from promoter.access.listing import find_files
from promoter.errors import InputError
from promoter.manifests import Setting, find_sites, is_manifest, set_values
from promoter.model.image import ImageName

CORPUS = Path(__file__).resolve().parents[2] / "shared/corpus"
_IMAGES = (
    "ghcr.io/onedr0p/home-assistant",
    "ghcr.io/stefanprodan/podinfo",
    "docker.io/library/redis",
)
_SCAN_HEAD = "     ms   reading  ratio  aim"
_SCAN_AIM = 3.0
_PROCESS_AIM = 5.0
_EDITS_AIM = {"with the C events": 700, "without": 100}
_SAMPLE = {"with the C events": 600, "without": 60}
_ROUNDS = 5
_VALUES = """\
image:
  repository: ghcr.io/shop/web
  tag: "1.0.0"
"""


def main() -> int:
    """Called with `--edits N` it is its own child: see `_edits_a_second`."""
    if sys.argv[1:2] == ["--edits"]:
        print(_measure_edits(int(sys.argv[2])))
        return 0
    try:
        if CORPUS.is_dir():
            _scan()
            _edits()
        else:
            print(f"edit: no corpus at {os.path.relpath(CORPUS)}: no scan, no edits a second")
        _process()
    except (CommandError, OSError) as error:
        print(f"edit: nothing measured: {error}", file=sys.stderr)
        return 1
    return 0


def _scan() -> None:
    """All sites of one image, against reading the same bytes in the plainest way."""
    files = _read_all()
    print(f"scan of {len(files)} files, {sum(files) / 1e6:.0f} MB".ljust(40), _SCAN_HEAD)
    for text in _IMAGES:
        name = ImageName.parse(text)
        pairs = []
        for _ in range(_ROUNDS + 1):
            reading = _timed(_read_all)
            pairs.append((reading, _timed(partial(_find_all, name))))
        pairs = pairs[1:]  # the first one filled the page cache
        ratio = median(scan / reading for reading, scan in pairs)
        read_ms, scan_ms = (median(each) * 1000 for each in zip(*pairs, strict=True))
        verdict = "met" if ratio < _SCAN_AIM else "MISSED"
        row = f"{text:<40} {scan_ms:>7.1f} {read_ms:>9.1f} {ratio:>6.2f}"
        print(f"{row}  < {_SCAN_AIM:g} {verdict}")


def _read_all() -> list[int]:
    """The sizes of all files that a scan reads."""
    sizes = []
    for folder, below, names in os.walk(CORPUS):
        below[:] = [each for each in below if not each.startswith(".")]
        for name in names:
            path = os.path.join(folder, name)
            if is_manifest(name) and not os.path.islink(path):
                with open(path, "rb") as file:
                    sizes.append(len(file.read()))
    return sizes


def _find_all(name: ImageName) -> None:
    for found in find_files([str(CORPUS)], is_manifest).files:
        find_sites(found.shown, read_file(found).data, [name])


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _edits() -> None:
    print()
    print("verified edits of one value".ljust(40), "edits/s  aim")
    for name, aim in _EDITS_AIM.items():
        rate = _edits_a_second(name)
        print(f"{name:<40} {rate:>7.0f}  > {aim} {'met' if rate > aim else 'MISSED'}")


def _edits_a_second(name: str) -> float:
    """In a process of its own, where the C parser can be as absent as on a machine without."""
    hide = "sys.modules['_ruamel_yaml'] = None;" if name == "without" else ""
    code = f"import sys; {hide} from benchmarks.edit import main; main()"
    command = [sys.executable, "-c", code, "--edits", str(_SAMPLE[name])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandError(done.stderr.strip().splitlines()[-1])
    return float(done.stdout)


def _measure_edits(sample: int) -> float:
    """Edits a second: each one reads, splices and proves one file of the corpus' edit cases."""
    lines = (CORPUS / "edit_cases.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines[:: len(lines) // sample]]
    work = [
        (
            each["file"],
            (CORPUS / each["repo"] / each["file"]).read_bytes(),
            Setting(_pointer(each["path"]), str(each["new"]), each["doc"]),
        )
        for each in cases
    ]

    def edit_all() -> None:
        for path, content, setting in work:
            try:
                set_values(path, content, [setting], shared=True)
            except InputError as error:
                raise CommandError(f"an edit case is refused: {error}") from None

    return len(work) / min(_timed(edit_all) for _ in range(2))


def _pointer(path: list[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _process() -> None:
    print()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "values.yaml"
        file.write_text(_VALUES)
        script = str(Path(sys.executable).with_name("promoter"))
        start = [script] if Path(script).exists() else [sys.executable, "-m", "promoter"]
        # The baseline is bare Python that puts the old text back: so each run has an edit to make.
        command = [*start, "edit", str(file), "--image", "ghcr.io/shop/web:2.0.0"]
        bare = [sys.executable, "-c", f"open({str(file)!r}, 'w').write({_VALUES!r})"]
        name = "promoter edit, one file"
        result = pair(name, command, bare)
        print(table("whole process, against bare python", [result], {name: _PROCESS_AIM}))


if __name__ == "__main__":
    sys.exit(main())
