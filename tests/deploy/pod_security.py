"""The Pod Security Standard "restricted", as kubernetes.io/docs/concepts/security lists it, with
what our pods keep beyond it: a file system that is read-only, and no account's token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
}


def pods(thing: Any) -> Iterator[Any]:
    """The pod specs in an object, wherever they are."""
    if isinstance(thing, dict):
        if isinstance(thing.get("containers"), list):
            yield thing
        for each in thing.values():
            yield from pods(each)
    elif isinstance(thing, list):
        for each in thing:
            yield from pods(each)


def violations(pod: Mapping[str, Any]) -> list[str]:
    return [*_of_the_pod(pod), *_of_its_containers(pod)]


def _of_the_pod(pod: Mapping[str, Any]) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield name
    if pod.get("automountServiceAccountToken") is not False:
        yield "a token of the account is mounted"
    for volume in pod.get("volumes", ()):
        if not _VOLUMES & volume.keys():
            yield f"volume {volume['name']} is of no allowed type"


def _of_its_containers(pod: Mapping[str, Any]) -> Iterator[str]:
    of_all = pod.get("securityContext", {})
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        yield from of_container(container, of_all)


def of_container(container: Mapping[str, Any], of_all: Mapping[str, Any]) -> Iterator[str]:
    """`of_all` is the pod's own context, which a container may say otherwise."""
    own = container.get("securityContext", {})
    both = {**of_all, **own}
    name = container["name"]
    if both.get("runAsNonRoot") is not True:
        yield f"{name}: runAsNonRoot"
    if both.get("runAsUser", 1) == 0:
        yield f"{name}: runAsUser"
    if both.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield f"{name}: seccompProfile"
    if own.get("privileged"):
        yield f"{name}: privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: allowPrivilegeEscalation"
    if own.get("readOnlyRootFilesystem") is not True:
        yield f"{name}: readOnlyRootFilesystem"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()) or set(capabilities.get("add", ())) - {
        "NET_BIND_SERVICE"
    }:
        yield f"{name}: capabilities"
    if any("hostPort" in port for port in container.get("ports", ())):
        yield f"{name}: hostPort"
