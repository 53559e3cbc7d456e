"""What is in force is what kustomize renders: held against the real one, over real repositories.

Every kustomization of the corpus that renders is read, compared, edited and rendered again. The
corpus holds only files that name images; what else a kustomization names is made up here.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from promoter.manifests import edit_target, find_sites, is_manifest
from promoter.manifests.graph import Graph, build
from promoter.manifests.in_force import read_in_force
from promoter.manifests.kustomization import FILES
from promoter.manifests.layers import Layer, read_layer
from promoter.model.image import ImageName, ImageReference
from promoter.model.release import Release
from promoter.model.target import FileChange
from tests.needs import need

NEW_TAG, NEW_DIGEST = "9.9.9", f"sha256:{'9' * 64}"
_LISTS = ("containers", "initContainers", "ephemeralContainers")
_STUB = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: made-up-{number}}}\n"
_LABELS = (
    "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {{name: made-up-{number}}}\n"
    "labels: {{made: up}}\nfieldSpecs: [{{path: metadata/labels, create: true}}]\n"
)


def renderer() -> list[str]:
    if shutil.which("kustomize"):
        return [str(need("kustomize")), "build"]
    return [str(need("kubectl")), "kustomize"]


def render(folder: Path) -> str | None:
    done = subprocess.run([*renderer(), str(folder)], capture_output=True, check=False, text=True)
    return done.stdout if done.returncode == 0 else None


def complete(folder: Path) -> None:
    """Makes up what a kustomization names and the corpus lacks, as far as it holds no images."""
    file = next(folder / name for name in FILES if (folder / name).exists())
    said = YAML(typ="safe").load(file.read_text())
    for key, stub in (("resources", _STUB), ("transformers", _LABELS)):
        for number, name in enumerate((said or {}).get(key) or ()):
            path = folder / str(name)
            local = "\n" not in str(name) and "//" not in str(name)
            if local and path.suffix == ".yaml" and not path.exists() and path.parent.exists():
                path.write_text(stub.format(number=f"{folder.name.lower()}-{number}"))

    for generator in ("configMapGenerator", "secretGenerator"):
        for made in (said or {}).get(generator) or ():
            for each in (*(made.get("files") or ()), *(made.get("envs") or ())):
                path = folder / str(each).rpartition("=")[2]
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text("made=up\n")


def images(rendered: str) -> Counter[str]:
    """Every container's image in what was rendered."""
    return Counter(
        container["image"]
        for document in YAML(typ="safe", pure=True).load_all(rendered)
        for container in _containers(document)
        if container.get("image")
    )


