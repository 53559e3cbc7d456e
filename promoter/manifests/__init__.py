"""Manifests: bytes -> sites -> bytes. Pure; one module per manifest kind.

`find_sites` tells where images are named, `near_misses` where others are named almost so,
`read_target` what that amounts to. `edit_target` makes the bytes of another release,
`set_images` those of one file with an image at another version, `set_values` those with other
values at explicit paths: byte-exact or not at all.
"""

from promoter.manifests.edit import edit_target
from promoter.manifests.explicit import ImagesSet, Setting, set_images, set_values
from promoter.manifests.near import near_misses
from promoter.manifests.sites import find_sites, is_manifest, read_target

__all__ = [
    "ImagesSet",
    "Setting",
    "edit_target",
    "find_sites",
    "is_manifest",
    "near_misses",
    "read_target",
    "set_images",
    "set_values",
]
