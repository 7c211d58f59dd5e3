# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Changing containers with the Docker SDK; imported only when something changes, since it takes 0.3 s."""

from __future__ import annotations

import traceback
import typing as t

try:
    import docker
    import docker.errors
    import requests.exceptions

    SDK_ERROR = ""
except ImportError:
    docker = None
    SDK_ERROR = traceback.format_exc()

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_apply import StepError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_jobs import runs_job
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import ContainerSpec
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_state import fields_of, platform_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineError, EngineSocket

#: Seconds until a request other than a stop or a pull must have been answered.
_ANSWER_SECONDS = 120
_PULL_SECONDS = 600

T = t.TypeVar("T")


class SdkChanger:
    """Implements :class:`.docker_apply.Changer`.

    ``stop_timeout`` in seconds. ``ids``: of the containers that were seen, by name; by its id
    none is taken for another that got its name meanwhile. With ``force`` a job that runs is no reason not to stop.
    """

    def __init__(self, socket_path: str, stop_timeout: int, ids: t.Mapping[str, str], force: bool = False) -> None:
        self._force, self._socket_path = force, socket_path
        self._ids = dict(ids)
        self._stop_timeout = stop_timeout
        self._api = _said(lambda: docker.APIClient(f"unix://{socket_path}", version="auto", timeout=_ANSWER_SECONDS))
        # A pull is silent while it waits for the registry; the time-out is one between two answers.
        self._puller = _said(lambda: docker.APIClient(f"unix://{socket_path}", version="auto", timeout=_PULL_SECONDS))

    def pull(self, image: str) -> str:
        """Pull an image and return its ``os/architecture``."""
        try:
            events = _said(lambda: list(self._puller.pull(image, tag=_tag(image), stream=True, decode=True)))
        except StepError as error:
            raise StepError(f"image {image} cannot be pulled: {error}") from error
        said = [event["error"] for event in events if "error" in event]
        if said:
            raise StepError(f"image {image} cannot be pulled: {said[0]}")
        return platform_of(_said(lambda: self._api.inspect_image(image)))

    def create(self, spec: ContainerSpec) -> None:
        """Create the container, labels and all in one step."""
        made = _said(
            lambda: self._api.create_container(
                spec.image,
                command=list(spec.command) if spec.command else None,
                name=spec.name,
                user=spec.user,
                labels=spec.labels,
                host_config=self._host_config(spec),
            )
        )
        self._ids[spec.name] = made["Id"]

    def fields(self, name: str) -> t.Mapping[str, t.Any]:
        """The fields that the container really has."""
        return fields_of(_said(lambda: self._api.inspect_container(self._ids[name])))

    def update(self, spec: ContainerSpec) -> None:
        """Give the container the limits of ``spec``.

        The SDK's own method knows neither NanoCpus nor PidsLimit, so the request is made here.
        """
        url = f"{self._api.base_url}/v{self._api.api_version}/containers/{self._ids[spec.name]}/update"
        limits = {
            "Memory": spec.memory,
            "MemorySwap": spec.memory,
            "NanoCpus": _nano(spec.cpus),
            "PidsLimit": spec.pids_limit,
            "RestartPolicy": {"Name": spec.restart},
        }
        response = _said(lambda: self._api.post(url, json=limits, timeout=_ANSWER_SECONDS))
        if not response.ok:
            raise StepError(f"its limits cannot be changed: {response.text.strip()}")

    def start(self, name: str) -> None:
        """Start it."""
        _said(lambda: self._api.start(self._ids[name]))

    def unpause(self, name: str) -> None:
        """Let it go on."""
        _said(lambda: self._api.unpause(self._ids[name]))

    def stop(self, name: str) -> None:
        """Ask it to end, then end it; refuses while a job runs in it."""
        if not self._force and self._busy(name):
            raise StepError("a job runs in it, and nothing was stopped; run this again later, or end its job with force")
        _said(lambda: self._api.stop(self._ids[name], timeout=self._stop_timeout), gone="fine")

    def remove(self, name: str) -> None:
        """Remove it with its anonymous volumes."""
        _said(lambda: self._api.remove_container(self._ids[name], v=True, force=True), gone="fine")

    def _busy(self, name: str) -> bool:
        """Whether the runner's process for a job lives in it."""
        try:
            with EngineSocket(self._socket_path) as engine:
                return runs_job(engine.get, self._ids[name])
        except EngineError as error:
            raise StepError(f"nobody can tell whether a job runs in it: {error}") from error

    def _host_config(self, spec: ContainerSpec) -> t.Any:
        kept, log = spec.fixed, dict(spec.fixed["log"])
        return self._api.create_host_config(
            mem_limit=spec.memory,
            memswap_limit=spec.memory,
            nano_cpus=_nano(spec.cpus),
            pids_limit=spec.pids_limit,
            restart_policy={"Name": spec.restart},
            network_mode=spec.network,
            read_only=spec.read_only,
            # A job needs some place to write; what lies there counts as the container's memory.
            tmpfs={"/tmp": "rw,exec,nosuid,nodev,mode=1777"} if spec.read_only else None,
            cap_drop=kept["cap_drop"],
            security_opt=kept["security_opt"],
            init=kept["init"],
            log_config={"type": log.pop("driver"), "config": log},
        )


def _nano(cpus: int) -> int:
    return cpus * 10**9


def _tag(image: str) -> t.Optional[str]:
    """Without a tag the engine would pull every tag there is."""
    named = "@" in image or ":" in image.rpartition("/")[2]
    return None if named else "latest"


def _said(do: t.Callable[[], T], gone: str = "") -> T:
    """Do it; what the engine or the SDK raises becomes a :class:`.docker_apply.StepError`.

    With ``gone``, a container that is not there any more is no error.
    """
    try:
        return do()
    except docker.errors.NotFound as error:
        if gone:
            return t.cast(T, None)
        raise StepError(str(error.explanation or error)) from error
    except docker.errors.APIError as error:
        raise StepError(str(error.explanation or error)) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise StepError(f"the Docker Engine gave no answer: {error}") from error
