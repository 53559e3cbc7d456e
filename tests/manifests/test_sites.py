"""A target's sites: found in its files, read as one release, edited all or nothing."""

from __future__ import annotations

import pytest

from promoter.manifests import edit_target, find_sites, is_manifest, read_target
from promoter.model.image import ImageName, ImageReference
from promoter.model.release import Release
from promoter.model.target import FileChange, Reading
from tests.manifests.reading import NEW, OLD, WEB, names, sites_in

API = "ghcr.io/shop/api"


def read(files: dict[str, str], *texts: str) -> Reading:
    wanted = names(*texts)
    return read_target(find_sites(path, text.encode(), wanted) for path, text in files.items())


def release_of(*references: str) -> Release:
    return Release.of(ImageReference.parse(each) for each in references)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.yaml", True),
        ("b.yml", True),
        ("a/Kustomization", True),
        ("a/README.md", False),
        ("a/NotKustomization", False),
        ("yaml", False),
    ],
)
def test_manifests_are_told_by_their_name(path: str, expected: bool) -> None:
    assert is_manifest(path) is expected


def test_a_file_that_names_no_image_is_not_even_parsed() -> None:
    assert find_sites("a.yaml", b"a: [\nimage: nginx", names()) == ((), ())
    assert find_sites("a.yaml", b"image: ghcr.io/shop/web", ()) == ((), ())


def test_a_file_that_names_one_and_is_not_yaml_is_a_problem_unless_a_template() -> None:
    sites, problems = find_sites("a.yaml", f"image: {WEB}:v1\nb: [\n".encode(), names())
    assert sites == ()
    assert [str(each).startswith("a.yaml:3:1: is not YAML: ") for each in problems] == [True]
    template = f"{{{{- if .x }}}}\nimage: {WEB}:v1\n{{{{ end }}}}\n"
    assert find_sites("a.yaml", template.encode(), names()) == ((), ())


def test_a_utf16_file_that_names_one_is_a_problem() -> None:
    _, problems = find_sites("a.yaml", f"image: {WEB}:v1\n".encode("utf-16"), names())
    assert [str(each) for each in problems] == ["a.yaml: is UTF-16; save it as UTF-8"]
    assert find_sites("a.yaml", "image: other\n".encode("utf-16"), names()) == ((), ())


def test_the_release_is_the_fullest_of_agreeing_sites_spelled_as_at_the_first() -> None:
    reading = read(
        {
            "a.yaml": "image: nginx:1.25\n---\nimage: nginx\n",
            "b.yaml": f"image: docker.io/library/nginx:1.25@{OLD}\nx: {{image: '{API}:v1'}}\n",
        },
        "nginx",
        API,
    )
    assert reading.mixed is None
    assert reading.release is not None
    assert [str(each) for each in reading.release.artifacts] == [
        f"nginx:1.25@{OLD}",
        f"{API}:v1",
    ]
    assert len(reading.sites) == 4


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (f"{WEB}:v1", f"{WEB}:v2", f"{WEB} is at v1 in a.yaml:1:8, but at v2 in b.yaml:1:8"),
        (f"{WEB}:v1@{OLD}", f"{WEB}:v1@{NEW}", f"but at v1@{NEW} in b.yaml:1:8"),
        (f"{WEB}:v1", f"{WEB}@{OLD}", f"but at {OLD} in b.yaml:1:8"),
    ],
)
def test_sites_that_disagree_are_mixed_and_no_release(first: str, second: str, says: str) -> None:
    reading = read({"a.yaml": f"image: {first}\n", "b.yaml": f"image: {second}\n"})
    assert reading.release is None
    assert reading.mixed is not None
    assert says in reading.mixed


def test_a_tag_alone_and_a_digest_alone_agree_through_a_site_with_both() -> None:
    texts = (f"{WEB}:v1", f"{WEB}@{OLD}", f"{WEB}:v1@{OLD}")
    reading = read({f"{i}.yaml": f"image: {text}\n" for i, text in enumerate(texts)})
    assert reading.release == release_of(f"{WEB}:v1@{OLD}")


def test_without_any_version_the_release_holds_the_bare_name() -> None:
    assert read({"a.yaml": f"image: {WEB}\n"}).release == release_of(WEB)


def test_without_sites_there_is_no_release_and_nothing_mixed() -> None:
    assert read({"a.yaml": "image: other:v1\n"}) == Reading((), None)


