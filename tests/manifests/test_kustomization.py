"""Kustomize `images:` entries: found by newName or name, written with what is missing."""

from __future__ import annotations

import json

import pytest

from promoter.manifests import find_sites
from tests.manifests.reading import NEW, OLD, WEB, edit, edited, names, refusal, sites_in
from tests.needs import need

FILE = "apps/web/kustomization.yaml"
V2 = f"{WEB}:1.3.0@{NEW}"


def test_a_digest_comes_in_beside_the_tag_and_every_other_byte_stays() -> None:
    before = b"""\
# which web runs here
resources:
  - ../base

images:
  - name: web            # the base's name
    newName: ghcr.io/shop/web
    newTag: "1.2.0"  # by promoter
  - name: redis
    newTag: 7.2.0
"""
    (site,) = sites_in(FILE, before)
    assert str(site.where) == f"{FILE}:8:13"
    assert (site.pointer, site.kind, str(site.image)) == (
        "/images/0",
        "kustomization",
        f"{WEB}:1.2.0",
    )
    expected = before.replace(
        b'"1.2.0"  # by promoter\n',
        f'"1.3.0"  # by promoter\n    digest: "{NEW}"\n'.encode(),
    )
    assert edited(FILE, before, V2) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- newTag: v1\n  name: N\n", "- newTag: 1.3.0\n  digest: D\n  name: N\n"),
        ("- name: N\n", "- name: N\n  newTag: 1.3.0\n  digest: D\n"),
        ("- name: N", "- name: N\n  newTag: 1.3.0\n  digest: D"),
        ("  - name: x\n    newName: N\r\n", None),
        ("- name: N\n  newTag: v1", "- name: N\n  digest: D\n  newTag: 1.3.0"),
        ("- name: N\n  digest: O\n", "- name: N\n  newTag: 1.3.0\n  digest: D\n"),
        ("- name: N\n  newTag: v1\n  digest:\n", "- name: N\n  newTag: 1.3.0\n  digest: D\n"),
        ("- name: N\n  newTag: v1\n  digest: ''\n", "- name: N\n  newTag: 1.3.0\n  digest: 'D'\n"),
        ("- {name: N, newTag: v1}\n", '- {name: N, newTag: 1.3.0, digest: "D"}\n'),
        ("- {name: N}\n", '- {name: N, newTag: "1.3.0", digest: "D"}\n'),
        (
            '- {"name": "N", "newTag": "v1"}\n',
            '- {"name": "N", "newTag": "1.3.0", "digest": "D"}\n',
        ),
    ],
)
def test_what_is_missing_is_inserted_where_it_belongs(before: str, after: str | None) -> None:
    def real(text: str) -> bytes:
        text = text.replace("N", WEB).replace("D", NEW).replace("O", OLD)
        return ("images:\n" + text.replace(f"new{WEB}ame", "newName")).encode()

    if after is None:  # CRLF on one line only: the sibling's own ending is taken
        after = "  - name: x\n    newName: N\r\n    newTag: 1.3.0\r\n    digest: D\r\n"
    assert edited(FILE, real(before), V2) == real(after)


def test_a_tag_that_looks_like_a_number_is_its_source_text_and_is_quoted_anew() -> None:
    before = f"images:\n- name: {WEB}\n  newTag: 1.10\n".encode()
    assert [site.image.tag for site in sites_in(FILE, before)] == ["1.10"]
    after = edited(FILE, before, f"{WEB}:1.20", pin="tag")
    assert after == before.replace(b"1.10", b'"1.20"')


def test_an_entry_is_followed_by_the_name_in_force() -> None:
    """A digest of one image may not be there under another name."""
    content = b"images:\n- name: nginx\n  newName: ghcr.io/shop/web\n  newTag: v1\n"
    assert [str(site.image) for site in sites_in(FILE, content, WEB)] == [f"{WEB}:v1"]
    assert sites_in(FILE, content, "ghcr.io/shop/api") == ()
    sites, problems = find_sites(FILE, content, names("nginx"))
    assert sites == ()
    (problem,) = problems
    why = f"docker.io/library/nginx is rendered as {WEB} here, so that is the image to follow"
    assert str(problem) == f"{FILE}:3:12: {why}"


def test_an_entry_that_two_followed_images_claim_is_a_problem_and_no_site() -> None:
    content = b"images:\n- name: nginx\n  newName: ghcr.io/shop/web\n  newTag: v1\n"
    sites, problems = find_sites(FILE, content, names(WEB, "nginx"))
    assert sites == ()
    assert [str(each) for each in problems] == [
        f"{FILE}:3:12: {WEB} and docker.io/library/nginx both claim this place; follow one of them"
    ]


@pytest.mark.parametrize(
    ("path", "head", "found"),
    [
        ("a/Kustomization", "", 1),
        ("a/kustomization.yml", "", 1),
        ("a/x.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n", 1),
        ("a/x.yaml", "apiVersion: v1\nkind: ConfigMap\n", 0),
    ],
)
def test_a_kustomization_is_told_by_file_name_or_by_its_kind(
    path: str, head: str, found: int
) -> None:
    content = f"{head}images:\n- name: {WEB}\n  newTag: v1\n".encode()
    assert len(sites_in(path, content)) == found


def test_a_version_that_cannot_be_read_is_a_problem_with_its_place() -> None:
    content = f"images:\n- name: {WEB}\n  newTag: ${{TAG}}\n- name: {WEB}\n  digest: abc\n"
    sites, problems = find_sites(FILE, content.encode(), names())
    assert sites == ()
    assert [str(problem) for problem in problems] == [
        f"{FILE}:3:11: newTag of {WEB} is a template expression (${{TAG}}); write a tag here",
        f"{FILE}:5:11: digest of {WEB} is 'abc', which is not a digest",
    ]


