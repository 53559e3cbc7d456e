"""The house itself: its floors hold, its lock is complete, its package is whole."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

# Split, so that this file does not name what it forbids.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("golang", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("maven", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("dl-cdn", "alpinelinux", "org"),
    )
]


def tool(name: str) -> str:
    """A command of the environment that runs the tests."""
    return str(Path(sys.executable).with_name(name))


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def tracked_files() -> list[Path]:
    # The checkout may belong to another user, as it does in many CI containers.
    listing = run("git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", cwd=ROOT)
    assert listing.returncode == 0, listing.stderr
    files = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its configuration, to plant a mistake in."""
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "promoter", tmp_path / "promoter", ignore=leave)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(file: Path, line: str) -> None:
    before = file.read_text("utf-8") if file.exists() else ""
    file.write_text(f"{before}\n{line}\n", "utf-8")


def floors(where: Path) -> subprocess.CompletedProcess[str]:
    return run(tool("lint-imports"), "--no-cache", cwd=where)


class TestFloors:
    def test_the_house_stands(self, copy: Path) -> None:
        assert floors(copy).returncode == 0

    @pytest.mark.parametrize(
        ("module", "line", "contract"),
        [
            ("model/planted.py", "import promoter.engine", "imports only floors below"),
            ("errors.py", "import promoter.model.image", "imports only floors below"),
            ("registries/planted.py", "import promoter.forges", "imports only floors below"),
            ("manifests/planted.py", "import promoter.decisions", "imports only floors below"),
            ("decisions/gates/planted.py", "import promoter.rules", "imports only floors below"),
            ("engine/planted.py", "import promoter.cli", "imports only floors below"),
            ("helpers.py", "", "imports only floors below"),
            ("decisions/planted.py", "import urllib3", "does no I/O"),
            ("decisions/gates/planted.py", "from pathlib import Path", "does no I/O"),
            ("manifests/planted.py", "import subprocess", "does no I/O"),
            ("rules/planted.py", "from time import time", "does no I/O"),
            ("texts/planted.py", "from urllib.request import urlopen", "does no I/O"),
        ],
    )
    def test_a_planted_violation_is_found(
        self, copy: Path, module: str, line: str, contract: str
    ) -> None:
        plant(copy / "promoter" / module, line)
        result = floors(copy)
        assert result.returncode == 1
        if line:
            assert re.search(rf"{contract}.*BROKEN", result.stdout)
            culprit = "promoter." + module.removesuffix(".py").replace("/", ".")
            assert f"{culprit} -> " in result.stdout.replace("\n", " ")
        else:
            assert "promoter.helpers" in result.stdout + result.stderr


class TestClock:
    @pytest.mark.parametrize(
        "line",
        [
            "from datetime import UTC, datetime\n\nSTART = datetime.now(UTC)",
            "import datetime as dt\n\nSTART = dt.datetime.now(dt.UTC)",
            "from datetime import date\n\nSTART = date.today()",
            "import time\n\nSTART = time.time()",
            "from time import time_ns\n\nSTART = time_ns()",
        ],
    )
    def test_pure_code_cannot_read_the_clock(self, copy: Path, line: str) -> None:
        plant(copy / "promoter/decisions/planted.py", line)
        result = run(tool("ruff"), "check", "--no-cache", "promoter/decisions", cwd=copy)
        assert result.returncode == 1
        assert "TID251" in result.stdout
        assert "only app.py reads the clock" in result.stdout

    def test_app_may_with_a_reason(self, copy: Path) -> None:
        app = copy / "promoter/app.py"
        app.write_text(
            '"""The wiring."""\n\nfrom datetime import UTC, datetime\n\n'
            "NOW = datetime.now(UTC)  # noqa: TID251  # the one clock\n",
            "utf-8",
        )
        result = run(tool("ruff"), "check", "--no-cache", "promoter/app.py", cwd=copy)
        assert result.returncode == 0, result.stdout


