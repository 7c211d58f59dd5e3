# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole fleets: simulated Macs over ssh, a Docker Engine for each Mac that wants one, the real playbooks."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import subprocess
import typing as t

from tests.forks.command_lines import call

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACSIM = ROOT / "tests" / "macsim" / "macsim"
PLAYBOOK = ROOT / ".venv" / "bin" / "ansible-playbook"
MACOS_IMAGE = "ghcr.io/acme/macos-xcode:26"
LINUX_IMAGE = "acme/runner:1"
TART = "2.36.0"


class Engine:
    """A Docker Engine of its own; it ends when this process does, however that happens."""

    def __init__(self) -> None:
        script = 'printf "%s\n" "$DOCKER_HOST"; exec cat'
        command = [str(ROOT / "tests" / "gate" / "with_docker"), "sh", "-c", script]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.host = self._process.stdout.readline().strip()
        assert self.host.startswith("unix://"), "the Docker Engine did not start"

    @property
    def socket(self) -> str:
        """The path of its socket."""
        return self.host[len("unix://") :]

    def docker(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run the Docker client; return what it printed."""
        command = ["docker", "--host", self.host, *arguments]
        return subprocess.run(command, input=stdin, check=True, capture_output=True).stdout.decode()

    def import_image(self) -> None:
        """Import an image that holds nothing but busybox."""
        environment = {**os.environ, "DOCKER_HOST": self.host}
        subprocess.run([str(ROOT / "tests" / "images" / "import"), LINUX_IMAGE], env=environment, check=True)

    def picture(self) -> str:
        """Every container with all that Docker knows of its making."""
        ids = self.docker("ps", "--all", "--quiet", "--no-trunc").split()
        return self.docker("inspect", *sorted(ids)) if ids else ""

    def stop(self) -> None:
        """End the engine and everything in it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


@dataclasses.dataclass
class Outcome:
    """How a playbook ended."""

    rc: int
    text: str

    def changed(self, host: str) -> int:
        """Number of changed tasks on a host, from the recap."""
        return self._recap(host, "changed")

    def diff_of(self, task: str) -> list[str]:
        """The lines of the differences that tasks showed whose name begins so, in no order: hosts come as they finish."""
        blocks = re.split(r"^TASK ", self.text, flags=re.MULTILINE)
        shown = [block for block in blocks if f": {task}" in block.partition("\n")[0]]
        return sorted(line for block in shown for line in block.splitlines() if re.match(r"[+-] ", line))

    def _recap(self, host: str, word: str) -> int:
        match = re.search(rf"^{re.escape(host)} +: .*\b{word}=(\d+)", self.text, re.MULTILINE)
        assert match, f"{host} is not in the recap:\n{self.text[-3000:]}"
        return int(match.group(1))


class Fleet:
    """An inventory directory over booted Macs, and the playbooks run on it."""

    def __init__(self, directory: pathlib.Path, macs: t.Sequence[t.Any]) -> None:
        self.macs = {f"mac-{number}": mac for number, mac in enumerate(macs, 1)}
        self.directory = directory / "inventory"
        self.directory.mkdir()
        (self.directory / "hosts.yml").write_text(self._hosts())
        self._tart = directory / "tart.tar.gz"
        subprocess.run([str(MACSIM), "tart-archive", TART, str(self._tart)], check=True, capture_output=True)
        self.write("group_vars", "macs", self._tart_variables())

    def _hosts(self) -> str:
        names = [mac.name for mac in self.macs.values()]
        hosts = subprocess.run([str(MACSIM), "inventory", *names], check=True, capture_output=True, text=True).stdout
        for name, mac in self.macs.items():
            hosts = hosts.replace(f"    {mac.name}:\n", f"    {name}:\n")
        return hosts

    def visit(self) -> None:
        """Let Ansible and sudo make what they make at a first visit, so that it is in every picture."""
        ping = ["ansible.builtin.ping"]
        directory = ["ansible.builtin.file", "-a", "path=~/.ansible/tmp state=directory mode=0700", "-e", "ansible_become=false"]
        for module in (ping, directory):
            code, said = call("ansible", "macs", "-i", str(self.directory), "-m", *module)
            assert code == 0, said

    def _tart_variables(self) -> dict[str, t.Any]:
        digest = hashlib.sha256(self._tart.read_bytes()).hexdigest()
        return {
            "tart_version": TART,
            "tart_archive": str(self._tart),
            "tart_sha256": digest,
            "mac_runners_licences": {"tart": {"fsl_confirmed": True}},
        }

    def write(self, folder: str, name: str, variables: t.Mapping[str, t.Any]) -> None:
        """Write a file of host_vars or group_vars; JSON is YAML."""
        path = self.directory / folder / f"{name}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(variables, indent=1))

    def pools(self, mac: str, *pools: t.Mapping[str, t.Any], **others: t.Any) -> None:
        """Declare the pools of one Mac."""
        self.write("host_vars", mac, {"mac_runners_pools": pools, **others})

    def command(self, playbook: str, *arguments: str) -> list[str]:
        """The command line of a playbook of the collection, or of a file."""
        name = playbook if "/" in playbook else f"action_packer.mac_runners.{playbook}"
        return [str(PLAYBOOK), name, "-i", str(self.directory), *arguments]

    def play(self, playbook: str, *arguments: str, rc: int | None = 0) -> Outcome:
        """Run a playbook to its end; ``rc`` is what it must return, None for anything."""
        return _judged(Outcome(*call("ansible-playbook", *self.command(playbook, *arguments)[1:])), rc)

    def start(self, playbook: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a playbook, with all its processes in a group of its own."""
        return subprocess.Popen(
            self.command(playbook, *arguments),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def plays(self, *plays: t.Mapping[str, t.Any]) -> str:
        """The path of a playbook of somebody who uses roles and modules in plays of their own; JSON is YAML."""
        path = self.directory.parent / "plays.yml"
        own = {"hosts": "macs", "gather_facts": False}
        path.write_text(json.dumps([play if "import_playbook" in play else {**own, **play} for play in plays]))
        return str(path)

    def writing_calls(self) -> list[t.Any]:
        """Every call of a tool that writes, on all Macs, but those by which foreign VMs were started at the boot."""
        calls = [call for mac in self.macs.values() for call in mac.calls(writing=True)]
        return [call for call in calls if FOREIGN_VM["name"] not in call["argv"]]

    def pictures(self) -> dict[str, t.Any]:
        """A snapshot of every Mac."""
        return {name: mac.snapshot() for name, mac in self.macs.items()}


def differences(before: t.Any, after: t.Any, path: str = "") -> list[str]:
    """Where two pictures of a Mac differ, a line each."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return [] if before == after else [f"{path}: {before} -> {after}"]
    return [line for key in sorted({*before, *after}) for line in differences(before.get(key), after.get(key), f"{path} {key}")]


def finished(process: subprocess.Popen[str], rc: int | None = 0) -> Outcome:
    """Wait for a play; ``rc`` is what it must return, None for anything."""
    text, _errors = process.communicate()
    return _judged(Outcome(process.returncode, text), rc)


def _judged(outcome: Outcome, rc: int | None) -> Outcome:
    assert rc is None or outcome.rc == rc, outcome.text[-6000:]
    return outcome


def tart_pool(name: str = "ios", **fields: t.Any) -> dict[str, t.Any]:
    """A persistent tart pool; fields override."""
    pool = {"name": name, "isolation": "tart", "count": 1, "memory": "8GiB", "image": MACOS_IMAGE}
    return {**pool, "lifecycle": "persistent", **fields}


def docker_pool(name: str = "linux", **fields: t.Any) -> dict[str, t.Any]:
    """A persistent docker pool without network; fields override."""
    pool = {"name": name, "isolation": "docker", "count": 2, "cpus": 1, "memory": "512MiB", "image": LINUX_IMAGE}
    return {**pool, "network": "none", "lifecycle": "persistent", **fields}


def seed(**tart: t.Any) -> dict[str, t.Any]:
    """What is on a Mac at first: a registry with one image, and what ``tart`` adds."""
    images = {MACOS_IMAGE: {"os": "darwin", "cpu": 4, "memory": "8GiB", "disk_gb": 54}}
    return {"tart": {"version": None, "images": images, **tart}, "users": [{"name": "somebody", "uid": 502}]}


FOREIGN_VM = {
    "home": "/Users/somebody/.tart",
    "user": "somebody",
    "name": "somebodys-vm",
    "os": "linux",
    "cpu": 2,
    "memory": "4GiB",
    "state": "running",
}
