"""`promoter edit` on files of every kind: what it changes, what it says, what it leaves alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stories.shop import Terminal

ROOT = Path(__file__).resolve().parents[2]
OLD = "sha256:" + "0" * 64
NEW = "sha256:" + "1" * 64
WEB = "ghcr.io/shop/web"

KUSTOMIZATION = f"""\
resources: [../../base]   # shared

images:
- name: {WEB}
  newTag: "1.0"      # moved by a script
"""

VALUES = f"""\
replicaCount:   2

image:
  repository: '{WEB}'
  tag:        '1.0'   # quoted, aligned and commented
  digest:     ''
"""

DEPLOYMENT = f"""\
kind: Service
metadata: {{name: web}}
---
kind: Deployment
metadata: {{name: web}}
spec:
  containers:
    - image: {WEB}:1.0   # the shop
    - image: ghcr.io/shop/webhook:1.0
"""


@pytest.fixture
def promoter() -> Terminal:
    return Terminal()


@pytest.fixture
def tree(workdir: Path) -> Path:
    """An application with one file of each kind, and what must never be touched beside it."""
    for name, text in {
        "app/kustomization.yaml": KUSTOMIZATION,
        "app/values.yaml": VALUES,
        "app/web/deployment.yml": DEPLOYMENT,
        "app/notes.txt": DEPLOYMENT,
        "app/.git/deployment.yaml": DEPLOYMENT,
    }.items():
        file = workdir / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return workdir


def texts(tree: Path) -> dict[str, str]:
    files = sorted(each for each in tree.rglob("*") if each.is_file())
    return {str(each.relative_to(tree)): each.read_text() for each in files}


class TestImages:
    def test_every_site_of_a_directory_moves_and_nothing_else(
        self, promoter: Terminal, tree: Path
    ) -> None:
        before = texts(tree)
        said = promoter("edit", "app", "--image", f"{WEB}:2.0@{NEW}")
        assert said.out.splitlines() == [
            "app/kustomization.yaml:5  1.0 -> 2.0",
            f"app/kustomization.yaml:6  (no digest) -> {NEW}",
            "app/values.yaml:5  1.0 -> 2.0",
            f"app/values.yaml:6  (empty) -> {NEW}",
            f"app/web/deployment.yml:8  {WEB}:1.0 -> {WEB}:2.0@{NEW}",
        ]
        assert said.err == ""
        assert texts(tree) == before | {
            "app/kustomization.yaml": KUSTOMIZATION.replace(
                '"1.0"      # moved by a script\n',
                f'"2.0"      # moved by a script\n  digest: "{NEW}"\n',
            ),
            "app/values.yaml": VALUES.replace("'1.0'", "'2.0'").replace("''", f"'{NEW}'"),
            "app/web/deployment.yml": DEPLOYMENT.replace(f"{WEB}:1.0", f"{WEB}:2.0@{NEW}"),
        }

    def test_a_second_time_there_is_nothing_to_do(self, promoter: Terminal, tree: Path) -> None:
        promoter("edit", "app", "--image", f"{WEB}:2.0")

        def stamps() -> dict[Path, tuple[int, ...]]:
            """Of every change; when a file was read last is none."""
            found = ((each, each.stat()) for each in tree.rglob("*"))
            return {
                each: (at.st_ino, at.st_mode, at.st_size, at.st_mtime_ns, at.st_ctime_ns)
                for each, at in found
            }

        before = stamps()
        assert promoter("edit", "app", "--image", f"{WEB}:2.0").out == "nothing to do\n"
        assert stamps() == before

    def test_several_at_once_in_several_places(self, promoter: Terminal, tree: Path) -> None:
        words = ("--image", f"{WEB}:2.0", "--image", "ghcr.io/shop/webhook:3.0")
        promoter("edit", "app/values.yaml", "app/web", *words)
        assert f"{WEB}:2.0 " in (tree / "app/web/deployment.yml").read_text()
        assert "ghcr.io/shop/webhook:3.0" in (tree / "app/web/deployment.yml").read_text()
        assert "'2.0'" in (tree / "app/values.yaml").read_text()
        assert (tree / "app/kustomization.yaml").read_text() == KUSTOMIZATION

    def test_that_are_named_almost_so_are_told(self, promoter: Terminal, tree: Path) -> None:
        said = promoter("edit", "app", "--image", "quay.io/shop/web:2.0", expect=64)
        lines = said.err.splitlines()
        assert lines[0] == "error: nothing names the image quay.io/shop/web; 3 files were read"
        assert [line.split()[1] for line in lines[1:]] == [
            "app/kustomization.yaml:4:9:",
            "app/values.yaml:4:15:",
            "app/web/deployment.yml:8:14:",
        ]
        assert all(f"names {WEB}, not quay.io/shop/web: another registry" in x for x in lines[1:])

    def test_that_nothing_names_are_a_slip(self, promoter: Terminal, tree: Path) -> None:
        before = texts(tree)
        said = promoter(
            "edit", "app", "--image", f"{WEB}:2.0", "--image", "ghcr.io/shop/nope:1", expect=64
        )
        assert said.out == ""
        said.line("error: ", "ghcr.io/shop/nope", "3 files were read")
        said.line("error: nothing was written, for that; 3 files would have been")
        assert texts(tree) == before


class TestValues:
    def test_at_a_pointer(self, promoter: Terminal, tree: Path) -> None:
        said = promoter("edit", "app/values.yaml", "--set", "/image/tag=2.0")
        assert said.out == "app/values.yaml:5  1.0 -> 2.0\n"
        assert (tree / "app/values.yaml").read_text() == VALUES.replace("'1.0'", "'2.0'")

    def test_the_value_is_all_behind_the_first_equals_sign(
        self, promoter: Terminal, workdir: Path
    ) -> None:
        (workdir / "a.txt").write_text('a/b: {"~": "x=y"}\nempty: "full"\n')
        promoter("edit", "a.txt", "--set", "/a~1b/~0=a=b = c", "--set", "/empty=")
        assert (workdir / "a.txt").read_text() == 'a/b: {"~": "a=b = c"}\nempty: ""\n'

    def test_in_the_document_that_is_named_or_the_only_one_that_has_it(
        self, promoter: Terminal, tree: Path
    ) -> None:
        file = "app/web/deployment.yml"
        words = ("--set", "/metadata/name=shop", "--document", "1", "--set", "/kind=Pod")
        promoter("edit", file, *words, "--document", "0")
        promoter("edit", file, "--set", "/spec/containers/1/image=redis")
        assert (tree / file).read_text() == (
            DEPLOYMENT.replace("Service", "Pod")
            .replace("Deployment\nmetadata: {name: web}", "Deployment\nmetadata: {name: shop}")
            .replace("ghcr.io/shop/webhook:1.0", "redis")
        )

    def test_that_several_documents_have_must_say_which(
        self, promoter: Terminal, tree: Path
    ) -> None:
        said = promoter("edit", "app/web/deployment.yml", "--set", "/kind=Pod", expect=64)
        assert said.err == (
            "error: app/web/deployment.yml: documents 0, 1 (counted from 0) have /kind;"
            " say which with --document N\n"
        )
        said = promoter(
            "edit", "app/web/deployment.yml", "--set", "/kind=Pod", "--document", "2", expect=64
        )
        said.line("has 2 documents, counted from 0: there is no document 2")
        assert (tree / "app/web/deployment.yml").read_text() == DEPLOYMENT

    def test_in_a_directory_wherever_the_place_is(self, promoter: Terminal, tree: Path) -> None:
        words = ("--set", "/image/digest=unknown", "--image", "ghcr.io/shop/webhook:3.0")
        said = promoter("edit", "app", *words)
        assert said.out.splitlines() == [
            "app/values.yaml:6  (empty) -> unknown",
            "app/web/deployment.yml:9  ghcr.io/shop/webhook:1.0 -> ghcr.io/shop/webhook:3.0",
        ]
        said = promoter("edit", "app", "--set", "/imgae/tag=2.0", expect=64)
        said.line("error: nothing stands at /imgae/tag; 3 files were read")

    def test_that_an_image_wants_otherwise_are_refused(
        self, promoter: Terminal, tree: Path
    ) -> None:
        words = ("edit", "app", "--image", f"{WEB}:2.0")
        said = promoter(*words, "--set", "/image/tag=3.0", expect=64)
        said.line("error: app/values.yaml: --image and --set want different values at one place")
        assert (tree / "app/values.yaml").read_text() == VALUES
        promoter(*words, "--set", "/image/tag=2.0")

    def test_replace_a_variable_that_the_pointer_names(
        self, promoter: Terminal, workdir: Path
    ) -> None:
        (workdir / "a.yaml").write_text("tag: ${TAG}   # filled by Flux\n")
        promoter("edit", "a.yaml", "--set", "/tag=v2")
        assert (workdir / "a.yaml").read_text() == "tag: v2   # filled by Flux\n"

    def test_shared_by_an_alias_only_with_a_yes(self, promoter: Terminal, workdir: Path) -> None:
        file = workdir / "a.yaml"
        file.write_text("blue: {tag: &tag v1}\ngreen: {tag: *tag}\n")
        said = promoter("edit", "a.yaml", "--set", "/blue/tag=v2", expect=64)
        said.line("error: a.yaml:1:", "&tag")
        assert "&tag v1" in file.read_text()
        promoter("edit", "a.yaml", "--set", "/blue/tag=v2", "--shared")
        assert file.read_text() == "blue: {tag: &tag v2}\ngreen: {tag: *tag}\n"


class TestShowing:
    def test_a_check_writes_nothing_and_tells_by_its_exit_code(
        self, promoter: Terminal, tree: Path
    ) -> None:
        before = texts(tree)
        words = ("edit", "app", "--image", f"{WEB}:2.0")
        planned = promoter(*words, "--check", expect=2)
        assert texts(tree) == before
        assert promoter(*words).out == planned.out
        assert promoter(*words, "--check").out == "nothing to do\n"

    def test_a_diff_is_one_that_patch_takes(
        self, promoter: Terminal, tree: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        copy = tmp_path_factory.mktemp("copy")
        for name, text in texts(tree).items():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_text(text)
        said = promoter("edit", "app", "--image", f"{WEB}:2.0@{NEW}", "--diff")
        git = ["git", "-c", "core.hooksPath=/", "apply", "-"]
        subprocess.run(git, cwd=copy, input=said.out, text=True, check=True)
        assert texts(copy) == texts(tree)

    def test_json_for_machines(self, promoter: Terminal, tree: Path) -> None:
        (tree / "app/out.yaml").symlink_to("/etc/passwd")
        words = ("edit", "app", "--image", f"{WEB}:2.0", "--output", "json")
        said = promoter(*words, "--check", "--diff", expect=2)
        assert said.err == ""
        answer = said.json
        assert (answer["version"], answer["written"], answer["refusals"]) == (1, False, [])
        assert answer["files"][0] == {
            "path": "app/kustomization.yaml",
            "changes": [
                {
                    "line": 5,
                    "document": 0,
                    "pointer": "/images/0/newTag",
                    "old": "1.0",
                    "new": "2.0",
                }
            ],
        }
        assert answer["files"][2]["changes"][0]["document"] == 1
        assert answer["diff"].startswith("--- a/app/kustomization.yaml\n")
        (skipped,) = answer["skipped"]
        assert skipped["where"] == "app/out.yaml"
        assert promoter(*words).json["written"] is True

    def test_json_of_a_refusal(self, promoter: Terminal, tree: Path) -> None:
        (tree / "app/bad.yaml").write_text(f"image: {WEB}:${{TAG}}\n")
        words = ("edit", "app", "--image", f"{WEB}:2.0", "--output", "json")
        said = promoter(*words, expect=64)
        assert said.err == ""
        assert said.json["written"] is False
        (refusal,) = said.json["refusals"]
        assert refusal["where"].startswith("app/bad.yaml:1")
        assert "template" in refusal["message"]


class TestFiles:
    def test_permissions_and_links_stay(self, promoter: Terminal, tree: Path) -> None:
        real = tree / "app/values.yaml"
        real.chmod(0o640)
        (tree / "app/dev.yaml").symlink_to("values.yaml")
        promoter("edit", "app/dev.yaml", "--set", "/image/tag=2.0")
        assert (tree / "app/dev.yaml").readlink() == Path("values.yaml")
        assert "'2.0'" in real.read_text()
        assert stat.S_IMODE(real.stat().st_mode) == 0o640

    def test_a_link_out_of_the_tree_is_not_followed(
        self, promoter: Terminal, tree: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        outside = tmp_path_factory.mktemp("outside") / "values.yaml"
        outside.write_text(VALUES)
        (tree / "app/far.yaml").symlink_to(outside)
        (tree / "app/folder").symlink_to(outside.parent)
        said = promoter("edit", "app", "--image", f"{WEB}:2.0")
        said.line("note: app/far.yaml: links to ", "outside of app; skipped")
        said.line("note: app/folder: links to ", "outside of app; skipped")
        said = promoter("edit", "app/far.yaml", "--set", "/image/tag=2.0", expect=64)
        said.line("error: app/far.yaml: links to ", "name that file itself")
        assert outside.read_text() == VALUES

    def test_bytes_that_are_no_text_elsewhere_in_the_tree_are_no_matter(
        self, promoter: Terminal, tree: Path
    ) -> None:
        (tree / "app/secret.yaml").write_bytes(b"\xff\xfe\x00binary")
        (tree / "app/chart.yaml").write_text("{{- if .Values.x }}\nimage: {{ .Values.web }}\n")
        promoter("edit", "app", "--image", f"{WEB}:2.0", "--set", "/image/digest=")

    @pytest.mark.parametrize("ending", ["\n", "\r\n"])
    @pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
    @pytest.mark.parametrize("final", [True, False])
    def test_the_form_of_a_file_stays(
        self, promoter: Terminal, workdir: Path, ending: str, bom: bytes, final: bool
    ) -> None:
        text = VALUES if final else VALUES.removesuffix("\n")
        before = bom + text.replace("\n", ending).encode()
        file = workdir / "values.yaml"
        file.write_bytes(before)
        promoter("edit", "values.yaml", "--image", f"{WEB}:2.0")
        assert file.read_bytes() == before.replace(b"'1.0'", b"'2.0'")

    def test_names_of_any_bytes(self, promoter: Terminal, workdir: Path) -> None:
        names = [b"new\nline.yaml", b"\x1b[31mred.yaml", b"\xff\xfe.yaml", b"-x.yaml", b"a b.yaml"]
        for name in names:
            (workdir / os.fsdecode(name)).write_text(VALUES)
        said = promoter("edit", ".", "--image", f"{WEB}:2.0")
        assert sorted(said.out.splitlines()) == [
            "-x.yaml:5  1.0 -> 2.0",
            "\\x1b[31mred.yaml:5  1.0 -> 2.0",
            "\\xff\\xfe.yaml:5  1.0 -> 2.0",
            "a b.yaml:5  1.0 -> 2.0",
            "new\\x0aline.yaml:5  1.0 -> 2.0",
        ]
        promoter("edit", "--set", "/image/tag=3.0", "--", "-x.yaml", os.fsdecode(names[2]))
        assert "'3.0'" in (workdir / "-x.yaml").read_text()


def test_it_starts_without_what_it_does_not_need(tree: Path) -> None:
    code = (
        "import sys\nfrom promoter.cli import main\n"
        f"code = main(['edit', 'app', '--image', '{WEB}:2.0'])\n"
        "print(code, *{name.partition('.')[0] for name in sys.modules})\n"
        "print(*(name for name in sys.modules if name.startswith('promoter.')))"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            f"import sys\nsys.path[:0] = {[str(ROOT), *sys.path]!r}\n{code}",
        ],
        cwd=tree,
        capture_output=True,
        text=True,
        check=True,
    )
    code_and_packages, modules = done.stdout.splitlines()[-2:]
    assert code_and_packages.split()[0] == "0"
    heavy = {"pydantic", "pydantic_settings", "urllib3", "requests", "git", "github", "gitlab"}
    assert not heavy & set(code_and_packages.split())
    assert not {"promoter.app", "promoter.settings"} & set(modules.split())
