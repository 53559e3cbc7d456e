"""Manifests: bytes -> sites -> bytes. Pure; one module per manifest kind.

`find_sites` tells where images are named, `read_target` what that amounts to, `edit_target`
makes the bytes of another release, byte-exact or not at all.
"""

from promoter.manifests.sites import edit_target, find_sites, is_manifest, read_target

__all__ = ["edit_target", "find_sites", "is_manifest", "read_target"]
