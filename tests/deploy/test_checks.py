"""The checks of manifests themselves: one that finds nothing in what is wrong would be none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.kubernetes_schema import mistakes
from tests.deploy.pod_security import violations
from tests.deploy.rendered import BASE, render, the, the_pod


def _without(*path: str) -> Callable[[Any], None]:
    def change(pod: Any) -> None:
        for step in path[:-1]:
            pod = pod[int(step) if step.isdigit() else step]
        del pod[path[-1]]

    return change


def _with(value: Any, *path: str) -> Callable[[Any], None]:
    def change(pod: Any) -> None:
        for step in path[:-1]:
            pod = pod[int(step) if step.isdigit() else step]
        pod[path[-1]] = value

    return change


_OURS = ("containers", "0", "securityContext")


class TestTheChecks:
    @pytest.mark.parametrize(
        ("spoil", "found"),
        [
            (_without("securityContext", "runAsNonRoot"), "runAsNonRoot"),
            (_without("securityContext", "seccompProfile"), "seccompProfile"),
            (_with(0, "securityContext", "runAsUser"), "runAsUser"),
            (_with({"type": "Unconfined"}, *_OURS, "seccompProfile"), "seccompProfile"),
            (_with(["NET_RAW"], *_OURS, "capabilities", "add"), "capabilities"),
            (_without(*_OURS, "capabilities", "drop"), "capabilities"),
            (_without(*_OURS, "allowPrivilegeEscalation"), "allowPrivilegeEscalation"),
            (_without(*_OURS, "readOnlyRootFilesystem"), "readOnlyRootFilesystem"),
            (_with(True, *_OURS, "privileged"), "privileged"),
            (_with(8080, "containers", "0", "ports", "0", "hostPort"), "hostPort"),
            (_with(True, "hostPID"), "hostPID"),
            (_without("automountServiceAccountToken"), "token"),
            (_with([{"name": "x", "hostPath": {"path": "/"}}], "volumes"), "volume x"),
        ],
    )
    def test_an_unrestricted_pod_is_found(self, spoil: Callable[[Any], None], found: str) -> None:
        pod = the_pod(render(BASE))
        spoil(pod)
        (line,) = violations(pod)
        assert found in line

    @pytest.mark.parametrize(
        ("spoil", "found"),
        [
            (_with("1", "replicas"), "spec.replicas: Input should be a valid integer"),
            (_with(1, "replica"), "spec.replica: Extra inputs are not permitted"),
            (_without("selector"), "spec.selector: Field required"),
            (
                _with({}, "template", "spec", "containers"),
                "containers: Input should be a valid list",
            ),
            (_with(5, "min_ready_seconds"), "V1Deployment: is written otherwise"),
        ],
    )
    def test_what_the_api_would_refuse_is_found(
        self, spoil: Callable[[Any], None], found: str
    ) -> None:
        deployment = the("Deployment", render(BASE))
        spoil(deployment["spec"])
        (line,) = mistakes(deployment)
        assert found in line
