# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small Mac for unit tests: strict about every argument list, with real directories for what is read from files."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import subprocess
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Account, Place
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart

GIB = 1024**3
GB = 10**9
TART = "/usr/bin/true"  # exists everywhere; nothing starts it
IMAGES = {
    "ghcr.io/acme/macos:1": {"os": "darwin", "cpuCount": 4, "memorySize": 8 * GIB, "disk": 54 * GB},
    "ghcr.io/acme/macos:2": {"os": "darwin", "cpuCount": 4, "memorySize": 8 * GIB, "disk": 54 * GB},
    "ghcr.io/acme/linux:1": {"os": "linux", "cpuCount": 2, "memorySize": 4 * GIB, "disk": 20 * GB},
}


class Killed(BaseException):
    """The process that ran the command was killed."""


class FakeMac:
    """Tart and launchd as a runner sees them."""

    def __init__(self, root: str) -> None:
        self.place = Place(
            account=Account("runner", os.getuid(), os.getgid(), f"{root}/home"),
            tart_home=f"{root}/home/.tart",
            tart=TART,
            state_dir=f"{root}/state",
            log_dir=f"{root}/log",
            daemons_dir=f"{root}/daemons",
        )
        for path in (self.place.account.home, self.place.daemons_dir):
            os.makedirs(path)
        self.states: t.Dict[str, str] = {}
        self.cached: t.Set[str] = set()
        self.loaded: t.Dict[str, t.Optional[int]] = {}  # label -> exit code of a job that has ended
        self.calls: t.List[t.List[str]] = []
        self.limit = 2
        self.memory = 64 * GIB
        self.boot_id = "6D0F1E35-2B40-4F59-9A6C-6B1A8C2B9B10"
        self.agents = True
        self.busy: t.Set[str] = set()
        self.kill_after: t.Optional[int] = None
        self.writes = 0

    @property
    def tart(self) -> Tart:
        return Tart(self.run, self.place)

    @property
    def writing_calls(self) -> t.List[t.List[str]]:
        return [call for call in self.calls if call[0] not in ("list", "print", "print-disabled")]

    def facts(self) -> t.Dict[str, t.Any]:
        """What is read of this Mac at this moment."""
        names = sorted(os.listdir(self.place.vms_dir)) if os.path.isdir(self.place.vms_dir) else []
        return {
            "memory": self.memory, "arch": "arm64", "cores": 12, "macos": "26.1", "sip": "enabled", "disk_free": 900 * GIB,
            "tart": {"version": "2.35.0"}, "boot_id": self.boot_id, "workloads": [self._workload(name) for name in names],
        }

    def _workload(self, name: str) -> t.Dict[str, t.Any]:
        config = self.config(name)
        return {
            "kind": "tart", "name": name, "state": self.states.get(name, "stopped"), "memory": config.get("memorySize"),
            "guest": "linux" if config.get("os") == "linux" else "macos", "owned": os.path.exists(self.path(name, ".mac-runners.json")),
        }

    def run(self, argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        if list(argv[:5]) == ["/usr/bin/sudo", "-n", "-u", "runner", "-H"] and argv[5] != "/usr/bin/env":
            words, handler = list(argv[5:]), self._as_account
        elif argv[0] == "/bin/launchctl":
            words, handler = list(argv[1:]), self._launchctl
        else:
            words, handler = self._tart_words(list(argv)), self._tart
        self.calls.append(words)
        if words[0] in ("list", "print", "print-disabled"):
            return handler(words)
        self.writes += 1
        if self.kill_after == self.writes * 2 - 1:
            raise Killed
        result = handler(words)
        if self.kill_after == self.writes * 2:
            raise Killed
        return result

    def _as_account(self, words: t.List[str]) -> Result:
        """The few commands that are run as the account beside Tart, for real and only below its home."""
        assert words[0] in ("/bin/rm", "/bin/rmdir", "/usr/bin/find")
        assert all(word.startswith(self.place.account.home) for word in words[1:] if word.startswith("/"))
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def _tart_words(self, argv: t.List[str]) -> t.List[str]:
        head = [
            "/usr/bin/sudo", "-n", "-u", "runner", "-H", "/usr/bin/env", f"TART_HOME={self.place.tart_home}", "TART_NO_AUTO_PRUNE=1",
            "CI=1", "PATH=/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin:/usr/local/bin", TART,
        ]
        assert argv[: len(head)] == head
        return argv[len(head) :]

    def path(self, name: str, file: str = "") -> str:
        return os.path.join(self.place.vms_dir, name, file)

    def _tart(self, words: t.List[str]) -> Result:
        for name in ("cache/IPSWs", "cache/OCIs", "tmp", "vms"):
            os.makedirs(os.path.join(self.place.tart_home, name), exist_ok=True)
        return getattr(self, f"tart_{words[0]}")(*words[1:])

    def tart_list(self, dummy: str, source: str, *form: str) -> Result:
        if source == "oci":
            assert form == ("--quiet",)
            return Result(0, "".join(name + "\n" for name in sorted(self.cached)), "")
        assert (source, form) == ("local", ("--format", "json"))
        rows = [
            {"Source": "local", "Name": name, "Disk": 1, "State": self.states.get(name, "stopped")}
            for name in os.listdir(self.place.vms_dir) if os.path.exists(self.path(name, "config.json"))
        ]
        return Result(0, json.dumps(rows).replace("/", "\\/") + "\n", "")

    def tart_pull(self, image: str) -> Result:
        if image not in IMAGES:
            return Result(1, "", 'Error: UnexpectedHTTPStatusCode(when: "pulling manifest", code: 404, details: "")\n')
        self.cached.add(image)
        os.makedirs(os.path.join(self.place.tart_home, "cache", "OCIs", os.path.dirname(image)), exist_ok=True)
        return Result(0, "", "")

    def tart_clone(self, image: str, name: str) -> Result:
        assert image in self.cached, "an image is pulled before it is cloned"
        self.make(name, **IMAGES[image])
        return Result(0, "", "")

    def make(self, name: str, disk: int = 20 * GB, **config: t.Any) -> None:
        """A VM without a marker, in place of one that was there: that is what a clone does."""
        shutil.rmtree(self.path(name), ignore_errors=True)
        os.makedirs(self.path(name))
        with open(self.path(name, "disk.img"), "wb") as stream:
            stream.truncate(disk)
        self.write_config(name, {"version": 1, "macAddress": "of the image", **config})

    def config(self, name: str) -> t.Dict[str, t.Any]:
        with open(self.path(name, "config.json"), encoding="utf-8") as stream:
            return json.load(stream)

    def write_config(self, name: str, config: t.Dict[str, t.Any]) -> None:
        with open(self.path(name, "config.json"), "w", encoding="utf-8") as stream:
            json.dump(config, stream)

    def tart_set(self, name: str, *words: str) -> Result:
        config, rest = self.config(name), list(words)
        while rest:
            option = rest.pop(0)
            if option == "--random-mac":
                config["macAddress"] = f"of {name}"
            elif option == "--cpu":
                config["cpuCount"] = int(rest.pop(0))
            elif option == "--memory":
                config["memorySize"] = int(rest.pop(0)) << 20
            elif option == "--disk-size":
                os.truncate(self.path(name, "disk.img"), int(rest.pop(0)) * GB)
            else:
                raise AssertionError(option)
        self.write_config(name, config)
        return Result(0, "", "")

    def tart_exec(self, name: str, *argv: str) -> Result:
        if not self.agents or self.states.get(name) != "running":
            return Result(1, "", "Failed to connect to the VM using its control socket: ..., is the Tart Guest Agent running?\n")
        if argv[:2] == ("/bin/sh", "-c"):
            assert "pgrep -f '[R]unner[.]Worker'" in argv[2] and len(argv) == 3
            return Result(0, "busy\n" if name in self.busy else "idle\n", "")
        assert argv == ("sudo", "shutdown", "-h", "now")
        self.end(name)
        return Result(0, "", "")

    def tart_stop(self, name: str, option: str, seconds: str) -> Result:
        assert (option, seconds.isdigit()) == ("--timeout", True)
        if self.states.get(name, "stopped") == "stopped":
            return Result(2, "", f'VM "{name}" is not running\n')
        self.end(name)
        return Result(0, "", "")

    def end(self, name: str) -> None:
        self.states.pop(name, None)
        label = "dev.action-packer.mac-runners.vm." + name[len("mac-runners-") :]
        if label in self.loaded:
            self.loaded[label] = 0

    def tart_delete(self, name: str) -> Result:
        if "/" in name:
            if name not in self.cached:
                return Result(2, "", f'the specified VM "{name}" does not exist\n')
            self.cached.remove(name)
            return Result(0, "", "")
        if self.states.get(name) == "running":
            return Result(1, "", f'VM "{name}" is running\n')
        shutil.rmtree(self.path(name))
        self.states.pop(name, None)
        return Result(0, "", "")

    def _launchctl(self, words: t.List[str]) -> Result:
        if words == ["print-disabled", "system"]:
            return Result(0, "\tdisabled services = {\n\t}\n", "")
        if words[0] == "bootstrap":
            assert words[1] == "system"
            return self._bootstrap(words[2])
        label = words[1][len("system/") :]
        assert words[0] in ("print", "bootout") and words[1].startswith("system/dev.action-packer.mac-runners.vm.")
        if label not in self.loaded:
            return Result(113, "", f'Bad request.\nCould not find service "{label}" in domain for system\n')
        if words[0] == "bootout":
            del self.loaded[label]
            self.states.pop("mac-runners-" + label.rsplit(".", 1)[1], None)
            return Result(0, "", "")
        code = self.loaded[label]
        running = "\tstate = running\n\tpid = 42\n\tlast exit code = (never exited)\n"
        return Result(0, f"system/{label} = {{\n" + (running if code is None else f"\tstate = not running\n\tlast exit code = {code}\n") + "}\n", "")

    def _bootstrap(self, path: str) -> Result:
        with open(path, "rb") as stream:
            job = plistlib.load(stream)
        if job["Label"] in self.loaded:
            return Result(37, "", "Bootstrap failed: 37: Operation already in progress\n")
        name = job["ProgramArguments"][-1]
        running = [other for other, state in self.states.items() if state == "running" and self.config(other).get("os") != "linux"]
        if self.config(name).get("os") != "linux" and len(running) >= self.limit:
            with open(job["StandardErrorPath"], "a", encoding="utf-8") as log:
                log.write(f"The number of VMs exceeds the system limit (other running VMs: {', '.join(running)})\n")
            self.loaded[job["Label"]] = 1
        elif os.path.lexists(self.path(name, "control.sock")):
            raise AssertionError("a stale control.sock is removed before the start")
        else:
            self.loaded[job["Label"]] = None
            self.states[name] = "running"
            open(self.path(name, "control.sock"), "w", encoding="utf-8").close()
        return Result(0, "", "")
