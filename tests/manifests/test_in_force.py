"""What is in force: the overlay over its bases, read as kustomize builds it."""

from __future__ import annotations

import pytest

from promoter.manifests import find_sites, is_manifest
from promoter.manifests.in_force import read_in_force
from promoter.manifests.kustomization import NEW_ENTRY_POINTER as NEW_ENTRY
from promoter.manifests.layers import Layer, read_layer
from promoter.model.image import ImageName
from promoter.model.target import Reading

WEB = ImageName.parse("ghcr.io/shop/web")
OVERLAY = "apps/web/overlays/dev"
BASE = "apps/web/base"


def deployment(image: str, name: str = "web", kind: str = "Deployment") -> str:
    return f"""\
kind: {kind}
metadata: {{name: {name}}}
spec:
  template:
    spec:
      containers:
        - name: {name}
          image: {image}
"""


def read(files: dict[str, str], path: str = OVERLAY, name: ImageName = WEB) -> Reading:
    """The reading of one target over files, as the engine makes it."""
    contents = {file: text.encode() for file, text in files.items()}
    found = {
        file: find_sites(file, content, [name])
        for file, content in sorted(contents.items())
        if is_manifest(file) and file.startswith(f"{path}/")
    }

    def load(file: str) -> Layer | None:
        return read_layer(file, contents[file]) if file in contents else None

    return read_in_force(path, found, load, [name])


def shop(overlay: str, base: str = "ghcr.io/shop/web:1.0.0", **more: str) -> dict[str, str]:
    return {
        f"{BASE}/kustomization.yaml": "resources: [deployment.yaml]\n",
        f"{BASE}/deployment.yaml": deployment(base),
        f"{OVERLAY}/kustomization.yaml": f"resources: [../../base]\n{overlay}",
        **more,
    }


def where(reading: Reading) -> list[tuple[str, str]]:
    return [(site.where.file, site.pointer) for site in reading.sites]


def label(reading: Reading) -> str | None:
    return reading.release.label if reading.release else None


def test_an_image_of_a_shared_base_gets_an_entry_in_the_overlay() -> None:
    reading = read(shop(""))
    assert where(reading) == [(f"{OVERLAY}/kustomization.yaml", NEW_ENTRY)]
    assert (label(reading), reading.problems) == ("1.0.0", ())
    assert reading.sites[0].image.name.written == "ghcr.io/shop/web"


def test_the_overlays_own_entry_is_in_force_and_not_the_bases_version() -> None:
    entry = "images: [{name: ghcr.io/shop/web, newTag: 1.1.0}]\n"
    reading = read(shop(entry))
    assert where(reading) == [(f"{OVERLAY}/kustomization.yaml", "/images/0")]
    assert label(reading) == "1.1.0"


def test_an_entry_that_only_renames_leaves_the_version_of_the_base_in_force() -> None:
    entry = "images: [{name: web, newName: ghcr.io/shop/web}]\n"
    reading = read(shop(entry, base="web:1.0.0"))
    assert where(reading) == [(f"{OVERLAY}/kustomization.yaml", "/images/0")]
    assert label(reading) == "1.0.0"


def test_an_entry_of_the_base_is_overridden_by_the_overlay_only() -> None:
    files = shop("")
    files[f"{BASE}/kustomization.yaml"] += (
        "images: [{name: web, newName: ghcr.io/shop/web, newTag: 2.0.0}]\n"
    )
    files[f"{BASE}/deployment.yaml"] = deployment("web:1.0.0")
    reading = read(files)
    assert where(reading) == [(f"{OVERLAY}/kustomization.yaml", NEW_ENTRY)]
    assert label(reading) == "2.0.0"
    assert reading.sites[0].image.name.written == "ghcr.io/shop/web"


def test_an_entry_that_matches_nothing_blocks_with_that_reason() -> None:
    entry = "images:\n- name: ghcr.io/shop/web\n  newTag: 1.1.0\n"
    reading = read(shop(entry, base="docker.io/shop/api:1.0.0"))
    (problem,) = reading.problems
    assert str(problem) == (
        f"{OVERLAY}/kustomization.yaml:3:3: the entry for ghcr.io/shop/web matches nothing that"
        f" {OVERLAY}/kustomization.yaml builds; it would change nothing"
    )


