"""The Kubernetes API's own types, as its Python client has them, read strictly."""

from __future__ import annotations

from typing import Any

from kubernetes import client
from pydantic import BaseModel, ValidationError

_KINDS: dict[tuple[str, str], str] = {
    ("v1", "ConfigMap"): "V1ConfigMap",
    ("v1", "Namespace"): "V1Namespace",
    ("v1", "Service"): "V1Service",
    ("v1", "ServiceAccount"): "V1ServiceAccount",
    ("apps/v1", "Deployment"): "V1Deployment",
    ("batch/v1", "CronJob"): "V1CronJob",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
}


def mistakes(thing: Any) -> list[str]:
    """`spec.replicas: Input should be a valid integer`: fields that the API does not have, missing
    ones, and values of another type."""
    kind = (thing.get("apiVersion"), thing.get("kind"))
    if kind not in _KINDS:
        return [f"{kind} is not known here"]
    return check_as(thing, _KINDS[kind])


def check_as(thing: Any, name: str) -> list[str]:
    """The same for a part of an object: `check_as(volume, "V1Volume")`."""
    model: type[BaseModel] = getattr(client, name)
    try:
        read = model.model_validate(thing)
    except ValidationError as error:
        return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    # It takes Python's names of the fields, too, which the API does not.
    written = read.model_dump(mode="json", by_alias=True, exclude_none=True)
    return [] if written == thing else [f"{name}: is written otherwise: {written}"]