def _containers(node: object) -> Iterator[dict[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in _LISTS and isinstance(value, list):
                yield from (each for each in value if isinstance(each, dict))
            yield from _containers(value)
    elif isinstance(node, list):
        for each in node:
            yield from _containers(each)


class Checkout:
    """A repository's files on disk, read as the engine reads a commit's."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def load(self, path: str) -> Layer | None:
        file = self.root / path
        return read_layer(path, file.read_bytes()) if file.is_file() else None

    def graph(self, path: str) -> Graph | None:
        return build(path, self.load)

    def edit(self, path: str, name: ImageName) -> tuple[FileChange, ...]:
        """The bytes that bring one image of a directory to the new version; none if refused."""
        own = {
            str(file.relative_to(self.root)): file.read_bytes()
            for file in sorted((self.root / path).rglob("*"))
            if file.is_file() and is_manifest(str(file))
        }
        found = {each: find_sites(each, content, [name]) for each, content in own.items()}
        reading = read_in_force(path, found, self.load, [name])
        if reading.problems or reading.mixed or not reading.sites:
            return ()
        release = Release.of([ImageReference(name, NEW_TAG, NEW_DIGEST)])
        return edit_target(own, reading.sites, release, {}).changes


def check(root: Path, folder: Path, counts: Counter[str]) -> None:
    path = str(folder.relative_to(root))
    checkout = Checkout(root)
    before = render(folder)
    graph = checkout.graph(path)
    if before is None or graph is None:
        counts["does not render"] += 1
        return
    counts["renders"] += 1
    rendered = images(before)
    read = Counter(
        f"{each.name}{_suffix(each.tag, each.digest)}"
        for each in graph.images
        if each.container.reached
    )
    if not graph.unseen:
        met = Counter({image: count for image, count in read.items() if image in rendered})
        assert rendered == met, f"{path} renders other images than were read"
        counts["read as rendered"] += 1
    for text in sorted({_name(each) for each in rendered} - {""}):
        name = ImageName.parse(text)
        changes = checkout.edit(path, name)
        if not changes:
            counts["not edited"] += 1
            continue
        _write(root, changes)
        after = render(folder)
        assert after is not None, f"{path} does not render any more"
        _only_images_differ(before, after, text, path)
        counts["edited"] += 1
        _write(root, [FileChange(each.path, each.after, each.before) for each in changes])


def _name(text: str) -> str:
    """Empty where the image is no reference (`${IMAGE}`)."""
    try:
        return ImageReference.parse(text).name.written
    except ValueError:
        return ""


def _suffix(tag: str | None, digest: str | None) -> str:
    return (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def _write(root: Path, changes: tuple[FileChange, ...] | list[FileChange]) -> None:
    for change in changes:
        (root / change.path).write_bytes(change.after)


def _only_images_differ(before: str, after: str, name: str, path: str) -> None:
    old, new = before.splitlines(), after.splitlines()
    assert len(old) == len(new), path
    changed = [(one, other) for one, other in zip(old, new, strict=True) if one != other]
    assert changed, f"{path}: {name} renders unchanged"
    for one, other in changed:
        if "image: " not in one:  # the values of a HelmRelease among the resources
            assert other.split()[0] in ("tag:", "digest:"), (path, other)
            assert NEW_TAG in other or NEW_DIGEST in other, (path, other)
            continue
        was, now = (line.partition("image: ")[2].strip("'\"") for line in (one, other))
        assert ImageReference.parse(was).name == ImageName.parse(name), (path, one)
        assert now == f"{name}:{NEW_TAG}@{NEW_DIGEST}", (path, other)


@pytest.mark.parametrize(
    ("name", "edited"),
    [
        pytest.param("GoogleCloudPlatform+microservices-demo", 50, marks=pytest.mark.soak),
        ("kubernetes-sigs+kustomize", 5),
        ("argoproj+argocd-example-apps", 1),
        ("fluxcd+flux2", 1),
        pytest.param("redhat-cop+gitops-catalog", 1, marks=pytest.mark.soak),
        pytest.param("onedr0p+home-ops", 0, marks=pytest.mark.soak),
        pytest.param("toboshii+home-ops", 0, marks=pytest.mark.soak),
        pytest.param("carpenike+k8s-gitops", 0, marks=pytest.mark.soak),
    ],
)
def test_every_overlay_that_renders_reads_and_edits_as_kustomize_renders(
    tmp_path: Path, name: str, edited: int
) -> None:
    root = tmp_path / name
    shutil.copytree(need("shared/corpus") / name, root)
    folders = sorted({file.parent for each in FILES for file in root.rglob(each)})
    for folder in folders:
        complete(folder)
    counts: Counter[str] = Counter()
    for folder in folders:
        check(root, folder, counts)
    assert counts["edited"] >= edited, counts
    if edited:
        assert counts["read as rendered"] > 0, counts


def test_podinfos_overlays_get_entries_and_its_shared_bases_stay(tmp_path: Path) -> None:
    """Its images stand in the bases alone."""
    root = tmp_path / "podinfo"
    shutil.copytree(need("shared/corpus") / "stefanprodan+podinfo", root)
    for file in root.rglob("kustomization.yaml"):
        complete(file.parent)
    for environment in ("dev", "staging", "production"):
        path = f"deploy/overlays/{environment}"
        name = ImageName.parse("ghcr.io/stefanprodan/podinfo")
        before = render(root / path)
        assert before is not None
        (change,) = Checkout(root).edit(path, name)
        assert change.path == f"{path}/kustomization.yaml"
        _write(root, [change])
        after = render(root / path)
        assert after is not None
        _only_images_differ(before, after, "ghcr.io/stefanprodan/podinfo", path)
