"""Which rule follows an image, and for which application."""

from __future__ import annotations

import pytest

from promoter.model.image import ImageName
from promoter.rules.images import application_of


@pytest.mark.parametrize(
    ("image", "name", "application"),
    [
        ("ghcr.io/shop/{application}", "ghcr.io/shop/web", "web"),
        ("ghcr.io/shop/{application}-api", "ghcr.io/shop/web-api", "web"),
        ("{application}", "nginx", "nginx"),
        ("docker.io/library/{application}", "nginx", "nginx"),
        ("nginx", "docker.io/library/nginx", ""),
        ("ghcr.io/{application}/{application}", "ghcr.io/web/web", "web"),
        ("ghcr.io/{application}/{application}", "ghcr.io/web/api", None),
        ("ghcr.io/shop/{application}", "ghcr.io/shop/web/api", None),
        ("ghcr.io/shop/{application}", "ghcr.io/shop", None),
        ("ghcr.io/a.b/{application}", "ghcr.io/a-b/web", None),
        ("localhost:5000/{application}", "localhost:5000/web", "web"),
        ("nginx", "redis", None),
        ("Not/An:Image", "redis", None),
    ],
)
def test_the_application_that_an_image_is_of(
    image: str, name: str, application: str | None
) -> None:
    assert application_of(image, ImageName.parse(name)) == application
