# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is simulated: three Macs with pools of both isolations and things of others on them, their engines, GitHub with its jobs."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing as t

from tests.acceptance.fleet import ROOT, Engine, Fleet
from tests.macsim.pytest_plugin import Mac, boot

sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("integration", "github", "runner")]

import build  # noqa: E402
import docker  # noqa: E402
import engine as engines  # noqa: E402
import image  # noqa: E402
from double.server import LocalGithub  # noqa: E402
from forward import GATEWAY, PORT, forwarding  # noqa: E402

from tests.simulation.ledger import Ledger  # noqa: E402

Json = dict[str, t.Any]
MACOS_IMAGE, LINUX_IMAGE = "ghcr.io/acme/macos:14", "ghcr.io/acme/ubuntu:24.04"
MIB, GIB = 1 << 20, 1 << 30
PREFIX = "mac-runners-simulation-"


def _docker_pool(count: int) -> Json:
    return {"name": "box", "isolation": "docker", "count": count, "cpus": 1, "memory": "512MiB", "image": image.NAME}


def _tart_pool(name: str, guest: str, count: int, memory: str) -> Json:
    picture = MACOS_IMAGE if guest == "macos" else LINUX_IMAGE
    return {"name": name, "isolation": "tart", "guest": guest, "count": count, "cpus": 2, "memory": memory, "image": picture, "network": "nat"}


#: What each Mac's inventory says, and what its plan holds: slot -> bytes.
POOLS: dict[str, list[Json]] = {
    "mac-1": [_docker_pool(3)],
    "mac-2": [_tart_pool("ios", "macos", 2, "8GiB")],
    "mac-3": [_docker_pool(2), _tart_pool("vm", "linux", 1, "4GiB")],
}
SLOTS: dict[str, dict[str, int]] = {
    "mac-1": {f"box-{number}": 512 * MIB for number in (1, 2, 3)},
    "mac-2": {f"ios-{number}": 8 * GIB for number in (1, 2)},
    "mac-3": {**{f"box-{number}": 512 * MIB for number in (1, 2)}, "vm-1": 4 * GIB},
}
#: Somebody's VMs: one that runs, one beside ours under a name like ours.
_IMAGES: Json = {
    MACOS_IMAGE: {"os": "darwin", "cpu": 2, "memory": "8GiB", "disk_gb": 10, "macos": 14},
    LINUX_IMAGE: {"os": "linux", "cpu": 2, "memory": "4GiB", "disk_gb": 10},
}
FOREIGN_VMS: list[Json] = [
    {"user": "somebody", "home": "/Users/somebody/.tart", "name": "mac-runners-vm-1", "os": "linux", "cpu": 2, "memory": "4GiB", "state": "running"},
    {"user": "admin", "home": "/Users/admin/.tart", "name": "mac-runners-vm-9", "os": "linux", "cpu": 2, "memory": "4GiB", "state": "stopped"},
]
SEED: Json = {"users": [{"name": "somebody", "uid": 502}], "tart": {"version": None, "images": _IMAGES, "vms": FOREIGN_VMS}}
#: Containers of others: name and labels.
FOREIGN_CONTAINERS = {"somebodys": {}, "mac-runners-box-9": {"somebody": "else"}}
#: Runners of others at GitHub.
FOREIGN_RUNNERS = ("somebodys-runner", "mac-9-box-1-0a0b0c0d")


def isolation_of(slot: str) -> str:
    return "docker" if slot.startswith("box-") else "tart"


class PrivateEngine:
    """An engine that starts again when it ends; ``socket`` stays the same."""

    def __init__(self, folder: pathlib.Path, name: str, broker_path: str, stack: contextlib.ExitStack) -> None:
        self.engine = Engine()
        stack.callback(self.engine.stop)
        self.direct = self.engine.socket
        self.folder = pathlib.Path(self.direct).parent
        (self.folder / "again").touch()
        self._stack = stack
        self.api = self.client()
        image.make(self.api, proxy=f"http://{GATEWAY}:{PORT}")
        stack.enter_context(forwarding(self.direct, broker_path))
        self.socket = str(folder / f"{name}.sock")
        self._relay(stack)
        for other, labels in FOREIGN_CONTAINERS.items():
            self._somebodys(other, labels)

    def client(self) -> docker.APIClient:
        """A way to the engine for one thread; it ends with the engine."""
        made = engines.client(self.direct)
        self._stack.callback(made.close)
        return made

    def _relay(self, stack: contextlib.ExitStack) -> None:
        argv = [sys.executable, str(pathlib.Path(__file__).with_name("relay.py")), self.socket, self.direct]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin and process.stdout
        stack.callback(process.wait, 30)
        stack.callback(process.stdin.close)
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the relay did not start: see above")

    def _somebodys(self, name: str, labels: Json) -> None:
        policy = self.api.create_host_config(restart_policy={"Name": "always"}, mem_limit=64 * MIB)
        made = self.api.create_container(
            image.NAME, ["/bin/sh", "-c", "echo theirs > /tmp/theirs; exec sleep 1000000"], name=name, labels=labels, host_config=policy
        )
        self.api.start(made["Id"])


class Bed:
    """Everything; ``fleet`` has the playbooks."""

    def __init__(self, folder: pathlib.Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.github = stack.enter_context(LocalGithub())
        broker_path = str(folder / "broker")
        self.ledger = Ledger(self.github, ("127.0.0.1", 0))
        stack.callback(self.ledger.close)
        self.ledger.listen(broker_path)
        for name in FOREIGN_RUNNERS:
            self.ledger.scope.add(name)
        self.engines = {name: PrivateEngine(folder, name, broker_path, stack) for name in ("mac-1", "mac-3")}
        self.macs: dict[str, Mac] = {name: self._boot(name, stack) for name in POOLS}
        self.fleet = Fleet(folder, list(self.macs.values()))
        self._tell()

    def _boot(self, name: str, stack: contextlib.ExitStack) -> Mac:
        options: Json = {"memory": "64GiB", "cores": 16, "disk_free": "800GiB", "seed": SEED}
        if name in self.engines:
            options |= {"docker_socket": self.engines[name].socket, "docker_vm_memory": "8GiB", "docker_vm_cpus": 8}
        work = self.folder / name
        work.mkdir()
        mac = boot(name, work, **options)
        stack.callback(mac.stop)
        home = mac.root / "private/var/macsim/guest-home/actions-runner"
        for path, content in build.tree().items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_bytes(content)
            (home / path).chmod(0o755)
        return mac

    def _tell(self) -> None:
        github = {"url": f"{self.github.url}/acme", "token": self.github.world.token().text}
        more = {"runner_poll": 5, "runner_grace_seconds": 3, "mac_runners_wait": 60}
        self.fleet.write("group_vars", "all", {"mac_runners_github": github, **more})
        for name, pools in POOLS.items():
            self.fleet.pools(name, *pools)

    def slots(self) -> list[tuple[str, str]]:
        """All slots as (Mac, slot)."""
        return [(mac, slot) for mac, slots in SLOTS.items() for slot in slots]


@contextlib.contextmanager
def bed() -> t.Iterator[Bed]:
    """Boots it all; everything ends with the block, and with this process however that ends."""
    for old in pathlib.Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        # What a killed run left: everything of it ended with it but its files.
        if not pathlib.Path("/proc", old.name.removeprefix(PREFIX).partition("-")[0]).exists():
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as folder, contextlib.ExitStack() as stack:
        os.chmod(folder, 0o711)
        yield Bed(pathlib.Path(folder), stack)
