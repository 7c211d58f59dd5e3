# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role docker through ansible-playbook, on an interpreter that lacks the Docker SDK."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import engine
import pytest
from workbench import MIB, ROOM, Workbench

Json = dict[str, t.Any]


@pytest.fixture
def bare_python(tmp_path: pathlib.Path) -> str:
    """A Python without any package, as a Mac's own is."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    return str(tmp_path / "bare" / "bin" / "python")


class Role:
    """Plays the role on this machine."""

    def __init__(self, bench: Workbench, folder: pathlib.Path, python: str) -> None:
        self.bench, self.folder, self.python = bench, folder, python

    def play(self, pools: list[Json], *arguments: str, **variables: t.Any) -> tuple[int, Json, str]:
        """Exit code, the summary of the host, and everything that was printed."""
        inventory = {
            "all": {
                "hosts": {"mac": {"ansible_connection": "local", "ansible_python_interpreter": self.python}},
                "vars": {
                    "mac_runners_pools": pools,
                    "mac_runners_capacity": ROOM,
                    "docker_socket": self.bench.socket,
                    "docker_stop_timeout": 1,
                    "docker_python": sys.executable,
                    **variables,
                },
            }
        }
        (self.folder / "hosts.json").write_text(json.dumps(inventory))
        play = [{"name": "Role", "hosts": "all", "gather_facts": False, "roles": ["action_packer.mac_runners.docker"]}]
        (self.folder / "play.yml").write_text(json.dumps(play))
        command = [
            *self.private_records(),
            str(pathlib.Path(sys.executable).parent / "ansible-playbook"),
            "-i",
            str(self.folder / "hosts.json"),
            str(self.folder / "play.yml"),
        ]
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run([*command, *arguments], cwd=engine.ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
        recap = next((line for line in done.stdout.splitlines() if line.startswith("mac ") and "ok=" in line), "")
        counts = dict(item.split("=") for item in recap.split() if "=" in item)
        return done.returncode, counts, done.stdout + done.stderr

    def private_records(self) -> list[str]:
        """What has to stand before a command that keeps its records in /var/db, so that they are those of this test."""
        upper, work = self.folder / "var", self.folder / "work"
        upper.mkdir(exist_ok=True)
        work.mkdir(exist_ok=True)
        mount = f'mount -t overlay overlay -o "lowerdir=/var,upperdir={upper},workdir={work}" /var && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", mount, "sh"]


@pytest.fixture
def role(bench: Workbench, tmp_path: pathlib.Path, bare_python: str) -> Role:
    return Role(bench, tmp_path, bare_python)


def pool(name: str, count: int, **options: t.Any) -> Json:
    small = {"memory": "32MiB", "cpus": 1, "network": "none", "image": engine.IMAGE}
    return {"name": name, "isolation": "docker", "lifecycle": "persistent", "count": count, **small, **options}


def test_pools_become_containers_and_go_with_their_pool(role: Role) -> None:
    pools = [
        pool("linux", 2),
        pool("java", 1, memory="48MiB"),
        pool("job", 3, lifecycle="ephemeral"),
        {"name": "lint", "isolation": "sandbox", "trust": "trusted", "memory": "1GiB", "disk": 0},
    ]
    code, counts, said = role.play(pools, "--check")
    assert (code, counts.get("changed")) == (0, "2"), said  # the lease, the containers
    assert role.bench.names() == []
    code, counts, said = role.play(pools)
    assert (code, counts.get("changed")) == (0, "2"), said
    assert role.bench.names() == ["mac-runners-java-1", "mac-runners-linux-1", "mac-runners-linux-2"]
    assert role.bench.inspect("mac-runners-java-1")["HostConfig"]["Memory"] == 48 * MIB
    code, counts, said = role.play(pools)
    assert (code, counts.get("changed")) == (0, "0"), said
    code, _counts, said = role.play([pool("linux", 1)])
    assert code == 0 and role.bench.names() == ["mac-runners-linux-1"], said
    code, _counts, said = role.play([pool("linux", 1)], docker_state="absent")
    assert code == 0 and role.bench.names() == [], said


def test_the_command_and_the_user_are_the_roles(role: Role) -> None:
    code, _counts, said = role.play([pool("linux", 1)], docker_command=["/bin/sleep", "77777"], docker_user="1005:1006")
    assert code == 0, said
    config = role.bench.inspect("mac-runners-linux-1")["Config"]
    assert (config["Cmd"], config["User"]) == (["/bin/sleep", "77777"], "1005:1006")


def test_a_missing_sdk_is_named_with_what_brings_it(role: Role) -> None:
    code, _counts, said = role.play([pool("linux", 1)], docker_python="/no/such/python3")
    assert code != 0 and "docker" in said and "role host puts it into /no/such/python3" in " ".join(said.split())
    assert role.bench.names() == []


def test_a_wrong_pool_is_named(role: Role) -> None:
    code, _counts, said = role.play([pool("linux", 1, memory="12G")])
    assert code != 0 and 'pool "linux", field memory: got "12G"' in said.replace('\\"', '"')


def test_an_engine_that_is_down_is_said_with_how_to_start_it(role: Role, tmp_path: pathlib.Path) -> None:
    code, _counts, said = role.play([pool("linux", 1)], docker_socket=str(tmp_path / "gone.sock"))
    assert code != 0 and "colima start" in said
    code, counts, said = role.play([], docker_socket=str(tmp_path / "gone.sock"), docker_state="absent")
    assert (code, counts.get("changed")) == (0, "0"), said