FILES = {
    "kustomization.yaml": f"images:\n- name: {WEB}\n  newTag: v1\n- name: {API}\n  newTag: v1\n",
    "values.yaml": f"image:\n  repository: {WEB}\n  tag: v1\n",
    "other.yaml": "image: other:v1\n",
}


def test_all_files_move_together_and_the_new_bytes_read_as_the_release() -> None:
    files = {path: text.encode() for path, text in FILES.items()}
    reading = read(FILES, WEB, API)
    release = release_of(f"{WEB}:v2@{NEW}", f"{API}:v3@{OLD}")
    edit = edit_target(files, reading.sites, release, {ImageName.parse(API): "tag"})
    assert edit.refused == ()
    assert [change.path for change in edit.changes] == ["kustomization.yaml", "values.yaml"]
    after = {**FILES, **{change.path: change.after.decode() for change in edit.changes}}
    assert after["kustomization.yaml"] == (
        f"images:\n- name: {WEB}\n  newTag: v2\n  digest: {NEW}\n- name: {API}\n  newTag: v3\n"
    )
    now = read(after, WEB, API)
    assert now.release is not None
    assert now.release.agrees(release)


def test_an_edit_to_what_stands_changes_nothing() -> None:
    files = {path: text.encode() for path, text in FILES.items()}
    sites = read(FILES).sites
    assert edit_target(files, sites, release_of(f"{WEB}:v1"), {}).changes == ()
    assert edit_target(files, sites, release_of(f"{WEB}:v1"), {}).refused == ()


def test_one_refusal_stops_every_file_and_all_reasons_are_told() -> None:
    shared, full, block = f"&i {WEB}:v1\nb: *i", f"{WEB}:v1@{OLD}", f"|-\n  {WEB}:v1"
    bad = "\n---\n".join(f"image: {each}" for each in (shared, full, block))
    texts = {**FILES, "b.yaml": f"{bad}\n"}
    files = {path: text.encode() for path, text in texts.items()}
    edit = edit_target(files, read(texts).sites, release_of(f"{WEB}:v2"), {})
    assert edit.changes == ()
    assert [str(each).split(" ", 2)[0] for each in sorted(edit.refused, key=str)] == [
        "b.yaml:1:8:",
        "b.yaml:4:8:",
        "b.yaml:6:8:",
    ]


def test_images_that_the_release_does_not_hold_stay() -> None:
    files = {path: text.encode() for path, text in FILES.items()}
    sites = read(FILES, WEB, API).sites
    edit = edit_target(files, sites, release_of(f"{API}:v2"), {})
    before = files["kustomization.yaml"]
    after = before.replace(b"api\n  newTag: v1", b"api\n  newTag: v2")
    assert edit.changes == (FileChange("kustomization.yaml", before, after),)


def test_sites_of_an_older_look_are_refused() -> None:
    sites = read(FILES).sites
    release = release_of(f"{WEB}:v2")
    moved = {path: text.replace("v1", "v9").encode() for path, text in FILES.items()}
    assert edit_target(moved, sites, release, {}).changes == ()
    assert [str(each) for each in edit_target(moved, sites, release, {}).refused] == [
        f"kustomization.yaml:3:11: {WEB}:v1 is not here any more; look again",
        f"values.yaml:3:8: {WEB}:v1 is not here any more; look again",
    ]
    assert [str(each) for each in edit_target({}, sites, release, {}).refused] == [
        "kustomization.yaml: is not there any more; look again",
        "values.yaml: is not there any more; look again",
    ]
    broken = dict.fromkeys(FILES, b"a: [")
    assert len(edit_target(broken, sites, release, {}).refused) == 2


def test_a_file_that_sops_sealed_is_refused() -> None:
    """Its MAC covers the plain values too: after an edit it could not be decrypted any more."""
    content = f"image: {WEB}:v1\nsops:\n    mac: ENC[AES256_GCM,data:x]\n".encode()
    (site,) = sites_in("values.yaml", content, WEB)
    edit = edit_target({"values.yaml": content}, [site], release_of(f"{WEB}:v2"), {})
    assert edit.changes == ()
    (problem,) = edit.refused
    assert str(problem).startswith("values.yaml:3:5: is sealed by SOPS: another value breaks its")