@pytest.mark.parametrize(
    "unseen",
    [
        "helmCharts: [{name: web}]\n",
        "generators: [more.yaml]\n",
        "configurations: [images.yaml]\n",
    ],
)
def test_nothing_is_concluded_where_a_part_of_the_build_is_unseen(unseen: str) -> None:
    entry = "images: [{name: ghcr.io/shop/web, newTag: 1.1.0}]\n"
    reading = read(shop(unseen + entry, base="docker.io/shop/api:1.0.0"))
    assert (label(reading), reading.problems) == ("1.1.0", ())
    assert where(reading) == [(f"{OVERLAY}/kustomization.yaml", "/images/0")]


@pytest.mark.parametrize("base", ["https://git.example.com/shop?ref=v1", "../../gone", "/abs"])
def test_a_base_that_is_not_in_this_tree_is_unseen(base: str) -> None:
    files = {
        f"{OVERLAY}/kustomization.yaml": f"resources: ['{base}']\n"
        "images: [{name: ghcr.io/shop/web, newTag: 1.1.0}]\n"
    }
    assert (label(read(files)), read(files).problems) == ("1.1.0", ())


def test_a_patch_of_the_overlay_is_in_force_over_the_base() -> None:
    patched = shop(
        "patches: [{path: patch.yaml}]\n",
        **{f"{OVERLAY}/patch.yaml": deployment("ghcr.io/shop/web:1.2.0")},
    )
    reading = read(patched)
    assert label(reading) == "1.2.0"
    assert where(reading) == [(f"{OVERLAY}/patch.yaml", "/spec/template/spec/containers/0/image")]


def test_a_patch_within_the_kustomization_is_written_by_an_entry_instead() -> None:
    text = "".join(f"      {line}\n" for line in deployment("ghcr.io/shop/web:1.2.0").splitlines())
    reading = read(shop(f"patches:\n  - patch: |-\n{text}"))
    assert label(reading) == "1.2.0"
    assert where(reading) == [(f"{OVERLAY}/kustomization.yaml", NEW_ENTRY)]


def test_a_component_changes_what_its_user_builds() -> None:
    files = shop("components: [../../pinned]\n")
    files["apps/web/pinned/kustomization.yaml"] = (
        "kind: Component\nimages: [{name: ghcr.io/shop/web, newTag: 3.0.0}]\n"
    )
    reading = read(files)
    assert label(reading) == "3.0.0"
    assert where(reading) == [(f"{OVERLAY}/kustomization.yaml", NEW_ENTRY)]


def test_what_images_do_not_reach_in_a_shared_base_is_a_problem_with_its_place() -> None:
    files = shop("")
    files[f"{BASE}/deployment.yaml"] = "kind: Prober\nspec:\n  image: ghcr.io/shop/web:1.0.0\n"
    (problem,) = read(files).problems
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == (f"{BASE}/deployment.yaml", 3)
    assert "kustomize's images don't reach it" in problem.message


def test_a_mapping_that_is_named_as_the_list_of_containers_is_not_reached() -> None:
    files = shop("")
    files[f"{BASE}/deployment.yaml"] = (
        "kind: HelmRelease\nspec:\n  values:\n    initContainers:\n"
        "      wait: {image: ghcr.io/shop/web:1.0.0}\n"
    )
    (problem,) = read(files).problems
    assert "kustomize's images don't reach it" in problem.message


def test_a_base_below_the_target_is_its_own() -> None:
    files = {
        f"{OVERLAY}/kustomization.yaml": "resources: [base, values.yaml]\n",
        f"{OVERLAY}/base/kustomization.yaml": "resources: [deployment.yaml]\n",
        f"{OVERLAY}/base/deployment.yaml": deployment("ghcr.io/shop/web:1.0.0"),
        f"{OVERLAY}/values.yaml": "image: {repository: ghcr.io/shop/web, tag: 1.0.0}\n",
    }
    reading = read(files)
    assert [file for file, _ in where(reading)] == [
        f"{OVERLAY}/base/deployment.yaml",
        f"{OVERLAY}/values.yaml",
    ]
    files[f"{OVERLAY}/values.yaml"] = "image: {repository: ghcr.io/shop/web, tag: 1.1.0}\n"
    assert read(files).mixed is not None


def test_two_containers_of_one_image_get_one_entry() -> None:
    files = shop("")
    files[f"{BASE}/deployment.yaml"] += "---\n" + deployment(
        "ghcr.io/shop/web:1.0.0", "worker", "StatefulSet"
    )
    assert where(read(files)) == [(f"{OVERLAY}/kustomization.yaml", NEW_ENTRY)]


def test_kustomizations_that_build_on_each_other_end() -> None:
    files = shop("")
    files[f"{BASE}/kustomization.yaml"] = "resources: [deployment.yaml, ../overlays/dev]\n"
    assert label(read(files)) == "1.0.0"