def test_a_tag_is_not_left_beside_a_new_digest() -> None:
    before = f"images:\n- name: {WEB}\n  newTag: v1\n".encode()
    assert refusal(FILE, before, V2, pin="digest").startswith(f"{FILE}:3:11: newTag stands beside")


def test_an_entry_that_is_shared_by_an_alias_is_refused_with_the_other_line() -> None:
    before = f"images:\n- &web\n  name: {WEB}\n  newTag: v1\nx-again: *web\n".encode()
    assert refusal(FILE, before, V2).startswith(
        f"{FILE}:2:3: &web is used again by alias: /x-again/newTag (line 5)"
    )


def test_images_twice_is_refused() -> None:
    before = f"images:\n- name: {WEB}\n  newTag: v1\nimages:\n- name: {WEB}\n  newTag: v2\n"
    result = edit(FILE, before.encode(), V2)
    assert result.changes == ()
    assert {str(each) for each in result.refused} == {
        f"{FILE}:4:1: the key 'images' stands 2 times (lines 1, 4); keep one"
    }


def test_the_cases_of_a_comparable_tool_come_out_byte_for_byte() -> None:
    """Their digests are placeholders; ours must be real ones, so both are filled in."""
    cases = sorted((need("shared/peer-cases") / "kustomize-images").iterdir())
    assert len(cases) > 10
    for folder in cases:
        case = json.loads((folder / "case.json").read_text("utf-8"))
        before, after = (
            (folder / name)
            .read_bytes()
            .replace(b"sha12345", OLD.encode())
            .replace(b"sha23456", NEW.encode())
            for name in ("input.yaml", "expected.yaml")
        )
        digest = case["digest"].replace("sha12345", OLD).replace("sha23456", NEW)
        assert edited(FILE, before, f"{case['image']}@{digest}", pin="keep") == after, case["name"]


FLUX = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  images:\n"
ARGO = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    kustomize:\n"


def test_a_flux_kustomization_has_the_same_entries_in_its_spec() -> None:
    before = f"{FLUX}  - name: web\n    newName: {WEB}\n    newTag: v1\n"
    (site,) = sites_in("cluster/web.yaml", before.encode())
    assert (site.pointer, str(site.image)) == ("/spec/images/0", f"{WEB}:v1")
    after = edited("cluster/web.yaml", before.encode(), V2).decode()
    assert after == before.replace("v1\n", f"1.3.0\n    digest: {NEW}\n", 2).replace(
        f"fluxcd.io/1.3.0\n    digest: {NEW}\n", "fluxcd.io/v1\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("web=WEB:v1", "web=WEB:1.3.0@NEW"),
        ("WEB:v1", "WEB:1.3.0@NEW"),
        ("WEB@OLD", "WEB:1.3.0@NEW"),
        ("'web=WEB:v1@OLD'", "'web=WEB:1.3.0@NEW'"),
        ("quay.io/base/web=WEB:v1", "quay.io/base/web=WEB:1.3.0@NEW"),
        ("WEB", "WEB:1.3.0@NEW"),
    ],
)
def test_an_argo_cd_application_has_them_as_strings(before: str, after: str) -> None:
    def real(entry: str) -> bytes:
        text = f"{ARGO}      images:\n      - other:v1\n      - {entry} # c\n"
        return text.replace("WEB", WEB).replace("NEW", NEW).replace("OLD", OLD).encode()

    (site,) = sites_in("app.yaml", real(before))
    assert site.pointer == "/spec/source/kustomize/images/1"
    assert edited("app.yaml", real(before), V2) == real(after)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("web=WEB:${TAG}", "the entry holds a template expression, write name=newname:tag@digest"),
        ("WEB@sha256:0", "the entry holds no image reference, write"),
        ("WEB=ghcr.io/shop/api:v1", "ghcr.io/shop/api and WEB both claim this place"),
    ],
)
def test_an_argo_cd_string_that_cannot_be_read_is_a_problem(entry: str, problem: str) -> None:
    content = f"{ARGO}      images: ['{entry.replace('WEB', WEB)}']\n".encode()
    sites, problems = find_sites("app.yaml", content, names(WEB, "ghcr.io/shop/api"))
    assert sites == ()
    said = f"app.yaml:6:16: {problem.replace('WEB', WEB)}"
    assert [str(each).startswith(said) for each in problems] == [True]


def test_a_tag_that_something_is_added_to_is_a_problem() -> None:
    content = f"images:\n- name: {WEB}\n  newTag: v1\n  tagSuffix: -alpine\n".encode()
    sites, problems = find_sites(FILE, content, names())
    assert sites == ()
    said = f"{FILE}:4:14: tagSuffix is added to the tag of {WEB}, which then names another image"
    assert [str(each).startswith(said) for each in problems] == [True]


def test_every_combination_of_keys_is_brought_to_tag_and_digest() -> None:
    for new_name in ("", f"  newName: {WEB}\n"):
        name = "web" if new_name else WEB
        for tag in ("", "  newTag: v1\n", "  newTag: ''\n", "  newTag:\n"):
            for digest in ("", f"  digest: {OLD}\n", '  digest: ""\n', "  digest: ~\n"):
                before = f"images:\n- name: {name}\n{new_name}{tag}{digest}".encode()
                (site,) = sites_in(FILE, edited(FILE, before, V2))
                assert str(site.image) == V2
