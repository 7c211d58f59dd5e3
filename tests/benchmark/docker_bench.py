# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second run over 15 containers that has nothing to do: docker_runners against a loop of community.docker.docker_container.

Run by ``make bench``. Alone: ``tests/gate/bundle && .venv/bin/python tests/benchmark/docker_bench.py``; ``run()`` for other programs.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import engine  # noqa: E402

ROUNDS = 5
NUMBER = 15
MEMORY = 32 * 1024 * 1024
AT_LEAST = 10.0

Figure = tuple[str, float, float]
Task = dict[str, object]

HARD = {"pids_limit": 4096, "user": "1001:1001"}


def terms(state: str) -> Task:
    """What the Mac's lease is for, and where it is."""
    pool = {"name": "linux", "isolation": "docker", "image": engine.IMAGE, "count": NUMBER, "memory": MEMORY, "cpus": 1, "disk": 0}
    costs = {"docker": {"minimum": MEMORY, "image_disk": 0}}
    capacity = {"reserve": 0, "headroom": 0, "disk_reserve": 0, "docker_vm_base": 0, "cpu_factor": 100, "isolations": costs}
    return {"fleet": "bench", "pools": [pool], "capacity": capacity, "state_dir": state}


def admission(socket_path: str, state: str) -> Task:
    """What gives the lease."""
    options = {**terms(state), "docker_sockets": [socket_path]}
    return {"name": "Admission", "action_packer.mac_runners.mac_admission": options}


def ours(socket_path: str, state: str) -> Task:
    """One task for all containers."""
    containers = [{"name": f"linux-{n}", "image": engine.IMAGE, "memory": MEMORY, "cpus": 1, "disk": 0, "network": "none", **HARD} for n in numbers()]
    options = {**terms(state), "containers": containers, "docker_socket": socket_path}
    return {"name": "Ours", "action_packer.mac_runners.docker_runners": options}


def theirs(socket_path: str) -> Task:
    """The same containers, one an iteration."""
    options = {
        "name": "other-linux-{{ item }}",
        "image": engine.IMAGE,
        "state": "started",
        "memory": str(MEMORY),
        "memory_swap": str(MEMORY),
        "cpus": 1,
        "cap_drop": ["ALL"],
        "security_opts": ["no-new-privileges"],
        "init": True,
        "network_mode": "none",
        "restart_policy": "unless-stopped",
        "log_driver": "json-file",
        "log_options": {"max-size": "10m", "max-file": "3"},
        "docker_host": f"unix://{socket_path}",
        "pids_limit": HARD["pids_limit"],
        "user": HARD["user"],
    }
    return {"name": "Theirs", "community.docker.docker_container": options, "loop": list(numbers())}


def numbers() -> range:
    return range(1, NUMBER + 1)


def play(folder: pathlib.Path, name: str, tasks: list[Task]) -> pathlib.Path:
    """A playbook; JSON is YAML."""
    path = folder / f"{name}.yml"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    path.write_text(json.dumps([{"name": name, "hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]))
    return path


def environment() -> dict[str, str]:
    paths = [ROOT / ".ansible" / "collections", ROOT / ".cache" / "bundle"]
    return {**os.environ, "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(map(str, paths)), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}


def seconds(path: pathlib.Path, changes: str) -> float:
    """Run a playbook; it must have succeeded with ``changes`` of its tasks changed."""
    command = [str(ROOT / ".venv" / "bin" / "ansible-playbook"), "-i", "localhost,", str(path)]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    took = time.perf_counter() - started
    if done.returncode != 0 or (f"changed={changes} " not in done.stdout and path.stem != "empty"):
        raise RuntimeError(f"{path.stem} did something else than expected:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return took


def measure(socket_path: str, folder: pathlib.Path) -> tuple[float, float, float]:
    """Minima of alternating second runs: empty play, ours, theirs."""
    seconds(play(folder, "admission", [admission(socket_path, str(folder))]), "1")
    plays = [play(folder, "empty", []), play(folder, "ours", [ours(socket_path, str(folder))]), play(folder, "theirs", [theirs(socket_path)])]
    for path in plays:
        seconds(path, "1")
    times = [[seconds(path, "0") for path in plays] for _round in range(ROUNDS)]
    empty, mine, other = (min(column) for column in zip(*times))
    return empty, mine, other


def run() -> list[Figure]:
    """(name, figure, limit): a figure above its limit is a failure."""
    with engine.private_engine() as socket_path, tempfile.TemporaryDirectory() as folder:
        api = engine.client(socket_path)
        engine.import_image(api)
        try:
            empty, mine, other = measure(socket_path, pathlib.Path(folder))
        finally:
            # The next benchmark may use the same engine, and the same names.
            for container in api.containers(all=True):
                api.remove_container(container["Id"], force=True)
            api.close()
    share = (mine - empty) / (other - empty)
    print(
        f"idle second run with {NUMBER} containers, seconds: empty play {empty:.2f}, ours {mine:.2f}, docker_container loop {other:.2f}",
        file=sys.stderr,
    )
    name = f"docker_runners, {NUMBER} containers, nothing to do: share of the time of a docker_container loop ({1 / share:.1f} times as fast)"
    return [(name, share, 1 / AT_LEAST)]


if __name__ == "__main__":
    for name, figure, limit in run():
        print(f"{name}: {figure:.3f} (at most {limit:g})")
