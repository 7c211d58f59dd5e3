# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module docker_runners in a process of its own, as Ansible runs it, beside a real Docker Engine."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
import typing as t

import docker
import engine

sys.path.insert(0, str(engine.ROOT / ".ansible" / "collections"))

from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Lease, Terms, write_lease  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import SizeError, parse_size  # noqa: E402

MIB = 1024 * 1024
COSTS = {"docker": {"minimum": MIB, "disk": MIB, "image_disk": 0}}
ROOM = {"reserve": 0, "headroom": 0, "docker_vm_base": 0, "disk_reserve": 0, "cpu_factor": 100, "isolations": COSTS}
PYTHON_OF_A_MAC = engine.ROOT / ".venv-py39" / "bin" / "python"

_DRIVER = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.action_packer.mac_runners.plugins.modules import docker_runners
with patch_module_args(json.load(sys.stdin)):
    docker_runners.main()
"""

Json = dict[str, t.Any]


def slot(name: str, **options: t.Any) -> Json:
    """A container that asks for little."""
    return {"name": name, "image": engine.IMAGE, "memory": 32 * MIB, "cpus": 1, "disk": MIB, "network": "none", **options}


def slots(number: int, **options: t.Any) -> list[Json]:
    return [slot(f"linux-{n}", **options) for n in range(1, number + 1)]


def pools_of(containers: list[Json]) -> list[Json]:
    """Pools whose slots are these containers, each as large as the largest of them."""
    pools: dict[str, Json] = {}
    for container in containers:
        name, _dash, number = str(container.get("name", "")).rpartition("-")
        if not name or not number.isdigit() or container.get("state") == "absent":
            continue
        pool = pools.setdefault(name, {"name": name, "isolation": "docker", "image": engine.IMAGE, "count": 0, "memory": 0, "cpus": 1})
        pool["count"] = max(pool["count"], int(number))
        pool["memory"] = max(pool["memory"], _bytes(container.get("memory", 0)))
        pool["cpus"] = max(pool["cpus"], _number(container.get("cpus", 1)))
    return list(pools.values())


def _bytes(size: t.Any) -> int:
    """A size in bytes; 0 for one that nobody understands."""
    try:
        return parse_size(size)
    except SizeError:
        return 0


def _number(cpus: t.Any) -> t.Any:
    """A number of processors; 1 for what is none."""
    return cpus if isinstance(cpus, (int, float)) else 1


class Workbench:
    """An engine, a directory for the Mac's lock, and the module."""

    def __init__(self, socket_path: str, state_dir: pathlib.Path) -> None:
        self.socket = socket_path
        self.state_dir = state_dir
        self.api: docker.APIClient = engine.client(socket_path)

    def start(self, containers: list[Json], check: bool = False, python: str = sys.executable, **options: t.Any) -> subprocess.Popen[str]:
        """Start the module and give it its arguments."""
        pools = options.pop("pools", None)
        terms = Terms("test", pools_of(containers) if pools is None else [*pools_of(containers), *pools], options.get("capacity", ROOM))
        if not check:
            self.admit(terms)
        arguments = {
            "containers": containers,
            "fleet": terms.fleet,
            "pools": terms.pools,
            "docker_socket": self.socket,
            "state_dir": str(self.state_dir),
            "capacity": ROOM,
            "stop_timeout": 1,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            **options,
        }
        environment = {"PATH": os.environ["PATH"], "HOME": "/root", "PYTHONPATH": str(engine.ROOT / ".ansible" / "collections")}
        process = subprocess.Popen(
            [python, "-c", _DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdin
        process.stdin.write(json.dumps(arguments))
        process.stdin.close()
        process.stdin = None
        return process

    def admit(self, terms: Terms) -> None:
        """Give the Mac a lease for these terms, as mac_admission does."""
        write_lease(str(self.state_dir), Lease(terms.fleet, terms.digest, generation=1, boot="", state="admitted", since=0))

    def run(self, containers: list[Json], **options: t.Any) -> Json:
        """Run the module to its end; its result, whether it failed or not."""
        out, err = self.start(containers, **options).communicate(timeout=120)
        try:
            return t.cast(Json, json.loads(out))
        except ValueError:
            raise AssertionError(f"the module printed no result:\n{out}\n{err}") from None

    def converge(self, containers: list[Json], **options: t.Any) -> Json:
        """Run the module; it must succeed, and a second run must have nothing to do."""
        result = self.run(containers, **options)
        assert not result.get("failed"), result["msg"]
        again = self.run(containers, **options)
        assert (again["changed"], again["steps"], again["diff"]) == (False, [], {"before": {}, "after": {}})
        return result

    def names(self) -> list[str]:
        """Every container there is."""
        return sorted(entry["Names"][0].lstrip("/") for entry in self.api.containers(all=True))

    def inspect(self, name: str) -> Json:
        return t.cast(Json, self.api.inspect_container(name))

    def snapshot(self, names: t.Iterable[str] | None = None) -> str:
        """All that the engine knows of containers, and of images, as one text."""
        containers = [self.inspect(name) for name in (self.names() if names is None else names)]
        images = sorted(image["Id"] for image in self.api.images())
        return json.dumps([containers, images], sort_keys=True)

    def foreign(self, name: str, labels: Json | None = None) -> str:
        """A container that somebody else made and started."""
        self.api.create_container(engine.IMAGE, name=name, labels=labels, host_config=self.api.create_host_config(network_mode="none"))
        self.api.start(name)
        return name

    def inside(self, name: str, *command: str) -> str:
        """What a command prints in a container."""
        started = self.api.exec_create(name, list(command))
        return t.cast(bytes, self.api.exec_start(started["Id"])).decode()

    def wait_until(self, met: t.Callable[[], bool], seconds: float = 20.0) -> bool:
        """Wait for something the engine does; whether it came."""
        deadline = time.monotonic() + seconds
        while not met():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def clear(self) -> None:
        """Remove every container."""
        for name in self.names():
            self.api.remove_container(name, force=True, v=True)
