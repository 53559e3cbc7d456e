"""Plain `image:` fields, wherever they stand."""

from __future__ import annotations

import pytest

from promoter.manifests import find_sites
from tests.manifests.reading import NEW, OLD, WEB, edited, names, refusal, sites_in

FILE = "deploy.yaml"
V2 = f"{WEB}:1.3.0@{NEW}"


def test_every_document_and_depth_is_found_and_written() -> None:
    before = f"""\
# two documents
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      initContainers:
        - {{name: init, image: '{WEB}:v1'}}
      containers:
        - image: {WEB}:v1@{OLD}   # the app
          name: web
        - image: ghcr.io/shop/web-sidecar:v1
---
kind: CronJob
image: "{WEB}"
""".encode()
    assert [(site.document, site.pointer, site.where.line) for site in sites_in(FILE, before)] == [
        (0, "/spec/template/spec/initContainers/0/image", 8),
        (0, "/spec/template/spec/containers/0/image", 10),
        (1, "/image", 15),
    ]
    after = edited(FILE, before, V2).decode()
    assert after == before.decode().replace(f"'{WEB}:v1'", f"'{V2}'").replace(
        f"{WEB}:v1@{OLD} ", f"{V2} "
    ).replace(f'"{WEB}"', f'"{V2}"')


def test_the_name_stays_as_it_is_spelled() -> None:
    before = b"image: nginx:1.25\n"
    after = edited(FILE, before, f"docker.io/library/nginx:1.27@{NEW}")
    assert after == f"image: nginx:1.27@{NEW}\n".encode()


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_endings_byte_order_mark_and_the_missing_last_line_feed_stay(
    bom: str, ending: str
) -> None:
    before = f"{bom}a: é{ending or chr(10)}image: {WEB}:v1{ending}".encode()
    assert edited(FILE, before, V2) == before.replace(f"{WEB}:v1".encode(), V2.encode())


@pytest.mark.parametrize(
    ("pin", "before", "after"),
    [
        ("tag", f"{WEB}:v1", f"{WEB}:1.3.0"),
        ("digest", f"{WEB}:v1", f"{WEB}@{NEW}"),
        ("digest", f"{WEB}@{OLD}", f"{WEB}@{NEW}"),
        ("keep", f"{WEB}:v1", f"{WEB}:1.3.0"),
        ("keep", f"{WEB}@{OLD}", f"{WEB}@{NEW}"),
        ("keep", f"{WEB}:v1@{OLD}", V2),
        ("tag-and-digest", f"{WEB}@{OLD}", V2),
        ("tag-and-digest", WEB, V2),
    ],
)
def test_the_pin_says_what_is_written(pin: str, before: str, after: str) -> None:
    content = f"image: {before}\n".encode()
    assert edited(FILE, content, V2, pin=pin) == f"image: {after}\n".encode()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pin", "before", "release", "why"),
    [
        ("tag", f"{WEB}:v1@{OLD}", V2, "would drop the digest"),
        ("tag-and-digest", f"{WEB}:v1@{OLD}", f"{WEB}:v2", "would drop the digest"),
        ("keep", f"{WEB}:v1@{OLD}", f"{WEB}:v2", "would drop the digest"),
        ("digest", f"{WEB}:v1", f"{WEB}:v2", "the release has no digest"),
        ("tag", f"{WEB}:v1", f"{WEB}@{NEW}", "the release has no tag"),
        ("tag-and-digest", f"{WEB}:v1", f"{WEB}@{NEW}", "the release has no tag"),
        ("keep", WEB, V2, f"{WEB} has no version here that pin 'keep' could keep"),
        ("tag-and-digest", f"{WEB}:v1", WEB, "the release has no tag"),
        ("tag-and-digest", WEB, WEB, "the release has no version"),
    ],
)
def test_a_half_of_a_version_is_never_written(
    pin: str, before: str, release: str, why: str
) -> None:
    said = refusal(FILE, f"image: {before}\n".encode(), release, pin=pin)  # type: ignore[arg-type]
    assert said.startswith(f"{FILE}:1:8: {why}")


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (f"{WEB}:${{TAG}}", "image is a template expression, write name:tag@digest here"),
        (f"{WEB}:v1@${{DIGEST}}", "image is a template expression"),
        (f"{WEB}@sha256:abc", "image is not an image reference"),
        (f"'{WEB}:{{{{ .Values.tag }}}}'", None),
        (f"{WEB}${{SUFFIX}}:v1", None),
        (f"{WEB}-${{SUFFIX}}", None),
        (f"${{REGISTRY}}/{WEB}:v1", None),
    ],
)
def test_a_version_that_is_filled_in_is_a_problem_but_in_a_charts_template(
    image: str, problem: str | None
) -> None:
    sites, problems = find_sites(FILE, f"a: 1\nimage: {image}\n".encode(), names())
    assert sites == ()
    said = [str(each) for each in problems]
    if problem is None:
        assert said == []
    else:
        assert len(said) == 1
        assert said[0].startswith(f"{FILE}:2:8: {problem}")


@pytest.mark.parametrize(
    ("kind", "above"),
    [
        ("Pod", "spec"),
        ("Deployment", "spec/template/spec"),
        ("StatefulSet", "spec/template/spec"),
        ("DaemonSet", "spec/template/spec"),
        ("ReplicaSet", "spec/template/spec"),
        ("Job", "spec/template/spec"),
        ("CronJob", "spec/jobTemplate/spec/template/spec"),
        ("List", "items/0/spec/template/spec"),
    ],
)
@pytest.mark.parametrize("group", ["initContainers", "containers", "ephemeralContainers"])
def test_every_workload_and_every_group_of_containers_is_read(
    kind: str, above: str, group: str
) -> None:
    lines, indent = ["apiVersion: v1", f"kind: {kind}"], ""
    for step in above.split("/"):
        if step == "0":
            lines.append(f"{indent}-")
        else:
            lines.append(f"{indent}{step}:")
        indent += "  "
    lines += [f"{indent}{group}:", f"{indent}- name: web", f"{indent}  image: {WEB}:v1 # c", ""]
    file = "\n".join(lines)
    (site,) = sites_in(FILE, file.encode())
    assert site.pointer == f"/{above}/{group}/0/image"
    assert edited(FILE, file.encode(), V2) == file.replace(f"{WEB}:v1", V2).encode()


@pytest.mark.parametrize(
    "content",
    [
        f"image: {WEB}\nimageTag: 1.7.9\n",
        f"image: {WEB}\nversion: '1.7.9'\n",
        f"apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nspec: {{image: {WEB}}}\n",
    ],
)
def test_a_name_that_is_only_a_name_is_no_site(content: str) -> None:
    """A chart would join `web:9.0.0@sha256:...` with the tag that stands beside it."""
    assert sites_in("values.yaml", content.encode(), WEB) == ()