class TestPackage:
    def test_the_wheel_holds_the_package_and_nothing_else(self, tmp_path: Path) -> None:
        built = run(
            sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=ROOT
        )
        assert built.returncode == 0, built.stderr
        (wheel,) = tmp_path.glob("promoter-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            scripts = next(name for name in names if name.endswith("entry_points.txt"))
            assert "promoter = promoter.cli:main" in archive.read(scripts).decode()
        expected = {
            str(file.relative_to(ROOT))
            for file in tracked_files()
            if file.is_relative_to(ROOT / "promoter")
        }
        assert expected <= names, "missing from the wheel"
        assert {name.partition("/")[0].partition("-")[0] for name in names} == {"promoter"}

    def test_the_command_line_loads_no_library_before_it_knows_the_verb(self) -> None:
        code = (
            "import sys; import promoter.cli;"
            "print(*{name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
        )
        # -S: what .pth files of the environment import is not ours.
        loaded = run(sys.executable, "-S", "-c", code, cwd=ROOT)
        assert loaded.returncode == 0, loaded.stderr
        assert set(loaded.stdout.split()) <= {"promoter", "__main__"}


def locked() -> Iterator[tuple[str, str, int]]:
    """Name, version and number of hashes of each entry."""
    text = re.sub(r"(?m)^\s*#.*\n?", "", (ROOT / "requirements.lock").read_text("utf-8"))
    for entry in text.replace("\\\n", " ").splitlines():
        head, *hashes = entry.split(" --hash=sha256:")
        name, equals, version = head.strip().partition("==")
        assert equals, f"not pinned: {entry[:60]}"
        yield canonicalize_name(name), version, len(hashes)


def declared() -> Iterator[Requirement]:
    project = PYPROJECT["project"]
    yield from map(Requirement, PYPROJECT["build-system"]["requires"])
    yield from map(Requirement, project["dependencies"])
    for extra in project["optional-dependencies"].values():
        yield from map(Requirement, extra)


class TestLock:
    def test_every_entry_is_pinned_by_hash(self) -> None:
        entries = list(locked())
        assert len(entries) > 50
        assert [name for name, _, hashes in entries if not hashes] == []

    def test_it_satisfies_what_the_project_declares(self) -> None:
        """A requirement that was changed without `make lock` is found here."""
        versions = {name: version for name, version, _ in locked()}
        unsatisfied = [
            str(requirement)
            for requirement in declared()
            if not requirement.marker or requirement.marker.evaluate()
            if versions.get(canonicalize_name(requirement.name), "absent") == "absent"
            or versions[canonicalize_name(requirement.name)] not in requirement.specifier
        ]
        assert unsatisfied == [], "run `make lock`"

    def test_it_names_no_host_and_no_path(self) -> None:
        text = (ROOT / "requirements.lock").read_text("utf-8")
        assert "://" not in text
        assert not re.search(r"(?m)^\s*--(?!hash=)", text), "an option that pip would obey"
        assert not re.search(r"(?<![\w.])/\w", text), "a path of the machine that made it"


class TestCheckout:
    def test_no_file_names_a_package_registry(self) -> None:
        """The machine decides where packages come from: a mirror, a proxy, a wheel folder."""
        pattern = re.compile("|".join(rf"\b{re.escape(host)}\b" for host in REGISTRY_HOSTS))
        found = [
            f"{file.relative_to(ROOT)}:{number}"
            for file in tracked_files()
            for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1)
            if pattern.search(line)
        ]
        assert found == []

    def test_ci_installs_every_program_that_a_test_needs(self) -> None:
        installed = set(re.findall(r"(?m)^ +\[([\w-]+)\]=", (ROOT / ".ci/run").read_text("utf-8")))
        needed = {
            call.args[0].value
            for file in (ROOT / "tests").rglob("*.py")
            for call in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
            if call.func.id == "need" and call.args and isinstance(call.args[0], ast.Constant)
            if isinstance(call.args[0].value, str)
        }
        programs = {name for name in needed if not name.startswith("shared/")}
        assert programs <= installed, "add it to the table in .ci/run"

    def test_make_lists_its_commands(self) -> None:
        listing = run("make", "--no-print-directory", cwd=ROOT)
        assert listing.returncode == 0, listing.stderr
        for command in ("setup", "demo", "test", "bench", "soak", "lock", "clean"):
            assert f"make {command} " in listing.stdout
